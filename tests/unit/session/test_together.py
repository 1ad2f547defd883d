"""Questions asked together."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_mcode.session.together import Together


class Counting(ThreadPoolExecutor):
    """Counts what it is handed."""

    trips = 0

    def submit(self, *work):
        self.trips += 1
        return super().submit(*work)


def test_what_is_asked_meanwhile_is_the_next_batch():
    """A hundred questions during the first look-up take one more trip to a thread; who gives up
    takes nothing from the others."""
    ready, threads = threading.Event(), Counting(4)

    def find(key):
        ready.wait(10)
        return key * 2

    async def story():
        asyncio.get_running_loop().set_default_executor(threads)
        ask = Together(find)
        first = asyncio.ensure_future(ask("a"))
        while not threads.trips:
            await asyncio.sleep(0)
        later = [asyncio.ensure_future(ask(str(i))) for i in range(100)]
        await asyncio.sleep(0)
        later.pop().cancel()
        ready.set()
        return await asyncio.gather(first, *later)

    assert asyncio.run(story()) == ["aa", *(str(i) * 2 for i in range(99))]
    assert threads.trips == 2


def test_an_error_is_raised_to_those_who_asked_with_it():
    """Not to those who ask later."""

    def find(key):
        if key == "bad":
            raise OSError("no disk")
        return key

    async def story():
        ask = Together(find)
        with pytest.raises(OSError, match="no disk"):
            await ask("bad")
        return await ask("good")

    assert asyncio.run(story()) == "good"
