"""What a model has answered is on disk a moment later, whatever becomes of the run."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from pathlib import Path

from pytest_mcode.core.errors import StoreError
from pytest_mcode.store.early import Early, EarlyStore

EVERY_S = 1.0
"""Answers of so many seconds are written in one transaction: a run that is killed loses these."""


class Keeping:
    """Writes answers of items that are not reported yet; `add` is called on one event loop."""

    def __init__(self, path: Path, run_id: str) -> None:
        self._path = path
        self._run_id = run_id
        self._fresh: deque[Early] = deque()
        self._soon: asyncio.Task[None] | None = None
        self._store: EarlyStore | None = None
        self._lock = threading.Lock()

    def add(self, early: Early) -> None:
        """Write it within `EVERY_S` seconds."""
        self._fresh.append(early)
        if self._soon is None:
            self._soon = asyncio.ensure_future(self._write_soon())

    async def _write_soon(self) -> None:
        await asyncio.sleep(EVERY_S)
        self._soon = None
        await asyncio.to_thread(self.write)

    def write(self) -> None:
        """Write what is there. A database that refuses it refuses the item's rows too, which ends
        the run; here nothing is lost that was not lost without."""
        with self._lock, contextlib.suppress(StoreError):
            fresh = [self._fresh.popleft() for _ in range(len(self._fresh))]
            if fresh:
                self._store = self._store or EarlyStore.open(self._path)
                self._store.keep(self._run_id, fresh)

    def close(self) -> None:
        """Write the rest, and let go of the database; safe to call twice."""
        self.write()
        with self._lock:
            if self._store is not None:
                self._store.close()
            self._store = None
