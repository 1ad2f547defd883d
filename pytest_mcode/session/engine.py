"""One event loop in one thread: generation and verification run ahead of the reporting item."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from pytest_mcode.session.loggers import let_threads_make_loggers

T = TypeVar("T")


class Engine:
    """The loop, its thread, and the threads in which blocking verifications wait."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._pools: list[ThreadPoolExecutor] = []
        self._closing = False
        let_threads_make_loggers()
        self._thread = threading.Thread(target=self._serve, name="mcode", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        # asyncio ends the loop when a task raises one of these, and every other item would hang.
        while not self._closing:
            with contextlib.suppress(SystemExit, KeyboardInterrupt):
                self.loop.run_forever()
        if left := asyncio.all_tasks(self.loop):  # of a loop that was held for too long
            for task in left:
                task.cancel()
            with contextlib.suppress(SystemExit, KeyboardInterrupt):
                self.loop.run_until_complete(asyncio.wait(left, timeout=1))
        self.loop.close()

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Start a coroutine on the loop; the future may be awaited from any thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def blocking(self, function: Callable[[Any], T], threads: int) -> Callable[[Any], Awaitable[T]]:
        """`function` as a coroutine function that waits in one of so many threads."""
        pool = ThreadPoolExecutor(threads, thread_name_prefix="mcode-verify")
        self._pools.append(pool)

        async def call(argument: Any) -> T:
            return await self.loop.run_in_executor(pool, function, argument)

        return call

    async def awaited(self, future: Future[T]) -> T:
        """What a future of another thread holds. That thread may end it after the loop's end."""
        ended = asyncio.Event()

        def end(_: object) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self.loop.call_soon_threadsafe(ended.set)

        future.add_done_callback(end)
        await ended.wait()
        return future.result()

    def close(
        self, farewell: Callable[[], Awaitable[object]] | None = None, patience_s: float = 15
    ) -> bool:
        """Cancel what is in flight, run `farewell` on the loop, and end both kinds of thread.

        False if something on the loop held it for longer than `patience_s` seconds: its thread is
        left to the end of the process. Safe to call twice.
        """
        if self._closing:
            return self.loop.is_closed()
        try:
            self.submit(self._cancel_all(farewell)).result(timeout=patience_s)
        except TimeoutError:
            patience_s = 0
        finally:
            self._closing = True
            for pool in self._pools:
                pool.shutdown(wait=False, cancel_futures=True)
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(timeout=min(patience_s, 5))
        return self.loop.is_closed()

    async def _cancel_all(self, farewell: Callable[[], Awaitable[object]] | None) -> None:
        tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if farewell is not None:
            await farewell()
