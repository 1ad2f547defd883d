"""A study as files: `study.md`, `cells.csv`, `answers.csv`, charts, and a notebook that reads them.

`--mcode-output=DIR` writes them with the tables of `--mcode-csv` into one folder.
"""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pytest_mcode.reports import tables
from pytest_mcode.reports.cost import Price
from pytest_mcode.reports.layout import mark
from pytest_mcode.reports.markdown import table
from pytest_mcode.reports.study import StudyReport, examine
from pytest_mcode.reports.study_cells import level, words
from pytest_mcode.reports.study_charts import charts
from pytest_mcode.reports.study_text import LEGEND, caveats, constant, handed_in, pass_at_1
from pytest_mcode.stats.estimate import Estimate
from pytest_mcode.store.queries import Filters
from pytest_mcode.store.reader import Reader

NOTEBOOK = Path(__file__).with_name("templates") / "study.ipynb"
RATE = ("", "_low", "_high")
ANSWERS = ("topic", "subject", "enough", "answer")
DIFFERENCES = (
    "topic",
    "subject",
    "difference",
    "value",
    "low",
    "high",
    "p",
    "tasks",
    "won",
    "lost",
    "method",
)


def write(reader: Reader, filters: Filters, prices: Sequence[Price], path: Path) -> str:
    """Write the folder; what to tell the user. Raises `OSError`, `StoreError`, `ConfigError`."""
    report = examine(reader, filters, prices)
    path.mkdir(parents=True, exist_ok=True)
    _csv(path / "cells.csv", *_cells(report))
    _csv(
        path / "answers.csv",
        ANSWERS,
        ([a.topic, a.subject, int(a.enough), a.sentence] for a in report.answers),
    )
    _csv(path / "differences.csv", DIFFERENCES, _differences(report))
    names = []
    from pytest_mcode.reports.canvas import write as draw

    for name, chart in charts(report):
        names.append(name)
        for suffix in (".svg", ".png"):
            draw(chart, path / f"{name}{suffix}")
    (path / "study.md").write_text("\n".join(_markdown(report, names)) + "\n", "utf-8")
    shutil.copyfile(NOTEBOOK, path / "study.ipynb")
    tables.write(reader, filters, prices, path)
    return (
        f"study {report.study.name} written to {path}: study.md, study.ipynb, CSV tables and "
        f"{len(names)} charts"
    )


def _csv(path: Path, head: Sequence[str], rows: Any) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)


def _cells(report: StudyReport) -> tuple[list[str], list[list[Any]]]:
    """A row per cell: what it is, its two rates 0..1 with intervals, and what it took per task."""
    fixed = ["benchmark", "model", "samples", "debug_iters", "strategy", "feedback"]
    own = [name for name in report.varied if name not in fixed]
    rates = [f"{name}{end}" for name in ("pass_at_1", "solved") for end in RATE]
    spent = ["chosen", "attempts_per_task", "completion_tokens_per_task"]
    head = [*fixed, *own, *rates, *spent, "planned", "done", "infra", "run_id", "variant_id"]
    head += ["benchmark_tasks"]
    rows = []
    for cell in report.cells:
        counts, totals = cell.row.counts, cell.summary.totals
        values = [r for e in (pass_at_1(cell), handed_in(cell)) for r in (e.value, e.low, e.high)]
        done = max(1, counts.done)
        rows.append([
            *(getattr(cell.row.variant, name) for name in fixed),
            *(level(cell, name) for name in own),
            *values,
            int(cell.chooses),
            totals.attempts / done,
            cell.tokens or "",
            counts.planned, counts.done, counts.infra,
            cell.row.run_id, cell.row.variant_id, cell.summary.of or "",
        ])  # fmt: skip
    return head, rows


def _differences(report: StudyReport) -> Iterator[list[Any]]:
    for answer in report.answers:
        for name, d in answer.differences:
            numbers = [d.value, d.low, d.high, d.p, d.tasks, d.won, d.lost, d.method]
            yield [answer.topic, answer.subject, name, *numbers]


def _markdown(report: StudyReport, names: Sequence[str]) -> list[str]:
    found = [f"# {_plain(report.study.question or report.study.name)}", ""]
    found += [f"Study `{report.study.name}`.", ""]
    if not report.cells:
        return [*found, "Nothing is measured yet."]
    for caveat in caveats(report):
        found += [f"**{_plain(caveat)}**", ""]
    for answer in report.answers:
        found.append(
            f"- **{_plain(answer.topic)}** ({_plain(answer.subject)}): {_plain(answer.sentence)}"
        )
    varied = report.varied or ("model",)
    head = [*map(words, varied), "pass@1, %", "solved, %", "tries", "tasks"]
    rows = [
        [
            *(_plain(level(cell, name)) for name in varied),
            _shown(pass_at_1(cell)),
            _shown(handed_in(cell)) + (" chosen" if cell.chooses else ""),
            f"{cell.summary.totals.attempts / max(1, cell.row.counts.done):.1f}",
            mark(cell.row.counts) or str(cell.row.counts.done),
        ]
        for cell in report.cells
    ]
    found += ["", f"All cells: {_plain(constant(report))}.", "", _plain(LEGEND), ""]
    found += [*table(head, rows, len(varied)), ""]
    found += [f"![{name}]({name}.svg)" for name in names]
    return found


def _plain(text: str) -> str:
    """Text in which Markdown finds nothing of its own, and people no entities."""
    return re.sub(r"([\\`*_<>|&])", r"\\\1", " ".join(text.split()))


def _shown(rate: Estimate) -> str:
    return f"{100 * rate.value:.1f} [{100 * rate.low:.1f}, {100 * rate.high:.1f}]"
