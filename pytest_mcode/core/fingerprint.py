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
