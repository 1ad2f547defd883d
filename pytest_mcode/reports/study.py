"""A study's cells and what they answer. Records and numbers; layout is in `study_text`."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.reports import (
    study_answers,
    study_extrapolation,
    study_interactions,
    study_levels,
)
from pytest_mcode.reports.cost import Price
from pytest_mcode.reports.study_cells import Answer, Cell, dimensions
from pytest_mcode.reports.study_extrapolation import Guesses
from pytest_mcode.reports.summary import Summary, VariantSummary, summarize
from pytest_mcode.store import per_task
from pytest_mcode.store.queries import Filters
from pytest_mcode.store.reader import Reader
from pytest_mcode.store.spending import Spent, spent
from pytest_mcode.store.studies import StudyRow, studies


@dataclass(frozen=True)
class StudyReport:
    """What a study has measured so far."""

    study: StudyRow
    summary: Summary
    cells: tuple[Cell, ...]
    """Those that measured anything, in the order of the plan."""
    varied: tuple[str, ...]
    """What differs between the cells: `samples`, `model`, `temperature`, ..."""
    answers: tuple[Answer, ...]
    guesses: Guesses
    """pass@k beyond the draws, where samples vary and there are enough."""

    @property
    def complete(self) -> bool:
        """Every planned item of every cell was measured."""
        return all(cell.row.counts.complete for cell in self.cells)


def examine(reader: Reader, filters: Filters, prices: Sequence[Price] = ()) -> StudyReport:
    """The study named by `filters.study`. Raises `ConfigError` with the studies that there are.

    Each cell is shown from its newest run, so that models may be measured one after the other.
    """
    known, name = studies(reader), next(iter(filters.study), "")
    if not name:
        raise ConfigError("--mcode-output writes a study: name it with --mcode-study=NAME")
    if name not in known:
        close = difflib.get_close_matches(name, list(known), 1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        held = f"it holds {', '.join(known)}" if known else "run `pytest FILE.yaml` first"
        raise ConfigError(f"--mcode-study: {reader.path} holds no study {name!r}: {hint}{held}")
    summary = summarize(reader, filters, prices)
    measured = [variant for variant in summary.variants if variant.rates is not None]
    tokens = spent(reader, [variant.row.variant_id for variant in measured])
    found = [_cell(reader, v, tokens.get(v.row.variant_id)) for v in measured]
    varied = dimensions(found)
    further = study_extrapolation.guesses(found) if "samples" in varied else {}
    report = StudyReport(known[name], summary, tuple(found), varied, (), further)
    return replace(report, answers=tuple(_answers(reader, report)))


def _cell(reader: Reader, variant: VariantSummary, sums: Spent | None) -> Cell:
    key = variant.row.variant_id
    tokens = 0.0 if sums is None or sums.unreported else sums.completion_tokens / sums.items
    return Cell(variant, per_task.results(reader, key), per_task.solved(reader, key), tokens)


def _answers(reader: Reader, report: StudyReport) -> list[Answer]:
    cells, varied, models = report.cells, report.varied, report.study.models
    found = study_answers.samples(cells) if "samples" in varied else []
    found += study_extrapolation.answers(report.guesses)
    if "debug_iters" in varied:
        found += study_answers.iterations(cells)
        found += study_answers.equal_calls(cells)
        found += study_interactions.difficulty(reader, cells)
    if "model" in varied:
        found += study_levels.smallest_model(cells, models)
    for name in varied:
        if name not in ("benchmark", "model", "samples", "debug_iters"):
            found += study_levels.levels(cells, name)
    found += study_levels.judged(cells)
    return found + (study_interactions.models(cells, varied) if "model" in varied else [])
