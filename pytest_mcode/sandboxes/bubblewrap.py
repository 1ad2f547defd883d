"""The bubblewrap sandbox: the same three programs and the same verdicts, without Docker."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import subprocess
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.records import Json, Program, SandboxSpec, Verdict
from pytest_mcode.sandboxes import packages, programs
from pytest_mcode.sandboxes.calibration import steady_factor
from pytest_mcode.sandboxes.cell import Cell
from pytest_mcode.sandboxes.cgroup import find_hierarchy
from pytest_mcode.sandboxes.confinement import Blueprint
from pytest_mcode.sandboxes.cores import assign_cores
from pytest_mcode.sandboxes.docker import IN_FLIGHT
from pytest_mcode.sandboxes.expected import Expected
from pytest_mcode.sandboxes.interpreter import find_interpreter
from pytest_mcode.sandboxes.job import VERDICT_VERSION
from pytest_mcode.sandboxes.pool import Pool
from pytest_mcode.sandboxes.seccomp import profile

_NUMBERS = itertools.count()
"""Of cells, in this process: user ids and control groups are named by it."""
_TRIES = 3
_MOUNTS = "bind mount"
"""In what bubblewrap says when a mount of the machine, a container's for instance, goes away while
it copies them all: it will be better luck next time."""
_PER_NAMESPACE = (5, 14)
"""The kernel that began to count RLIMIT_NPROC in each user namespace by itself."""


def find_bwrap() -> str:
    """The program's path. Raises `InfraError` with the cure."""
    path = shutil.which("bwrap")
    if path is None:
        raise InfraError(
            "bubblewrap is not installed (apt-get install bubblewrap, dnf install bubblewrap), "
            "or take --mcode-sandbox=docker"
        )
    return path


def insist_on_own_proc() -> None:
    """Raise `InfraError` where /proc shows another pid namespace: bubblewrap would lose its way."""
    own = Path("/proc/self")
    shown = str(own.readlink()) if own.is_symlink() else "nothing"
    if shown != str(os.getpid()):
        raise InfraError(
            f"/proc is not that of this pid namespace (process {os.getpid()} is {shown} there): "
            "mount it with `mount -t proc proc /proc`, or start with `unshare --mount-proc`"
        )


def kernel() -> tuple[int, int]:
    """Major and minor version of the running kernel."""
    major, minor = os.uname().release.split(".")[:2]
    return int(major), int("".join(itertools.takewhile(str.isdigit, minor)) or 0)


class Bubblewrap:
    """Satisfies `core.protocols.Sandbox`.

    `spec.image` and `spec.runtime` are Docker's and mean nothing here: programs get the
    interpreter that runs pytest, without the packages installed for it but with those that
    `Dockerfile.sandbox` lists.
    """

    name = "bubblewrap"

    def __init__(
        self, spec: SandboxSpec, progress: Callable[[str], None] = lambda text: None
    ) -> None:
        self.spec = spec
        self.progress = progress
        self.cells = spec.slots or len(os.sched_getaffinity(0))
        self.slots = self.cells * IN_FLIGHT
        self.blueprint: Blueprint | None = None
        self.pool: Pool | None = None
        self._closer: Any = None

    def prepare(self) -> Blueprint:
        """Find bubblewrap, the interpreter and the limits that can be set."""
        if self.blueprint is None:
            bwrap, as_root = find_bwrap(), os.geteuid() == 0
            insist_on_own_proc()
            self.blueprint = Blueprint(
                bwrap=bwrap,
                interpreter=find_interpreter(),
                programs=programs.compiled(),
                memory_mb=self.spec.memory_mb,
                as_root=as_root,
                hierarchy=find_hierarchy(),
                library=packages.fetch(packages.Target(), self.progress),
                count_processes=as_root or kernel() >= _PER_NAMESPACE,
            )
        return self.blueprint

    def start(self) -> None:
        """Start all cells at once. Raises `InfraError` with the cure."""
        if self.pool is not None:
            return
        blueprint, cores = self.prepare(), assign_cores(self.cells)
        launcher = ThreadPoolExecutor(1, "mcode-bubblewrap")

        def launch(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
            return launcher.submit(lambda: subprocess.Popen(command, **options)).result()

        def make(index: int) -> Cell:
            for _ in range(_TRIES - 1):
                try:
                    return Cell(blueprint, next(_NUMBERS), cores[index], launch)
                except InfraError as error:
                    if _MOUNTS not in str(error):
                        raise
            return Cell(blueprint, next(_NUMBERS), cores[index], launch)

        calibrate = partial(steady_factor, where=f"Python {blueprint.interpreter.version}")
        expected = Expected.of(self.describe())
        pool = Pool(self.cells, make, self.spec.host_factor, expected, calibrate)
        self._closer = weakref.finalize(self, _close, pool, launcher, os.getpid())
        try:
            pool.start()
        except InfraError as error:
            self.close()
            raise InfraError(f"{error} ({_cure(blueprint)})") from error
        self.pool = pool

    def describe(self) -> Mapping[str, Json]:
        """What identifies verdicts, and which limits hold here."""
        blueprint = self.prepare()
        hierarchy = blueprint.hierarchy
        return {
            "sandbox": self.name,
            "image": f"sha256:{programs.identity()}",
            "python": blueprint.interpreter.version,
            "packages": " ".join(packages.listed()) if blueprint.library else packages.NONE,
            "verdict": VERDICT_VERSION,
            "seccomp": hashlib.sha256(profile().encode()).hexdigest()[:16],
            "runtime": "root stepped down" if blueprint.as_root else "user namespace",
            "memory_mb": self.spec.memory_mb,
            "host_factor": self.pool.factor if self.pool else self.spec.host_factor,
            "memory_limit": f"control group v{hierarchy.version}" if hierarchy else "each process",
            "process_limit": "each cell" if blueprint.count_processes or hierarchy else "none",
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
        """Kill all cells; also done at exit and when the object is dropped."""
        if self._closer is not None:
            self._closer()
        self.pool = None


def _cure(blueprint: Blueprint) -> str:
    if blueprint.as_root:
        return "root needs CAP_SYS_ADMIN here: `docker run --privileged`; or take Docker"
    return (
        "user namespaces may be forbidden: sysctl kernel.unprivileged_userns_clone=1 or "
        "kernel.apparmor_restrict_unprivileged_userns=0; or take Docker"
    )


def _close(pool: Pool, launcher: ThreadPoolExecutor, owner: int) -> None:
    if os.getpid() == owner:  # a forked child must not stop its parent's cells
        pool.close()
        launcher.shutdown()
