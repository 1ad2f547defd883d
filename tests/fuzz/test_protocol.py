"""Whatever a worker or a judge may say, its reader ends with a value or a declared error.

A few seconds each; `MCODE_FUZZ_SECONDS=600` repeats each property for as many seconds with new
examples, and `python -m tests.fuzz.guided` lets coverage guide the bytes.
"""

from __future__ import annotations

import builtins
import json
import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_mcode.core.records import Json, Program
from pytest_mcode.sandboxes.pool import Pool, SlotLostError

from . import targets
from .arrivals import (
    BESIDE,
    CONVERSATIONS,
    JSONS,
    JUDGED,
    ORDERS,
    READING,
    REPORTS,
    SCALARS,
    VALUES,
    containers,
    mutated,
)
from .inside import candidate, endings, frames, values, wire

AHEAD = ((1,), (2,), (0,), (5,))
"""Calls that may have been foreseen: two are made, one is made later, and one never."""
SECONDS = float(os.environ.get("MCODE_FUZZ_SECONDS", "0"))
ROOM = 2 << 30
"""What a reader may take of memory, beyond what the process has: the judge has half of it."""
EXAMPLES = settings(
    max_examples=2000 if SECONDS else 150,
    deadline=None,
    derandomize=not SECONDS,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True, scope="module")
def bounded_memory() -> Iterator[None]:
    """A value that grows without end fails here, not the machine."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
        pages = int(file.read().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def again(test: Callable[[], None]) -> None:
    """Once; or until `MCODE_FUZZ_SECONDS` are over, with new examples each time."""
    end = time.monotonic() + SECONDS
    test()
    while time.monotonic() < end:
        test()


# -- the judge against a worker ---------------------------------------------------------------


def test_no_conversation_with_a_hostile_worker_passes_or_escapes() -> None:
    """Well-formed frames of any content: a verdict, never `passed`, and no exception."""

    @EXAMPLES
    @given(CONVERSATIONS, ORDERS, REPORTS, st.integers(1, len(AHEAD)))
    def converse(payloads: list[bytes], order: Sequence[str], report: list[int], few: int) -> None:
        stream = b"".join(map(frames.framed, payloads))
        targets.converse(stream, order, report)
        targets.converse(stream, ("f(1)", "f(2)", *order), report, ahead=AHEAD[:few])

    again(converse)


def test_no_broken_conversation_passes_or_escapes() -> None:
    """The same with the bytes themselves changed."""

    @EXAMPLES
    @given(mutated(), ORDERS, REPORTS)
    def converse(stream: bytes, order: Sequence[str], report: list[int]) -> None:
        targets.converse(stream, order, report)

    again(converse)


def test_no_bytes_at_all_pass_or_escape() -> None:
    """Noise, from the first byte or behind a definition."""

    @EXAMPLES
    @given(st.binary(max_size=4000), st.booleans())
    def converse(noise: bytes, defined: bool) -> None:
        known = frames.framed(b'{"k":{"f":"f","K":"f"}}') if defined else b""
        assert targets.converse(known + noise) in ("error", "forged")

    again(converse)


def test_no_report_of_a_program_beside_its_tests_escapes() -> None:
    """Whatever it claims of their methods: a verdict, and no exception."""

    @EXAMPLES
    @given(BESIDE, st.booleans())
    def report(payloads: list[bytes], turned: bool) -> None:
        targets.beside(b"".join(map(frames.framed, payloads)), turned)

    again(report)


def test_no_end_of_a_program_that_reads_input_passes_or_escapes() -> None:
    """Its output is compared by the judge; the rest are claims."""

    @EXAMPLES
    @given(READING, st.integers(2**60, 2**64))
    def end(payloads: list[bytes], secret: int) -> None:
        targets.reading(b"".join(map(frames.framed, payloads)), secret)

    again(end)


def test_the_conversation_that_is_right_passes() -> None:
    """The properties above are not true of everything: the one right answer does pass."""
    program = Program("def f(n): return n", "assert f(5) == 5\n", ("f",), checks=1)
    ours, theirs = targets.socket.socketpair()
    with ours, theirs:
        theirs.sendall(frames.framed(b'{"k":{"f":"f"}}') + frames.framed(b'{"v":5}'))
        one = candidate.Candidate(ours)
        job = targets.to_job(program, 0)
        run = targets.verification.Verification(targets.suite.Suite, one, job)
        run.run()
    assert targets.to_verdict(program, run.answer(0.1, [0, 0, 0, 0, 1, 0, 0])).passed


@pytest.mark.parametrize(
    "data",
    [
        {"t": {"r": [0, 10**15, 1]}},
        {"s": {"r": [0, 10**15, 1]}},
        {"f": {"r": [0, 10**15, 1]}},
        {"K": {"r": [0, 10**15, 1]}},
        {"V": {"r": [0, 10**15, 1]}},
        {"q": [{"r": [0, 10**15, 1]}, None]},
        {"A": ["b", {"r": [0, 10**15, 1]}]},
        {"d": [{"r": [0, 10**15, 1]}]},
        {"od": [{"r": [0, 10**15, 1]}]},
        {"J": [{"r": [0, 10**15, 1]}]},
        {"C": [{"r": [0, 10**15, 1]}]},
        {"dd": [None, [{"r": [0, 10**15, 1]}]]},
        {"t": {"@o": [0, "A", "in"]}},
    ],
    ids=lambda data: next(iter(data)),
)
def test_a_few_bytes_do_not_become_many(data: Any) -> None:
    """What is put together is no larger than what was sent, and is asked of nobody."""
    ours, theirs = targets.socket.socketpair()
    with ours, theirs, pytest.raises(endings.Forged):
        candidate.Candidate(ours).value(data)


# -- values -----------------------------------------------------------------------------------


def no_reference(value: Any, plain: Any = None) -> Any:
    raise AssertionError(f"no rule for {value!r}")


def test_a_value_keeps_its_type_and_all_that_it_is() -> None:
    """Through JSON and back, nan, signs of zero, order, surrogates and all."""

    @EXAMPLES
    @given(st.recursive(SCALARS, containers, max_leaves=30))
    def cross(value: Any) -> None:
        sent = wire.from_json(frames.to_json(values.encode(value, no_reference)))
        assert targets.same(values.decode(sent, no_reference), value)

    again(cross)


@pytest.mark.parametrize(
    "depth", [1, values.DEEPEST // 3, *range(values.DEEPEST - 4, values.DEEPEST + 3), 5000]
)
@pytest.mark.parametrize("wrap", [lambda v: [v], lambda v: (v,), lambda v: {0: v}])
def test_nesting_ends_at_a_depth_in_a_reference(depth: int, wrap: Callable[[Any], Any]) -> None:
    """However deep a value, what is written of it can be read again."""
    value: Any = 1
    for _ in range(depth):
        value = wrap(value)
    cut: list[Any] = []
    data = values.encode(value, lambda inner: cut.append(inner) or {"@o": [0, "x", ""]})
    back = values.decode(wire.from_json(frames.to_json(data)), lambda tagged: "cut")
    assert ("cut" in repr(back)) == bool(cut)
    assert cut or targets.same(back, value)
    assert not cut or depth > values.DEEPEST // 3
    assert cut or depth <= values.DEEPEST + 1


def test_any_json_is_a_value_or_a_declared_error() -> None:
    """Decoding raises what the judge takes for forgery, and nothing else."""

    @EXAMPLES
    @given(VALUES)
    def decode(data: Any) -> None:
        targets.decoded(json.loads(json.dumps(data)))

    again(decode)


def test_frames_are_whole_however_the_stream_is_cut() -> None:
    """A reader gets what was announced, or nothing."""

    @EXAMPLES
    @given(st.binary(max_size=3000).map(frames.framed) | st.binary(max_size=3000))
    def read(stream: bytes) -> None:
        for size in (1, 3, 4, 5, 1000, 1 << 20):
            rest = stream if size > 1 else stream[:100]
            targets.frame_of(rest, size)

    again(read)


def double(x: Any) -> Any:
    return x


def change(x: Any, extra: Any = None) -> Any:
    if type(x) is list:
        x.append(extra)
    return x


def hurt(kind: str, args: list[Any]) -> Any:
    raise getattr(builtins, kind, type("Mine", (KeyError,), {}))(*args)


def count(x: list[Any]) -> Iterator[Any]:
    yield from x


@pytest.fixture(scope="module")
def programs() -> Iterator[dict[str, Any]]:
    """A real worker's functions, as the tests hold them."""
    with targets.dialogue(f=double, change=change, hurt=hurt, count=count) as names:
        yield names


def test_what_a_worker_is_given_and_gives_back_is_the_same(programs: dict[str, Any]) -> None:
    """Both halves and the socket: arguments, results, changes and items of an iterator."""

    @EXAMPLES
    @given(st.recursive(SCALARS, containers, max_leaves=12), st.integers(0, 9))
    def cross(value: Any, other: int) -> None:
        assert targets.same(programs["f"](value), value)
        given_list = [value, [value]]
        kept = given_list[1]
        assert programs["change"](given_list, extra=other) is given_list
        assert targets.same(given_list, [value, [value], other])
        assert given_list[1] is kept
        assert targets.same(list(programs["count"]([value, other])), [value, other])

    again(cross)


ERRORS = ["ValueError", "KeyError", "OSError", "StopIteration", "SystemExit", "Mine", "SyntaxError"]


def test_an_exception_arrives_as_its_builtin_base(programs: dict[str, Any]) -> None:
    """With its arguments where they are small and plain, and always with its text."""

    @EXAMPLES
    @given(st.sampled_from(ERRORS), st.lists(st.integers() | st.text(), max_size=3))
    def cross(kind: str, args: list[Any]) -> None:
        with suppress(TypeError):  # what the constructor refuses there, it refuses here
            expected = getattr(builtins, kind, KeyError)(*args)
            with pytest.raises(type(expected)) as caught:
                programs["hurt"](kind, args)
            assert caught.value.args == expected.args

    again(cross)


# -- the host against a judge -----------------------------------------------------------------


def test_any_answer_of_a_judge_is_a_verdict_or_a_declared_error() -> None:
    """And it passes only with as many checks as there must be."""

    @EXAMPLES
    @given(JUDGED, st.integers(1, 9))
    def answer(data: Any, checks: int) -> None:
        targets.host_answer(data, checks)

    again(answer)


def test_a_judges_stream_is_read_the_same_however_it_is_cut_and_packed() -> None:
    """Frames, then a ValueError or the end."""
    stream = st.lists(JSONS, max_size=4).map(
        lambda found: b"".join(frames.framed(json.dumps(one).encode()) for one in found)
    )
    noise = st.binary(max_size=100) | st.just(frames.framed(b"[" * 9999))

    @EXAMPLES
    @given(stream, noise, st.lists(st.integers(0, 50), max_size=9))
    def read(data: bytes, behind: bytes, cuts: list[int]) -> None:
        targets.host_stream(data + behind, cuts)
        targets.daemon_stream(data + behind)

    again(read)


class Babbler:
    """A slot whose judge says anything."""

    loop_s = 0.0

    def __init__(self, answers: Iterator[Any]) -> None:
        self.answers = answers

    def send(self, jobs: Sequence[Json]) -> None:
        pass

    def receive(self, timeout_s: float) -> Json:
        answer = next(self.answers, None)
        if answer == "lost":
            raise SlotLostError("it was to be lost")
        return answer

    def close(self) -> None:
        pass


def test_whatever_judges_say_each_program_gets_one_verdict() -> None:
    """Nonsense costs a slot, twice costs the program its verdict, and nobody waits for ever."""

    @settings(EXAMPLES, max_examples=EXAMPLES.max_examples // 3)
    @given(st.lists(JUDGED | st.just("lost"), max_size=30), st.integers(1, 9))
    def serve(said: list[Any], programs: int) -> None:
        answers = iter(said)
        pool = Pool(2, lambda index: Babbler(answers))
        pool.start()
        try:
            futures = [pool.submit(Program("", "", (), checks=1)) for _ in range(programs)]
            with ThreadPoolExecutor(1) as thread:
                seen = thread.submit(lambda: [one.result(20) for one in futures]).result(60)
        finally:
            pool.close()
        honest = [one for one in said if type(one) is dict and one.get("status") == "passed"]
        assert sum(one.passed for one in seen) <= len(honest)

    again(serve)
