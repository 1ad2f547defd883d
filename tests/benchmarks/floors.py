"""The floors below any verification that forks: a bare fork in C, and a trivial program."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .contenders import CORES, PYTHON, AbsentError
from .workloads import Sample

HERE = Path(__file__).parent


CALLS = 9
"""How often the tests of LIGHT call their program, on average."""


class Floor:
    """A command that forks a number of times and prints the seconds; one copy of it per core.

    Trivial programs: its figure is the same for every workload and stands under `light`.
    """

    workloads = ("light",)

    def __init__(self, name: str, times: int, calls: int = 0) -> None:
        self.name, self.times = name, times
        self.command = [PYTHON, "-I", "-S", str(HERE / "floor.py")]
        self.after = [str(calls)] if calls else []

    def start(self) -> None:
        pass

    def run(self, workload: str, samples: Sequence[Sample]) -> tuple[int, float]:
        command = [*self.command, str(self.times), *self.after]
        cores = sorted(os.sched_getaffinity(0))[:CORES]
        running = [
            subprocess.Popen(
                ["taskset", "-c", str(core), *command], stdout=subprocess.PIPE, text=True
            )
            for core in cores
        ]
        seconds = [float(process.communicate(timeout=120)[0]) for process in running]
        return self.times * len(running), max(seconds)

    def close(self) -> None:
        pass


class Kernel(Floor):
    """The same in C, with no Python in it."""

    folder: tempfile.TemporaryDirectory[str] | None = None

    def start(self) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            raise AbsentError("no C compiler (cc)")
        self.folder = tempfile.TemporaryDirectory()
        program = str(Path(self.folder.name, "floor"))
        subprocess.run([compiler, "-O2", "-o", program, str(HERE / "floor.c")], check=True)
        self.command = [program]

    def close(self) -> None:
        if self.folder is not None:
            self.folder.cleanup()
            self.folder = None
