"""What is done before the first fork so that a fork copies few pages; in an interpreter of its own,
because nothing undoes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

INSIDE = Path(__file__).parents[3] / "pytest_mcode" / "sandboxes" / "inside"
CHILD = """
import ctypes, gc, json, os, resource, sys
sys.path.insert(0, sys.argv[1])
import pages
import random, re, string, textwrap, typing

def work():
    made = [[str(i), {i: bytes(40 + i)}, re.escape("a.b" * i), bytearray(600 + i)]
            for i in range(60)]
    return textwrap.fill(" ".join(string.ascii_letters) * 3), random.random(), made

def faults():
    for _ in range(8):
        pid = os.fork()
        if pid == 0:
            work()
            os._exit(0)
        usage = os.wait4(pid, 0)[2]
    return usage.ru_minflt

held = {"key": ["value"]}
work()
gc.collect()
before = faults()
pages.settle(ctypes.memset)
after = faults()
many = [id(thing) for thing in [bytes(103) for _ in range(40)]]
del held["key"]
print(json.dumps({
    "before": before,
    "after": after,
    "side by side": sum(b - a == 144 for a, b in zip(many, many[1:])),
    "filled": sum(map(sys.getsizeof, pages._filling)),
    "uncounted": sys.getrefcount(held) == sys.getrefcount(None),
}))
"""


def settled(**environment: str):
    """What an interpreter tells of itself before and after."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", CHILD, str(INSIDE)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    return json.loads(done.stdout)


def test_a_child_copies_fewer_pages_once_all_is_settled():
    """A tenth at least; new objects lie side by side, and since 3.12 nobody counts the old ones."""
    seen = settled()
    assert seen["after"] < 0.9 * seen["before"], seen
    assert seen["side by side"] >= 36
    assert 0 < seen["filled"] < 4 << 20
    assert seen["uncounted"] == (sys.version_info >= (3, 12))


@pytest.mark.parametrize("allocator", ["malloc", "malloc_debug"])
def test_another_allocator_is_left_alone(allocator):
    """Where there are no pools nothing is taken for them, and everything still works."""
    seen = settled(PYTHONMALLOC=allocator)
    assert 0 < seen["filled"] < 4 << 20
