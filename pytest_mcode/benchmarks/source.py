"""Where the rows of a data set come from: the user's files, the user cache, or a one-time pull.

Collection reads JSON lines with the standard library alone; pyarrow is imported for parquet files
and HuggingFace `datasets` for a pull, never otherwise.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_mcode.benchmarks import hub
from pytest_mcode.core.errors import DataError
from pytest_mcode.core.records import Json

_MARK = b"\xef\xbb\xbf"
"""Begins a text file of Windows."""


@dataclass(frozen=True)
class Row:
    """One row of a data set and where it stands."""

    fields: dict[str, Json]
    where: str
    """`file:line`, or `file[index]` where the format has no lines; for messages."""

    def text(self, name: str) -> str:
        """The string in column `name`, or `DataError`."""
        value = self.fields.get(name)
        if not isinstance(value, str):
            raise self.wrong(name, "a string", value)
        return value

    def texts(self, name: str) -> list[str]:
        """The list of strings in column `name`, empty if the column is absent, or `DataError`."""
        value = self.fields.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(name, "a list of strings", value)
        return value

    def number(self, name: str) -> int:
        """The whole number in column `name`, or `DataError`."""
        value = self.fields.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.wrong(name, "a whole number", value)
        return value

    def wrong(self, name: str, wanted: str, value: Json) -> DataError:
        """The error for a column that does not hold what it should."""
        seen = "missing" if name not in self.fields else f"{value!r:.40}"
        return DataError(f"{self.where}: column {name!r} must be {wanted}, it is {seen}")


@dataclass(frozen=True)
class Loaded:
    """The rows of a data set."""

    rows: Sequence[Row]
    sha256: str
    """Of the file's bytes; of the unpacked bytes for `.gz`, whose header holds a date."""
    origin: str
    """Path, or hub name with revision."""


@dataclass(frozen=True)
class Wanted:
    """A data set and every place where it may lie."""

    name: str
    """File name in the user cache, and the name in messages."""
    files: tuple[str, ...]
    """Glob patterns under the user's folder, best first; parquet files of a pattern are joined."""
    columns: frozenset[str]
    """Columns by which a parquet file is recognised."""
    pull: hub.Pinned
    order: Callable[[dict[str, Json]], Json] | None = field(default=None)
    """Sort key of pulled rows, where the hub keeps them in several splits."""


def load(wanted: Wanted, data: Path | None) -> Loaded:
    """Rows of `wanted` from `data` (folder or file), else the user cache, else the hub.

    Raises `DataError`: `data` is not there, a row is malformed, or nothing was found and the hub
    cannot be reached.
    """
    looked = ""
    if data is not None:
        found = find(wanted, data.expanduser())
        if found:
            return read(found)
        looked = f" not in {data} (expected for example {wanted.files[0]});"
    cached = cache_folder() / f"{wanted.name}-{wanted.pull.revision[:12]}.jsonl"
    if not cached.is_file():
        keep(cached, _as_lines(wanted, hub.pull(wanted.pull, f"{wanted.name}:{looked}")))
    loaded = read([cached])
    return Loaded(loaded.rows, loaded.sha256, f"{wanted.pull.repo}@{wanted.pull.revision[:12]}")


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/pytest-mcode`, by default `~/.cache/pytest-mcode`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "pytest-mcode"


def find(wanted: Wanted, data: Path) -> list[Path]:
    """The files of `wanted` in `data`: one file, or all parquet files of one pattern; or none."""
    if data.is_file():
        return [data]
    if not data.is_dir():
        raise DataError(f"--mcode-data={data}: no such file or folder")
    for pattern in wanted.files:
        paths = sorted(path for path in data.glob(pattern) if path.is_file())
        parquet = [path for path in paths if path.suffix == ".parquet"]
        if parquet:
            paths = [path for path in parquet if wanted.columns <= set(_parquet_columns(path))]
        if paths:
            return paths if parquet else paths[:1]
    return []


def read(paths: Sequence[Path]) -> Loaded:
    """The rows of jsonl, json (either also .gz) or parquet files, in order.

    Raises `DataError` that names the file and, where there is one, the line.
    """
    rows: list[Row] = []
    digest = hashlib.sha256()
    for path in paths:
        content = _bytes(path)
        digest.update(content)
        if path.suffix == ".parquet":
            rows += _parquet_rows(path)
        elif content.removeprefix(_MARK).lstrip()[:1] == b"[":
            rows += _array_rows(path, content)
        else:
            rows += _line_rows(path, content)
    origin = str(paths[0] if len(paths) == 1 else paths[0].parent)
    if not rows:
        raise DataError(f"{origin}: no rows in it")
    return Loaded(rows, digest.hexdigest(), origin)


def _bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def _line_rows(path: Path, content: bytes) -> list[Row]:
    # Not splitlines(): a JSON string may hold other line separators unescaped.
    lines = content.removeprefix(_MARK).split(b"\n")
    return [_row(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]


def _row(line: bytes, where: str) -> Row:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise DataError(f"{where}: not JSON: {error}") from error
    return Row(_object(value, where), where)


def _array_rows(path: Path, content: bytes) -> list[Row]:
    try:
        values = json.loads(content)
    except ValueError as error:
        raise DataError(f"{path}: not JSON: {error}") from error
    return [Row(_object(v, f"{path}[{i}]"), f"{path}[{i}]") for i, v in enumerate(values)]


def _object(value: Json, where: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise DataError(f"{where}: a row must be a JSON object, it is {value!r:.40}")
    return value


def _parquet_columns(path: Path) -> list[str]:
    try:
        from pyarrow import ArrowInvalid
        from pyarrow.parquet import read_schema
    except ImportError as error:
        raise DataError(
            f"{path}: parquet needs pyarrow: pip install pytest-mcode[parquet]"
        ) from error
    try:
        return list(read_schema(path).names)
    except (ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: not a parquet file: {error}") from error


def _parquet_rows(path: Path) -> list[Row]:
    _parquet_columns(path)
    from pyarrow import ArrowInvalid
    from pyarrow.parquet import read_table

    try:
        values = read_table(path).to_pylist()
    except (ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: damaged: {error}; fetch it again") from error
    return [Row(value, f"{path}[{i}]") for i, value in enumerate(values)]


def _as_lines(wanted: Wanted, rows: list[dict[str, Json]]) -> bytes:
    if wanted.order is not None:
        rows = sorted(rows, key=wanted.order)
    return "".join(json.dumps(row, sort_keys=True) + "\n" for row in rows).encode()


def keep(path: Path, content: bytes) -> None:
    """Write whole or not at all: several processes may pull at the same time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=path.parent)) / path.name
        try:
            part.write_bytes(content)
            part.replace(path)
        finally:
            shutil.rmtree(part.parent)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be written ({error}): set XDG_CACHE_HOME to a writable folder"
        ) from error
