"""What a gate will be able to show, said before the run from the baseline's own numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_mcode.core.words import counted
from pytest_mcode.gate.matching import Pair
from pytest_mcode.gate.rule import Rule, bounds, metric_of, value
from pytest_mcode.stats import power

WANTED = 0.8
"""The customary power."""


@dataclass(frozen=True)
class Foresight:
    """Of one cell."""

    label: str
    metric: str
    tasks: int
    samples: int
    found: float | None
    """The smallest drop, as a fraction, that is found with 80 % power; None: not even of all."""
    held: float
    """Chance that the gate holds if nothing has changed."""
    enough: str
    """What would raise that chance to 80 %; empty where it is that high."""


def foresee(rule: Rule, pair: Pair) -> Foresight:
    """Power of the rule for one cell, before its new run.

    Noise is the sampling noise of the baseline's tasks (`stats.power.noise`): a change that moves
    tasks up and down brings more. A drop below `max_drop` is no alarm, so none is promised.
    """
    tasks, counts = len(pair.new.planned), _counts(pair)
    held, found = 0.0, None
    if tasks > 1:
        noise = power.noise(counts, 1 if _is_one_value(pair) else pair.new.variant.samples)
        found = power.minimum_detectable(noise, tasks, rule.alpha, WANTED, sides=1)
        if _held_if_all_tie(rule, tasks):
            held = power.power(noise, rule.max_drop, tasks, rule.alpha, sides=1)
    return Foresight(
        label=pair.new.label,
        metric=metric_of(pair),
        tasks=tasks,
        samples=pair.new.variant.samples,
        found=None if found is None else max(found, rule.max_drop),
        held=held,
        enough="" if held >= WANTED else _enough(rule, pair, counts),
    )


def _counts(pair: Pair) -> list[tuple[int, int]]:
    """(n, c) of the planned tasks in the baseline, as the metric counts them."""
    metric, one, found = metric_of(pair), _is_one_value(pair), []
    for task in sorted(pair.new.planned):
        result = pair.old.tasks[task]
        n = 1 if one else result.samples
        found.append((n, round(n * value(result, pair, metric))))
    return found


def _is_one_value(pair: Pair) -> bool:
    """Whether a task is solved or not in each run, however many samples it has."""
    return metric_of(pair).startswith(("solved@", "chosen"))


def _held_if_all_tie(rule: Rule, tasks: int) -> bool:
    """Whether so few tasks can show anything: the bound of as many ties."""
    low, _ = bounds((0.0,) * tasks, (0.0,) * tasks, rule.alpha)
    return low > -rule.max_drop


def _enough(rule: Rule, pair: Pair, counts: Sequence[tuple[int, int]]) -> str:
    tasks = len(counts)
    least = next((t for t in range(2, 10_000) if _held_if_all_tie(rule, t)), None)
    if least is not None and tasks < least:
        drop = _all_tied(rule, tasks)
        return f"{counted(least, 'task')} at least, or --mcode-max-drop above {drop:.2f}"
    if _is_one_value(pair):
        noise = power.noise(counts, 1)
        wanted = power.tasks_needed(noise, rule.max_drop, rule.alpha, WANTED, sides=1)
        more = "more tasks" if wanted is None else f"about {counted(wanted, 'task')}"
        return f"{more}, or a larger --mcode-max-drop"
    samples = power.samples_needed(counts, rule.max_drop, rule.alpha, WANTED, sides=1)
    if samples is None:
        return "more tasks, or a larger --mcode-max-drop"
    have = min(pair.old.tasks[t].samples for t in pair.new.planned)
    both = "" if have >= samples else " in the baseline too"
    return f"--mcode-samples={samples}{both}, or a larger --mcode-max-drop"


def _all_tied(rule: Rule, tasks: int) -> float:
    low, _ = bounds((0.0,) * max(1, tasks), (0.0,) * max(1, tasks), rule.alpha)
    return -low
