"""A summary as GitHub's Markdown: for a job's summary page and for comments (`--mcode-md`)."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pytest_mcode.core.records import Json
from pytest_mcode.reports import comparable, published, text
from pytest_mcode.reports.cost import Price
from pytest_mcode.reports.layout import duration, mark, unfinished
from pytest_mcode.reports.rate_names import named_rates
from pytest_mcode.reports.summary import Summary, VariantSummary, summarize
from pytest_mcode.stats.estimate import Estimate
from pytest_mcode.store import gates, listing
from pytest_mcode.store.gates import GateRow
from pytest_mcode.store.queries import Filters
from pytest_mcode.store.reader import Reader

MOST = 60_000
"""Characters: a comment on GitHub holds 65,536, a job's summary a million."""
LONGEST_REASON = 160
"""Letters of an error that are shown."""
MOST_NAMED = 5

_SPECIAL = re.compile(r"[&<>|`*_\[\]\\~$!#@^]|:(?=\S)")


def write(
    reader: Reader, filters: Filters, prices: Sequence[Price], path: Path, compare: str = ""
) -> str:
    """Write the file; what to tell the user. Raises `OSError`, `StoreError` and `ConfigError`.

    The job's summary (`GITHUB_STEP_SUMMARY`) belongs to all steps of a job and is added to; any
    other file is replaced.
    """
    page = "\n".join(lines(reader, filters, prices, compare)) + "\n"
    shared = os.environ.get("GITHUB_STEP_SUMMARY", "")
    added = bool(shared) and path == Path(shared).resolve()
    with path.open("a" if added else "w", encoding="utf-8") as file:
        file.write(page)
    return f"Markdown {'added to' if added else 'written to'} {path}"


def lines(
    reader: Reader, filters: Filters, prices: Sequence[Price] = (), compare: str = ""
) -> list[str]:
    """The page: gate, rates, warnings, comparison, and folded all rates and unsolved tasks."""
    found = summarize(reader, filters, prices)
    if not found.variants:
        return ["### mcode", "", "no results match"]
    page = ["### mcode", ""]
    for decision in gates.newest(reader, [run.row.run_id for run in found.runs]):
        page += [*_gate(decision), ""]
    page += [*_rates(found), ""]
    page += _warnings(found)
    page += _published(found)
    chosen = any(variant.choices.rates for variant in found.variants)
    page += ["", text.LEGEND, *([text.CHOOSING] if chosen else []), ""]
    if compare:
        page += _comparison(reader, filters, compare)
    page += _folded("All rates", list(_every_rate(found)))
    page += _runs(found)
    for variant in found.variants:
        room = MOST - sum(len(line) + 1 for line in page)
        page += _unsolved(reader, variant, _name(found, variant), room)
    return page


def code(text: str) -> str:
    """Foreign text, in the type of code; nothing in it is Markdown, HTML, a link or a mention."""
    return f"<code>{escaped(text)}</code>"


def escaped(text: str) -> str:
    """Foreign text on one line: what Markdown could read as its own becomes an entity."""
    line = " ".join(text.split())
    return _SPECIAL.sub(lambda found: f"&#{ord(found.group())};", line)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> list[str]:
    """A table; the columns after the first `left` ones hold numbers."""
    rule = ["---" if i < left else "--:" for i in range(len(head))]
    return [f"| {' | '.join(row)} |" for row in (head, rule, *rows)]


def _within(rows: Sequence[Sequence[str]], room: int, what: str) -> list[Sequence[str]]:
    """The first rows that take `room` characters, and one that counts the others."""
    for i, row in enumerate(rows):
        room -= sum(len(cell) + 3 for cell in row) + 2
        if room < 0:
            more = f"and {len(rows) - i:,} more {what}, which are in the database"
            return [*rows[:i], [more, *[""] * (len(row) - 1)]]
    return list(rows)


def _name(found: Summary, variant: VariantSummary) -> str:
    return code(found.names[variant.row.variant_id])


def _rates(found: Summary) -> list[str]:
    rows = []
    for variant in found.variants:
        counts, rates = variant.row.counts, variant.rates
        state = f"**{mark(counts)}**" if mark(counts) else variant.subset or f"{counts.done}"
        cells = ["", "", ""]
        if rates is not None:
            k, most = rates.pass_at[-1]
            last = len(rates.any_by_iteration) - 1
            cells = [
                _shown(rates.pass_at[0][1]),
                f"{_shown(most)} (k = {k})" if k > 1 else "",
                f"{_shown(rates.any_by_iteration[-1])} {_reached(variant, last)}",
            ]
        rows.append([_name(found, variant), *cells, state, f"{counts.infra}"])
    head = ["variant", "pass@1 %", "pass@k %", "solved, any sample %", "tasks", "infra"]
    return table(head, _within(rows, MOST // 4, "variants"), left=1)


def _reached(variant: VariantSummary, iteration: int) -> str:
    return f"(n = {variant.row.variant.samples}{f', j = {iteration}' if iteration else ''})"


def _shown(rate: Estimate) -> str:
    return f"{100 * rate.value:.2f} [{100 * rate.low:.2f}, {100 * rate.high:.2f}]"


def _warnings(found: Summary) -> Iterator[str]:
    """Each warning once, with the variants that it is about."""
    named: defaultdict[str, list[str]] = defaultdict(list)
    for variant in found.variants:
        for line in text.warnings(variant, 10_000):
            named[line].append(_name(found, variant))
    for line, names in named.items():
        more = len(names) - MOST_NAMED
        listed = ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
        whose = "all variants" if len(names) == len(found.variants) > 1 else listed
        yield f"- **{escaped(line)}** ({whose})"


def _published(found: Summary) -> list[str]:
    """Whether rates stand as EvalPlus's do, and these."""
    said = [(comparable.line(variant), _name(found, variant)) for variant in found.variants]
    page = [f"- {escaped(line)} ({name})" for line, name in said if line]
    rows = published.beside(found)
    if not rows:
        return page
    cells = [
        [
            bench,
            code(model) if origin.startswith("published") else f"**{code(model)}**",
            origin,
            *at,
        ]
        for bench, model, origin, *at in published.table(rows)
    ]
    shown = table(published.HEAD, _within(cells, MOST // 4, "rows"), left=3)
    named = [f"- {origin}: <{address}>" for origin, address in published.sources(rows)]
    head = ["", f"#### {published.TITLE}", ""]
    return [*page, *head, *shown, "", published.NOTE, "", *named]


def _comparison(reader: Reader, filters: Filters, compare: str) -> list[str]:
    from pytest_mcode.reports import comparison_request, comparison_text

    told = comparison_text.lines(comparison_request.requested(reader, compare, filters))
    shown = told[: MOST // 4 // 80] + ["..."] * (len(told) > MOST // 4 // 80)
    return _folded("Comparison", ["```text", *map(_fenced, shown), "```"], opened=True)


def _every_rate(found: Summary) -> Iterator[str]:
    rows = [
        [_name(found, variant), name, _shown(rate), mark(variant.row.counts)]
        for variant in found.variants
        for name, rate in named_rates(variant)
    ]
    shown = _within(rows, MOST // 4, "rates")
    yield from table(["variant", "rate", "% [95 %]", ""], shown, left=2)


def _runs(found: Summary) -> list[str]:
    rows = [
        [code(run.row.run_id), duration(run.elapsed_s), code(run.row.command)]
        for run in found.runs[:MOST_NAMED]
    ]
    page = table(["run", "time", "command"], rows, left=3)
    left = [unfinished(run.row) for run in found.runs[:MOST_NAMED] if run.row.counts.drawn]
    page += ["", *(f"- {what}: {code(command)}" for what, command in left)] if left else []
    infra = [(message, count) for run in found.runs for message, count in run.infra]
    page += (
        ["", *(f"- infra x{n}: {code(_cut(m))}" for m, n in infra[:MOST_NAMED])] if infra else []
    )
    return _folded(f"Runs ({len(found.runs)})", page)


def _gate(decision: GateRow) -> list[str]:
    judged: Sequence[Mapping[str, Json]] = decision.record.get("judgements", ())
    against = f" against {code(decision.baseline)}" if decision.baseline else ""
    page = [f"**Gate: {decision.status.upper()}**{against}, run {code(decision.run_id)}", ""]
    if not judged:
        return [*page, "nothing was evaluated"]
    rows = [_judged(j, bool(decision.baseline)) for j in judged]
    head = ["variant", "decision", "rate", "baseline %", "this run %", "change", "won / lost"]
    page += [*table([*head, "tasks"], rows, left=3), ""]
    rule: Mapping[str, Json] = decision.record.get("rule", {})
    if decision.baseline and rule:
        level = f"{100 * (1 - rule['alpha']):g} %"
        page.append(
            f"Change in points with one-sided bounds, each at {level}; accepted is a drop of less "
            f"than {100 * rule['max_drop']:g} points."
        )
    if changed := decision.record.get("changed", ()):
        page.append(f"Differs from the baseline: {', '.join(map(code, changed[:MOST_NAMED]))}.")
    return page


def _judged(j: Mapping[str, Json], compared: bool) -> list[str]:
    change = f"{100 * (j['new'] - j['old']):+.2f} [{100 * j['low']:+.2f}, {100 * j['high']:+.2f}]"
    return [
        code(str(j["label"])),
        f"**{j['status']}**: {escaped(str(j['reason']))}",
        escaped(str(j["metric"])),
        f"{100 * j['old']:.2f}" if compared else "",
        f"{100 * j['new']:.2f}",
        change if compared else "",
        f"{len(j['won'])} / {len(j['lost'])}" if compared else "",
        f"{j['tasks']} of {j['planned']}",
    ]


def _unsolved(reader: Reader, variant: VariantSummary, name: str, room: int) -> list[str]:
    """As many unsolved tasks as there is room for, why in the words of the last attempt."""
    unsolved = listing.unsolved(reader, variant.row.variant_id)
    if not unsolved:
        return []
    if room < 1000:
        return [f"{len(unsolved)} unsolved: {name}", ""] if room > 0 else []
    rows = [[code(task), code(_cut(why))] for task, why in unsolved]
    page = table(["task", "last attempt"], _within(rows, room - 600, "tasks"), left=2)
    return _folded(f"{len(unsolved)} unsolved: {name}", page)


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 3]}..."


def _folded(title: str, page: Sequence[str], *, opened: bool = False) -> list[str]:
    start = "<details open>" if opened else "<details>"
    return [f"{start}<summary>{title}</summary>", "", *page, "", "</details>", ""]


def _fenced(line: str) -> str:
    """A line that does not end the block of code it stands in."""
    return line.replace("```", "'''")
