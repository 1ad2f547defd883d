"""Modules that the judge sends to a worker, which holds only what most programs need."""

from __future__ import annotations

import marshal
from functools import lru_cache
from pathlib import Path


@lru_cache
def runner(name: str) -> bytes:
    """The module beside this one, compiled and marshalled."""
    path = Path(__file__).with_name(f"{name}.py")
    return marshal.dumps(compile(path.read_text(encoding="utf-8"), f"<{name}>", "exec", 0, True))
