"""One event loop in one thread: generation and verification run ahead of the reporting item."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class Engine:
    """The loop, its thread, and the threads in which blocking verifications wait."""

    def __init__(self, verifiers: int) -> None:
        self.loop = asyncio.new_event_loop()
        self._verifiers = ThreadPoolExecutor(verifiers, thread_name_prefix="mcode-verify")
        self._thread = threading.Thread(target=self.loop.run_forever, name="mcode", daemon=True)
        self._thread.start()

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Start a coroutine on the loop; the future may be awaited from any thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def blocking(self, function: Callable[[Any], T]) -> Callable[[Any], Awaitable[T]]:
        """`function` as a coroutine function that waits in a verifier thread."""

        async def call(argument: Any) -> T:
            return await self.loop.run_in_executor(self._verifiers, function, argument)

        return call

    def close(self, farewell: Callable[[], Awaitable[None]] | None = None) -> None:
        """Cancel what is in flight, run `farewell` on the loop, and end both kinds of thread."""
        if self.loop.is_closed():
            return
        try:
            self.submit(self._cancel_all(farewell)).result(timeout=15)
        finally:
            self._verifiers.shutdown(wait=False, cancel_futures=True)
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(timeout=5)
            if not self._thread.is_alive():
                self.loop.close()

    async def _cancel_all(self, farewell: Callable[[], Awaitable[None]] | None) -> None:
        tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if farewell is not None:
            await farewell()
