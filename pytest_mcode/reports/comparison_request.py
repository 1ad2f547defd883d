"""From the text of `--mcode-compare` to a comparison, or one line that names the cure."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.reports.comparison import Comparison, compare, compare_levels
from pytest_mcode.reports.comparison_factors import DATA, FACTORS, level, options, shown
from pytest_mcode.reports.comparison_match import TASKS, Refusal
from pytest_mcode.store import queries, runs
from pytest_mcode.store.queries import Filters, VariantRow
from pytest_mcode.store.reader import Reader

OPTION = "--mcode-compare"
MOST = 5
"""Runs and values that a message names."""


def requested(reader: Reader, text: str, filters: Filters = queries.ALL) -> Comparison:
    """Runs by their ids, the first against the others, or the levels of what is named.

    Names beside run ids say in what else the runs may differ. Raises `ConfigError`.
    """
    ids = [run.run_id for run in runs.announced(reader)]
    rows: Sequence[VariantRow] = queries.variants(reader, filters)
    legal = [*dict.fromkeys((*FACTORS, *(name for row in rows for name in options(row.variant))))]
    words = [word.strip() for word in text.split(",") if word.strip()]
    chosen = [word for word in words if word in ids]
    names = [_factor(word, legal, ids, reader) for word in words if word not in ids]
    if len(set(chosen)) < len(chosen) or len(chosen) == 1:
        raise ConfigError(
            f"{OPTION}={text}: names one run, {chosen[0]}: name another after it"
            f" ({_some([run for run in ids if run != chosen[0]]) or 'there is none yet'}), or with "
            f"--mcode-run={chosen[0]} what to compare in it ({', '.join(FACTORS[:3])}, ...)"
        )
    if not chosen:
        found = compare_levels(reader, rows, names, filters.model)
        return found if found.families else _refuse(text, found, rows)
    if filters.run:
        raise ConfigError(f"{OPTION}={text}: names the runs itself: leave --mcode-run out")
    rows = [row for row in rows if row.run_id in chosen]
    first = [row for row in rows if row.run_id == chosen[0]]
    others = [row for run in chosen[1:] for row in rows if row.run_id == run]
    found = compare(reader, first, others, names)
    return found if found.families else _refuse(text, found, rows)


def _factor(word: str, legal: Sequence[str], ids: Sequence[str], reader: Reader) -> str:
    name = word.lower().replace("_", "-")
    if name in legal:
        return name
    if name in ("bench", "benchmark", "data"):
        raise ConfigError(
            f"{OPTION}={word}: benchmarks have different tasks, and nothing is paired: "
            "name a model or another setting"
        )
    if ":" in word or "/" in word or ".db" in word:
        raise ConfigError(
            f"{OPTION}: {word!r} names another database, and only runs of one ({reader.path}) are "
            "compared: measure both with the same --mcode-db"
        )
    near = difflib.get_close_matches(word, [*legal, *ids], 1, 0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    known = f"run ids such as {ids[0]}" if ids else "run ids (there is no run yet)"
    raise ConfigError(
        f"{OPTION}: unknown {word!r}: {hint}it takes {known}, comma between them, or any of "
        f"{', '.join(legal)}"
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join([*names[:MOST], *(["..."] if len(names) > MOST else [])])


def _refuse(text: str, found: Comparison, rows: Sequence[VariantRow]) -> Comparison:
    """Say why nothing is left to compare. Raises `ConfigError`."""
    measured = [row for row in rows if row.counts.done]
    if not measured:
        raise ConfigError(f"{OPTION}={text}: nothing is measured in this selection")
    if found.refused:
        raise ConfigError(f"{OPTION}={text}: {why(found.refused[0], found.under_study)}")
    if not found.under_study:
        names = " and ".join(sorted({f"{r.run_id} ({r.variant.benchmark})" for r in measured}))
        raise ConfigError(f"{OPTION}={text}: {names} have no measured benchmark in common")
    have = sorted({shown([level(row, name) for name in found.under_study]) for row in measured})
    if len(have) > 1:
        raise ConfigError(
            f"{OPTION}={text}: there is nothing to compare: no two of those measured "
            f"({_some(have)}) share benchmark and settings: run one again with another's"
        )
    raise ConfigError(
        f"{OPTION}={text}: there is nothing to compare: all else equal, only one is measured "
        f"({have[0]}): run another into the same database"
    )


def why(refused: Refusal, under_study: Sequence[str]) -> str:
    """Why two measurements are not compared, and what to do about it."""
    a, b = refused.a, refused.b
    who = f"{a.run_id} and {b.run_id}" if a.run_id != b.run_id else f"{a.label} and {b.label}"
    if TASKS in refused.factors:
        return f"{who} have no measured task in common: run one again with the other's tasks"
    if DATA in refused.factors:
        parts = ", ".join(refused.parts)
        return f"{who} differ in {parts}, so their tasks are not the same: run both on one data set"
    named = ", ".join(_values(refused, name) for name in refused.factors)
    meant = ",".join(dict.fromkeys((*under_study, *refused.factors)))
    runs_named = f"{a.run_id},{b.run_id}," if a.run_id != b.run_id else ""
    return (
        f"{who} differ in {named}: run one again with the other's, or if the sum of "
        f"these effects is meant, name all of it: {OPTION}={runs_named}{meant}"
    )


def _values(refused: Refusal, name: str) -> str:
    before, after = shown([level(refused.a, name)]), shown([level(refused.b, name)])
    if before == after:  # told apart by a part of which no level is made, such as a file's hash
        parts = [part for part in refused.parts if part.partition(".")[0] in (name, "sandbox")]
        return f"{name} ({', '.join(parts) or before})"
    return f"{name} ({before} / {after})"
