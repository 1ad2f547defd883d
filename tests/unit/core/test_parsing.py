"""Threads may ask for syntax trees at the same moment."""

from __future__ import annotations

import gc
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_mcode.core import parsing

SOURCE = "\n".join(
    f"def f{i}(x): return [(x + {i}) * (x - {i}) for x in range({i})]" for i in range(40)
)


@pytest.fixture
def _often():
    """Threads take turns as often as they can, also while a tree is made: the collector's doing."""

    def turn(phase: str, info: object) -> None:
        for _ in range(100):
            pass

    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(20)
    gc.callbacks.append(turn)
    yield
    gc.callbacks.remove(turn)
    gc.set_threshold(*threshold)
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("_often")
def test_trees_are_made_by_one_thread_at_a_time():
    """`ast.parse` in two threads of CPython 3.11 is a SystemError nearly at once."""
    with ThreadPoolExecutor(2) as threads:
        made = list(threads.map(lambda _: len(parsing.tree(SOURCE).body), range(40)))
    assert made == [40] * 40
