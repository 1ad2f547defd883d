"""Which measurement of the baseline a new one is held against, and whether it may be.

A gate studies a change of model, prompts, extraction, strategy or version: in these two runs may
differ, and it is said. Data, limits, sampling and the code of verdicts must agree, because they
move numbers by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.core.fingerprint import confounding, differing
from pytest_mcode.core.records import Json, Variant
from pytest_mcode.core.words import counted
from pytest_mcode.gate.baseline import Baseline
from pytest_mcode.gate.measurement import Measurement

MUST_AGREE = (
    "data",
    "sampling",
    "limits",
    "verify_times",
    "sandbox",
    "strategy.debug_iters",
)
"""Parts of the fingerprint, with all below them, but for what `confounding` lets pass."""

MOST_NAMED = 3


@dataclass(frozen=True)
class Pair:
    """Two measurements of the same tasks."""

    old: Measurement
    new: Measurement

    @property
    def changed(self) -> tuple[str, ...]:
        """What differs, `model.model (a, now b)`: what the gate judges."""
        return tuple(
            f"{name} ({_at(self.old.parts, name)}, now {_at(self.new.parts, name)})"
            for name in differing(self.old.parts, self.new.parts)
            if not name.startswith("model.sampling")  # stands under `sampling` already
        )


def pairs(baseline: Baseline, new: Sequence[Measurement]) -> tuple[Pair, ...]:
    """Each new measurement with its partner. Raises `ConfigError` with the cure."""
    found = tuple(Pair(_partner(baseline, m), m) for m in new)
    for pair in found:
        _require_agreement(baseline, pair)
        _require_tasks(baseline, pair)
    return found


def fits(measurements: Sequence[Measurement], wanted: Mapping[Variant, Set[str]]) -> bool:
    """Whether each wanted variant has exactly one partner, which has all of its tasks."""
    for variant, tasks in wanted.items():
        found = _partners(measurements, variant)
        if len(found) != 1 or not tasks <= found[0].tasks.keys():
            return False
    return True


def _partner(baseline: Baseline, new: Measurement) -> Measurement:
    found = _partners(baseline.measurements, new.variant)
    if len(found) == 1:
        return found[0]
    have = ", ".join(m.label for m in found or baseline.measurements)
    why = "several cells that could be meant" if found else "none with its benchmark and repairs"
    raise ConfigError(
        f"--mcode-gate: for {new.label} {baseline.source} has {why} ({have}): "
        "measure the same cells as the baseline, or name another one"
    )


def _partners(measurements: Sequence[Measurement], wanted: Variant) -> list[Measurement]:
    """The nearest kind of partner there is: the same cell, with other samples, of another model."""
    for likeness in _likenesses(wanted):
        found = [m for m in measurements if likeness == _blurred(m.variant, likeness)]
        if found:
            return found
    return []


def _likenesses(wanted: Variant) -> Iterator[Variant]:
    yield wanted
    yield replace(wanted, samples=0)
    yield replace(wanted, model="", strategy="", feedback="hidden")
    yield replace(wanted, samples=0, model="", strategy="", feedback="hidden")


def _blurred(variant: Variant, likeness: Variant) -> Variant:
    """The variant without what the likeness leaves out."""
    if not likeness.samples:
        variant = replace(variant, samples=0)
    if not likeness.model:
        variant = replace(variant, model="", strategy="", feedback="hidden")
    return variant


def _require_agreement(baseline: Baseline, pair: Pair) -> None:
    old, new = pair.old.parts, pair.new.parts
    wrong = [name for name in confounding(old, new) if _must_agree(name)]
    if wrong:
        more = f" and {len(wrong) - MOST_NAMED} more" if len(wrong) > MOST_NAMED else ""
        named = ", ".join(
            f"{name} ({_at(old, name)}, now {_at(new, name)})" for name in wrong[:MOST_NAMED]
        )
        raise ConfigError(
            f"--mcode-gate: {pair.new.label} cannot be held against {baseline.source}, another "
            f"{named}{more}: run with the baseline's, or measure the baseline anew"
        )


def _must_agree(name: str) -> bool:
    return any(name == part or name.startswith(f"{part}.") for part in MUST_AGREE)


def _require_tasks(baseline: Baseline, pair: Pair) -> None:
    unknown = sorted(pair.new.planned - pair.old.tasks.keys())
    if unknown:
        raise ConfigError(
            f"--mcode-gate: {baseline.source} has no result for {len(unknown)} of the "
            f"{counted(len(pair.new.planned), 'task')} of {pair.new.label} ({unknown[0]}, ...): "
            "leave them out (--mcode-tasks, --mcode-limit), or measure the baseline anew"
        )


def _at(parts: Mapping[str, Json], name: str) -> str:
    found: Json = parts
    for key in name.split("."):
        found = found.get(key, "nothing") if isinstance(found, Mapping) else "nothing"
    text = str(found)
    return text if len(text) <= 24 else f"{text[:20]}..."
