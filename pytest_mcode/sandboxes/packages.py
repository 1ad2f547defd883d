"""Packages that programs may import besides the standard library, the same in both sandboxes.

The list stands in `Dockerfile.sandbox`. The wheels are fetched once by pip (or uv) on this
machine, because a sandbox has no network, and kept below the user's cache folder. Where they
cannot be had, sandboxes go without, and their identity says so.
"""

from __future__ import annotations

import hashlib
import importlib.util
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pytest_mcode.core.errors import InfraError
from pytest_mcode.sandboxes.cache import cached
from pytest_mcode.sandboxes.interpreter import compile_library

PLACE = "/opt/packages"
"""Where they are inside a sandbox."""
NONE = "none"
"""What a sandbox says that has no packages."""
PATH_VARIABLE = "MCODE_PATH"
"""Tells the programs inside what to add to `sys.path`, folders joined by colons."""
_HERE = Path(__file__).resolve().parent
_LIST = re.compile(r'^ARG PACKAGES="(.*)"$', re.M)
_PATIENCE_S = 300.0
_AGAIN_S = 3600.0
"""How long a failure is remembered, so that a machine without network waits once."""


@dataclass(frozen=True)
class Target:
    """The Python for which wheels are wanted; empty fields stand for the one that runs now."""

    python: str = ""
    """`3.12`."""
    machine: str = ""
    """`x86_64` or `aarch64`, with the GNU C library."""

    @property
    def options(self) -> list[str]:
        """What pip has to be told of it."""
        if not self.python:
            return []
        platforms = (f"{name}_{self.machine}" for name in ("manylinux_2_28", "manylinux2014"))
        return ["--python-version", self.python, *(f"--platform={name}" for name in platforms)]


@cache
def dockerfile() -> Path:
    """Of a checkout, or of an installed wheel, which holds its own copy."""
    for place in (_HERE / "Dockerfile.sandbox", _HERE.parents[1] / "Dockerfile.sandbox"):
        if place.is_file():
            return place
    raise InfraError("Dockerfile.sandbox is missing: install pytest-mcode again")


@cache
def listed() -> tuple[str, ...]:
    """`numpy==2.3.5` and whatever else the Dockerfile names. Raises `InfraError` without one."""
    found = _LIST.search(dockerfile().read_text(encoding="utf-8"))
    return tuple(found[1].split()) if found else ()


def fetch(target: Target, progress: Callable[[str], None]) -> Path | None:
    """The folder with the listed packages; None, after a line to `progress`, without them."""
    if not listed():
        return None
    key = [sys.version, platform.machine(), *platform.libc_ver(), target.python, target.machine]
    name = hashlib.sha256("\0".join([*key, *listed()]).encode()).hexdigest()[:16]
    folder, failed = (cached("packages") / text for text in (name, f"{name}.failed"))
    if _is_there(folder):
        return folder
    reason = _remembered(failed)
    if not reason:
        progress(f"fetching {' '.join(listed())} for the programs ...")
        reason = _install(target, folder)
        if not reason:
            return folder
        _remember(failed, reason)
    progress(
        f"programs cannot import {' '.join(listed())} ({reason}); another try in an hour, or "
        f"after `rm {failed}`"
    )
    return None


def _is_there(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except OSError:  # another user's cache
        return False


def _remembered(failed: Path) -> str:
    try:
        fresh = time.time() - failed.stat().st_mtime < _AGAIN_S
        return failed.read_text(encoding="utf-8") if fresh else ""
    except OSError:
        return ""


def _remember(failed: Path, reason: str) -> None:
    try:
        failed.parent.mkdir(parents=True, exist_ok=True)
        failed.write_text(reason, encoding="utf-8")
    except OSError:  # the next run tries again
        pass


def _install(target: Target, folder: Path) -> str:
    """Fetch into `folder`, whole or not at all; the reason in a few words if it failed."""
    tool = _installer()
    if tool is None:
        return "neither pip nor uv is installed"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as draft:
            place = Path(draft, "packages")
            common = ["--no-deps", "--only-binary=:all:", *target.options]
            command = [*tool, *common, "--target", str(place), *listed()]
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
            )
            if done.returncode:
                return _reason(done.stderr)
            _strip(place)
            if not target.python:
                compile_library(Path(sys.executable), [place], place, PLACE)
            place.rename(folder)
    except (OSError, subprocess.SubprocessError) as error:
        return "" if _is_there(folder) else " ".join(str(error).split())[:120]
    return ""


def _installer() -> list[str] | None:
    """The command that installs wheels into a folder."""
    if importlib.util.find_spec("pip") is not None:
        quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
        patience = ["--retries", "1", "--timeout", "10", "--no-compile"]
        return [sys.executable, "-m", "pip", "install", *quiet, *patience]
    uv = shutil.which("uv")
    return None if uv is None else [uv, "pip", "install", "--quiet", "--python", sys.executable]


def _reason(errors: str) -> str:
    lines = [line for line in errors.splitlines() if line.strip()]
    return (lines[-1] if lines else "no reason given").removeprefix("ERROR: ")[:120]


def _strip(place: Path) -> None:
    """Take out what no program needs: the packages' own tests, and commands."""
    for folder in [*place.rglob("tests"), place / "bin"]:
        shutil.rmtree(folder, ignore_errors=True)


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every source or library below it, by its name below it; bytecode is made anew."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(folder).as_posix(), path
