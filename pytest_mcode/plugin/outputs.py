"""Files that are written beside what the terminal shows: `--mcode-<name>=PATH`.

With `--mcode-report` they hold what the filters choose, at the end of a run what the run measured.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.plugin import options

if TYPE_CHECKING:
    from pytest_mcode.plugin.state import State
    from pytest_mcode.reports.cost import Price
    from pytest_mcode.store.queries import Filters
    from pytest_mcode.store.reader import Reader

Write = Callable[["Reader", "Filters", "Sequence[Price]", Path], str]
"""Writes one file or folder; returns what to tell the user, one line."""

OUTPUTS: dict[str, str] = {
    "html": "pytest_mcode.reports.html:write",
    "md": "pytest_mcode.reports.markdown:write",
    "csv": "pytest_mcode.reports.tables:write",
    "output": "pytest_mcode.reports.study_files:write",
    "datasette": "pytest_mcode.reports.datasette:write",
}
"""Option -> `module:function` of type `Write`, imported when it is asked for."""
FOLDERS = frozenset({"csv", "output"})
"""Those that are folders."""
COMPARING = frozenset({"html", "md"})
"""Those that are given `--mcode-compare` too, as a further argument."""


def asked(state: State) -> list[tuple[str, Path]]:
    """(option, path) of the files that are to be written. Raises `ConfigError` for a path that
    cannot be one, as far as that is seen before a run."""
    get = options.Resolved(state.config)
    found = [(name, get.path(name)) for name in OUTPUTS]
    given = [(name, path) for name, path in found if path is not None]
    for name, path in given:
        if problem := _problem(path, folder=name in FOLDERS):
            raise ConfigError(f"--mcode-{name}={path} {problem}")
    return given


def _problem(path: Path, *, folder: bool) -> str:
    if folder and path.is_file():
        return "is a file: name a folder"
    if not folder and path.is_dir():
        return "is a folder: name a file in it"
    above = next(parent for parent in (path, *path.parents) if parent.exists())
    if above != path and not above.is_dir():
        return f"cannot be made: {above} is a file"
    return "" if os.access(above, os.W_OK) else f"cannot be written: no permission for {above}"


def write(state: State, reader: Reader, filters: Filters) -> list[str]:
    """Write them all; what to tell the user. Raises `ConfigError` where one cannot be written."""
    said = []
    for name, path in asked(state):
        module, _, function = OUTPUTS[name].partition(":")
        writer: Callable[..., str] = getattr(importlib.import_module(module), function)
        more = (options.Resolved(state.config).value("compare"),) if name in COMPARING else ()
        with named(name, path):
            path.parent.mkdir(parents=True, exist_ok=True)
            said.append(writer(reader, filters, state.settings.prices, path, *more))
    return said


@contextlib.contextmanager
def named(name: str, path: Path) -> Iterator[None]:
    """Writing the path of an option. Raises `ConfigError` in place of the system's errors."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise ConfigError(f"--mcode-{name}={path} cannot be written: {why}") from error
