"""Is the server still there? What all requests to it have seen, taken together."""

from __future__ import annotations

import asyncio
import time

from pytest_mcode.generation.faults import Fault, pause_s

_LONGEST_ABSENCE_PAUSE_S = 5.0
"""Between two looks for a server that is away, unless it has ordered another pause."""


class Outage:
    """Lets requests wait for a server that is away, all together no longer than `patience_s`.

    A server that refuses connections, or is loading its model, is waited for beyond `retries`. Once
    no request has been answered for `patience_s` seconds, none is made any more: `over` says why.
    """

    def __init__(self, patience_s: float, retries: int) -> None:
        self.over = ""
        self._patience_s = patience_s
        self._retries = retries
        self._since: float | None = None
        """When the first call failed after the last one that was answered."""
        self._ended = asyncio.Event()

    def answered(self) -> None:
        """A call has come to an answer."""
        self._since = None

    def is_enough(self, fault: Fault, calls: int, failing_s: float) -> bool:
        """Whether a request should give up that has failed `calls` times in `failing_s` seconds."""
        if fault.status == 429:
            self.answered()
            return calls > self._retries
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        if now - self._since >= self._patience_s:
            self.over = self.over or f"no answer for {now - self._since:.0f} s: {fault.reason}"
            self._ended.set()
        waits = fault.absent and failing_s < self._patience_s
        return bool(self.over) or (calls > self._retries and not waits)

    async def pause(self, fault: Fault, calls: int) -> None:
        """Wait for the next try, or for the end of all trying."""
        seconds = pause_s(calls, fault)
        if fault.absent and not fault.retry_after_s:
            seconds = min(seconds, _LONGEST_ABSENCE_PAUSE_S)
        if self._since is not None:
            seconds = min(seconds, max(0.05, self._since + self._patience_s - time.monotonic()))
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            return
