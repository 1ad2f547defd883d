"""Packages besides the standard library: the launcher says in which folders they are."""

from __future__ import annotations

import os
import sys


def offer() -> None:
    """Let them be imported, after the standard library."""
    sys.path += [path for path in os.environ.get("MCODE_PATH", "").split(":") if path]
