"""Fewer pages for every fork to copy: objects that nobody counts, and free memory side by side.

The first write to a page after a fork copies it, in the worker as in the supervisor: 2 microseconds
each. Two causes of such writes go away here, before the first fork.

- Counting a reference writes to the object. Since Python 3.12 there are objects whose references
  are not counted (PEP 683): whatever is alive becomes one of them.
- A new object goes into a hole that an old one left: on as many pages as there are holes. Once all
  holes are filled, new objects lie side by side.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from types import CodeType

SetMemory = Callable[[int, int, int], object]
"""The C library's `memset`: address, byte, count."""
IMMORTAL = 1 << 31
"""From here on the interpreter leaves a count of references alone."""
POOL, HEADER = 1 << 14, 48
"""CPython takes small objects of one size from a pool of that many bytes, after its header."""
SMALL, STEP = 512, 16
"""The largest small object, and by how much their sizes differ."""
RUN = 4
"""Objects side by side at the start of a pool, which tell a new pool from holes."""
MOST_FILLED = 1 << 18
"""Bytes per size after which nothing like a pool is to be expected: another allocator."""
LARGEST = 100_000
"""Bytes of the largest hole: what is larger the C library takes from the kernel, block by block."""
_filling: list[object] = []


def settle(set_memory: SetMemory) -> None:
    """Make all that is alive stay as it is, and new objects lie side by side."""
    gc.collect()
    make_immortal(set_memory)
    gc.collect()  # also lets go of the objects that the interpreter keeps to use them again
    fill_large()
    for size in range(STEP, SMALL + 1, STEP):
        fill_small(size)
    fill_large()  # what the search for new pools has freed
    gc.freeze()


def make_immortal(set_memory: SetMemory) -> None:
    """Every object that is alive, where this Python has such objects and lays them out as usual."""
    if sys.getrefcount(None) < IMMORTAL or sys.abiflags or sys.byteorder != "little":
        return
    left = gc.get_objects()
    while left:
        thing = left.pop()
        if sys.getrefcount(thing) >= IMMORTAL:
            continue
        set_memory(id(thing), 0xFF, 4)
        left += gc.get_referents(thing)
        if type(thing) is CodeType:  # the collector does not look into it
            left += thing.co_consts, thing.co_names


def fill_small(size: int) -> None:
    """Take objects of `size` bytes until they come from a new pool."""
    empty = b"".__sizeof__()
    filling: list[object] = []
    last = run = 0
    for _ in range(MOST_FILLED // size):
        thing = bytes(size - empty) if size > empty else float(size) if size > STEP else object()
        filling.append(thing)
        place = id(thing)
        if place % POOL == HEADER:
            run = 1
        elif place == last + size and run:
            run += 1
        else:
            run = 0
        last = place
        if run == RUN:
            _filling.extend(filling[:-RUN])
            return


def fill_large() -> None:
    """Take blocks from the C library's heap until all are at its end."""
    end = id(bytes(LARGEST))
    size = LARGEST
    while size > SMALL + STEP:
        block = bytes(size)
        if id(block) < end:
            _filling.append(block)
        else:
            size -= max(STEP, size // 16)
