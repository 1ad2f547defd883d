"""Ways to verify programs: this project's sandboxes, and what others would do on this machine.

A contender that holds no isolation runs reference solutions only, which are trusted code.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.processes import place
from pytest_mcode.core.records import Program, SandboxSpec, Verdict
from pytest_mcode.sandboxes.bubblewrap import Bubblewrap
from pytest_mcode.sandboxes.docker import LABEL, LABEL_HOST, LABEL_PID, LABEL_RUN, Docker

from .workloads import Sample, WrongVerdictError, beside, fresh, whole

CORES = len(os.sched_getaffinity(0))
PYTHON = str(getattr(sys, "_base_executable", sys.executable))
"""The interpreter below the virtual environment: a bare one starts faster."""
KINDS: dict[str, Callable[[SandboxSpec], Any]] = {"docker": Docker, "bubblewrap": Bubblewrap}
RUN = f"benchmark-{os.getpid()}"
LABELS = {
    LABEL: "1",
    LABEL_RUN: RUN,
    LABEL_PID: str(os.getpid()),
    LABEL_HOST: place(),
}
"""The project's own: what a killed benchmark leaves is swept by whoever starts Docker next."""


class AbsentError(Exception):
    """A contender cannot run here; the message says why."""


class Contender(Protocol):
    """One way to verify programs, warm as far as its kind can be."""

    name: str
    workloads: Sequence[str]
    """Names of the workloads that it runs."""

    def start(self) -> None:
        """Make it ready. Raises `AbsentError`."""

    def run(self, workload: str, samples: Sequence[Sample]) -> tuple[int, float]:
        """Verify all; how many programs that were, and in how many seconds.

        Raises `WrongVerdictError`.
        """

    def close(self) -> None:
        """Let go of all of it; safe to call twice, and without `start`."""


class Submitting(Protocol):
    """What the project's sandboxes offer beyond `core.protocols.Sandbox`."""

    def submit(self, program: Program) -> Future[Verdict]:
        """Queue one program."""


def verify(sandbox: Submitting, samples: Sequence[Sample]) -> tuple[float, list[Verdict]]:
    """Submit all, wait for all: seconds, and the verdicts, each of which was right."""
    started = time.perf_counter()
    futures = [sandbox.submit(sample.program) for sample in samples]
    verdicts = [future.result() for future in futures]
    seconds = time.perf_counter() - started
    for sample, verdict in zip(samples, verdicts, strict=True):
        sample.check(verdict)
    return seconds, verdicts


class Ours:
    """A sandbox of this project; `times` passes over the workload make one round."""

    def __init__(self, kind: str, times: int = 1, workloads: Sequence[str] = ()) -> None:
        self.name, self.times, self.workloads = f"ours, {kind}", times, workloads
        self.sandbox = KINDS[kind](SandboxSpec(label=RUN))

    def start(self) -> None:
        try:
            self.sandbox.start()
        except InfraError as error:
            raise AbsentError(str(error)) from error

    def run(self, workload: str, samples: Sequence[Sample]) -> tuple[int, float]:
        times = 1 if workload == "codegen16b" else self.times
        seconds, verdicts = verify(self.sandbox, fresh(samples, times))
        return len(verdicts), seconds

    def close(self) -> None:
        self.sandbox.close()


class Guarded(Ours):
    """The same sandbox with the tests in the program's own process, run twice (the canary)."""

    def __init__(self, kind: str, times: int, workloads: Sequence[str]) -> None:
        super().__init__(kind, times, workloads)
        self.name = f"ours, {kind}, in-process mode"

    def run(self, workload: str, samples: Sequence[Sample]) -> tuple[int, float]:
        return super().run(workload, [beside(sample) for sample in samples])


class Each:
    """A contender that is a function of one program's text to "it passed", on all cores."""

    workloads: Sequence[str] = ("light",)

    def __init__(self, name: str, most: int = 0) -> None:
        self.name, self.most = name, most

    def start(self) -> None:
        pass

    def passes(self, source: str) -> bool:
        raise NotImplementedError

    def run(self, workload: str, samples: Sequence[Sample]) -> tuple[int, float]:
        chosen = samples[: self.most] if self.most else samples
        sources = [whole(sample.program) for sample in chosen]
        with ThreadPoolExecutor(CORES) as threads:
            started = time.perf_counter()
            passed = list(threads.map(self.passes, sources))
            seconds = time.perf_counter() - started
        for sample, one in zip(chosen, passed, strict=True):
            if not one:
                raise WrongVerdictError(f"{self.name}: {sample.name} did not pass")
        return len(sources), seconds

    def close(self) -> None:
        pass


class Bare(Each):
    """A new interpreter for each program, no isolation."""

    workloads = ("light", "full")

    def passes(self, source: str) -> bool:
        command = [PYTHON, "-I", "-c", source]
        done = subprocess.run(command, capture_output=True, check=False, cwd="/tmp")
        return done.returncode == 0


class PerContainer(Each):
    """Shared by `docker exec` and `docker run`: the project's own image and its confinement."""

    def __init__(self, name: str, most: int) -> None:
        super().__init__(name, most)
        self.docker = Docker(SandboxSpec(label=RUN))
        self.client: Any = None
        self.container = ""

    def start(self) -> None:
        try:
            self.docker.prepare()
        except InfraError as error:
            raise AbsentError(str(error)) from error
        self.client = self.docker.client

    def create(self, source: str) -> str:
        """A new container whose only process runs `source`; not started."""
        api = self.client.api
        confinement = api.create_host_config(
            network_mode="none",
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges:true"],
            mem_limit="512m",
            pids_limit=64,
            tmpfs={"/tmp": "rw,size=32m"},
            log_config={"type": "none"},
        )
        created = api.create_container(
            self.docker.image.tag,
            ["python3", "-I", "-c", source],
            entrypoint=[],
            user="65534:65534",
            working_dir="/tmp",
            labels=LABELS,
            host_config=confinement,
        )
        return str(created["Id"])

    def remove(self, container: str) -> None:
        self.client.api.remove_container(container, force=True, v=True)

    def close(self) -> None:
        if self.container:
            self.remove(self.container)
            self.container = ""
        self.docker.close()


class DockerExec(PerContainer):
    """One container for all, a new interpreter in it for each program."""

    def start(self) -> None:
        super().start()
        self.container = self.create("import time; time.sleep(3600)")
        self.client.api.start(self.container)

    def passes(self, source: str) -> bool:
        api = self.client.api
        made = api.exec_create(self.container, ["python3", "-I", "-c", source])["Id"]
        api.exec_start(made)
        return bool(api.exec_inspect(made)["ExitCode"] == 0)


class DockerRun(PerContainer):
    """A new container for each program."""

    def passes(self, source: str) -> bool:
        container = self.create(source)
        try:
            self.client.api.start(container)
            return bool(self.client.api.wait(container)["StatusCode"] == 0)
        finally:
            self.remove(container)
