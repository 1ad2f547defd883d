"""Runs a command and tells what all of its processes took: `python -m tests.benchmarks.metered`.

    python -m tests.benchmarks.metered FILE FOLDER COMMAND ...

Runs it in FOLDER, writes wall and CPU seconds as JSON to FILE and ends with the command's status.
CPU is that of all processes below it, also of those whose parents ended before them: they become
children of this one.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

PR_SET_CHILD_SUBREAPER = 36


def metered(
    command: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> tuple[subprocess.CompletedProcess[str], dict[str, float]]:
    """The ended command, run in `folder`, and what it took; its figures lie there as well."""
    figures = folder / "metered.json"
    begun = [sys.executable, "-m", "tests.benchmarks.metered", str(figures), str(folder)]
    root = str(Path(__file__).parents[2])
    own = {k: v for k, v in environment.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [*begun, *command],
        cwd=root, env=own, capture_output=True, text=True, check=False,
    )  # fmt: skip
    took: dict[str, float] = json.loads(figures.read_text())
    return done, took


def main(file: str, folder: str, *command: str) -> int:
    """Run, wait for everything below, write."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    begun = time.perf_counter()
    status = subprocess.run(command, cwd=folder, check=False).returncode
    took: dict[str, Any] = {"whole_s": time.perf_counter() - begun}
    with suppress(ChildProcessError):  # raised when none is left
        while True:
            os.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    took["whole_cpu_s"] = used.ru_utime + used.ru_stime
    Path(file).write_text(json.dumps(took))
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
