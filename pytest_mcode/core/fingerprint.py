"""Identities: what may move a number, and the seed of each draw."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from pytest_mcode.core.records import Json


def digest(value: Json) -> str:
    """First 16 hex digits of the sha256 of the JSON with sorted keys and no spaces."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def seed_for(run_seed: int, task_id: str, sample: int, iteration: int) -> int:
    """Seed of one request in 0..2**31-1, the same on every machine and for every grid cell."""
    drawn = hashlib.sha256(f"{run_seed}/{task_id}/{sample}/{iteration}".encode()).digest()
    return int.from_bytes(drawn[:4], "big") >> 1


def differing(a: Mapping[str, Json], b: Mapping[str, Json], prefix: str = "") -> list[str]:
    """Dotted names of the parts in which two fingerprints differ, sorted."""
    names: list[str] = []
    for key in sorted({*a, *b}):
        left, right = a.get(key), b.get(key)
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            names += differing(left, right, f"{prefix}{key}.")
        elif left != right:
            names.append(f"{prefix}{key}")
    return names


MOVES_NOTHING = (
    "sampling.seed",
    "model.sampling.seed",
    "sandbox.host_factor",
    "sandbox.image",
    "sandbox.memory_limit",
    "sandbox.process_limit",
    "sandbox.runtime",
    "sandbox.sandbox",
    "sandbox.seccomp",
)
"""Parts that may differ in a comparison: a seed moves numbers by chance alone, which intervals
count in; the rest belongs to the host, and on each host the same program gets the same verdict."""


def confounding(a: Mapping[str, Json], b: Mapping[str, Json]) -> list[str]:
    """The parts of `differing` that make numbers of two fingerprints incomparable.

    The patch level of the sandbox's Python is none of them. Its image is one where the user named
    it, because nobody has listed what is installed there.
    """
    found = [part for part in differing(a, b) if part not in MOVES_NOTHING]
    first, second = (dict(parts.get("sandbox") or {}) for parts in (a, b))
    if _minor(first) == _minor(second):
        found = [part for part in found if part != "sandbox.python"]
    unlisted = "the image's own" in (first.get("packages"), second.get("packages"))
    if unlisted and first.get("image") != second.get("image"):
        found.append("sandbox.image")
    return sorted(found)


def _minor(sandbox: Mapping[str, Json]) -> list[str]:
    return str(sandbox.get("python", "")).split(".")[:2]
