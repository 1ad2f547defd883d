"""A study as lines for a terminal of 80 columns: a line per cell, then what they answer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from pytest_mcode.core.words import counted
from pytest_mcode.reports import agreement
from pytest_mcode.reports.layout import DEMONSTRATION, brief, is_demonstration, mark, wrapped
from pytest_mcode.reports.study import StudyReport
from pytest_mcode.reports.study_cells import Cell, level, words
from pytest_mcode.reports.text import about_run, subset
from pytest_mcode.stats.estimate import Estimate, estimate

LEGEND = (
    "solved: any sample, by its last repair; in cells marked `chosen` only the one that the "
    "strategy hands in. tries: draws and repairs per task; cells share them. Intervals are 95 % "
    "over tasks, differences are paired by task."
)


def lines(report: StudyReport, width: int = 80) -> list[str]:
    """Question, table, answers. Names are never cut; only they can make a line longer."""
    found = wrapped(f"study {report.study.name}: {report.study.question}".rstrip(": "), width)
    for caveat in caveats(report):
        found += [f"  {line}" for line in wrapped(caveat, width - 2)]
    if not report.cells:
        return [*found, "  nothing is measured yet"]
    found += ["", *_table(report, width), ""]
    for answer in report.answers:
        found += wrapped(f"{answer.topic} ({answer.subject})", width)
        found += [f"  {line}" for line in _sentence(answer.sentence, width - 2)]
    found += [*_judges(report, width), *([""] if report.answers else [])]
    found += wrapped(LEGEND, width)
    for run in report.summary.runs:
        found += about_run(run, width)
    if report.summary.older:
        found.append(
            f"{counted(report.summary.older, 'other measurement')} of these cells not shown"
        )
    found.append(f"database {report.summary.database}")
    return [line.rstrip() for line in found]


def _sentence(text: str, width: int) -> list[str]:
    """Wrapped, but no interval is broken."""
    whole = re.sub(r"\[[^\]]*\]", lambda hit: hit.group().replace(" ", "\u00a0"), text)
    return [line.replace("\u00a0", " ") for line in wrapped(whole, width)]


def caveats(report: StudyReport) -> Iterator[str]:
    """What must be read before any number."""
    if any(is_demonstration(cell.row) for cell in report.cells):
        yield DEMONSTRATION
    yield from filter(None, dict.fromkeys(subset(cell.summary) for cell in report.cells))
    without = max((cell.summary.choices.without_public for cell in report.cells), default=0)
    if without:
        yield (
            f"NO PUBLIC TESTS in {counted(without, 'task')}: with the feedback `public` nothing is "
            "repaired there."
        )
    if not report.complete:
        yield (
            "INCOMPLETE: answers are over the tasks that all compared cells have measured, and "
            "will move."
        )


def constant(report: StudyReport) -> str:
    """What all cells share: `tiny, samples 10, self_debug`."""
    variant = report.cells[0].row.variant
    told = {
        "benchmark": variant.benchmark,
        "model": variant.model,
        "samples": f"samples {variant.samples}",
        "debug_iters": f"repairs {variant.debug_iters}",
        "strategy": variant.strategy,
    }
    return ", ".join(text for name, text in told.items() if name not in report.varied)


def _table(report: StudyReport, width: int) -> Iterator[str]:
    names = report.varied or ("model",)
    heads = [words(name) for name in names]
    rows = [[level(cell, name) for name in names] for cell in report.cells]
    columns = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(names))]
    yield from wrapped(f"all: {constant(report)}", width)
    numbers = f"{'pass@1 %':19}  {'solved %':19}  {'tries':>5}  tasks"
    fits = sum(columns) + 2 * len(columns) + len(numbers) <= width
    head = "  ".join(f"{text:{room}}" for text, room in zip(heads, columns, strict=True))
    yield from [f"{head}  {numbers}"] if fits else [head, f"    {numbers}"]
    for cell, row in zip(report.cells, rows, strict=True):
        name = "  ".join(f"{text:{room}}" for text, room in zip(row, columns, strict=True))
        yield from [f"{name}  {_numbers(cell)}"] if fits else [name, f"    {_numbers(cell)}"]


def _numbers(cell: Cell) -> str:
    counts = cell.row.counts
    tries = cell.summary.totals.attempts / max(1, counts.done)
    state = (mark(counts) or str(counts.done)) + (" chosen" if cell.chooses else "")
    return f"{brief(pass_at_1(cell))}  {brief(handed_in(cell))}  {tries:5.1f}  {state}"


def pass_at_1(cell: Cell) -> Estimate:
    """pass@1 of a cell that measured anything."""
    assert cell.summary.rates is not None
    return cell.summary.rates.pass_at[0][1]


def handed_in(cell: Cell) -> Estimate:
    """The share of tasks whose answer passed: the chosen sample, else any of them."""
    return estimate(Counter(map(float, cell.solved.values())))


def _judges(report: StudyReport, width: int) -> Iterator[str]:
    for cell in report.cells:
        found, variant = cell.summary.choices.agreement, cell.row.variant
        if found is not None and found.judged:
            yield from wrapped(f"{variant.benchmark} {variant.label}", width)
            if found.silent:
                yield from (f"  {line}" for line in wrapped(agreement.silence(found), width - 2))
            yield from (f"  {line}" for line in agreement.lines(found))
