"""The modules that run in the sandbox, under the bare names by which they import each other."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest_mcode.sandboxes

_FOLDER = str(Path(pytest_mcode.sandboxes.__file__).parent / "inside")

sys.path.insert(0, _FOLDER)
try:
    candidate, claims, endings, frames, remote, suite, values, verification, worker = map(
        importlib.import_module,
        (
            *("candidate", "claims", "endings", "frames", "remote", "suite", "values"),
            *("verification", "worker"),
        ),
    )
finally:
    sys.path.remove(_FOLDER)
