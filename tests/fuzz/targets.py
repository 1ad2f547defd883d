"""What must hold whatever bytes arrive. Every function raises only if it does not."""

from __future__ import annotations

import json
import marshal
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any, get_args

from pytest_mcode.core.records import Program, Status
from pytest_mcode.sandboxes.cell import Plain
from pytest_mcode.sandboxes.container import Stream
from pytest_mcode.sandboxes.job import NO_ANSWER, to_job, to_verdict

from .inside import (
    candidate,
    cases,
    classes,
    endings,
    exam,
    frames,
    suite,
    values,
    verification,
    wire,
    worker,
)

NAMES = ("f", "K", "math", "v")
CANDIDATE = "import math\nclass K: pass\nv = 1\ndef f(*a, **k): return 1\n"
ACTIONS = (
    "f(1)",
    "f([1, [2]], {3}, k={'a': [1], 'q': deque([1])})",
    "f(lambda *a, **k: [a, k], len)",
    "f(f, iter([1, 2]), range(3))",
    "list(islice(f(2), 50))",
    "[(str(x), repr(x), x.a, x(1, [2], k=3), x[0], len(x), bool(x), hash(x)) for x in [f(3)]]",
    "setattr(f(4), 'a', [1])",
    "f(f(5), [f(6)], k=f(7))",
    "sorted(f(8)) + [f(9) == 4, f(9) in (1, 2), 4 in f(9)]",
    "K(1).a(2)",
    "(v, str(v), v + 1, v.a)",
    "math.isclose(f(10), 1.0)",
    "f(bytearray(b'x'), array('i', [1]))",
)
"""What tests may do with a program; each may raise, and the next is done all the same."""
TESTS = """
from array import array
from collections import deque
from itertools import islice
def attempt(action):
    try:
        action()
    except Exception:
        pass
{actions}
assert f(0) == {secret}
"""


def suite_of(actions: Sequence[str], secret: int) -> str:
    """Tests that end in a check that nobody can guess."""
    lines = "\n".join(f"attempt(lambda: {action})" for action in actions)
    return TESTS.format(actions=lines, secret=secret)


def converse(
    stream: bytes,
    actions: Sequence[str] = ACTIONS,
    report: Sequence[int] = (),
    ahead: Sequence[Any] = (),
) -> str:
    """A judge's whole job against a worker that says `stream` and hangs up; its status.

    It must end, in a verdict that can be sent, of a known status, and never in `passed`. Arguments
    of calls of `f` that were foreseen may be given; empty if the tests did not make those calls.
    """
    secret = secrets.randbits(64)
    program = Program(CANDIDATE, suite_of(actions, secret), NAMES)
    job = to_job(program, 0)
    with worker_that_says(stream) as judge:
        known = suite.Suite(program.context, program.tests)
        known.learn([marshal.dumps(("c", "f", args, {}), wire.EXACT) for args in ahead])
        run = verification.Verification(lambda *_: known, candidate.Candidate(judge.worker), job)
        with suppress(endings.Fatal):
            run.run()
        if run.is_unforeseen():
            return ""
        answer = run.answer(0.5, [*report, 0, 0, 0, 0, 1, 0, 0][:7])
    return verdict(program, json.loads(json.dumps(answer)), secret)


@contextmanager
def dialogue(**names: Callable[..., Any]) -> Iterator[dict[str, Any]]:
    """Functions as tests hold them: a worker runs them in a thread, behind a socket."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ends = theirs.recv, theirs.sendall
        serving = worker.Worker()
        serving.read, serving.send = ends
        serving.names = dict(names)
        thread = threading.Thread(target=serving.listen)
        thread.start()
        one = candidate.Candidate(ours, buffers=True)
        bound: dict[str, Any] = {}
        one.bind(dict.fromkeys(names, "f"), list(names), bound)
        yield bound
        ours.shutdown(socket.SHUT_RDWR)
        thread.join(20)


UNITTESTS = """
import unittest
class TestF(unittest.TestCase):
    def test_a(self):
        self.assertEqual(f(2), 4)
    def test_b(self):
        self.assertEqual(f(3), 6)
"""


def beside(stream: bytes, turned: bool) -> str:
    """What the judge makes of a program that runs beside its unittest classes; its status."""
    program = Program(CANDIDATE, UNITTESTS, ("f",), mode="in_process")
    script = classes.Script(UNITTESTS, ("f",))
    with worker_that_says(stream) as judge:
        run = exam.Run(judge, to_job(program, 0), script, turned)
        with suppress(endings.Fatal):
            run.run()
        answer = run.answer(0.5, run.report)
        assert type(run.betrayed(run)) is str
    status = to_verdict(program, json.loads(json.dumps(answer))).status
    assert status in get_args(Status)
    return status


def reading(stream: bytes, secret: int) -> str:
    """What the judge makes of a program that reads standard input; its status."""
    tests = json.dumps({"inputs": ["1"], "outputs": [str(secret)]})
    program = Program(CANDIDATE, tests, (), mode="stdin")
    with worker_that_says(stream) as judge:
        run = cases.Case(judge, to_job(program, 0), "1", str(secret))
        with suppress(endings.Fatal):
            try:
                run.run()
            except BaseException as error:
                run.error = error
                raise
        answer = run.answer(0.5, [0, 0, 0, 0, 1, 0, 0])
    return verdict(program, json.loads(json.dumps(answer)), secret)


@contextmanager
def worker_that_says(stream: bytes) -> Iterator[Any]:
    """What a verification needs of a judge: a worker, who hangs up after `stream`."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            end.settimeout(20)
        theirs.sendall(stream[: 1 << 17])
        theirs.shutdown(socket.SHUT_WR)
        yield SimpleNamespace(suite=suite.Suite, worker=ours)


def verdict(program: Program, answer: Any, secret: int) -> str:
    """The host's reading of a judge's answer: a status that is none of `passed`."""
    seen = to_verdict(program, answer)
    assert seen.status in get_args(Status)
    assert seen.status != "passed", "forged by a worker that knows nothing"
    assert str(secret) not in seen.stdout
    seen.detail.encode()
    return seen.status


def host_stream(data: bytes, cuts: Sequence[int]) -> list[Any]:
    """What the host makes of a judge's output, whole, cut and packed by the Docker daemon."""
    found: list[Any] = []
    for kind in (Plain, Stream):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.settimeout(20)
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            rest = data[: 1 << 16]
            for size in (*cuts, len(rest)):
                part, rest = rest[:size], rest[size:]
                if kind is Stream:
                    part = b"\1\0\0\0" + len(part).to_bytes(4, "big") + part
                theirs.sendall(part)
            theirs.shutdown(socket.SHUT_WR)
            stream = kind(ours)
            seen: list[Any] = []
            with suppress(ValueError, EOFError):
                while True:
                    seen.append(stream.frame())
            found.append(seen)
    assert repr(found[0]) == repr(found[1])
    return found[0]


def daemon_stream(data: bytes) -> None:
    """Packets that no daemon writes: frames, a ValueError, or the end; little is kept."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(20)
        theirs.sendall(data[: 1 << 16])
        theirs.shutdown(socket.SHUT_WR)
        stream = Stream(ours)
        with suppress(ValueError, EOFError):
            while True:
                stream.frame()
        assert len(stream.packed) + len(stream.output) <= len(data)
        assert len(stream.errors) <= 4096


def host_answer(answer: Any, checks: int) -> None:
    """A judge's answer is a verdict, or nonsense of a known kind; it passes only if all ran."""
    program = Program("", "", (), checks=checks)
    try:
        seen = to_verdict(program, answer)
    except NO_ANSWER:
        return
    assert seen.status in get_args(Status)
    assert not seen.passed or seen.checks_run >= checks


def decoded(data: Any) -> None:
    """Any JSON is a value, or an error of five kinds."""
    with suppress(*wire.UNREADABLE):
        values.decode(data, lambda tagged: object())


def frame_of(stream: bytes, size: int) -> None:
    """A frame is what was announced, or nothing; never more is read than there is."""
    rest = bytearray(stream)

    def read(most: int) -> bytes:
        part = bytes(rest[: min(most, size)])
        del rest[: len(part)]
        return part

    payload = frames.read_frame(read)
    announced = int.from_bytes(stream[:4], "little")
    whole = len(stream) >= 4 + announced and len(stream) >= 4
    assert payload == (stream[4 : 4 + announced] if whole else b"")


def same(left: Any, right: Any) -> bool:
    """Equal in type and value all the way down; nan is nan, and -0.0 is not 0.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        pairs = zip(left.items(), right.items(), strict=True)
        return len(left) == len(right) and all(same(list(a), list(b)) for a, b in pairs)
    if isinstance(left, set | frozenset):
        return len(left) == len(right) and sorted(map(repr, left)) == sorted(map(repr, right))
    if isinstance(left, list | tuple) or hasattr(left, "popleft"):
        return len(left) == len(right) and all(map(same, left, right))
    return repr(left) == repr(right)
