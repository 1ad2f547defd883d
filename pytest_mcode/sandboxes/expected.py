"""Digests of expected outputs: judges work them out of references once, the host keeps them.

One file for each build of the sandbox, in the user's cache folder; a line for each group of tests.
A line is found by the hash of the tests, which hold inputs, reference and rules of comparison, so
that another data set finds nothing; one that was damaged is worked out again. Those of EvalPlus's
releases travel with the package (`tests/benchmarks/expected.py` makes them): a digest can only
confirm an output that the program gave, whatever Python it was that the reference ran in.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Self

from pytest_mcode.core.records import Json, Program
from pytest_mcode.sandboxes.cache import cached

_ASKED = "__mcode_notes__"
"""Tests that name it compare with a reference (`inside/suite.py`)."""
_PLACE = ("image", "python", "packages", "verdict")
"""What decides which outputs a reference gives, and how they are written down."""
SHIPPED = Path(__file__).with_name("expected.jsonl.gz")
_MOST_SEALS = 1 << 14
_DIGITS = 32


class Expected:
    """Satisfies whoever sends and receives jobs; shared by threads, and by processes through the
    file. Where that cannot be read or written, it holds for this process alone."""

    def __init__(self, path: Path | None = None, shipped: bool = True) -> None:
        self.path = path
        self.shipped = shipped
        """Whether what travels with the package is known."""
        self._known: dict[str, dict[str, Json]] = {}
        self._read = 0
        self._lock = threading.Lock()

    @classmethod
    def of(cls, sandbox: Mapping[str, Json]) -> Self:
        """For a sandbox that describes itself so."""
        parts = json.dumps([str(sandbox.get(part)) for part in _PLACE])
        name = hashlib.sha256(parts.encode()).hexdigest()[:16]
        return cls(cached("expected") / f"{name}.jsonl")

    def find(self, program: Program) -> dict[str, Json]:
        """Group of the program's tests -> what is known of it; empty for tests of other kinds."""
        key = _key(program.context, program.tests)
        if not key:
            return {}
        with self._lock:
            if key not in self._known:
                self._refresh()
            return {**(_shipped().get(key, {}) if self.shipped else {}), **self._known.get(key, {})}

    def note(self, program: Program, learned: Json) -> None:
        """Keep what a judge has worked out; what is none of that is dropped."""
        key = _key(program.context, program.tests)
        if not key or type(learned) is not dict:
            return
        lines = []
        with self._lock:
            for group, found in learned.items():
                if _is_sound(found) and self._add(key, group, found):
                    lines.append(_line(key, group, found))
        if lines and self.path is not None:
            _append(self.path, "".join(lines))

    def _refresh(self) -> None:
        """Read what was added to the file since the last time."""
        try:
            if self.path is None or self.path.stat().st_size <= self._read:
                return
            with self.path.open("rb") as file:
                file.seek(self._read)
                text = file.read()
        except OSError:
            return
        self._read += len(text)
        for key, group, found in _entries(text.split(b"\n")):
            self._add(key, group, found)

    def _add(self, key: str, group: str, found: Json) -> bool:
        """Remember it, unless as much is known of the group already."""
        groups = self._known.setdefault(key, {})
        if group in groups and len(groups[group]["seals"]) >= len(found["seals"]):
            return False
        groups[group] = found
        return True


@lru_cache(maxsize=1024)
def _key(context: str, tests: str) -> str:
    """Of tests that compare with a reference, else empty; all programs of a task share them."""
    if _ASKED not in tests:
        return ""
    return hashlib.sha256(f"{context}\0{tests}".encode("utf-8", "surrogatepass")).hexdigest()


@cache
def _shipped() -> Mapping[str, dict[str, Json]]:
    """What travels with the package."""
    known: dict[str, dict[str, Json]] = {}
    with gzip.open(SHIPPED) as file:
        for key, group, found in _entries(file):
            known.setdefault(key, {})[group] = found
    return known


def _entries(lines: Iterable[bytes]) -> Iterator[tuple[str, str, Json]]:
    """Those lines of a file that are whole."""
    return (entry for line in lines if (entry := _entry(line.rstrip(b"\n"))) is not None)


def _line(key: str, group: str, found: Json) -> str:
    body = json.dumps([key, group, found], separators=(",", ":"))
    return f"{_check(body)} {body}\n"


def _entry(line: bytes) -> tuple[str, str, Json] | None:
    """A line of the file; None for one that was cut off, mixed with another or edited."""
    check, _, body = line.decode("utf-8", "replace").partition(" ")
    if not body or check != _check(body):
        return None
    key, group, found = json.loads(body)
    return (key, group, found) if _is_sound(found) else None


def _check(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:16]


def _is_sound(found: Json) -> bool:
    """`{"floats": position, "seals": [[from, to, digest], ...]}`, bounded."""
    if type(found) is not dict or found.keys() != {"floats", "seals"}:
        return False
    seals = found["seals"]
    if type(found["floats"]) is not int or type(seals) is not list or len(seals) > _MOST_SEALS:
        return False
    return all(
        type(seal) is list and [*map(type, seal)] == [int, int, str] and len(seal[2]) == _DIGITS
        for seal in seals
    )


def _append(path: Path, text: str) -> None:
    """In one write, so that lines of several processes do not mix."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab", buffering=0) as file:
            file.write(text.encode())
    except OSError:  # a read-only or full disk; it is worked out again next time
        pass
