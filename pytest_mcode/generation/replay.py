"""Recorded completions of other tools or earlier runs, verified again without a model."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import re
import shutil
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

from pytest_mcode.core.errors import ConfigError, InfraError
from pytest_mcode.core.records import Answer, Json, ModelSpec, Request, Task

FORMS: Mapping[str, Literal["text", "program", "continuation"]] = {
    "completion": "continuation",
    "solution": "program",
    "answer": "text",
}
"""Column of a row and what it holds; the first that is there counts."""

FIRST_OF_BIGCODE = {"humaneval": 0, "mbpp": 11}
"""Number of the task that stands first in BigCode's `generations.json`, a list without ids."""

_IN_MEMORY = 32 * 2**20
"""Unpacked bytes that are kept in memory; more goes to an unnamed temporary file."""

_NUMBERED = re.compile(r"(.*?)[/_:\- ]*0*(\d+)")

_Slot = tuple[int, int]
"""Sample and iteration."""


class Replay:
    """Answers from JSON lines, EvalPlus' `eval_results.json` or BigCode's `generations.json` (.gz).

    Rows hold `task_id`, optional `sample` and `iteration`, and one of `completion` (the rest of
    the prompt, or the whole function), `solution` (a program) and `answer` (a chat's text). Rows
    without `sample` are a task's samples in the order of the file. Only positions are kept.
    """

    concurrency = 64

    def __init__(self, spec: ModelSpec) -> None:
        if not spec.model:
            raise ConfigError("replay needs a file: write the model as replay:FILE")
        self.path = Path(spec.model).expanduser()
        self._sha256 = ""
        self._recording: _Recording | None = None

    def describe(self) -> Mapping[str, Json]:
        """The sha256 of the file as it lies on disk; its name moves no number."""
        if not self._sha256:
            self._sha256 = _sha256(self.path)
        return {"backend": "replay", "sha256": self._sha256}

    async def preflight(self) -> None:
        """Read the file once. Raises `ConfigError` with file and line when a row is malformed."""
        await asyncio.to_thread(self._opened)

    async def generate(self, request: Request) -> Answer:
        """The recorded answer. Raises `InfraError` naming what the file does not hold.

        A repair that was not recorded is an empty answer with finish reason `no_repair`.
        """
        name = request.task.task_id
        if request.role:
            raise InfraError(f"{self.path} has no answers of a {request.role}: ask a live model")
        recording = self._opened()
        slots = recording.slots_of(request.task)
        if slots is None:
            raise InfraError(f"{self.path} has no row for {name}: leave it out (--mcode-tasks)")
        place = slots.get((request.sample, request.iteration))
        if place is None and request.iteration > 0:
            return Answer("", messages=request.messages, finish_reason="no_repair", calls=0)
        if place is None:
            have = sum(1 for _, iteration in slots if iteration == 0)
            raise InfraError(
                f"{self.path} has no sample {request.sample} of {name}, only {have}:"
                f" ask for --mcode-samples={have}"
            )
        row = recording.row(place)
        column = _column(row)
        return Answer(
            text=row[column] or "",
            form=FORMS[column],
            thinking=_text(row, "thinking"),
            messages=request.messages,
            finish_reason=_text(row, "finish_reason") or "stop",
            calls=0,
        )

    async def aclose(self) -> None:
        """Close the file."""
        if self._recording is not None:
            self._recording.lines.close()
            self._recording = None

    def _opened(self) -> _Recording:
        if self._recording is None:
            self._recording = _record(self.path)
        return self._recording


@dataclass
class _Recording:
    """Where every row stands in a file of JSON lines."""

    lines: IO[bytes]
    slots: dict[str, dict[_Slot, tuple[int, int]]] = field(default_factory=dict)
    draws: Counter[str] = field(default_factory=Counter)
    """Of each task, as `slots` spells it."""

    def slots_of(self, task: Task) -> dict[_Slot, tuple[int, int]] | None:
        """The rows of a task under any usual spelling of its id."""
        key = spelling(task.task_id)
        tail = key.rpartition("/")[2]
        base = task.benchmark.partition(":")[0].casefold()
        if base in FIRST_OF_BIGCODE and tail.isdigit():
            place = self.slots.get(f"#/{int(tail) - FIRST_OF_BIGCODE[base]}")
            if place is not None:
                return place
        return self.slots.get(key) or self.slots.get(tail) or self.slots.get(f"{base}/{tail}")

    def row(self, place: tuple[int, int]) -> dict[str, Json]:
        """The row at an offset and of a length."""
        self.lines.seek(place[0])
        row: dict[str, Json] = json.loads(self.lines.read(place[1]))
        return row


def spelling(task_id: object) -> str:
    """One spelling for `MBPP/11`, `Mbpp/011`, `mbpp_11` (`mbpp/11`) and for 11, "11" (`11`)."""
    text = str(task_id).strip().casefold()
    found = _NUMBERED.fullmatch(text) if len(text) < 200 else None
    if found is None:
        return text
    return f"{found[1]}/{found[2]}" if found[1] else found[2]


def _sha256(path: Path) -> str:
    with _readable(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _record(path: Path) -> _Recording:
    with _readable(path):
        recording = _Recording(_lines(path))
    try:
        _index(recording, path)
    except BaseException:
        recording.lines.close()
        raise
    return recording


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"replay:{path}: cannot read the file: {reason}") from error


def _lines(path: Path) -> IO[bytes]:
    """The file as seekable JSON lines: unpacked, and taken out of a single JSON value."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    plain = _unpacked(path) if packed else path.open("rb")
    plain.seek(0)
    first = plain.readline().strip()
    named = path.name.removesuffix(".gz").endswith(".json")
    lines = first.startswith(b"{") and plain.readline(100).startswith(b"{")  # whatever its name
    single = first in (b"{", b"[") or first.startswith(b"[[") or (named and not lines)
    plain.seek(0)
    return _from_value(plain, path) if single else plain


def _unpacked(path: Path) -> IO[bytes]:
    plain = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - outlives this function
    try:
        with gzip.open(path, "rb") as source:
            shutil.copyfileobj(source, plain)
    except BaseException:
        plain.close()
        raise
    plain.seek(0)
    return plain


def _from_value(file: IO[bytes], path: Path) -> IO[bytes]:
    """The rows of `{"eval": {id: [{"solution": ...}]}}`, or of a JSON list, as JSON lines.

    In BigCode's list of lists of programs a task has no id: its place `#0`, `#1` stands for one.
    """
    with file:
        try:
            value = json.load(file)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"replay:{path}: neither JSON lines nor JSON: {error}") from error
    rows: list[Json] = value if isinstance(value, list) else []
    if isinstance(value, dict) and isinstance(value.get("eval"), dict):
        for task_id, samples in value["eval"].items():
            for sample in samples if isinstance(samples, list) else [samples]:
                if not isinstance(sample, dict) or "solution" not in sample:
                    raise ConfigError(
                        f"replay:{path}: verdicts of {task_id} without its programs: replay the "
                        "samples that were evaluated"
                    )
                rows.append({"task_id": task_id, "solution": sample["solution"]})
    elif isinstance(value, dict) and "task_id" in value:
        rows.append(value)
    if rows and all(isinstance(programs, list) for programs in rows):
        numbered = enumerate(rows)
        rows = [{"task_id": f"#{i}", "solution": p} for i, programs in numbered for p in programs]
    out = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - outlives this function
    for row in rows:
        out.write(json.dumps(row).encode() + b"\n")
    out.seek(0)
    return out


def _index(recording: _Recording, path: Path) -> None:
    at = 0
    for number, line in enumerate(recording.lines, 1):
        if line.strip():
            _place(recording, _row(line, f"{path}:{number}"), (at, len(line)), f"{path}:{number}")
        at += len(line)
    if not recording.slots:
        raise ConfigError(f"replay:{path}: the file holds no rows with task_id and a completion")


def _row(line: bytes, where: str) -> dict[str, Json]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: not a line of JSON: {error}") from error
    if not isinstance(row, dict) or type(row.get("task_id")) not in (str, int):
        raise ConfigError(f'{where}: a row needs "task_id"')
    column = _column(row)
    if not column:
        raise ConfigError(f"{where}: a row needs one of {', '.join(FORMS)}")
    if not isinstance(row[column], str | None):
        raise ConfigError(f'{where}: "{column}" must be a string')
    for key in ("sample", "iteration"):
        if type(row.get(key, 0)) is not int or row.get(key, 0) < 0:
            raise ConfigError(f'{where}: "{key}" must be a whole number, 0 or more')
    return row


def _place(recording: _Recording, row: dict[str, Json], place: tuple[int, int], where: str) -> None:
    name, iteration = spelling(row["task_id"]), row.get("iteration", 0)
    slots, drawn = recording.slots.setdefault(name, {}), recording.draws[name]
    sample = row.get("sample", drawn if iteration == 0 else max(drawn - 1, 0))
    if (sample, iteration) in slots:
        raise ConfigError(
            f"{where}: sample {sample}, iteration {iteration} of {row['task_id']} stands twice"
        )
    slots[sample, iteration] = place
    recording.draws[name] += iteration == 0


def _column(row: Mapping[str, Json]) -> str:
    return next((name for name in FORMS if name in row), "")


def _text(row: Mapping[str, Json], key: str) -> str:
    value = row.get(key)
    return value if isinstance(value, str) else ""
