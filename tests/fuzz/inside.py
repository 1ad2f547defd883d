"""The modules that run in the sandbox, under the bare names by which they import each other."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest_mcode.sandboxes

_FOLDER = str(Path(pytest_mcode.sandboxes.__file__).parent / "inside")

sys.path.insert(0, _FOLDER)
try:
    candidate, cases, claims, classes, endings, exam, frames, remote, suite = map(
        importlib.import_module,
        (
            *("candidate", "cases", "claims", "classes", "endings", "exam", "frames", "remote"),
            "suite",
        ),
    )
    values, verification, wire, worker = map(
        importlib.import_module, ("values", "verification", "wire", "worker")
    )
finally:
    sys.path.remove(_FOLDER)
