"""What the page shows above the tasks: variants, runs, comparisons, what to know of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pytest_mcode.core.words import counted
from pytest_mcode.reports import agreement, comparable, published, text
from pytest_mcode.reports.cost import cost_line
from pytest_mcode.reports.html_cells import Cell, names, rate
from pytest_mcode.reports.html_charts import Figure, figures
from pytest_mcode.reports.html_comparison import WIDE, Comparisons, comparisons
from pytest_mcode.reports.html_gate import Gate, decided
from pytest_mcode.reports.html_texts import visible
from pytest_mcode.reports.layout import duration, mark, unfinished
from pytest_mcode.reports.rate_names import named_rates
from pytest_mcode.reports.summary import RunSummary, Summary, VariantSummary
from pytest_mcode.store.queries import Filters
from pytest_mcode.store.reader import Reader
from pytest_mcode.store.spending import spent

COLUMNS = ("pass@1", "pass@k, largest k", "maj@n or selected", "solved@n", "after repairs")
"""Of the overview; each rate in them has its own name beside it, but for pass@1."""


@dataclass(frozen=True)
class Line:
    """One variant in the overview."""

    name: str
    benchmark: str
    model: str
    mark: str
    tasks: str
    warnings: tuple[str, ...]
    rates: Mapping[str, tuple[tuple[str, Cell], ...]]
    """Column -> name and value of each rate in it."""
    more: tuple[tuple[Cell, Cell], ...]
    """All rates, by name."""
    short: str
    """What is to be found in `more`, `spent` and `settings`."""
    spent: tuple[str, ...]
    """Verdicts, tokens, seconds, cost."""
    judged: str
    """A judge's agreement with the tests, as a table in text; empty without one."""
    fingerprint: str
    settings: str


@dataclass(frozen=True)
class Run:
    """One run."""

    run_id: str
    started: str
    took: str
    version: str
    command: str
    mark: str
    resume: str
    """What to type to go on with it; empty where nothing is missing."""
    infra: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Section:
    """All that is said of one benchmark."""

    benchmark: str
    head: tuple[str, ...]
    """Columns of rates."""
    warnings: tuple[str, ...]
    """Those of all its variants."""
    lines: tuple[Line, ...]
    figures: tuple[Figure, ...]
    published: tuple[tuple[Cell, ...], ...]
    """Its variants beside those of others; empty where nobody has published any."""
    sources: tuple[tuple[str, str], ...]
    """When and where these were."""


@dataclass(frozen=True)
class Page:
    """All but the tasks."""

    title: str
    said: str
    database: str
    """Its file name: the page travels, and a path would tell who made it."""
    sections: tuple[Section, ...]
    runs: tuple[Run, ...]
    gates: tuple[Gate, ...]
    compared: Comparisons
    older: int
    legend: str
    incomplete: bool = False
    variants: list[dict[str, str]] = field(default_factory=list)
    """Name, benchmark and model for the filters, in the order of the drill-down."""


def page(reader: Reader, summary: Summary, filters: Filters, compare: str) -> Page:
    """What there is to say of the variants of a summary."""
    called = names([v.row for v in summary.variants])
    benchmarks = dict.fromkeys(v.row.variant.benchmark for v in summary.variants)
    models = dict.fromkeys(visible(v.row.variant.model) for v in summary.variants)
    tokens = spent(reader, [v.row.variant_id for v in summary.variants])
    sections, beside = [], published.beside(summary)
    for benchmark in benchmarks:
        of = [v for v in summary.variants if v.row.variant.benchmark == benchmark]
        rows = [row for row in beside if row.benchmark == benchmark]
        sections.append(_section(benchmark, of, called, tuple(figures(of, tokens)), rows))
    return Page(
        title=f"{', '.join(benchmarks)}: "
        + (", ".join(models) if len(models) < 3 else f"{len(models)} models"),
        said=_said(summary),
        database=summary.database.name,
        sections=tuple(sections),
        runs=tuple(map(_run, summary.runs)),
        gates=decided(reader, [run.row.run_id for run in summary.runs]),
        compared=comparisons(reader, summary, filters, compare),
        older=summary.older,
        legend=_legend(summary),
        incomplete=not all(v.row.counts.complete for v in summary.variants),
        variants=[
            {
                "name": called[v.row.variant_id],
                "bench": visible(v.row.variant.benchmark),
                "model": visible(v.row.variant.model),
            }
            for v in summary.variants
        ],
    )


def _legend(summary: Summary) -> str:
    repaired = any(v.row.variant.debug_iters for v in summary.variants)
    chosen = any(v.choices.rates for v in summary.variants)
    parts = [text.LEGEND] + ["Solved by iteration j counts repairs."] * repaired
    return " ".join(parts + [text.CHOOSING] * chosen)


def _section(
    benchmark: str,
    variants: Sequence[VariantSummary],
    called: Mapping[int, str],
    drawn: tuple[Figure, ...],
    beside: Sequence[published.Row],
) -> Section:
    lines = [_line(v, called[v.row.variant_id]) for v in variants]
    head = tuple(column for column in COLUMNS if any(line.rates[column] for line in lines))
    every = tuple(w for w in lines[0].warnings if all(w in line.warnings for line in lines))
    own = (tuple(w for w in line.warnings if w not in every) for line in lines)
    kept = tuple(replace(line, warnings=w) for line, w in zip(lines, own, strict=True))
    cells = tuple(tuple(map(Cell, row[1:])) for row in published.table(beside))
    sources = tuple(published.sources(beside))
    return Section(benchmark, head, every, kept, drawn, cells, sources)


def _said(summary: Summary) -> str:
    """How much was measured, when, and whether all of it was."""
    tasks = sum(v.row.counts.done for v in summary.variants)
    attempts = sum(v.totals.attempts for v in summary.variants)
    days = sorted({run.row.started[:10] for run in summary.runs})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    infra = sum(v.row.counts.infra for v in summary.variants)
    parts = [
        counted(len(summary.variants), "variant"),
        counted(tasks, "measured item") + " (tasks of a variant)",
        counted(attempts, "attempt"),
        f"{counted(len(summary.runs), 'run')}, {when}",
        f"{infra:,} infra",
    ]
    complete = all(v.row.counts.complete for v in summary.variants)
    return ", ".join([*parts, *(["complete"] if complete else [])])


def _line(variant: VariantSummary, name: str) -> Line:
    row, found = variant.row, _rates(variant)
    counts, judged = row.counts, variant.choices.agreement
    several = len(found) > sum(bool(column) for column, _, _ in found)
    return Line(
        name=name,
        benchmark=row.variant.benchmark,
        model=visible(row.variant.model),
        mark=mark(counts),
        tasks=f"{counts.done:,} of {counts.planned:,}",
        warnings=tuple(text.warnings(variant, WIDE)),
        rates={
            wanted: tuple((label, cell) for column, label, cell in found if column == wanted)
            for wanted in COLUMNS
        },
        more=tuple((Cell(label), cell) for _, label, cell in found),
        short=f"{'All rates, verdicts' if several else 'Verdicts'}, tokens, settings",
        spent=tuple(_spent(variant)),
        judged="\n".join(agreement.lines(judged)) if judged else "",
        fingerprint=row.fingerprint,
        settings=json.dumps(row.settings, indent=2, sort_keys=True, ensure_ascii=False),
    )


def _rates(variant: VariantSummary) -> list[tuple[str, str, Cell]]:
    """Column of the overview, empty for none, name and value of every rate."""
    found = list(named_rates(variant))
    largest = variant.rates.pass_at[-1][0] if variant.rates else 1
    return [(_column(name, variant, largest), name, rate(value)) for name, value in found]


def _column(name: str, variant: VariantSummary, largest: int) -> str:
    cell = variant.row.variant
    first, most, selected, any_draw, repaired = COLUMNS
    if name.startswith("pass@"):
        k = int(name.removeprefix("pass@").partition(" ")[0])
        return first if k == 1 else most if k == largest else ""
    if name.startswith("solved@"):
        return any_draw if cell.samples > 1 else ""
    if name.startswith("solved by"):
        return repaired if name.startswith(f"solved by iteration {cell.debug_iters},") else ""
    return selected if not name.startswith("maj@") or name == f"maj@{cell.samples}" else ""


def _spent(variant: VariantSummary) -> Iterator[str]:
    totals, spending, done = variant.totals, variant.spending, variant.row.counts.done
    counts: dict[str, int] = {}
    for v in variant.verdicts:
        counts[v.verdict] = counts.get(v.verdict, 0) + v.attempts
    yield f"{counted(sum(counts.values()), 'attempt')}: " + ", ".join(
        f"{k} {n:,}" for k, n in counts.items()
    )
    if spending.asked and spending.unreported:
        yield f"tokens not reported in {counted(spending.unreported, 'task')}"
    elif spending.asked:
        thought = f" ({totals.thinking_tokens:,} thinking)" if totals.thinking_tokens else ""
        said = f"{totals.prompt_tokens:,} prompt and {totals.completion_tokens:,} completion tokens"
        yield said + thought
    if done and spending.asked and not totals.reused:
        each = duration((totals.request_s + totals.check_s) / done)
        yield f"{each} per task, generating and checking (summed)"
    if said := comparable.line(variant):
        yield said
    if totals.reused:
        yield f"{counted(totals.reused, 'answer')} from the database (no calls, tokens or time)"
    if line := cost_line(spending, mark(variant.row.counts)):
        yield line


def _run(run: RunSummary) -> Run:
    row = run.row
    version = f"{row.version} ({row.git})" if row.git else row.version
    return Run(
        run_id=row.run_id,
        started=f"{row.started[:16].replace('T', ' ')} UTC",
        took=duration(run.elapsed_s) + ("" if row.finished else " so far"),
        version=version,
        command=row.command,
        mark=mark(row.counts),
        resume="" if run.stopped else unfinished(row)[1],
        infra=tuple((count, message) for message, count in run.infra),
    )
