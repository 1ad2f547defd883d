"""The judge's own memory: given back after programs that sent much, or its slot is replaced."""

from __future__ import annotations

import ctypes
import gc
import os
import resource
from collections.abc import Callable

SLACK = 4 << 20
"""Bytes of growth after which the judge tidies up."""
KEPT = 32 << 20
"""Bytes of growth, tidied up, that what it keeps of earlier tests may make up; all of HumanEval+
takes 21 MB."""
MOST = 64 << 20
"""Bytes of growth that must not be left without it: a slot that holds more is made anew."""
BLOCK = 128 << 10
"""Bytes from which the C library takes a block from the kernel, and gives it back at once."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


class Memory:
    """What this process holds, compared with what it held when it was made."""

    def __init__(self, let_go: Callable[[], object]) -> None:
        """`let_go` drops what is kept of earlier tests."""
        self.let_go = let_go
        self.statm = os.open("/proc/self/statm", os.O_RDONLY)
        libc = ctypes.CDLL(None)
        self.trim = getattr(libc, "malloc_trim", None)
        if self.trim is not None:  # else one large block that was freed raises both, up to 64 MB
            libc.mallopt(_MMAP_THRESHOLD, BLOCK)
            libc.mallopt(_TRIM_THRESHOLD, BLOCK)
        self.start = self.usual = self.resident()

    def resident(self) -> int:
        """Bytes in memory now."""
        return int(os.pread(self.statm, 100, 0).split()[1]) * resource.getpagesize()

    def is_returned(self) -> bool:
        """Tidy up if much was added since the last time; False if far too much remains."""
        now = self.resident()
        self.usual = min(self.usual, now)
        if now <= self.usual + SLACK:
            return True
        if self.tidied() > self.start + KEPT:
            self.let_go()
            self.tidied()
        return self.usual <= self.start + MOST

    def tidied(self) -> int:
        """Bytes in memory without what nobody refers to."""
        gc.collect()
        if self.trim is not None:
            self.trim(0)
        self.usual = self.resident()
        return self.usual
