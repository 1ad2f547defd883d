"""The forgeable in-process method: what an unforgeable verdict may cost, and the floor below it."""

from __future__ import annotations

import marshal
import math
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
from pytest_mcode.sandboxes.job import wall_limit_s
from pytest_mcode.sandboxes.waiting import LARGEST_BATCH

from .contenders import CORES, LABELS, RUN, AbsentError
from .workloads import Sample, WrongVerdictError, fresh, whole

HERE = Path(__file__).parent
Batch = Sequence[Sample]


class Zygote:
    """One container per core, pinned, warm, fed in batches as the sandbox feeds its own."""

    workloads = ("light", "full")
    source = HERE / "zygote.py"

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
            [*PYTHON, "-c", self.source.read_text(), str(recipe.memory_mb << 20)],
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
                payload = marshal.dumps([self.job(sample) for sample in batch])
                stream.socket.sendall(len(payload).to_bytes(4, "little") + payload)
                waiting.append(batch)
            if waiting:
                batch = waiting.popleft()
                said = self.passes(stream, len(batch))
                wrong += [one.name for one, passed in zip(batch, said, strict=True) if not passed]

    def job(self, sample: Sample) -> Any:
        """A program as the container takes it: with its limits, as `job.py` works them out."""
        program, limits = sample.program, sample.program.limits
        cpu_s, memory = math.ceil(limits.wall_s), limits.memory_mb << 20
        room = limits.output_kb << 10
        return sample.name, whole(program), wall_limit_s(program), cpu_s, memory, room

    def passes(self, stream: Stream, count: int) -> list[bool]:
        """Which of a batch of that many passed."""
        verdicts = stream.frame()
        assert isinstance(verdicts, list)
        assert len(verdicts) == count
        return [one["status"] == "passed" and one["clean"] for one in verdicts]

    def close(self) -> None:
        for container in self.containers:
            remove(self.docker.client, container)
        for stream in self.streams:
            stream.close()
        self.containers, self.streams = [], []
        self.docker.close()


class BareZygote(Zygote):
    """No limit, no output kept, no look at itself, and one byte for a verdict: a floor."""

    source = HERE / "bare_zygote.py"

    def job(self, sample: Sample) -> Any:
        return whole(sample.program)

    def passes(self, stream: Stream, count: int) -> list[bool]:
        while len(stream.output) < count:
            stream._read()
        said = bytes(stream.output[:count])
        del stream.output[:count]
        return [one == ord("1") for one in said]
