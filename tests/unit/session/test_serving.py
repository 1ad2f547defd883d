"""Whose server is up: turns, leases across processes, and what happens when somebody dies."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.records import Answer, Request, Sampling
from pytest_mcode.session.leases import Desk, Remote
from pytest_mcode.session.served import Served
from pytest_mcode.session.serving import Lease, Serving

ROOT = Path(__file__).parents[3]
PATIENCE_S = 60


class House:
    """Servers that write a diary of who is up; some break, some may be up together."""

    def __init__(self) -> None:
        self.diary: list[str] = []
        self.made: dict[str, House.One] = {}
        self.gate = threading.Event()
        self.gate.set()
        """While it is not set, starts take long."""

    class One:
        """A server in a few lines, as somebody's plug-in might bring it."""

        def __init__(self, house: House, model: str) -> None:
            self.model = model
            self.together = model.startswith("small")
            self.house = house

        def start(self) -> str:
            """Its address; one called broken does not come up."""
            self.house.diary.append(f"+{self.model}")
            self.house.gate.wait(PATIENCE_S)
            if self.model == "broken":
                raise InfraError("broken did not start: cure\nlog line")
            if self.model == "bug":
                raise OSError("no more files")
            return f"http://{self.model}/v1"

        def close(self) -> None:
            """Gone."""
            self.house.diary.append(f"-{self.model}")
            self.house.gate.set()

    def make(self, model: str) -> One:
        """One object for each model."""
        return self.made.setdefault(model, House.One(self, model))


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def serving(house: House) -> Iterator[Serving]:
    made = Serving(house.make, lambda line: None)
    yield made
    made.close()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def test_the_next_server_waits_for_the_last_lease(house, serving, threads) -> None:
    """With two leases on `a` nobody gets `b`; then `a` is stopped before `b` is started."""
    first, second = serving.hold("a"), serving.hold("a")
    waiting = threads.submit(serving.hold, "b")
    first.release()
    with pytest.raises(TimeoutError):
        waiting.result(timeout=0.3)
    assert house.diary == ["+a"]
    second.release()
    assert waiting.result(PATIENCE_S).url == "http://b/v1"
    assert house.diary == ["+a", "-a", "+b"]


def test_a_server_that_nobody_holds_stays_up_until_another_is_wanted(house, serving) -> None:
    """Between two items of one model nothing is started anew."""
    for _ in range(3):
        serving.hold("a").release()
    assert house.diary == ["+a"]


def test_of_those_that_wait_the_first_of_the_run_is_next(house, threads) -> None:
    """Items that are begun ahead may ask for the third model before anybody asks for the second."""
    serving = Serving(house.make, lambda line: None, ["a", "b", "c"])
    lease = serving.hold("a")
    waiting = []
    for number, model in enumerate("cb", 1):
        waiting.append(threads.submit(serving.hold, model))
        until(lambda number=number: len(serving._waiting) == number)
    lease.release()
    waiting[1].result(PATIENCE_S).release()
    waiting[0].result(PATIENCE_S)
    assert house.diary == ["+a", "-a", "+b", "-b", "+c"]
    serving.close()


def test_small_ones_may_be_up_together(house, serving) -> None:
    """They wait for nobody and nobody is stopped for them."""
    leases = [serving.hold(model) for model in ("small-1", "a", "small-2")]
    assert len({lease.url for lease in leases}) == 3
    assert not any(line.startswith("-") for line in house.diary)


def test_many_who_want_one_server_start_it_once(house, serving, threads) -> None:
    """Eight at the same moment share it."""
    found = list(threads.map(serving.hold, ["a"] * 8))
    assert {lease.url for lease in found} == {"http://a/v1"}
    assert house.diary == ["+a"]


def test_a_server_that_failed_is_not_tried_again(house, serving) -> None:
    """Each of its items gets the first line at once; the log stands at the first alone."""
    with pytest.raises(InfraError, match="log line"):
        serving.hold("broken")
    for _ in range(3):
        with pytest.raises(InfraError, match=r"^broken did not start: cure$"):
            serving.hold("broken")
    assert house.diary == ["+broken"]
    assert serving.hold("a").url == "http://a/v1"


def test_a_model_may_come_back(house, serving) -> None:
    """An item that is run once more finds its server again."""
    for model in "aba":
        serving.hold(model).release()
    assert house.diary == ["+a", "-a", "+b", "-b", "+a"]


def test_the_end_of_the_run_ends_waiting_and_a_start_under_way(house, serving, threads) -> None:
    """Who waits is told that the run is over, and the server that was being started is stopped."""
    house.gate.clear()
    starting = threads.submit(serving.hold, "a")
    until(lambda: house.diary == ["+a"])
    waiting = threads.submit(serving.hold, "b")
    until(lambda: serving._waiting == ["b"])
    serving.close()
    for future in (starting, waiting):
        with pytest.raises(InfraError, match="the run is over"):
            future.result(PATIENCE_S)
    assert "-a" in house.diary
    assert "+b" not in house.diary


@pytest.fixture
def desk(serving: Serving, tmp_path: Path) -> Iterator[Path]:
    made = Desk(serving, tmp_path / "s")
    yield tmp_path / "s"
    made.close()


def test_leases_cross_processes(house, desk: Path, threads) -> None:
    """Two workers: the second gets its server when the first has let go."""
    one, two = Remote(desk), Remote(desk)
    lease = one.hold("a")
    assert lease.url == "http://a/v1"
    waiting = threads.submit(two.hold, "b")
    with pytest.raises(TimeoutError):
        waiting.result(timeout=0.3)
    lease.release()
    assert waiting.result(PATIENCE_S).url == "http://b/v1"
    two.close()
    with pytest.raises(InfraError, match="broken did not start"):
        one.hold("broken")
    with pytest.raises(InfraError, match="internal error: OSError: no more files"):
        one.hold("bug")


WORKER = """
import sys, time
from pathlib import Path
from pytest_mcode.session.leases import Remote
print(Remote(Path(sys.argv[1])).hold("a").url, flush=True)
time.sleep(300)
"""


def test_a_worker_that_is_killed_lets_go(house, desk: Path) -> None:
    """kill -9 of who holds a lease releases it."""
    command = [sys.executable, "-c", WORKER, str(desk)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "http://a/v1\n"
        worker.kill()
    survivor = Remote(desk)
    assert survivor.hold("b").url == "http://b/v1"
    survivor.close()


def test_closing_ends_the_waiting_of_a_worker(desk: Path, threads) -> None:
    """A thread that waits for its turn does not outlive the run."""
    first, second = Remote(desk), Remote(desk)
    first.hold("a")
    waiting = threads.submit(second.hold, "b")
    with pytest.raises(TimeoutError):
        waiting.result(timeout=0.3)
    second.close()
    with pytest.raises(InfraError, match="the controller"):
        waiting.result(PATIENCE_S)
    first.close()


def test_without_a_controller_a_worker_says_so(tmp_path: Path) -> None:
    """Nobody listens at the socket."""
    with pytest.raises(InfraError, match="the controller does not answer"):
        Remote(tmp_path / "nobody").hold("a")


class Counted:
    """A generator that says where it asked."""

    concurrency = 3

    def __init__(self, url: str) -> None:
        self.url = url
        self.may_answer = asyncio.Event()

    def describe(self) -> dict:
        """Nothing to tell."""
        return {"backend": "openai"}

    async def preflight(self) -> None:
        """Always there."""

    async def generate(self, request: Request) -> Answer:
        """The address, when it may."""
        await self.may_answer.wait()
        return Answer(self.url)

    async def aclose(self) -> None:
        """Nothing is open."""


def test_a_lease_lasts_until_the_last_request_has_ended() -> None:
    """`move_on` lets go at once only where nothing is under way; the next request asks anew."""
    asyncio.run(_story())


async def _story() -> None:
    held: list[str] = []
    made: list[Counted] = []

    def hold() -> Lease:
        held.append("+")
        return Lease(f"http://{len(held)}/v1", lambda: held.append("-"))

    def make(url: str) -> Counted:
        made.append(Counted(url))
        return made[-1]

    served = Served(make, hold, {"kind": "x"})
    assert served.concurrency == 3
    assert served.describe() == {"backend": "openai", "server": {"kind": "x"}}
    request = Request(None, (), 0, 0, Sampling())
    running = asyncio.ensure_future(served.generate(request))
    while len(made) < 2:
        await asyncio.sleep(0.01)
    served.move_on()
    assert held == ["+"]
    made[1].may_answer.set()
    assert (await running).text == "http://1/v1"
    assert held == ["+", "-"]
    again = asyncio.ensure_future(served.generate(request))
    while len(made) < 3:
        await asyncio.sleep(0.01)
    made[2].may_answer.set()
    assert (await again).text == "http://3/v1"
    assert held == ["+", "-", "+"]
    await served.aclose()
    assert held == ["+", "-", "+", "-"]


def test_a_lease_that_comes_too_late_is_let_go() -> None:
    """The run moved on while it waited: the lease is released as soon as it is granted."""
    granted: Future[Lease] = Future()
    released = threading.Event()

    async def story() -> None:
        served = Served(Counted, granted.result, {})
        waiting = asyncio.ensure_future(served.generate(Request(None, (), 0, 0, Sampling())))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await served.aclose()

    asyncio.run(story())
    assert not released.is_set()
    granted.set_result(Lease("http://late/v1", released.set))
    assert released.wait(PATIENCE_S)


def test_a_server_whose_turn_is_over_is_given_to_nobody(house):
    """Asked for at any moment while the next is brought up, it is waited for."""
    asked: list[Future[Lease]] = []

    def make(model: str) -> House.One:
        if model == "b":
            asked.append(pool.submit(serving.hold, "a"))
            with contextlib.suppress(TimeoutError):
                early.append(asked[-1].result(timeout=0.3))
        return house.make(model)

    early: list[Lease] = []
    serving = Serving(make, lambda line: None)
    with ThreadPoolExecutor(9) as pool, contextlib.closing(serving):
        serving.hold("a").release()
        serving.hold("b").release()
        for lease in asked:
            lease.result(timeout=PATIENCE_S).release()
    assert asked
    assert not early


@pytest.mark.parametrize("again", range(20))
def test_after_a_failure_whoever_waits_for_the_next_model_gets_it(house, again):
    """Two workers are refused one model and have asked for the next before they were told."""
    serving = Serving(house.make, lambda line: None, ["a", "broken", "c"])
    first = serving.hold("a")
    with ThreadPoolExecutor(4) as pool, contextlib.closing(serving):
        refused = [pool.submit(serving.hold, "broken") for _ in range(2)]
        granted = [pool.submit(serving.hold, "c") for _ in range(2)]
        first.release()
        for future in refused:
            with pytest.raises(InfraError):
                future.result(timeout=PATIENCE_S)
        for future in granted:
            future.result(timeout=PATIENCE_S).release()
