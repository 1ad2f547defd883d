"""The folder in which xdist's controller and its workers meet; a killed run leaves it behind."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

from pytest_mcode.core.processes import place, started


def own(folder: Path) -> None:
    """Make it, and note that it is this process's."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = [place(), os.getpid(), started(os.getpid())]
    (folder / "owner.json").write_text(json.dumps(found))


def sweep() -> None:
    """Remove those of this user whose process is gone; none of another machine, boot or container,
    whose processes are not seen here."""
    for folder in Path(tempfile.gettempdir()).glob("mcode-plan-*"):
        if _is_left(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    try:
        where, pid, since = json.loads((folder / "owner.json").read_text())
        mine = folder.lstat().st_uid == os.getuid() and where == place()
        return mine and started(pid) != since
    except (OSError, ValueError, TypeError):
        return False
