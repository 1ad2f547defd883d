"""The naive in-process method, as fast as it can be made: what an unforgeable verdict may cost."""

from __future__ import annotations

import marshal
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.records import SandboxSpec
from pytest_mcode.sandboxes.container import PYTHON, Recipe, Stream, remove
from pytest_mcode.sandboxes.cores import assign_cores
from pytest_mcode.sandboxes.docker import Docker
from pytest_mcode.sandboxes.waiting import LARGEST_BATCH

from .contenders import CORES, LABELS, RUN, AbsentError
from .workloads import Sample, WrongVerdictError, fresh, whole

SOURCE = Path(__file__).with_name("zygote.py")
Batch = Sequence[Sample]


class Zygote:
    """One container per core, pinned, warm, fed in batches as the sandbox feeds its own."""

    workloads = ("light", "full")

    def __init__(self, name: str, times: int) -> None:
        self.name, self.times = name, times
        self.docker = Docker(SandboxSpec(label=RUN))
        self.containers: list[str] = []
        self.streams: list[Stream] = []

    def start(self) -> None:
        try:
            self.docker.prepare()
        except InfraError as error:
            raise AbsentError(str(error)) from error
        for cpu in assign_cores(CORES):
            self._open(cpu)

    def _open(self, cpu: int | None) -> None:
        client: Any = self.docker.client
        recipe = Recipe(self.docker.image.tag, 512, "", LABELS)
        container = client.api.create_container(
            recipe.image,
            [*PYTHON, "-c", SOURCE.read_text()],
            host_config=recipe.host_config(client, cpu),
            entrypoint=[],
            user="65534:65534",
            working_dir="/tmp",
            stdin_open=True,
            labels=recipe.labels,
        )["Id"]
        self.containers.append(container)
        wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        stream = Stream(client.api.attach_socket(container, wanted))
        self.streams.append(stream)
        client.api.start(container)
        stream.socket.settimeout(60)
        if stream.line() != b"READY":
            raise AbsentError("the in-process zygote did not start")

    def run(self, workload: str, samples: Sequence[Sample]) -> tuple[int, float]:
        todo = fresh(samples, self.times)
        batches = deque(todo[at : at + LARGEST_BATCH] for at in range(0, len(todo), LARGEST_BATCH))
        wrong: list[str] = []
        threads = [
            threading.Thread(target=self._serve, args=(stream, batches, wrong))
            for stream in self.streams
        ]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - started
        if wrong or batches:
            raise WrongVerdictError(f"{self.name}: {wrong[:3] or 'a container broke'}")
        return len(todo), seconds

    def _serve(self, stream: Stream, batches: deque[Batch], wrong: list[str]) -> None:
        """A container's thread: two batches on their way, so that it never waits for the host."""
        waiting: deque[Batch] = deque()
        while batches or waiting:
            while batches and len(waiting) < 2:
                try:
                    batch = batches.popleft()
                except IndexError:  # the other thread was faster
                    break
                payload = marshal.dumps([whole(sample.program) for sample in batch])
                stream.socket.sendall(len(payload).to_bytes(4, "little") + payload)
                waiting.append(batch)
            if waiting:
                batch = waiting.popleft()
                said = self._answers(stream, len(batch))
                wrong += [s.name for s, one in zip(batch, said, strict=True) if one != ord("1")]

    def _answers(self, stream: Stream, count: int) -> bytes:
        while len(stream.output) < count:
            stream._read()
        said = bytes(stream.output[:count])
        del stream.output[:count]
        return said

    def close(self) -> None:
        for container in self.containers:
            remove(self.docker.client, container)
        for stream in self.streams:
            stream.close()
        self.containers, self.streams = [], []
        self.docker.close()
