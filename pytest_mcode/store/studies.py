"""Which studies a database holds, and what each of them asked and varied."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pytest_mcode.core.records import Json
from pytest_mcode.store.reader import Reader


@dataclass(frozen=True)
class StudyRow:
    """A study, as its newest run announced it."""

    name: str
    question: str
    vary: tuple[tuple[str, tuple[Json, ...]], ...]
    """The dimensions besides benchmark, model, samples and debug_iters, with their values."""
    models: tuple[str, ...]
    """In the order of its file."""
    axes: tuple[str, ...]
    """Of `samples` and `debug_iters` those with several values."""


def studies(reader: Reader) -> dict[str, StudyRow]:
    """Name -> study, the one that was run last first."""
    found = reader.rows(
        "SELECT study, settings FROM runs WHERE study <> '' ORDER BY started DESC, rowid DESC"
    )
    named: dict[str, StudyRow] = {}
    for name, text in found:
        if name not in named:
            named[name] = _row(name, json.loads(text))
    return named


def _row(name: str, parts: dict[str, Json]) -> StudyRow:
    study = parts.get("study", {})
    return StudyRow(
        name,
        study.get("question", ""),
        tuple((dimension, tuple(values)) for dimension, values in study.get("vary", [])),
        tuple(parts.get("models", [])),
        tuple(axis for axis in ("samples", "debug_iters") if len(parts.get(axis, [])) > 1),
    )
