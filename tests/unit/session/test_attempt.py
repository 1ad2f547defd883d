"""The story of one item, with real generators and a real strategy; verification is a stand-in
that needs no container (the contract suites hold the real ones to theirs).
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

import pytest

from pytest_mcode.benchmarks.tiny import Tiny
from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.records import Answer, Limits, Sampling, Variant, Verdict
from pytest_mcode.session import attempt, draws
from pytest_mcode.strategies.best_of_n import BestOfN
from pytest_mcode.strategies.self_debug import SelfDebug

BENCHMARK = Tiny("")
TASK = BENCHMARK.load(None).tasks[0]
WRONG = TASK.stub + "    return 0\n"


class Scripted:
    """A generator that fails or answers as its script says; counts what it was asked."""

    concurrency = 8

    def __init__(self, right_from_iteration: int = 0, infra_at_sample: int = -1) -> None:
        self.right_from = right_from_iteration
        self.infra_at = infra_at_sample
        self.asked = []

    def describe(self):
        return {"backend": "scripted"}

    async def preflight(self):
        pass

    async def generate(self, request):
        self.asked.append(request)
        await asyncio.sleep(0)
        if request.sample == self.infra_at:
            raise InfraError("the server is gone")
        right = request.iteration >= self.right_from
        return Answer(TASK.reference if right else WRONG, form="program")

    async def aclose(self):
        pass


async def verify(program):
    passed = TASK.reference in program.candidate
    status = "passed" if passed else "failed"
    return Verdict(status, feedback="" if passed else "got 0")


def parts(generator, strategy=None) -> attempt.Parts:
    return attempt.Parts(
        benchmark=BENCHMARK,
        generator=generator,
        strategy=strategy or SelfDebug(),
        verify=verify,
        sampling=Sampling(seed=7),
        limits=Limits(),
        pool=draws.Pool(),
    )


def outcome(generator, *, strategy=None, **variant):
    cell = Variant("tiny", "scripted", **variant)
    return asyncio.run(attempt.solve(TASK, cell, parts(generator, strategy)))


def test_each_chain_ends_at_its_first_pass():
    """Right at the second repair: three attempts per sample, the third passes."""
    found = outcome(Scripted(right_from_iteration=2), samples=2, debug_iters=5)
    shape = [(a.sample, a.iteration, a.verdict.passed) for a in found.attempts]
    assert shape == [(s, j, j == 2) for s in range(2) for j in range(3)]
    assert found.solved


def test_best_of_n_never_repairs():
    """The strategy without feedback draws n times whatever the variant's depth."""
    generator = Scripted(right_from_iteration=1)
    found = outcome(generator, strategy=BestOfN(), samples=3, debug_iters=5)
    assert len(found.attempts) == 3
    assert not found.solved


def test_every_request_has_its_own_seed_and_feedback():
    """Seeds differ by sample and iteration; a repair shows the real error."""
    generator = Scripted(right_from_iteration=1)
    outcome(generator, samples=3, debug_iters=1)
    assert len({request.sampling.seed for request in generator.asked}) == 6
    (repair,) = [r for r in generator.asked if (r.sample, r.iteration) == (0, 1)]
    assert "got 0" in repair.messages[-1].content


def test_feedback_none_hides_the_error():
    """With feedback `none` a repair knows only that the tests failed."""
    generator = Scripted(right_from_iteration=1)
    outcome(generator, samples=1, debug_iters=1, feedback="none")
    assert "got 0" not in generator.asked[-1].messages[-1].content


def test_infra_keeps_what_was_finished_and_is_never_solved():
    """One sample's server error: the item is infra, the other samples' attempts are kept."""
    found = outcome(Scripted(infra_at_sample=1), samples=3)
    assert found.infra == "the server is gone"
    assert [a.sample for a in found.attempts] == [0, 2]
    assert not found.solved


def test_our_own_bug_is_infra_not_a_failed_task():
    """An exception that is none of ours ends in `infra`, with the end of its traceback."""

    class Broken(Scripted):
        async def generate(self, request):
            raise ZeroDivisionError("ours")

    found = outcome(Broken())
    assert "ZeroDivisionError: ours" in found.infra
    assert found.attempts == ()


def test_cells_of_a_grid_share_their_draws():
    """n=1, n=5 and depth 0, 1 of one task cost five draws and five repairs, not more."""
    generator = Scripted(right_from_iteration=1)
    shared = parts(generator)

    async def grid():
        cells = [
            Variant("tiny", "scripted", samples=n, debug_iters=d) for n in (1, 5) for d in (0, 1)
        ]
        return await asyncio.gather(*(attempt.solve(TASK, cell, shared) for cell in cells))

    found = asyncio.run(grid())
    assert len(generator.asked) == 10
    assert [len(one.attempts) for one in found] == [1, 2, 5, 10]


def test_cells_with_limits_of_their_own_share_answers_and_no_verdicts():
    """A program that 1 s ends and 10 s do not: drawn once, verified under each limit."""
    generator, limits = Scripted(), []

    async def slow(program):
        limits.append(program.limits.wall_s)
        return Verdict("passed" if program.limits.wall_s > 5 else "timeout")

    shared = replace(parts(generator), verify=slow)
    cells = [replace(shared, limits=Limits(wall_s=s)) for s in (1.0, 10.0)]

    async def both():
        variant = Variant("tiny", "scripted", samples=3)
        return await asyncio.gather(*(attempt.solve(TASK, variant, cell) for cell in cells))

    found = asyncio.run(both())
    assert len(generator.asked) == 3
    assert sorted(limits) == [1.0] * 3 + [10.0] * 3
    assert [one.solved for one in found] == [False, True]


def test_an_answer_without_code_is_a_verdict():
    """`no_code`, held by nobody, and repaired like any other failure."""

    class Silent(Scripted):
        async def generate(self, request):
            return replace(await super().generate(request), text="I cannot.", form="text")

    found = outcome(Silent(), debug_iters=1)
    assert [a.verdict.status for a in found.attempts] == ["no_code", "no_code"]
    assert found.attempts[0].verdict.mode == "none"


@pytest.mark.parametrize("strategy", [BestOfN(), SelfDebug()], ids=lambda s: s.name)
def test_strategies_wait_for_every_sample_before_they_raise(strategy):
    """A failing sample does not leave its siblings running behind the item's back."""
    generator = Scripted(infra_at_sample=0)
    found = outcome(generator, strategy=strategy, samples=4)
    assert len(generator.asked) == 4
    assert len(found.attempts) == 3


class Swallowing:
    """A strategy that carries on as if nothing had happened."""

    name = "swallowing"

    async def solve(self, bench):
        for sample in range(bench.variant.samples):
            with contextlib.suppress(Exception):
                await bench.attempt(sample, 0, bench.opening())
        return []


@pytest.mark.parametrize("samples", [1, 2])
def test_a_strategy_cannot_swallow_a_failure_of_the_machinery(samples):
    """A lost draw makes the item infra even where the strategy says nothing of it."""
    found = outcome(Scripted(infra_at_sample=0), strategy=Swallowing(), samples=samples)
    assert found.infra == "the server is gone"
    assert not found.solved


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ([], "made no attempt"),
        ([(0, 0), (0, 0)], "asked twice for sample 0, iteration 0"),
        ([(1, 0)], "asked for sample 1, iteration 0, but the variant has 1 samples"),
    ],
    ids=["none", "twice", "too-many"],
)
def test_a_strategy_that_breaks_the_rules_gives_no_number(places, said):
    """No attempt, the same place twice, more draws than planned: infra that names the strategy."""

    class Cheating:
        name = "cheating"

        async def solve(self, bench):
            return [await bench.attempt(*place, bench.opening()) for place in places]

    found = outcome(Scripted(), strategy=Cheating(), samples=1)
    assert said in found.infra


BAD_ANSWERS = {
    "none": (None, "the generator returned None, not an Answer"),
    "text": (Answer(None), "Answer.text is None, not a text"),
    "form": (Answer("x", form="poem"), "Answer.form is 'poem'"),
    "tokens": (Answer("x", prompt_tokens=None), "Answer.prompt_tokens is None, not a count"),
    "huge": (Answer("x", calls=2**70), "Answer.calls is 1180"),
    "nan": (Answer("x", request_s=float("nan")), "Answer.request_s is nan, not a number"),
    "options": (Answer("x", options={"a": object()}), "Answer.options cannot be written as JSON"),
    "messages": (Answer("x", messages=("hello",)), "Answer.messages holds 'hello'"),
    "exit": (SystemExit(3), "the generator called sys.exit(3)"),
    "silent": (InfraError(), "InfraError without a message"),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_an_answer_that_cannot_be_kept_is_infra(name):
    """Whatever a generator returns or raises: one infra item that says what was wrong."""
    given, said = BAD_ANSWERS[name]

    class Strange(Scripted):
        async def generate(self, request):
            if isinstance(given, BaseException):
                raise given
            return given

    found = outcome(Strange())
    assert said in found.infra
    assert found.infra.startswith(said)
    assert not found.attempts


@pytest.mark.parametrize("given", [None, Verdict("great"), Verdict("passed", wall_s=float("inf"))])
def test_a_verdict_that_is_none_is_infra(given):
    """A sandbox of somebody else that says nonsense gives no number."""

    async def nonsense(program):
        return given

    cell = Variant("tiny", "scripted")
    asked = replace(parts(Scripted()), verify=nonsense)
    assert "erdict" in asyncio.run(attempt.solve(TASK, cell, asked)).infra
