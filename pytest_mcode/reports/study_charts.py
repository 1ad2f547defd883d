"""The charts of a study: which of them its dimensions call for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_mcode.reports.canvas import Chart
from pytest_mcode.reports.charts import Bar, Series, Spot, bars, coverage, forest, heat, iterations
from pytest_mcode.reports.charts import spending as spent
from pytest_mcode.reports.study import StudyReport
from pytest_mcode.reports.study_cells import POOLED, Cell, largest, level, subject, words
from pytest_mcode.reports.study_text import handed_in, pass_at_1
from pytest_mcode.stats.estimate import Estimate
from pytest_mcode.stats.paired import Difference


def charts(report: StudyReport) -> Iterator[tuple[str, Chart]]:
    """(file name without suffix, chart)."""
    cells, varied = report.cells, report.varied
    if not cells:
        return
    pools = {subject([cell], cells, *POOLED): cell for cell in largest(cells)}
    if "samples" in varied:
        guessed = report.guesses
        series = [Series(n, _rates(cell), guessed.get(n, ())) for n, cell in pools.items()]
        note = "dashed: extrapolated, not measured" if guessed else ""
        yield "coverage", coverage(series, "pass@k by the number of samples", note=note)
    if "debug_iters" in varied:
        series = [Series(name, _repairs(cell)) for name, cell in pools.items()]
        yield "iterations", iterations(series, "One sample solved by repair j")
    if set(varied) - set(POOLED):
        rows = [Bar(name, pass_at_1(cell)) for name, cell in pools.items()]
        yield "pass-at-1", bars(rows, "One draw")
        rows = [Bar(name, handed_in(cell)) for name, cell in pools.items()]
        yield "solved", bars(rows, "Solved by all draws and repairs", rate="solved, %")
    inner = [name for name in varied if name != "benchmark"]
    if len(inner) == 2 and "benchmark" not in varied:
        down, across = inner
        square = {(level(c, down), level(c, across)): handed_in(c) for c in cells}
        title = f"Solved by {words(down)} and {words(across)}"
        yield "grid", heat(square, title, factors=(words(down), words(across)), rate="solved, %")
    spots = [Spot(_name(report, cell), cell.tokens, handed_in(cell)) for cell in cells]
    if any(spot.spent for spot in spots):
        yield "spending", spent(spots, "What it takes")
    for topic in dict.fromkeys(answer.topic for answer in report.answers):
        rows_of, of = _differences(report, topic)
        if rows_of:
            name = re.sub(r"\W+", "-", topic.partition(",")[0] if "listed" in topic else topic)
            title = f"{topic[:1].upper()}{topic[1:]}: paired differences"
            yield name, forest(rows_of, title, axis=f"{of}, percentage points")


def _differences(report: StudyReport, topic: str) -> tuple[list[tuple[str, Difference]], str]:
    """Of one topic, named as shortly as its subjects allow, and what all names say at their end."""
    answers = [answer for answer in report.answers if answer.topic == topic]
    alone = len(answers) == 1
    start = "" if "benchmark" in report.varied else f"{report.cells[0].row.variant.benchmark}, "
    found = [
        (name if alone else f"{answer.subject.removeprefix(start)}: {name}", difference)
        for answer in answers
        for name, difference in answer.differences
    ]
    ends = {name.rpartition(": ")[2] for name, _ in found}
    if len(found) < 2 or len(ends) > 1:
        return found, "difference"
    return [(name.rpartition(": ")[0], difference) for name, difference in found], ends.pop()


def _rates(cell: Cell) -> tuple[tuple[float, Estimate], ...]:
    assert cell.summary.rates is not None
    return tuple((float(k), rate) for k, rate in cell.summary.rates.pass_at)


def _repairs(cell: Cell) -> tuple[tuple[float, Estimate], ...]:
    assert cell.summary.rates is not None
    rates = cell.summary.rates.one_by_iteration or cell.summary.rates.any_by_iteration
    return tuple((float(j), rate) for j, rate in enumerate(rates))


def _name(report: StudyReport, cell: Cell) -> str:
    return ", ".join(f"{words(n)} {level(cell, n)}" for n in report.varied) or cell.row.label
