"""The sentences: each computed from the data, with its uncertainty, or with what is missing.

"Not enough data" names the tasks that would decide, if the rates stayed what they are: an interval
of a mean over tasks narrows with the square root of their number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import takewhile

from pytest_mcode.core.words import counted
from pytest_mcode.reports.choices import allowed
from pytest_mcode.reports.study_cells import (
    LEVEL,
    POOLED,
    Answer,
    Cell,
    about_tasks,
    chance,
    largest,
    points,
    steps,
    subject,
    tasks_to_see,
)
from pytest_mcode.stats import curve
from pytest_mcode.stats.multiple import holm
from pytest_mcode.stats.paired import difference
from pytest_mcode.stats.pass_at_k import pass_at_k
from pytest_mcode.stats.unpaired import tasks_for

POINT = 0.01
"""Gains below one percentage point are taken for none."""


def samples(cells: Sequence[Cell]) -> list[Answer]:
    """Where another doubling of samples gains less than a point: read off the largest cells."""
    found = []
    for cell in largest(cells):
        n = cell.row.variant.samples
        if n > 1 and not cell.short and "pass@k" in allowed(cell.row):
            counts = Counter((r.samples, r.passes()) for r in cell.results.values())
            ks = steps(cells, cell, "samples")
            ks = sorted({1, *ks}) if len(ks) > 2 else list(curve.ladder(n))
            found.append(_samples(subject([cell], cells, *POOLED), curve.gains(counts, ks)))
    return found


def _samples(about: str, gains: Sequence[curve.Gain]) -> Answer:
    seen = tuple((f"{g.k} to {g.to} samples", g.gain) for g in gains)
    knee, last = curve.knee(gains, POINT), gains[-1]
    by_k = {gain.k: gain for gain in gains}
    if knee.proved is not None:
        sentence = (
            f"From {counted(knee.proved, 'sample')} on another doubling gains less than 1 point "
            f"({_per(by_k[knee.proved])})."
        )
        return Answer("returns of more samples", about, sentence, True, seen)
    if knee.likely is not None:
        gain = by_k[knee.likely]
        needed = tasks_for(gain.gain.tasks, gain.high - gain.value, POINT - gain.value)
        sentence = (
            f"Not enough data: from {counted(knee.likely, 'sample')} on another doubling seems to "
            f"gain less than 1 point ({_per(gain)}); {about_tasks(needed)} would show it."
        )
        return Answer("returns of more samples", about, sentence, False, seen)
    if last.low >= POINT:
        sentence = (
            f"Returns do not diminish below 1 point a doubling up to {last.to} samples "
            f"({_per(last)})."
        )
        return Answer("returns of more samples", about, sentence, True, seen)
    needed = tasks_for(last.gain.tasks, last.high - last.value, last.value - POINT)
    sentence = (
        f"Not enough data: the last doublings still seem to gain more than 1 point "
        f"({_per(last)}); {about_tasks(needed)} would show it, and more samples where they end."
    )
    return Answer("returns of more samples", about, sentence, False, seen)


def _per(gain: curve.Gain) -> str:
    shown = f"{100 * gain.value:+.1f} [{100 * gain.low:+.1f}, {100 * gain.high:+.1f}] points"
    return f"{shown} a doubling from {gain.k} to {gain.to}"


def iterations(cells: Sequence[Cell]) -> list[Answer]:
    """After how many repairs the rest gains less than a point: read off the longest chains."""
    found = []
    for cell in largest(cells):
        if cell.row.variant.debug_iters and not cell.short:
            tried = sorted({0, *steps(cells, cell, "debug_iters")})
            found.append(_iterations(subject([cell], cells, *POOLED), cell, tried))
    return found


def _iterations(about: str, cell: Cell, tried: Sequence[int]) -> Answer:
    """One sample: the mean over a task's samples solved by iteration j."""
    tasks, last = list(cell.results), tried[-1]
    at = {j: [cell.share(task, j) for task in tasks] for j in tried}
    rest = {j: difference(at[j], at[last]) for j in tried[:-1]}
    seen = tuple((f"{j} to {last} repairs", found) for j, found in rest.items())
    total = rest[0]
    verb = "gains" if last == 1 else "gain"
    begin = f"{counted(last, 'repair')} {verb} {points(total)} ({chance(total.p)})"
    if len(tried) == 2:  # without a level between there is no plateau to be seen
        enough = total.p < LEVEL
        more = "" if enough else f"; {tasks_to_see(total)} would show a gain of 5 points"
        sentence = f"{begin}." if enough else f"Not enough data: {begin}{more}."
        return Answer("gains of repairs", about, sentence, enough, seen)
    # What is left can only shrink from step to step: tested from the last one back, to the first
    # that fails, each keeps its level.
    shown = list(takewhile(lambda j: rest[j].high < POINT, reversed(tried[:-1])))
    proved = shown[-1] if shown else None
    likely = next((j for j in tried[:-1] if rest[j].value < POINT), None)
    if proved is not None:
        sentence = f"{begin}; after {counted(proved, 'repair')} the others add less than 1 point"
        return Answer(
            "gains of repairs", about, f"{sentence} ({points(rest[proved])}).", True, seen
        )
    before = tried[-2]
    if likely is not None:
        gain = rest[likely]
        needed = tasks_for(gain.tasks, gain.high - gain.value, POINT - gain.value)
        sentence = (
            f"{begin}. Not enough data for the plateau: after {counted(likely, 'repair')} the "
            f"others seem to add less than 1 point ({points(gain)}); "
            f"{about_tasks(needed)} would show it."
        )
    elif rest[before].low >= POINT:
        return Answer(
            "gains of repairs",
            about,
            f"{begin}, and no plateau is reached: from {before} to {last} it is still "
            f"{points(rest[before])}.",
            True,
            seen,
        )
    else:
        sentence = (
            f"{begin}. Not enough data for the plateau: from {before} to {last} it is "
            f"{points(rest[before])}."
        )
    return Answer("gains of repairs", about, sentence, False, seen)


def equal_calls(cells: Sequence[Cell]) -> list[Answer]:
    """k draws against one draw and up to k - 1 repairs, both read off the same pool."""
    found = []
    for cell in largest(cells):
        n = cell.row.variant.samples
        ks = [j + 1 for j in steps(cells, cell, "debug_iters") if 0 < j < n]
        if ks and not cell.short and "pass@k" in allowed(cell.row):
            found.append(_equal_calls(subject([cell], cells, *POOLED), cell, ks))
    return found


def _equal_calls(about: str, cell: Cell, ks: Sequence[int]) -> Answer:
    results = cell.results.values()
    seen = []
    for k in ks:
        again = [pass_at_k(r.samples, r.passes(), k) for r in results]
        repaired = [cell.share(task, k - 1) for task in cell.results]
        seen.append((f"{k} calls: repairs less draws", difference(again, repaired)))
    adjusted = holm([d.p for _, d in seen])
    clear = [i for i, p in enumerate(adjusted) if p < LEVEL]
    if not clear:
        widest = max(seen, key=lambda s: s[1].high - s[1].low)[1]
        sentence = (
            f"Not enough data: at equal calls ({', '.join(map(str, ks))}) repairing against "
            f"drawing again is {points(seen[-1][1])} at {ks[-1]} calls ({chance(adjusted[-1])}); "
            f"{tasks_to_see(widest)} would show a difference of 5 points."
        )
        return Answer("draw again or repair", about, sentence, False, tuple(seen))
    parts = [
        f"at {ks[i]} calls {'repairing' if seen[i][1].value > 0 else 'drawing again'} is better "
        f"by {points(seen[i][1], 1 if seen[i][1].value > 0 else -1)} ({chance(adjusted[i])})"
        for i in clear
    ]
    return Answer("draw again or repair", about, sentence_of(parts), True, tuple(seen))


def sentence_of(parts: Sequence[str]) -> str:
    """Clauses as one sentence."""
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."
