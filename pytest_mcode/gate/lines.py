"""The gate's words as lines for a terminal of 80 columns; somebody else prints them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from pytest_mcode.core.words import counted
from pytest_mcode.gate import early
from pytest_mcode.gate.foresight import WANTED, Foresight
from pytest_mcode.gate.measurement import Measurement
from pytest_mcode.gate.rule import Decision, Judgement, Rule

NOTHING = "nothing was evaluated: give --mcode-bench and --mcode-model, and select an item"

MOST_NAMED = 10
"""Tasks or parts that a line names."""

HOPELESS = 0.5
"""Chance to hold if nothing changed below which a run is hardly worth its time."""


def before(rule: Rule, source: str, foresights: Sequence[Foresight], width: int = 73) -> list[str]:
    """What is said before the run; `mcode: ` will stand before each line."""
    found = [
        f"gate against {source}: alpha {rule.alpha:g}, max-drop {_points(rule.max_drop)} points"
    ]
    for f in foresights:
        drop = f"a drop of {_points(f.found)} points is" if f.found else "no drop is"
        found.append(
            f"gate {f.label}, {counted(f.tasks, 'task')} x {counted(f.samples, 'sample')}: {drop} "
            f"found with {100 * WANTED:.0f} % power; {100 * f.held:.0f} % chance to hold if "
            "nothing changed"
        )
        if f.enough:
            word = "hopeless" if f.held < HOPELESS else "weak"
            found.append(f"gate {f.label} is {word}, {100 * WANTED:.0f} % needs {f.enough}")
    return [line for sentence in found for line in _wrapped(sentence, width)]


def looks(planned: Sequence[Measurement], seed: int, width: int = 73) -> list[str]:
    """When the gate may stop."""
    longest = max((len(m.planned) for m in planned), default=0)
    counts = [str(count) for count, _ in early.looks(longest, 0.05)] if longest else []
    return _wrapped(
        f"gate may stop after {', '.join(counts)} tasks, in the order that --mcode-seed={seed} "
        "draws",
        width,
    )


def after(decision: Decision, width: int = 80, *, every: bool = False) -> list[str]:
    """The decision, cell by cell, and on the last line in a word; `every` names all lost tasks."""
    found = list(_head(decision, width))
    for judgement in decision.judgements:
        found += [f"  {judgement.label}", *_rates(judgement, decision)]
        found += _verdict(judgement, width, every)
    return [*found, last(decision)]


def last(decision: Decision) -> str:
    """The decision in one line."""
    cells = decision.judgements
    if not cells:
        return f"GATE INCONCLUSIVE: {decision.notes[0] if decision.notes else NOTHING}"
    same = [j for j in cells if j.status == decision.status]
    of = f" ({len(same)} of {len(cells)} cells)" if len(cells) > 1 else ""
    return f"GATE {decision.status.upper()}{of}: {same[0].reason}"


def _head(decision: Decision, width: int) -> Iterator[str]:
    rule = decision.rule
    if decision.baseline:
        yield from _wrapped(
            f"against {decision.baseline}: alpha {rule.alpha:g}, "
            f"max-drop {_points(rule.max_drop)} points",
            width,
        )
    else:
        yield from _wrapped(
            f"--mcode-fail-under={rule.floor:g} compares the estimate: no control of errors, a "
            "rate at the floor fails half of its runs; --mcode-gate tests against a baseline",
            width,
        )
    if decision.changed:
        more = ["..."] if len(decision.changed) > MOST_NAMED else []
        named = ", ".join([*decision.changed[:MOST_NAMED], *more])
        yield from _wrapped(f"differs from the baseline: {named}", width)
    for note in decision.notes:
        yield from _wrapped(note, width)


def _rates(j: Judgement, decision: Decision) -> Iterator[str]:
    rule = decision.rule
    tasks = f"{j.tasks:,} of {counted(j.planned, 'task')}"
    tasks += f", {j.infra:,} infra" if j.infra else ""
    if not j.tasks:
        yield f"    {j.metric}: {tasks}"
    elif not decision.baseline:
        yield f"    {j.metric} {100 * j.new:.2f} %, floor {100 * (rule.floor or 0):.2f} %, {tasks}"
    else:
        yield (
            f"    {j.metric} {100 * j.old:.2f} -> {100 * j.new:.2f} %: "
            f"{100 * (j.new - j.old):+.2f} points"
        )
        level = "bounds of this look" if rule.early else f"{100 * (1 - rule.alpha):g} % bounds"
        yield (
            f"    one-sided {level} {100 * j.low:+.2f}, {100 * j.high:+.2f}; p of a drop {_p(j.p)}"
        )
        yield f"    {tasks}; {len(j.won)} won, {len(j.lost)} lost"


def _verdict(j: Judgement, width: int, every: bool) -> Iterator[str]:
    if j.lost and j.status == "regression":
        shown = j.lost if every else j.lost[:MOST_NAMED]
        more = [f"and {len(j.lost) - len(shown)} more"] if len(shown) < len(j.lost) else []
        listed = ", ".join([*shown, *more])
        yield from (f"    {line}" for line in _wrapped(f"lost: {listed}", width - 4))
    yield from (f"    {line}" for line in _wrapped(f"{j.status.upper()}: {j.reason}", width - 4))


def _points(fraction: float) -> str:
    return f"{100 * fraction:.3g}"


def _p(p: float) -> str:
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(
        text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
