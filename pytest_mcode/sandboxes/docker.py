"""The Docker sandbox: one warm, pinned, locked-down container per core."""

from __future__ import annotations

import hashlib
import os
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any

from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.processes import place, started
from pytest_mcode.core.records import Json, Program, SandboxSpec, Verdict
from pytest_mcode.sandboxes.calibration import steady_factor
from pytest_mcode.sandboxes.container import (
    SECCOMP,
    Container,
    Recipe,
    remove,
)
from pytest_mcode.sandboxes.cores import assign_cores
from pytest_mcode.sandboxes.daemon import Daemon, address, connect, daemon_trouble, look
from pytest_mcode.sandboxes.expected import Expected
from pytest_mcode.sandboxes.job import VERDICT_VERSION
from pytest_mcode.sandboxes.pool import Pool

LABEL = "pytest-mcode"
LABEL_RUN, LABEL_PID, LABEL_HOST = f"{LABEL}-run", f"{LABEL}-pid", f"{LABEL}-host"
LABEL_STARTED = f"{LABEL}-started"
IN_FLIGHT = 4
"""Programs that should be offered per container at once, so that it never waits for the host."""


def is_running(pid: str, since: str) -> bool:
    """True if the process of that id and start (empty: any) lives, or if the id is none."""
    if not pid.isdigit():
        return True
    now = started(int(pid))
    return bool(now) and since in ("", now)


def sweep(client: Any) -> int:
    """Remove what killed runs of this machine left behind, nothing else; returns how many."""
    with daemon_trouble("the Docker daemon did not list its containers"):
        found = client.api.containers(all=True, filters={"label": [f"{LABEL}=1"]})
    swept = 0
    for row in found:
        labels = row.get("Labels") or {}
        ours = labels.get(LABEL_HOST) == place()
        owner = labels.get(LABEL_PID, ""), labels.get(LABEL_STARTED, "")
        if ours and not is_running(*owner):
            remove(client, row["Id"])
            swept += 1
    return swept


class Docker:
    """Satisfies `core.protocols.Sandbox`.

    `progress` is told in a few words what takes long (building the image).
    """

    name = "docker"

    def __init__(
        self, spec: SandboxSpec, progress: Callable[[str], None] = lambda text: None
    ) -> None:
        self.spec = spec
        self.progress = progress
        self.containers = spec.slots or len(os.sched_getaffinity(0))
        self.slots = self.containers * IN_FLIGHT
        self.client: Any = None
        self.daemon: Daemon | None = None
        self.image: Any = None
        self.pool: Pool | None = None
        self._closer: Any = None

    def prepare(self) -> None:
        """Reach the daemon and have the image. Raises `InfraError` with the cure."""
        if self.image is None:
            self.client = connect()
            self.daemon = look(self.client)
            self.daemon.insist(self.spec.runtime)
            from pytest_mcode.sandboxes.image import ensure_image

            with daemon_trouble("the Docker daemon did not provide the image"):
                self.image = ensure_image(self.client, self.spec.image, self.progress)

    def start(self) -> None:
        """Sweep, then start all containers at once."""
        if self.pool is not None:
            return
        self.prepare()
        sweep(self.client)
        labels = {
            LABEL: "1",
            LABEL_RUN: self.spec.label,
            LABEL_PID: str(os.getpid()),
            LABEL_STARTED: started(os.getpid()),
            LABEL_HOST: place(),
        }
        podman = self.daemon is not None and self.daemon.podman
        recipe = Recipe(self.image.tag, self.spec.memory_mb, self.spec.runtime, labels, podman)
        client, cpus = self.client, self._cpus()
        factor, expected = self.spec.host_factor, Expected.of(self.describe())

        def make(index: int) -> Container:
            return Container(client, recipe, cpus[index])

        calibrate = partial(steady_factor, where=self._where())
        pool = Pool(self.containers, make, factor, expected, calibrate)
        self._closer = weakref.finalize(self, _close, pool, client, os.getpid())
        pool.start()
        self.pool = pool

    def _where(self) -> str:
        """What the speed of a loop depends on, besides this host."""
        away = self.daemon is not None and not self.daemon.here
        parts = [f"Python {self.image.python}", self.spec.runtime, address() if away else ""]
        return ", ".join(filter(None, parts))

    def _cpus(self) -> list[int | None]:
        """A core for each container; none where the daemon's cores are not ours to count."""
        if self.daemon is None or not self.daemon.pins(os.sched_getaffinity(0)):
            return [None] * self.containers
        return assign_cores(self.containers)

    def describe(self) -> Mapping[str, Json]:
        """What identifies verdicts; needs the daemon, but no container."""
        self.prepare()
        profile = SECCOMP.read_bytes() if SECCOMP.exists() else b""
        return {
            "sandbox": self.name,
            "image": self.image.digest,
            "python": self.image.python,
            "packages": self.image.packages,
            "verdict": VERDICT_VERSION,
            "seccomp": hashlib.sha256(profile).hexdigest()[:16] if profile else "default",
            "runtime": self.spec.runtime or "default",
            "memory_mb": self.spec.memory_mb,
            "host_factor": self.pool.factor if self.pool else self.spec.host_factor,
        }

    def submit(self, program: Program) -> Future[Verdict]:
        """Queue one program; the future holds its verdict or an `InfraError`."""
        if self.pool is None:
            raise InfraError("the sandbox was not started")
        return self.pool.submit(program)

    def run(self, program: Program) -> Verdict:
        """Verify one program; blocks, from any number of threads."""
        return self.submit(program).result()

    def close(self) -> None:
        """Remove all containers; also done at exit and when the object is dropped."""
        if self._closer is not None:
            self._closer()
        self.pool = None
        if self.client is not None:
            self.client.close()


def _close(pool: Pool, client: Any, owner: int) -> None:
    if os.getpid() == owner:  # a forked child must not remove its parent's containers
        pool.close()
        client.close()
