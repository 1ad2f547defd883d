"""The programs that run inside, with bytecode: without it each of a slot's three processes would
compile them anew, which takes time and leaves holes in its memory (1.5 MB a slot).

Docker's image holds both. For bubblewrap there is a copy below the user's cache folder, named after
all that it was made of.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

from pytest_mcode.sandboxes.cache import cached
from pytest_mcode.sandboxes.container import INSIDE
from pytest_mcode.sandboxes.interpreter import build_of_this, compile_library

SOURCES = Path(__file__).with_name("inside")
_UNUSED_S = 30 * 24 * 3600.0
"""After which a copy is removed; each change of the programs makes a new one."""


@cache
def identity() -> str:
    """Hash of the programs and of the Python that runs them."""
    programs = hashlib.sha256(build_of_this().encode())
    for source in sorted(SOURCES.glob("*.py")):
        programs.update(source.name.encode() + b"\0" + source.read_bytes())
    return programs.hexdigest()


def compiled() -> Path:
    """The folder to show in a sandbox: a copy with bytecode, or the sources themselves where none
    can be kept."""
    folder = cached("programs") / identity()[:16]
    try:
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            _make(folder)
            _sweep(folder.parent)
        os.utime(folder)
    except (OSError, subprocess.SubprocessError):
        return folder if _is_there(folder) else SOURCES
    return folder


def _make(folder: Path) -> None:
    """The copy, whole or not at all. Raises OSError or `subprocess.SubprocessError`."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as draft:
        place = Path(draft, "programs")
        place.mkdir()
        for source in SOURCES.glob("*.py"):
            shutil.copyfile(source, place / source.name)
        compile_library(Path(sys.executable), [place], place, INSIDE)
        place.rename(folder)


def _is_there(folder: Path) -> bool:
    """True where somebody else made it meanwhile, or may write there and we may not."""
    try:
        return folder.is_dir()
    except OSError:
        return False


def _sweep(base: Path) -> None:
    """Remove copies that nobody has used for long."""
    for folder in base.iterdir():
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > _UNUSED_S:
                shutil.rmtree(folder)
