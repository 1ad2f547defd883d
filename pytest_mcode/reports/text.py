"""A summary as lines for a terminal of 80 columns. Plain ASCII; somebody else prints them.

pass@k never counts a repair, and a rate of an incomplete run never stands without its mark.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from pytest_mcode.core.records import Json
from pytest_mcode.core.words import TRACEBACK, counted
from pytest_mcode.reports import agreement, comparable, published
from pytest_mcode.reports.cost import Spending, cost_line
from pytest_mcode.reports.layout import (
    DEMONSTRATION,
    FEEDBACK,
    HEAD,
    cut_off,
    duration,
    is_demonstration,
    mark,
    rate_line,
    unfinished,
    waiting,
    wrapped,
)
from pytest_mcode.reports.overview import overview
from pytest_mcode.reports.summary import Rates, RunSummary, Summary, VariantSummary
from pytest_mcode.stats.estimate import Estimate
from pytest_mcode.store.queries import Totals, VerdictCount

LEGEND = (
    "pass@k: k independent draws, no feedback (unbiased). solved@n: any of the n draws. "
    "Intervals are over tasks."
)
CHOOSING = (
    "maj@k: the largest of the groups in which k draws behave alike. NAME-selected: the one draw "
    "that the strategy handed in. Neither saw a test's verdict."
)

MOST_NAMED = 10
"""Tasks that a warning names."""

NARROWEST = 60
"""Columns below which tables are not squeezed any further."""


def lines(summary: Summary, width: int = 80) -> list[str]:
    """All variants, an overview when there are several, the runs, and where it is stored.

    Paths, ids and names are never cut; only they can make a line longer than `width`.
    """
    width = max(width, NARROWEST)
    if not summary.variants:
        return [f"no results match in {summary.database}"]
    found: list[str] = []
    for variant in summary.variants:
        found += [*(line.rstrip() for line in _variant(variant, width)), ""]
    if len(summary.variants) > 1:
        found += [*overview(summary, width), ""]
    if beside := published.lines(summary, width):
        found += [*beside, ""]
    if any(variant.rates for variant in summary.variants):
        found += wrapped(LEGEND, width)
    if any(variant.choices.rates for variant in summary.variants):
        found += wrapped(CHOOSING, width)
    for run in summary.runs:
        found += about_run(run, width)
    if summary.older:
        older = counted(summary.older, "other measurement")
        found += wrapped(
            f"{older} of these variants not shown; --mcode-report -v lists runs", width
        )
    found.append(f"database {summary.database}")
    return found


def _variant(variant: VariantSummary, width: int) -> Iterator[str]:
    row = variant.row
    cell = row.variant
    yield from wrapped(
        f"{cell.benchmark}  {cell.model}  samples {cell.samples}  repairs {cell.debug_iters}  "
        f"({', '.join(filter(None, (cell.strategy, cell.options)))})",
        width,
    )
    limit = f", {row.timeout_s:g} s per program{_conditions(row.settings)}" if row.timeout_s else ""
    yield f"  run {row.run_id}, fingerprint {row.fingerprint}{limit}"
    counts = row.counts
    yield f"  {counts.done:,} of {counted(counts.planned, 'task')} done, {counts.infra:,} infra"
    yield from (f"  {line}" for line in warnings(variant, width - 2))
    yield from (f"  {line}" for line in wrapped(comparable.line(variant), width - 2))
    if variant.rates is not None:
        yield from (f"  {line}" for line in _rates(variant, variant.rates, width - 2))
        yield from (f"  {line}" for line in _verdicts(variant.verdicts, width - 2))
        yield from (f"  {line}" for line in _judged(variant))
        yield from (f"  {line}" for line in _verified(variant, width - 2))
        yield from (f"  {line}" for line in _totals(variant, width - 2))


def _conditions(parts: Mapping[str, Json]) -> str:
    """How the limit was applied, where that is out of the ordinary."""
    sandbox = parts.get("sandbox")
    factor = sandbox.get("host_factor", 1) if isinstance(sandbox, Mapping) else 1
    slow = f" x {factor} (slow host)" if isinstance(factor, int) and factor > 1 else ""
    times = parts.get("verify_times", 1)
    return slow + (f", each verified {times} times" if times > 1 else "")


def warnings(variant: VariantSummary, width: int) -> Iterator[str]:
    """What must be known before one of the variant's rates is believed."""
    counts = variant.row.counts
    if is_demonstration(variant.row):
        yield from wrapped(DEMONSTRATION, width)
    yield from wrapped(subset(variant), width)
    if counts.infra:
        yield from wrapped(
            f"INFRA: {counted(counts.infra, 'task')} failed for reasons that are not the model's; "
            "in no rate below.",
            width,
        )
    if counts.drawn:
        yield from wrapped(
            f"WAITING: {waiting(counts, 'task')}, and in no rate (--mcode-phase=verify).", width
        )
    if not counts.complete and (counts.done or not counts.drawn):
        yield from wrapped(
            "INCOMPLETE: rates are over the tasks done and will move; do not compare them.", width
        )
    yield from wrapped(cut_off(variant.cut, variant.totals.attempts), width)
    forged = sum(v.attempts for v in variant.verdicts if v.verdict == "forged")
    if forged:
        tried = counted(forged, "answer")
        yield f"FORGED: {tried} tried to pass without solving; no pass."
    judged = variant.choices.agreement
    if judged is not None and judged.silent:
        yield from wrapped(agreement.silence(judged), width)
    if variant.flaky:
        more = ["..."] if len(variant.flaky) > MOST_NAMED else []
        named = ", ".join([*variant.flaky[:MOST_NAMED], *more])
        yield from wrapped(
            f"FLAKY verdicts: {variant.totals.flaky} ({named}): the same program ended differently "
            "when it was verified again; no pass.",
            width,
        )


def subset(variant: VariantSummary) -> str:
    """That its rates are of some tasks of the benchmark; empty where they are of all."""
    planned, benchmark = variant.row.counts.planned, variant.row.variant.benchmark
    if planned >= variant.of:
        return ""
    of = f"{variant.of:,} tasks of {benchmark}"
    return f"SUBSET: {planned:,} of the {of}; rates are of these alone."


def _rates(variant: VariantSummary, rates: Rates, width: int) -> Iterator[str]:
    cell, note = variant.row.variant, mark(variant.row.counts)
    yield ""
    yield HEAD
    for k, rate in rates.pass_at:
        yield rate_line(f"pass@{k}", rate, note)
    for group, pass_at in rates.groups:
        for k, rate in pass_at:
            yield rate_line(f"pass@{k} {group}", rate, note)
    for name, rate in variant.choices.rates:
        yield rate_line(name, rate, note)
    yield rate_line(f"solved@{cell.samples}", rates.solved_at_n, note)
    if cell.stops_early:
        yield from wrapped(
            "draws end at the first pass (--mcode-stop): pass@1 is of first draws, no other pass@k "
            "is given.",
            width,
        )
    elif rates.short:
        yield from wrapped(
            f"{counted(rates.short, 'task has', 'tasks have')} fewer than {cell.samples} draws: "
            "pass@1 is of their first draw, no other pass@k is given.",
            width,
        )
    if cell.debug_iters:
        source = FEEDBACK.get(cell.feedback, cell.feedback)
        yield ""
        yield f"solved by iteration j (feedback: {source})"
        if unshown := variant.choices.without_public:
            yield from wrapped(
                f"without public tests: {unshown:,} of {counted(variant.row.counts.done, 'task')}; "
                "their draws were not repaired.",
                width,
            )
        if cell.samples > 1:
            yield f"any of {cell.samples} samples:"
        yield from _iterations(rates.any_by_iteration, note)
        if cell.samples > 1 and rates.one_by_iteration:
            yield f"one sample (mean of {cell.samples}):"
            yield from _iterations(rates.one_by_iteration, note)
    yield ""


def _iterations(rates: Sequence[Estimate], note: str) -> list[str]:
    return [rate_line(f"  j = {j}", rate, note) for j, rate in enumerate(rates)]


def _verdicts(verdicts: Sequence[VerdictCount], width: int) -> Iterator[str]:
    for repair, noun in ((False, "draw"), (True, "repair")):
        counts: dict[str, int] = {}
        for v in verdicts:
            if v.repair == repair:
                counts[v.verdict] = counts.get(v.verdict, 0) + v.attempts
        if counts:
            ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
            listed = ", ".join(f"{verdict} {count:,}" for verdict, count in ordered)
            yield from wrapped(f"{counted(sum(counts.values()), noun)}: {listed}", width)
    inside = sum(v.attempts for v in verdicts if v.mode == "in_process")
    if inside:
        yield from wrapped(
            f"{counted(inside, 'verdict')} in_process: the candidate ran beside its tests.", width
        )


def _judged(variant: VariantSummary) -> Iterator[str]:
    found = variant.choices.agreement
    if found is not None:
        yield from agreement.lines(found)
        yield ""


def _verified(variant: VariantSummary, width: int) -> Iterator[str]:
    cached = variant.totals.cached
    if cached:
        empty = sum(v.attempts for v in variant.verdicts if v.verdict == "no_code")
        programs = variant.totals.attempts - empty - cached
        yield from wrapped(
            f"verified {counted(programs, 'program')}, {counted(cached, 'verdict')} from the cache",
            width,
        )


def _totals(variant: VariantSummary, width: int) -> Iterator[str]:
    totals, spending = variant.totals, variant.spending
    if totals.reused:
        yield from wrapped(
            f"drawn {totals.drawn:,}, taken from the database {totals.reused:,} "
            "(no calls, tokens or time)",
            width,
        )
    if spending.asked:
        yield from wrapped(_tokens(totals, spending), width)
    yield from wrapped(cost_line(spending, mark(variant.row.counts)), width)
    yield from wrapped(
        f"time (summed): {duration(totals.request_s)} generating, {duration(totals.queue_s)} "
        f"queueing, {duration(totals.check_s)} checking",
        width,
    )
    if spending.asked and spending.solved and not totals.reused:
        busy = (totals.request_s + totals.check_s) / spending.solved
        yield f"per solved task: {duration(busy)} generating and checking (summed)"


def _tokens(totals: Totals, spending: Spending) -> str:
    if spending.unreported and not totals.prompt_tokens + totals.completion_tokens:
        return f"tokens not reported by the server, {counted(totals.calls, 'call')}"
    thought = f" ({totals.thinking_tokens:,} thinking)" if totals.thinking_tokens else ""
    line = (
        f"tokens: {totals.prompt_tokens:,} prompt, {totals.completion_tokens:,} completion"
        f"{thought}, {counted(totals.calls, 'call')}"
    )
    missing = (
        f"; not reported in {counted(spending.unreported, 'task')}" if spending.unreported else ""
    )
    return line + missing


def about_run(run: RunSummary, width: int) -> Iterator[str]:
    """How long it took; what to type if it is not complete; its infra errors."""
    seconds = run.elapsed_s
    speed = ""
    if seconds > 0 and run.attempts:
        speed = f", {run.attempts / seconds:,.1f} attempts/s"
        if run.completion_tokens:
            speed += f", {run.completion_tokens / seconds:,.0f} tokens/s"
    state = "" if run.row.finished else " so far"
    yield f"run {run.row.run_id}: {duration(seconds)}{state}{speed}"
    counts = run.row.counts
    if run.stopped and not counts.complete:
        yield f"  stopped by the gate {run.stopped}"
    elif not counts.complete:
        left, command = unfinished(run.row)
        yield f"  {left}; to go on with it type"
        yield f"  {command}"
    for message, count in run.infra[:3]:
        said = message.partition(TRACEBACK)[0]
        past = " earlier, measured since" if counts.complete else ""
        shown = f"infra x{count}{past}: {textwrap.shorten(said, 3 * width)}"
        yield from (f"  {line}" for line in wrapped(shown, width - 2))
    if len(run.infra) > 3:
        yield f"  and {counted(len(run.infra) - 3, 'other infra message')}"
