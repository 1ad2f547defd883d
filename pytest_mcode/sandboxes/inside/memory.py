"""The judge's own memory: given back after programs that sent much, or its slot is replaced."""

from __future__ import annotations

import ctypes
import gc
import os
import resource

SLACK = 32 << 20
"""Bytes of growth after which the judge tidies up."""
MOST = 256 << 20
"""Bytes of growth that tidying up must not leave: a slot that holds more is made anew."""


class Memory:
    """What this process holds, compared with what it held when it was made."""

    def __init__(self) -> None:
        self.statm = os.open("/proc/self/statm", os.O_RDONLY)
        self.trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        self.start = self.usual = self.resident()

    def resident(self) -> int:
        """Bytes in memory now."""
        return int(os.pread(self.statm, 100, 0).split()[1]) * resource.getpagesize()

    def is_returned(self) -> bool:
        """Tidy up if much was added since the last time; False if far too much remains."""
        if self.resident() <= self.usual + SLACK:
            return True
        gc.collect()
        if self.trim is not None:
            self.trim(0)
        self.usual = self.resident()
        return self.usual <= self.start + MOST
