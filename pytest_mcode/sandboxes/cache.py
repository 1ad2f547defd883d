"""Where this machine keeps what sandboxes have made or measured."""

from __future__ import annotations

import os
from pathlib import Path


def cached(name: str) -> Path:
    """`name` below `$XDG_CACHE_HOME/pytest-mcode`, by default `~/.cache/pytest-mcode`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "pytest-mcode", name)
