"""The queue before the slots: who runs when, who runs alone, and what a loss or an end leaves.

The slots are scripted, because the order of programs is the subject; what real ones do stands in
the contracts (`test_a_busy_machine_turns_no_right_answer_wrong`).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.records import Limits, Program, Verdict
from pytest_mcode.sandboxes import calibration
from pytest_mcode.sandboxes.pool import Pool, SlotLostError
from pytest_mcode.sandboxes.waiting import MOST_OVERTAKING, Waiting, Work

OK = "passed"


class Host:
    """What all slots of a pool share: each program's script, and a record of what ran."""

    def __init__(self) -> None:
        self.scripts: dict[str, deque[str]] = {}
        self.lock = threading.Lock()
        self.running = 0
        self.log: list[tuple[str, int]] = []
        """(program, programs that ran when it ended, itself included)."""
        self.gate = threading.Event()
        self.gate.set()
        """Programs called `gate` end when it is set."""
        self.seen: list[dict] = []
        self.waited_s = 0.0
        """Of the 1.5 s that each program takes."""

    def next(self, name: str) -> str:
        with self.lock:
            script = self.scripts.get(name)
            return script.popleft() if script else OK


class Scripted:
    """A slot whose programs end as their script says; satisfies `pool.Slot`."""

    def __init__(self, host: Host, loop_s: float = calibration.REFERENCE_S) -> None:
        self.host = host
        self.loop_s = loop_s
        self.jobs: deque[dict] = deque()

    def send(self, jobs):
        with self.host.lock:
            self.host.running += 1
            self.host.seen += jobs
        self.jobs = deque(jobs)

    def receive(self, timeout_s):
        job = self.jobs.popleft()
        name = job["candidate"]
        if name.startswith("gate"):
            self.host.gate.wait(10)
        with self.host.lock:
            self.host.log.append((name, self.host.running))
        status = self.host.next(name)
        if not self.jobs or status == "lost":
            with self.host.lock:
                self.host.running -= 1
        if status == "lost":
            raise SlotLostError("it broke")
        return {
            "id": job["id"], "status": status, "detail": f"{name} {status}", "feedback": "",
            "stdout": "", "checks": 1, "wall_s": 1.5, "peak_kb": 0, "clean": True,
            "waited_s": self.host.waited_s,
        }  # fmt: skip

    def close(self):
        pass


def program(name: str) -> Program:
    return Program(name, "", ())


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def pool(host: Host) -> Iterator[Pool]:
    """Two slots."""
    made = Pool(2, lambda index: Scripted(host))
    made.start()
    yield made
    host.gate.set()
    made.close()


def fill(host: Host, pool: Pool, slots: int) -> list[Future[Verdict]]:
    """A gate in each slot: what is submitted from now on waits in the queue."""
    gates = []
    for number in range(slots):
        gates.append(pool.submit(program("gate")))
        end = time.monotonic() + 10
        while len(host.seen) <= number and time.monotonic() < end:
            time.sleep(0.001)
    return gates


def statuses(futures):
    return [future.result(10).status for future in futures]


@pytest.mark.parametrize("second", ["passed", "failed", "error"])
def test_the_second_verdict_of_a_time_out_counts(host, pool, second):
    """Whatever the run alone says is the verdict, unchanged."""
    host.scripts["slow"] = deque(["timeout", second])
    seen = pool.submit(program("slow")).result(10)
    assert (seen.status, seen.detail, seen.wall_s) == (second, f"slow {second}", 1.5)
    assert pool.spared == 1


@pytest.mark.parametrize(
    ("waited_s", "times"),
    [(0.0, 1), (0.06, 1), (0.5, 1.5), (0.75, 2), (1.45, 8), (1.5, 8), (9.0, 8), (-1.0, 1)],
)
def test_who_waited_for_a_core_has_more_wall_time_the_second_time(host, pool, waited_s, times):
    """As much as if that time were none, up to eight times; the CPU time is the same."""
    host.scripts["slow"] = deque(["timeout", OK])
    host.waited_s = waited_s
    assert pool.submit(program("slow")).result(10).passed
    first, second = host.seen
    assert second["wall_s"] == pytest.approx(first["wall_s"] * times)
    assert second["cpu_s"] == first["cpu_s"]


def test_a_time_out_counts_when_it_came_twice(host, pool):
    """Its detail says so, and its time is that of both runs."""
    host.scripts["slow"] = deque(["timeout", "timeout"])
    seen = pool.submit(program("slow")).result(10)
    assert (seen.status, seen.detail) == ("timeout", "slow timeout (twice)")
    assert seen.wall_s == 3.0
    assert [name for name, _ in host.log] == ["slow", "slow"]


def test_a_doubted_program_runs_while_no_other_does(host, pool):
    """Twenty programs on two slots, five of them doubted: each second run is alone."""
    names = [f"slow{n}" if n % 4 == 0 else f"quick{n}" for n in range(20)]
    host.scripts.update({n: deque(["timeout", OK]) for n in names if n.startswith("slow")})
    assert statuses([pool.submit(program(name)) for name in names]) == [OK] * 20
    second = {}
    for name, together in host.log:
        if name.startswith("slow"):
            second[name] = together
    assert second == dict.fromkeys((n for n in names if n.startswith("slow")), 1)
    assert len(host.log) == 25


def test_while_others_wait_a_doubted_program_lets_few_of_them_go_first(host, pool):
    """A queue that never runs dry: it is run again after MOST_OVERTAKING programs, and not before
    the queue has been served meanwhile."""
    host.scripts["slow"] = deque(["timeout", OK])
    host.gate.clear()
    gates = fill(host, pool, 2)
    futures = [pool.submit(program(n)) for n in ("slow", *(f"q{i}" for i in range(600)))]
    host.gate.set()
    assert statuses([*gates, *futures]) == [OK] * 603
    places = [i for i, (name, _) in enumerate(host.log) if name == "slow"]
    batches = 3 * 16  # what the slots held already when it became doubted or due
    assert MOST_OVERTAKING <= places[1] - places[0] <= MOST_OVERTAKING + batches


def test_what_may_take_longest_begins_first_and_leaves_a_slot_to_the_others():
    """Else it would be alone at the end; else whoever waits for the first verdicts would wait for
    the longest. Where nothing else waits it takes the last slot too."""
    waiting = Waiting(2)
    for name, limit in (("a", 10), ("long", 30), ("b", 10), ("longest", 60)):
        waiting.add(Work(Program(name, "", (), limits=Limits(limit))))
    taken = [waiting.take() for _ in range(4)]
    assert [work.program.candidate for batch in taken for work in batch] == [
        *("longest", "a", "b", "long")
    ]


def test_no_slot_waits_for_a_long_program_that_keeps_a_doubted_one_from_running_alone():
    """The others go on meanwhile; but no further long program begins before the doubted one."""
    waiting = Waiting(2)
    waiting.add(Work(Program("long", "", (), limits=Limits(60))))
    (long,) = waiting.take()
    waiting.add(Work(Program("a", "", ())))
    waiting.add(Work(Program("another", "", (), limits=Limits(60))))
    waiting.again([Work(Program("doubted", "", ()), timeout=Verdict("timeout"))])
    count = 2 * MOST_OVERTAKING
    for number in range(count):
        waiting.add(Work(Program(f"q{number}", "", ())))
    taken = 0
    while batch := waiting.take():
        assert batch[0].limit_s == 10
        waiting.done(batch[0])
        taken += len(batch)
    assert taken == count + 1
    waiting.done(long)
    (doubted,) = waiting.take()
    assert (doubted.program.candidate, waiting.take()) == ("doubted", [])
    waiting.done(doubted)
    assert waiting.take()[0].program.candidate == "another"


def test_many_long_programs_share_batches_too():
    """Each by itself would cost a third of the speed; but a few lie on all slots."""
    waiting = Waiting(2)
    waiting.add(Work(Program("short", "", (), limits=Limits(1))))
    for number in range(100):
        waiting.add(Work(Program(f"long{number}", "", (), limits=Limits(10))))
    sizes = [len(waiting.take()) for _ in range(10)]
    assert (sizes[0], sizes[1]) == (100 // 16 + 1, 1)
    assert sizes[2:] == sorted(sizes[2:], reverse=True)
    assert sizes[-1] < sizes[0]


def test_what_is_long_is_told_by_what_there_is_to_do_not_by_what_was():
    """A run of programs with short limits must not slow down the next one, of longer limits."""
    waiting = Waiting(2)
    waiting.add(Work(Program("short", "", (), limits=Limits(1))))
    waiting.done(waiting.take()[0])
    for number in range(64):
        waiting.add(Work(Program(f"p{number}", "", (), limits=Limits(10))))
    assert [len(waiting.take()) for _ in range(3)] == [16, 16, 16]


def test_a_single_slot_keeps_the_order_as_far_as_limits_are_the_usual():
    """There nothing is won by beginning with what takes long."""
    waiting = Waiting(1)
    for name, limit in (("a", 10), ("long", 30), ("b", 10)):
        waiting.add(Work(Program(name, "", (), limits=Limits(limit))))
    taken = [waiting.take() for _ in range(2)]
    assert [[work.program.candidate for work in batch] for batch in taken] == [["a", "b"], ["long"]]


def test_a_slot_lost_while_a_program_runs_alone_is_tried_once_more(host, pool):
    """Lost once: run alone again. Lost twice: that is its verdict; the others go on."""
    host.scripts["once"] = deque(["timeout", "lost", OK])
    host.scripts["twice"] = deque(["timeout", "lost", "lost"])
    futures = [pool.submit(program(name)) for name in ("once", "twice", "other")]
    once, twice, other = (future.result(10) for future in futures)
    assert (once.status, other.status) == (OK, OK)
    assert twice.status == "error"
    assert twice.detail == "the sandbox had to be replaced twice: it broke"
    assert pool.replaced == 3
    assert pool.submit(program("later")).result(10).passed


def test_a_fault_of_ours_ends_nobodys_wait(host):
    """It is told by the program's future, and the next program gets a new slot."""

    class Faulty(Scripted):
        def receive(self, timeout_s):
            raise ZeroDivisionError("of ours")

    slots = deque([Faulty(host), Scripted(host)])
    pool = Pool(1, lambda index: slots.popleft())
    pool.start()
    with pytest.raises(InfraError, match=r"the sandbox failed .*of ours"):
        pool.submit(program("first")).result(10)
    assert pool.submit(program("next")).result(10).passed
    pool.close()


@pytest.mark.parametrize(("refusals", "status"), [(1, OK), (2, None)])
def test_a_slot_that_does_not_come_back_at_once_is_asked_for_again(host, refusals, status):
    """Once: after that the program's future says why."""
    refused = deque([False] + [True] * refusals)

    def make(index):
        if refused and refused.popleft():
            raise InfraError("the judge ended")
        return Scripted(host)

    host.scripts["breaks"] = deque(["lost"])
    pool = Pool(1, make)
    pool.start()
    future = pool.submit(program("breaks"))
    if status is None:
        with pytest.raises(InfraError, match="the judge ended"):
            future.result(10)
    else:
        assert future.result(10).status == status
    pool.close()


def test_closing_ends_what_is_doubted(host, pool):
    """A time-out that nobody could confirm is no verdict: InfraError, and nobody hangs."""
    host.scripts["slow"] = deque(["timeout", "timeout"])
    host.gate.clear()
    slow = pool.submit(program("slow"))
    gates = fill(host, pool, 2)
    for _ in range(1000):
        if pool.waiting.doubted:
            break
        threading.Event().wait(0.01)
    assert len(pool.waiting.doubted) == 1
    closing = threading.Thread(target=pool.close)
    closing.start()
    with pytest.raises(InfraError, match="closed before the program ran"):
        slow.result(10)
    host.gate.set()
    closing.join(10)
    assert not closing.is_alive()
    assert statuses(gates[:1]) == [OK]


@pytest.mark.parametrize("ending", [False, True], ids=["usually", "interpreter-ends"])
def test_all_slots_are_closed_at_once(host, monkeypatch, ending):
    """A run's last seconds are those of its slowest slot. Once the interpreter ends it starts no
    threads any more: then one after the other, but all."""
    together = threading.Barrier(1 if ending else 4, timeout=10)
    made = Pool(4, lambda index: Scripted(host))
    made.start()
    closed = []
    for slot in made.slots:
        monkeypatch.setattr(slot, "close", lambda: closed.append(together.wait()))
    if ending:
        monkeypatch.setattr(threading.Thread, "start", refuse)
    made.close()
    assert sorted(closed) == ([0] * 4 if ending else [0, 1, 2, 3])


def refuse(thread):
    """What the interpreter says at its end."""
    raise RuntimeError("can't create new thread at interpreter shutdown")


def test_a_large_pool_confirms_several_at_once_but_never_beside_others(host):
    """Eight slots: two at a time, and only among doubted programs."""
    made = Pool(8, lambda index: Scripted(host))
    made.start()
    host.gate.clear()
    names = [f"gate{n}" for n in range(8)]
    host.scripts.update({name: deque(["timeout", OK]) for name in names})
    try:
        futures = [made.submit(program(name)) for name in names]
        host.gate.set()
        assert statuses(futures) == [OK] * 8
    finally:
        made.close()
    assert max(together for _, together in host.log[-8:]) <= 2


# -- how fast the host is ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slowness", "factor"),
    [(0.01, 1), (0.8, 1), (1.0, 1), (1.35, 1), (1.6, 2), (2.5, 2), (4, 4), (7, 8), (99, 8)],
)
def test_the_factor_is_a_coarse_power_of_two(slowness, factor):
    """The same host gets the same factor although no two measurements agree; never below 1."""
    assert calibration.host_factor([calibration.REFERENCE_S * slowness]) == factor


def test_the_fastest_slot_speaks_for_the_host():
    """A slot that was disturbed, or whose clock is too coarse, says nothing."""
    loops = [calibration.REFERENCE_S * slowness for slowness in (9, 1, 3)]
    assert calibration.host_factor([*loops, 0.0]) == 1
    assert calibration.host_factor([0.0]) == 1


def test_a_host_between_two_factors_keeps_the_one_that_it_had(monkeypatch, tmp_path):
    """Another Python has its own; a host that is far from what it had gets another; a cache that
    is damaged or cannot be written is no cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def factor(slowness: float, where: str = "Python 3.11") -> int:
        return calibration.steady_factor([calibration.REFERENCE_S * slowness], where)

    assert [factor(1.38), factor(1.45), factor(1.38), factor(1.6)] == [1, 1, 1, 1]
    assert [factor(1.45, "Python 3.12"), factor(1.38, "Python 3.12")] == [2, 2]
    assert [factor(1.8), factor(1.38), factor(1.0), factor(0.1), factor(1.45)] == [2, 2, 1, 1, 1]
    (tmp_path / "pytest-mcode/host-factors.json").write_text("[")
    assert [factor(1.45), factor(1.38)] == [2, 2]
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    assert [factor(1.45), factor(1.38)] == [2, 1]


@pytest.mark.parametrize(("given", "factor"), [(0, 4), (1, 1), (2, 2)])
def test_the_factor_lengthens_both_limits(host, given, factor):
    """Measured on a host four times as slow, or as it was given by the run's controller."""
    made = Pool(1, lambda index: Scripted(host, 4 * calibration.REFERENCE_S), given)
    made.start()
    try:
        assert made.factor == factor
        made.submit(Program("p", "", (), limits=Limits(wall_s=1.5))).result(10)
    finally:
        made.close()
    (job,) = host.seen
    assert job["wall_s"] == 3 * 1.5 * factor
    assert job["cpu_s"] == {1: 2, 2: 3, 4: 6}[factor]


@pytest.mark.parametrize("frame", [{}, {"ready": 1}, {"ready": 2, "loop_s": 0.1}, [], None])
def test_another_first_frame_is_no_judges(frame):
    """An image with older programs is refused, not run without calibration."""
    with pytest.raises(ValueError, match="none of a judge"):
        calibration.loop_time(frame)
