"""The loop outlives what runs on it, and closing never hangs."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import CancelledError

import pytest

from pytest_mcode.session.engine import Engine


async def forever():
    await asyncio.sleep(1000)


async def raises(error):
    raise error


async def fine():
    return 1


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()], ids=["exit", "interrupt"])
def test_the_loop_survives_what_ends_asyncio(error):
    """`sys.exit()` in a generator ends its own item; the next one is served as before."""
    engine = Engine(1)
    with pytest.raises(type(error)):
        engine.submit(raises(error)).result(timeout=10)
    assert engine.submit(fine()).result(timeout=10) == 1
    assert engine.close()


def test_close_cancels_what_waits_and_ends_its_threads():
    """Requests in flight are cancelled, the thread is gone, and a second close does nothing."""
    engine = Engine(2)
    waiting = engine.submit(forever())
    assert engine.close()
    with pytest.raises(CancelledError):
        waiting.result(timeout=1)
    assert not [t for t in threading.enumerate() if t.name == "mcode"]
    assert engine.close()


def test_a_blocked_loop_does_not_hold_the_end_of_the_run():
    """A generator that blocks the thread: close gives up in time and says that it had to."""
    engine = Engine(1)

    async def block():
        time.sleep(1.5)

    engine.submit(block())
    start = time.monotonic()
    assert not engine.close(patience_s=0.2)
    assert time.monotonic() - start < 1
    engine._thread.join(timeout=10)
    assert engine.loop.is_closed()


def test_a_farewell_that_fails_does_not_leave_the_loop_open():
    """An error while saying goodbye is raised, after everything was closed."""
    engine = Engine(1)
    with pytest.raises(ZeroDivisionError):
        engine.close(lambda: raises(ZeroDivisionError()))
    assert engine.loop.is_closed()
