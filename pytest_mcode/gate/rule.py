"""The rule: paired differences become held, regression or inconclusive.

For each cell d_t = new - baseline is taken per task t. HELD: the one-sided lower bound of mean d at
level alpha is above -max_drop (non-inferiority). REGRESSION: not held, and the drop is significant,
one-sided, at alpha. Otherwise INCONCLUSIVE, and always where the machinery failed or tasks are
missing.

Several cells: the gate holds only if each of them holds, which needs no correction (an
intersection-union test, Berger 1982, Technometrics 24:295); alarms are Holm-adjusted, so that one
false one among all cells has at most the chance alpha.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

from pytest_mcode.core.records import Json
from pytest_mcode.core.words import counted
from pytest_mcode.gate.matching import Pair
from pytest_mcode.gate.measurement import Measurement
from pytest_mcode.stats.multiple import holm
from pytest_mcode.stats.paired import difference, p_value
from pytest_mcode.store.per_task import TaskResult

Status = Literal["held", "regression", "below", "inconclusive"]

HELD = "the drop is shown to be smaller than accepted"
DROPPED = "the drop is significant"
OPEN = "neither a drop nor its absence is shown"
INFRA = "INFRA: "

EXIT = {"held": 0, "regression": 1, "below": 1, "inconclusive": 20}
"""Exit status of pytest."""


@dataclass(frozen=True)
class Rule:
    """What the user asks of a run."""

    alpha: float = 0.05
    """Chance of a false alarm, and of holding although the drop is `max_drop` or more."""
    max_drop: float = 0.05
    """A drop, as a fraction, that is small enough to be accepted."""
    floor: float | None = None
    """`--mcode-fail-under`: the least rate, as a fraction."""
    early: bool = False
    """`--mcode-gate-early`: several looks, each with a part of alpha (`gate.early`)."""


@dataclass(frozen=True)
class Judgement:
    """What the rule says of one cell."""

    label: str
    metric: str
    """`pass@1`, `solved by iteration 3`, `solved@5` or `chosen`."""
    status: Status
    reason: str
    """One line."""
    new: float = 0.0
    """Rate over the tasks that were compared, 0..1."""
    old: float = 0.0
    low: float = -1.0
    """One-sided bounds of new - old, each at level alpha, or at that of the look."""
    high: float = 1.0
    p: float = 1.0
    """One-sided, of no drop; Holm-adjusted over the cells."""
    tasks: int = 0
    """That were compared."""
    planned: int = 0
    infra: int = 0
    won: tuple[str, ...] = ()
    """Tasks on which the new run is better."""
    lost: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    """What the gate says of a run."""

    status: Status
    judgements: tuple[Judgement, ...]
    rule: Rule
    baseline: str = ""
    """Empty where only `--mcode-fail-under` was asked for."""
    changed: tuple[str, ...] = ()
    """Parts of the fingerprint that the gate allows to differ."""
    notes: tuple[str, ...] = ()

    @property
    def exit_status(self) -> int:
        """0, 1 or 20."""
        return EXIT[self.status]

    def to_json(self) -> dict[str, Json]:
        """Plain values, for the database and for reports."""
        return asdict(self)


@dataclass(frozen=True)
class Values:
    """One cell's values of the same tasks, in the same order."""

    metric: str
    tasks: tuple[str, ...]
    old: tuple[float, ...]
    new: tuple[float, ...]


def values(pair: Pair, only: Sequence[str] | None = None) -> Values:
    """What both sides give for the same tasks, as `metric_of` says."""
    wanted = sorted(pair.new.planned) if only is None else only
    names = tuple(t for t in wanted if t in pair.new.tasks and t in pair.old.tasks)
    metric = metric_of(pair)
    old, new = (tuple(value(m.tasks[t], pair, metric) for t in names) for m in (pair.old, pair.new))
    return Values(metric, names, old, new)


def metric_of(pair: Pair) -> str:
    """The name of what is compared: pass@1 (share of draws that pass); with repairs the share of
    samples solved by the last one; `solved@n` where draws were left out after a success; `chosen`,
    whether the answer passed that a strategy handed in, for strategies that choose one."""
    variant = pair.new.variant
    if any(m.chooses for m in (pair.old, pair.new)):
        return "chosen"
    if any(_is_short(m) for m in (pair.old, pair.new)):
        return f"solved@{variant.samples}"
    return f"solved by iteration {variant.debug_iters}" if variant.debug_iters else "pass@1"


def _is_short(measurement: Measurement) -> bool:
    early = measurement.variant.stops_early
    return early or any(t.samples < measurement.variant.samples for t in measurement.tasks.values())


def value(result: TaskResult, pair: Pair, metric: str) -> float:
    """One task's value, 0..1."""
    if metric == "chosen":
        return float(bool(result.chosen))
    passed = result.passes(pair.new.variant.debug_iters)
    if metric.startswith("solved@"):
        return float(passed > 0)
    return passed / result.samples if result.samples else 0.0


def decide(rule: Rule, pairs: Sequence[Pair], baseline: str) -> Decision:
    """Hold measured pairs against each other."""
    judged = [(pair, values(pair)) for pair in pairs]
    alarms = holm([p_value(v.old, v.new, "less") if v.tasks else 1.0 for _, v in judged])
    found = [_judge(rule, pair, v, p) for (pair, v), p in zip(judged, alarms, strict=True)]
    return concluded(rule, pairs, baseline, found)


def concluded(
    rule: Rule, pairs: Sequence[Pair], baseline: str, judged: Sequence[Judgement]
) -> Decision:
    """The decision on all cells."""
    changed = dict.fromkeys(name for pair in pairs for name in pair.changed)
    return Decision(worst(judged), tuple(judged), rule, baseline, tuple(changed), _notes(pairs))


def _judge(rule: Rule, pair: Pair, v: Values, p: float) -> Judgement:
    reason = missing(pair.new) or unmatched(pair)
    status: Status = "inconclusive"
    low, high = bounds(v.old, v.new, rule.alpha)
    if not reason and low > -rule.max_drop:
        status, reason = "held", HELD
    elif not reason and p < rule.alpha:
        status, reason = "regression", DROPPED
    elif not reason:
        reason = OPEN
    return replace(compared(pair, v), status=status, reason=reason, low=low, high=high, p=p)


def compared(pair: Pair, v: Values) -> Judgement:
    """The record of one cell, not yet judged."""
    both = list(zip(v.tasks, v.old, v.new, strict=True))
    return Judgement(
        label=pair.new.label,
        metric=v.metric,
        status="inconclusive",
        reason="",
        new=_mean(v.new),
        old=_mean(v.old),
        tasks=len(v.tasks),
        planned=len(pair.new.planned),
        infra=pair.new.infra,
        won=tuple(t for t, old, new in both if new > old),
        lost=tuple(t for t, old, new in both if new < old),
    )


def bounds(old: Sequence[float], new: Sequence[float], alpha: float) -> tuple[float, float]:
    """One-sided bounds of mean(new - old), each at level alpha; -1 and 1 without tasks."""
    if not old:
        return -1.0, 1.0
    found = difference(old, new, level=1 - 2 * alpha)
    return found.low, found.high


def floor(rule: Rule, new: Sequence[Measurement]) -> Decision:
    """The simple rule, `--mcode-fail-under`: compare pass@1 as it was measured with a threshold.

    It has no control of errors: a rate at the threshold falls below it in half of all runs.
    """
    found = tuple(_above(rule.floor or 0.0, m) for m in new)
    return Decision(worst(found), found, rule, notes=_unasked(new))


def _above(least: float, m: Measurement) -> Judgement:
    rate = _mean(_draws_passed(m))
    status: Status = "held" if rate >= least else "below"
    lacking = missing(m)
    return Judgement(
        label=m.label,
        metric="pass@1",
        status="inconclusive" if lacking else status,
        reason=lacking or f"the estimate is {'not ' if status == 'held' else ''}below the floor",
        new=rate,
        tasks=len(m.tasks),
        planned=len(m.planned),
        infra=m.infra,
    )


def _draws_passed(m: Measurement) -> tuple[float, ...]:
    """pass@1 of each task; of all tasks their first draw where any of them stopped early, because
    a task that came to its last draw is one that failed before."""
    if _is_short(m):
        return tuple(float(t.first_passed) for t in m.tasks.values())
    return tuple(t.passes() / t.samples if t.samples else 0.0 for t in m.tasks.values())


def worst(judgements: Sequence[Judgement]) -> Status:
    """A failure of one is one of all; nothing judged is inconclusive."""
    found = {j.status for j in judgements}
    order: tuple[Status, ...] = ("regression", "below", "inconclusive", "held")
    return next((status for status in order if status in found), "inconclusive")


def unmatched(pair: Pair) -> str:
    """Why the rates of a pair are not of the same kind; empty if they are."""
    old, new = pair.old.variant.samples, pair.new.variant.samples
    if pair.new.tasks and pair.old.chooses != pair.new.chooses:
        return "one strategy chooses an answer and the other does not: give the baseline's"
    if old != new and metric_of(pair).startswith("solved@"):
        return f"solved@{new} is no solved@{old}: give the same --mcode-samples"
    return ""


def missing(m: Measurement) -> str:
    """Why a measurement is no whole one; empty if it is."""
    if not m.planned:
        return "nothing was evaluated"
    if m.infra:
        return f"{INFRA}the machinery failed on {m.infra:,} of {counted(len(m.planned), 'task')}"
    if len(m.tasks) < len(m.planned):
        return f"INCOMPLETE: {len(m.tasks):,} of {counted(len(m.planned), 'task')} measured"
    return ""


def _notes(pairs: Sequence[Pair]) -> tuple[str, ...]:
    found = [
        f"{pair.new.label} is {len(pair.new.planned):,} of the baseline's "
        f"{counted(len(pair.old.tasks), 'task')}"
        for pair in pairs
        if len(pair.new.planned) < len(pair.old.tasks)
    ]
    return (*found, *_unasked([pair.new for pair in pairs]))


def _unasked(new: Sequence[Measurement]) -> tuple[str, ...]:
    reused, attempts = sum(m.reused for m in new), sum(m.attempts for m in new)
    if not reused:
        return ()
    return (
        f"drawn by an earlier run: {reused:,} of {counted(attempts, 'answer')}; for these the "
        "model was not asked again, and a change of it is not seen",
    )


def _mean(numbers: Sequence[float]) -> float:
    return math.fsum(numbers) / len(numbers) if numbers else 0.0
