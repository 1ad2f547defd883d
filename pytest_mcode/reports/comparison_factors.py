"""What two measurements may differ in, under the names of the options that set it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pytest_mcode.core.fingerprint import confounding, differing
from pytest_mcode.core.records import Json, Variant
from pytest_mcode.store.queries import VariantRow

GRID = {
    "model": "model",
    "samples": "samples",
    "debug-iters": "debug_iters",
    "strategy": "strategy",
    "feedback": "feedback",
}
"""Factor -> field of `Variant`."""

SETTINGS = {
    "temperature": ("sampling", "temperature"),
    "top-p": ("sampling", "top_p"),
    "max-tokens": ("sampling", "max_tokens"),
    "seed": ("sampling", "seed"),
    "stop": ("sampling", "stop"),
    "context-window": ("sampling", "context_window"),
    "thinking": ("sampling", "thinking"),
    "extra": ("sampling", "extra"),
    "prompt-style": ("sampling", "prompt_style"),
    "preset": ("sampling", "wording"),
    "timeout": ("limits", "wall_s"),
    "memory": ("limits", "memory_mb"),
    "output-kb": ("limits", "output_kb"),
    "verify-times": ("verify_times",),
    "sandbox": ("sandbox", "sandbox"),
    "prompts": ("prompts",),
    "extraction": ("extraction",),
    "version": ("version",),
}
"""Factor -> where its value stands in the parts of a fingerprint."""

FACTORS = (*GRID, *SETTINGS)

DATA = "data"
"""The factor that cannot be under study: a task with other tests is another task."""

Level = int | float | str


def factor(part: str) -> str:
    """The factor that a dotted part of a fingerprint belongs to."""
    head, _, tail = part.partition(".")
    if part == "sampling.wording":
        return "preset"
    if head == "model":
        return factor(tail) if tail.startswith("sampling.") else "model"
    if head == "strategy":
        return {"samples": "samples", "debug_iters": "debug-iters", "feedback": "feedback"}.get(
            tail, "strategy"
        )
    if part in ("limits.wall_s", "limits.memory_mb", "sandbox.memory_mb"):
        return "timeout" if part == "limits.wall_s" else "memory"
    if head in ("sampling", "limits"):
        return tail.partition(".")[0].replace("_", "-")
    return head.replace("_", "-")


def differences(a: VariantRow, b: VariantRow) -> dict[str, tuple[str, ...]]:
    """Factor -> the parts in which two measurements differ so that it may move their numbers."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for part in confounding(a.settings, b.settings):
        found[factor(part)].append(part)
    for name, column in GRID.items():
        if getattr(a.variant, column) != getattr(b.variant, column) and name not in found:
            found[name].append(name)
    mine, other = options(a.variant), options(b.variant)
    for name in sorted({*mine, *other}):
        if mine.get(name) != other.get(name) and name not in found:
            found[name].append(name)
    if a.timeout_s != b.timeout_s and "timeout" not in found:
        found["timeout"].append("limits.wall_s")
    if a.variant.benchmark != b.variant.benchmark and DATA not in found:
        found[DATA].append("benchmark")
    return {name: tuple(parts) for name, parts in found.items()}


def unmoving(a: VariantRow, b: VariantRow) -> tuple[str, ...]:
    """Parts in which they differ and that move no number."""
    moving = set(confounding(a.settings, b.settings))
    return tuple(part for part in differing(a.settings, b.settings) if part not in moving)


def options(variant: Variant) -> dict[str, str]:
    """The settings that are a cell's own, under the names of options."""
    pairs = (pair.partition("=") for pair in variant.options.split(",") if pair)
    return {name.strip().replace("_", "-"): value for name, _, value in pairs}


def level(row: VariantRow, name: str) -> Level:
    """The value of a factor in one measurement; empty where it is not known."""
    if name in GRID:
        found: Level = getattr(row.variant, GRID[name])
        return found
    own = options(row.variant)
    if name in own:
        return _number(own[name])
    value: Json = row.settings
    for key in SETTINGS.get(name, (name,)):
        value = value.get(key) if isinstance(value, Mapping) else None
    if value is None:
        return row.timeout_s or "" if name == "timeout" else ""
    return value if isinstance(value, int | float | str) else str(value)


def _number(text: str) -> Level:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def levels(row: VariantRow, names: Sequence[str]) -> tuple[Level, ...]:
    """The values of several factors."""
    return tuple(level(row, name) for name in names)


def shown(values: Sequence[Level]) -> str:
    """Values for people: numbers short, what is empty in words."""
    texts = (f"{value:g}" if isinstance(value, float) else str(value) for value in values)
    return " / ".join(text or "default" for text in texts)


def rest(row: VariantRow, names: Sequence[str]) -> tuple[object, ...]:
    """What two measurements must share to be levels of the same factors."""
    blank = {GRID[name]: 0 for name in names if name in GRID}
    kept = tuple(sorted(p for p in options(row.variant).items() if p[0] not in names))
    cell = replace(row.variant, options="", **blank)  # type: ignore[arg-type]
    return cell, kept, None if "timeout" in names else row.timeout_s
