"""The loop outlives what runs on it, and closing never hangs."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError, Future

import pytest

from pytest_mcode.session.engine import Engine

PATIENCE_S = 60


async def forever():
    await asyncio.sleep(1000)


async def raises(error):
    raise error


async def fine():
    return 1


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()], ids=["exit", "interrupt"])
def test_the_loop_survives_what_ends_asyncio(error):
    """`sys.exit()` in a generator ends its own item; the next one is served as before."""
    engine = Engine()
    with pytest.raises(type(error)):
        engine.submit(raises(error)).result(timeout=PATIENCE_S)
    assert engine.submit(fine()).result(timeout=PATIENCE_S) == 1
    assert engine.close()


def test_close_cancels_what_waits_and_ends_its_threads():
    """Requests in flight are cancelled, the thread is gone, and a second close does nothing."""
    engine = Engine()
    waiting = engine.submit(forever())
    assert engine.close()
    with pytest.raises(CancelledError):
        waiting.result(timeout=1)
    assert not [t for t in threading.enumerate() if t.name == "mcode"]
    assert engine.close()


def test_a_blocked_loop_does_not_hold_the_end_of_the_run():
    """A generator that blocks the thread: close gives up meanwhile and says that it had to."""
    engine, over = Engine(), threading.Event()

    async def block():
        over.wait(PATIENCE_S)

    engine.submit(block())
    assert not engine.close(patience_s=0.2)
    over.set()
    engine._thread.join(PATIENCE_S)
    assert engine.loop.is_closed()


def test_a_farewell_that_fails_does_not_leave_the_loop_open():
    """An error while saying goodbye is raised, after everything was closed."""
    engine = Engine()
    with pytest.raises(ZeroDivisionError):
        engine.close(lambda: raises(ZeroDivisionError()))
    assert engine.loop.is_closed()


def test_a_future_of_another_thread_is_awaited_on_the_loop():
    """Its result, or what it raises; four of them wait without a thread each."""
    engine = Engine()
    futures: list[Future[int]] = [Future() for _ in range(4)]
    waiting = [engine.submit(engine.awaited(future)) for future in futures]
    futures[3].set_exception(ValueError("wrong"))
    for number in (2, 1, 0):
        futures[number].set_result(number)
        assert waiting[number].result(timeout=PATIENCE_S) == number
    with pytest.raises(ValueError, match="wrong"):
        waiting[3].result(timeout=PATIENCE_S)
    assert engine.close()


def test_a_future_may_end_after_the_loop(caplog):
    """Cancelling who waits leaves the future alone, and its end comes to nobody's ears."""
    engine = Engine()
    future: Future[int] = Future()
    waiting = engine.submit(engine.awaited(future))
    assert engine.close()
    assert waiting.cancelled()
    assert not future.cancelled()
    future.set_result(1)
    assert not caplog.records
