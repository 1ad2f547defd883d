"""What is verified once, what is never taken from before, and what differing runs are called.

The sandbox is a scripted one that counts; the plug-in's tests have the real ones
(`tests/plugin/test_verdict_cache.py`).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import fields, replace

import pytest

from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.records import Limits, Program, Verdict
from pytest_mcode.session.engine import Engine
from pytest_mcode.session.settings import Settings
from pytest_mcode.session.verifier import OVERHEAD, Verifier, agreed

PROGRAM = Program("def f(): return 1", "assert f() == 1\n", ("f",))
FAILED = Verdict("failed", "f() returned 2", "got 2", "out", checks_run=1, wall_s=0.5)


class Counting:
    """A sandbox that answers as told, and remembers what it was asked."""

    name = "counting"
    slots = 8
    progress = staticmethod(print)

    def __init__(self, answer: Callable[[Program], Verdict] = lambda program: FAILED) -> None:
        self.answer = answer
        self.asked: list[Program] = []
        self.facts = {"image": "sha256:1"}

    def start(self):
        pass

    def describe(self):
        return self.facts

    def run(self, program):
        self.asked.append(program)
        return self.answer(program)

    def close(self):
        pass


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine()
    yield made
    assert made.close()


def verify(engine: Engine, verifier: Verifier, *programs: Program) -> list[Verdict | InfraError]:
    """All at once; an `InfraError` in place of a verdict that there is none of."""

    async def all_of_them():
        asked = (verifier.verify(program) for program in programs)
        return await asyncio.gather(*asked, return_exceptions=True)

    return engine.submit(all_of_them()).result(20)


def test_identical_programs_are_verified_once(engine):
    """At once or one after the other: one run, the same verdict, and all but one say so."""
    sandbox = Counting()
    verifier = Verifier(sandbox, engine)
    seen = [*verify(engine, verifier, *[PROGRAM] * 5), *verify(engine, verifier, PROGRAM)]
    assert len(sandbox.asked) == 1
    assert [verdict.cached for verdict in seen] == [False, True, True, True, True, True]
    assert all(replace(v, cached=False, program="") == FAILED for v in seen)
    assert len({verdict.program for verdict in seen}) == 1


def changes() -> dict[str, Program]:
    """The program with each of its fields changed."""
    other = {"candidate": "x", "tests": "y", "names": ("g",), "context": "z", "checks": 2}
    found = {name: replace(PROGRAM, **{name: value}) for name, value in other.items()}
    for field in fields(Limits):
        limits = replace(Limits(), **{field.name: getattr(Limits(), field.name) + 1})
        found[f"limits.{field.name}"] = replace(PROGRAM, limits=limits)
    for field in fields(Program):
        if field.name not in {*other, "limits"}:
            found[field.name] = replace(PROGRAM, **{field.name: "other"})
    return found


@pytest.mark.parametrize("name", changes())
def test_whatever_differs_is_verified_by_itself(engine, name):
    """Every field of a program, and of its limits, is part of its identity."""
    sandbox = Counting()
    verify(engine, Verifier(sandbox, engine), PROGRAM, changes()[name])
    assert len(sandbox.asked) == 2


def test_another_sandbox_or_number_of_runs_is_another_identity(engine):
    """The key holds all by which the sandbox describes itself (image, factor of the host, ...), and
    its class: whatever a stranger's says of itself, no verdict of it is taken for one of ours."""
    sandbox, other = Counting(), Counting()
    other.facts = {"image": "sha256:2"}
    posing = type("Posing", (Counting,), {})()
    verifiers = (
        Verifier(posing, engine),
        Verifier(sandbox, engine),
        Verifier(other, engine),
        Verifier(sandbox, engine, times=2),
    )
    assert len({verifier.key(PROGRAM) for verifier in verifiers}) == 4
    assert len(verifiers[0].key(PROGRAM)) == 32


def test_text_and_its_seam_are_part_of_the_identity(engine):
    """What moves from one field to its neighbour, and a lone surrogate, give other digests."""
    key = Verifier(Counting(), engine).key
    programs = [
        Program("a", "bc", ("f",)), Program("ab", "c", ("f",)), Program("a", "b", ("f",), "c"),
        Program("\ud800", "bc", ("f",)), Program("\ud801", "bc", ("f",)),
    ]  # fmt: skip
    assert len({key(program) for program in programs}) == len(programs)


def test_a_failure_of_the_machinery_is_never_shared(engine):
    """Of two that wait for one run that fails, the second runs by itself, and so does a third."""
    entered, go = threading.Event(), threading.Event()

    def answer(program):
        if len(sandbox.asked) == 1:
            entered.set()
            go.wait(10)
            raise InfraError("the daemon is gone")
        return FAILED

    sandbox = Counting(answer)
    verifier = Verifier(sandbox, engine)
    first = engine.submit(verifier.verify(PROGRAM))
    assert entered.wait(10)
    second = engine.submit(verifier.verify(PROGRAM))
    engine.submit(asyncio.sleep(0)).result(10)
    assert len(sandbox.asked) == 1
    go.set()
    with pytest.raises(InfraError, match="the daemon is gone"):
        first.result(10)
    assert not second.result(10).cached
    assert len(sandbox.asked) == 2


def test_what_a_sandbox_returns_is_looked_at_before_it_is_kept(engine):
    """Nonsense is infra for everybody who asked, and is asked for again."""
    sandbox = Counting(lambda program: Verdict("great"))
    seen = verify(engine, Verifier(sandbox, engine), PROGRAM, PROGRAM)
    assert [type(one) for one in seen] == [InfraError, InfraError]
    assert len(sandbox.asked) == 2


def test_memory_is_bounded_and_the_least_used_goes_first(engine):
    """Room for two verdicts: the one that was asked for lately stays."""
    sandbox = Counting(lambda program: Verdict("failed", stdout="x" * 1000))
    verifier = Verifier(sandbox, engine, capacity=2 * (OVERHEAD + 1000))
    a, b, c = (replace(PROGRAM, candidate=name) for name in "abc")
    for program in (a, b, a, c, a, b):
        verify(engine, verifier, program)
    assert [program.candidate for program in sandbox.asked] == ["a", "b", "c", "b"]


def test_off_verifies_every_one(engine):
    """Without sharing each is run, also at the same time, and nothing is looked up."""
    sandbox = Counting()
    verifier = Verifier(sandbox, engine, share=False)
    seen = verify(engine, verifier, PROGRAM, PROGRAM)
    assert len(sandbox.asked) == 2
    assert [verdict.cached for verdict in seen] == [False, False]
    assert len({verdict.program for verdict in seen}) == 1


def test_a_stored_verdict_is_taken_if_it_is_one(engine):
    """What was stored under the digest saves the run; a row that somebody has edited does not."""
    sandbox = Counting()
    asked = []

    def find(key):
        asked.append(key)
        return {"stored": replace(FAILED, detail="stored")}.get(names[key], Verdict("great"))

    verifier = Verifier(sandbox, engine, find=find)
    programs = [replace(PROGRAM, candidate=name) for name in ("stored", "edited")]
    names = {verifier.key(program): program.candidate for program in programs}
    stored, edited = verify(engine, verifier, *programs)
    assert (stored.detail, stored.cached) == ("stored", True)
    assert (edited.detail, edited.cached) == (FAILED.detail, False)
    assert [program.candidate for program in sandbox.asked] == ["edited"]
    verify(engine, verifier, *programs)
    assert len(asked) == 2


def test_each_program_is_verified_as_often_as_was_asked_for(engine):
    """Three runs of each distinct program; the times add up."""
    sandbox = Counting()
    seen = verify(engine, Verifier(sandbox, engine, times=3), PROGRAM, PROGRAM)
    assert len(sandbox.asked) == 3
    assert [(v.status, v.flaky, v.wall_s) for v in seen] == [("failed", "", 1.5)] * 2


@pytest.mark.parametrize(
    ("statuses", "status", "flaky"),
    [
        (["passed"] * 3, "passed", ""),
        (["timeout"] * 2, "timeout", ""),
        (["passed", "failed", "passed"], "failed", "passed 2 of 3, else failed"),
        (["failed", "passed"], "failed", "passed 1 of 2, else failed"),
        (["error", "passed", "failed"], "error", "passed 1 of 3, else error, failed"),
        (["timeout", "failed", "failed"], "timeout", "timeout 1 of 3, else failed"),
        (["passed"] * 9 + ["forged"], "forged", "passed 9 of 10, else forged"),
    ],
)
def test_differing_runs_are_flaky_and_no_pass(statuses, status, flaky):
    """The verdict is that of the first run that did not pass, and says how often others did."""
    seen = agreed([Verdict(one, f"why {one}", f"fix {one}", checks_run=1) for one in statuses])
    assert (seen.status, seen.flaky) == (status, flaky)
    assert seen.feedback == f"fix {status}"
    assert seen.detail == (f"flaky, {flaky}: why {status}" if flaky else f"why {status}")


def test_a_group_of_tests_held_if_it_held_in_every_run():
    """Base and plus tests of EvalPlus: a flaky base is no base pass either."""
    steady, shaky = {"base": True, "plus": True}, {"base": False}
    seen = agreed([Verdict("passed", groups=steady), Verdict("failed", groups=shaky)])
    assert dict(seen.groups) == {"base": False, "plus": False}
    late = agreed(
        [Verdict("failed", groups={**steady, "plus": False}), Verdict("passed", groups=steady)]
    )
    assert list(late.groups.items()) == [("base", True), ("plus", False)]


def test_no_verdict_of_before_where_a_strangers_code_decides(engine, tmp_path):
    """A sandbox of somebody else's has no version: its verdicts of earlier runs are not taken."""
    settings = Settings(db=tmp_path / "results.db")
    assert Verifier.of(settings, Counting(), engine)._look is None
    several = replace(settings, verify_times=2)
    ours = type("Ours", (Counting,), {"__module__": "pytest_mcode.sandboxes.docker"})()
    assert Verifier.of(several, ours, engine)._look is None
    assert Verifier.of(settings, ours, engine)._look is not None
    assert Verifier.of(replace(settings, verdict_cache="run"), ours, engine)._look is None
