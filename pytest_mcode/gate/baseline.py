"""Where a baseline comes from: a run of the database, another database, or a file kept in git.

The file is JSON, sorted and indented, with one line per task: `"HumanEval/0": [5, 2, 3]` is five
samples, two solved by their draw and three by the first repair; where a strategy chooses an answer,
`true` or `false` at the end says whether that one passed. What it holds beside the tasks identifies
the measurement; a file of another `schema` is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pytest_mcode.core.errors import ConfigError, StoreError
from pytest_mcode.core.records import Json, Variant
from pytest_mcode.core.words import counted
from pytest_mcode.gate.measurement import Measurement, stored
from pytest_mcode.store import queries
from pytest_mcode.store.database import Store
from pytest_mcode.store.per_task import TaskResult
from pytest_mcode.store.queries import Filters
from pytest_mcode.store.reader import Reader

FORMAT = "pytest-mcode baseline"
SCHEMA = 1
SQLITE = b"SQLite format 3\x00"


@dataclass(frozen=True)
class Baseline:
    """What a new run is held against."""

    source: str
    """As it is shown: `run 20261121-...` or the file's name."""
    measurements: tuple[Measurement, ...]


Fits = Callable[[Sequence[Measurement]], bool]
"""Whether measurements hold a partner for all that is to be gated."""


def find(
    given: str, path: Path, *, db: Path, benches: Sequence[str], fits: Fits, new: str = ""
) -> Baseline:
    """The baseline that `--mcode-gate` names: `given` as text, `path` where it would be a file.

    `db` holds the runs, of which `new` cannot be its own baseline; of a database named as a file
    the newest complete run that fits is taken. Raises `ConfigError` or `StoreError` with the cure.
    """
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(len(SQLITE))
        if head == SQLITE:
            return _newest(path, benches, fits, new)
        return _read(path, benches)
    if path.suffix or "/" in given or not db.is_file():
        raise ConfigError(
            f"--mcode-gate={given}: there is no such file or run; write a baseline with "
            f"`pytest --mcode-report --mcode-run=ID --mcode-gate-export={path.name}`"
        )
    with Store.read(db) as reader:
        return _run(reader, given, benches, new)


def _run(reader: Reader, run_id: str, benches: Sequence[str], new: str) -> Baseline:
    known = [run.run_id for run in queries.runs(reader)]
    if run_id not in known:
        close = get_close_matches(run_id, known, 1) or known[:1]
        hint = f"; the nearest is {close[0]}" if close else ""
        raise ConfigError(
            f"--mcode-gate={run_id}: neither a file nor a run of {reader.path}{hint} "
            "(`pytest --mcode-report -v` lists them)"
        )
    if run_id == new:
        raise ConfigError(f"--mcode-gate={run_id}: a run is not its own baseline: name another")
    found = Baseline(f"run {run_id}", stored(reader, run_id))
    _require_benchmarks(found, benches)
    _require_complete(found, benches)
    return found


def _newest(path: Path, benches: Sequence[str], fits: Fits, new: str) -> Baseline:
    with Store.read(path) as reader:
        runs = [r for r in queries.runs(reader, Filters(bench=tuple(benches))) if r.run_id != new]
        for run in runs:
            measured = run.counts.planned and run.counts.complete
            found = stored(reader, run.run_id) if measured else ()
            if found and fits(found):
                return Baseline(f"run {run.run_id} of {path.name}", found)
    what = ", ".join(benches) or "any benchmark"
    raise ConfigError(
        f"--mcode-gate={path}: it holds no complete run of these cells of {what}: measure the "
        "baseline to its end (--mcode-resume), or name a run by its id"
    )


def _require_benchmarks(baseline: Baseline, benches: Sequence[str]) -> None:
    known = {m.variant.benchmark for m in baseline.measurements}
    for bench in benches:
        if bench not in known:
            raise ConfigError(
                f"--mcode-gate: {baseline.source} measured {', '.join(sorted(known))} and not "
                f"{bench}: name a baseline of {bench}"
            )


def _require_complete(baseline: Baseline, benches: Sequence[str]) -> None:
    for m in baseline.measurements:
        if not m.complete and (not benches or m.variant.benchmark in benches):
            raise ConfigError(
                f"--mcode-gate: {baseline.source} is no baseline, {m.label} has "
                f"{len(m.tasks)} of {counted(len(m.planned), 'task')}, {m.infra} infra: "
                "go on with it by --mcode-resume"
            )


def _read(path: Path, benches: Sequence[str]) -> Baseline:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ConfigError(
            f"--mcode-gate={path}: neither JSON nor a results database ({error}); "
            "write it with --mcode-gate-export"
        ) from None
    schema = content.get("schema") if isinstance(content, dict) else None
    if not isinstance(content, dict) or content.get("format") != FORMAT or schema != SCHEMA:
        raise ConfigError(
            f"--mcode-gate={path}: not a baseline of schema {SCHEMA}"
            + (f" but of {schema}" if schema else "")
            + ": write it anew with --mcode-gate-export"
        )
    try:
        measurements = tuple(_measurement(row) for row in content["variants"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ConfigError(
            f"--mcode-gate={path}: damaged ({type(error).__name__}: {error}): "
            "take it from git again, or write it anew with --mcode-gate-export"
        ) from None
    found = Baseline(path.name, measurements)
    _require_benchmarks(found, benches)
    return found


def _measurement(row: Any) -> Measurement:
    variant = Variant(**row["variant"])
    falls = variant.feedback == "public"  # there a repair may spoil what hidden tests passed
    tasks = {task: _result(task, numbers, falls) for task, numbers in row["tasks"].items()}
    parts = dict(row["fingerprint"])
    return Measurement(row["label"], variant, parts, tasks, frozenset(tasks))


def _result(task: str, numbers: Any, falls: bool) -> TaskResult:
    chosen = numbers[-1] if isinstance(numbers[-1], bool) else None
    samples, *solved = numbers if chosen is None else numbers[:-1]
    whole = all(type(n) is int and 0 <= n <= samples for n in (samples, *solved))
    if not whole or not solved or (solved != sorted(solved) and not falls):
        raise ValueError(f"{task} has {numbers}")
    # of single draws the file knows only how many passed
    return TaskResult(samples, solved[0] == samples, tuple(solved), chosen)


def write(path: Path, run: queries.RunRow, measurements: Iterable[Measurement]) -> None:
    """Write a baseline file. Raises `ConfigError` for a run that is not complete."""
    found = Baseline(f"run {run.run_id}", tuple(measurements))
    if not found.measurements:
        raise ConfigError("--mcode-gate-export: nothing was measured, so there is nothing to write")
    _require_exportable(found)
    content: dict[str, Json] = {
        "format": FORMAT,
        "schema": SCHEMA,
        "version": run.version,
        "run": run.run_id,
        "date": run.started[:10],
        "variants": [_row(m) for m in sorted(found.measurements, key=lambda m: m.label)],
    }
    text = json.dumps(content, indent=1, ensure_ascii=False)
    # a task is one line, so that a diff shows a changed task as one
    text = re.sub(
        r"\[[\d,\struefals]*\]", lambda hit: re.sub(r"\s+", "", hit[0]).replace(",", ", "), text
    )
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"--mcode-gate-export={path}: cannot be written ({error.strerror})"
        ) from None


def _require_exportable(found: Baseline) -> None:
    for m in found.measurements:
        if not m.complete:
            raise ConfigError(
                f"--mcode-gate-export: {found.source} is incomplete, {m.label} has {len(m.tasks)} "
                f"of {counted(len(m.planned), 'task')}, {m.infra} infra: no baseline was written; "
                "go on with it by --mcode-resume"
            )
        if any(len(t.solved_by) == 0 for t in m.tasks.values()):
            raise StoreError(f"--mcode-gate-export: {m.label} has tasks without a draw")


def _row(m: Measurement) -> dict[str, Json]:
    tasks = {
        name: [t.samples, *t.solved_by, *([] if t.chosen is None else [t.chosen])]
        for name, t in sorted(m.tasks.items())
    }
    return {
        "label": m.label,
        "variant": asdict(m.variant),
        "fingerprint": dict(m.parts),
        "tasks": tasks,
    }
