"""Measurements as a run would have stored them."""

import pytest

from pytest_mcode.core.records import Variant
from pytest_mcode.gate.measurement import Measurement
from pytest_mcode.store.per_task import TaskResult

PARTS = {
    "data": {"benchmark": "b", "sha256": "1"},
    "model": {"backend": "openai", "model": "m"},
    "sampling": {"temperature": 0.8, "seed": 0},
    "limits": {"wall_s": 10.0},
    "verify_times": 1,
    "prompts": 1,
    "sandbox": {"sandbox": "docker", "verdict": 5, "python": "3.11.7", "packages": "numpy==2"},
    "strategy": {"name": "self_debug", "debug_iters": 0, "samples": 5},
    "version": "0.1.0",
}


@pytest.fixture
def measured():
    """`measured([2, 5], n=5)`: a cell with two tasks, two and five of their five draws passed."""

    def make(passed, n=5, *, planned=None, infra=0, parts=None, label="b/m", **fields):
        results = {f"T/{i}": TaskResult(n, c > 0, (c,)) for i, c in enumerate(passed)}
        names = frozenset(f"T/{i}" for i in range(planned if planned is not None else len(passed)))
        variant = Variant(**{"benchmark": "b", "model": "m", "samples": n, **fields})
        return Measurement(label, variant, {**PARTS, **(parts or {})}, results, names, infra)

    return make
