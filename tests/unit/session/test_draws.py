"""One pool of samples: what is asked again, and what is taken from the database."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import replace

import pytest

from pytest_mcode.benchmarks.tiny import Tiny
from pytest_mcode.core.records import (
    Answer,
    Dataset,
    Limits,
    Message,
    ModelSpec,
    Sampling,
    Variant,
    Verdict,
)
from pytest_mcode.generation.gold import Gold
from pytest_mcode.generation.mellea import Mellea
from pytest_mcode.session import attempt, draws
from pytest_mcode.session.settings import Settings
from pytest_mcode.store.database import PlannedItem, Store
from pytest_mcode.strategies.self_debug import SelfDebug

BENCHMARK = Tiny("")
DATASET = BENCHMARK.load(None)
TASK = DATASET.tasks[0]
SPEC = ModelSpec("m", "openai", model="m", sampling=Sampling(seed=7))
HELLO = (Message("user", "hello"),)


class Counting:
    """A generator that is always wrong, counts its requests and has a version."""

    concurrency = 8

    def __init__(self) -> None:
        self.asked = []

    def describe(self):
        return {"backend": "counting", "version": 1}

    async def generate(self, request):
        self.asked.append((request.sample, request.iteration))
        await asyncio.sleep(0)
        return Answer(f"pass  # {len(self.asked)}", form="program", completion_tokens=3)


async def verify(program):
    return Verdict("failed", feedback="got 0")


@pytest.fixture
def solve(tmp_path):
    """Solve one cell as a run of its own, and record it; gives outcome and generator."""
    path = tmp_path / "results.db"
    runs = iter(range(100))

    def call(samples, debug_iters, **options):
        settings = Settings(db=path, sampling=SPEC.sampling, **options)
        generator, run_id = Counting(), f"run{next(runs)}"
        variant = Variant("tiny", "m", samples=samples, debug_iters=debug_iters)
        with Store.open(path) as store:
            store.start_run(run_id, command="pytest", fingerprint_parts={}, version="0")
            planned = [PlannedItem("item", "cell", TASK.task_id)]
            store.plan(run_id, {"cell": (variant, {})}, planned)
            with contextlib.closing(draws.Pool.of(settings, run_id)) as pool:
                parts = attempt.Parts(
                    BENCHMARK, generator, SelfDebug(), verify, settings.sampling, Limits(), pool,
                    draws.source(generator, DATASET, settings.sampling),
                    "all" if draws.is_kept(generator) else "",
                )  # fmt: skip
                found = asyncio.run(attempt.solve(TASK, variant, parts))
            assert not found.infra
            store.record(run_id, "item", json.loads(json.dumps(found.to_json())))
        return found, generator.asked

    return call


def shape(outcome):
    return [(a.sample, a.iteration, a.answer.text, a.answer.messages) for a in outcome.attempts]


def test_a_later_run_draws_only_what_is_missing(solve):
    """The same again: nothing. More samples: the new ones. More repairs: the next ones."""
    first, asked = solve(2, 1)
    assert len(asked) == 4
    again, asked = solve(2, 1)
    assert asked == []
    assert shape(again) == shape(first)
    assert all(a.answer.reused for a in again.attempts)
    _, asked = solve(3, 1)
    assert sorted(asked) == [(2, 0), (2, 1)]
    deeper, asked = solve(3, 2)
    assert sorted(asked) == [(0, 2), (1, 2), (2, 2)]
    assert shape(deeper)[:2] == shape(first)[:2]
    assert solve(1, 0)[1] == []


def test_the_verdict_of_a_known_answer_is_asked_for(solve):
    """A reused answer is extracted and verified as if it had just come."""
    first, _ = solve(1, 0)
    again, _ = solve(1, 0)
    assert again.attempts[0].verdict == first.attempts[0].verdict
    assert again.attempts[0].code == first.attempts[0].code


@pytest.mark.parametrize("options", [{"fresh": True}, {"pool": "run"}, {"pool": "off"}], ids=str)
def test_a_run_may_draw_anew(solve, options):
    """Nothing is taken from the runs before, and what is drawn now is taken by the next one."""
    solve(2, 0)
    anew, asked = solve(2, 0, **options)
    assert len(asked) == 2
    assert not any(a.answer.reused for a in anew.attempts)
    later, asked = solve(2, 0)
    assert asked == []
    assert shape(later) == shape(anew)


def test_off_shares_nothing_within_a_run():
    """With `off` each cell of a grid draws its own."""

    async def twice(pool):
        made = []

        async def make():
            made.append(1)

        await pool.get("a", make)
        await pool.get("a", make)
        return len(made)

    assert asyncio.run(twice(draws.Pool())) == 1
    assert asyncio.run(twice(draws.Pool.of(Settings(pool="off"), "r"))) == 2


SAME = {"db": None, "concurrency": 3, "retries": 9, "verify_times": 5, "limits": Limits(wall_s=1)}


def test_what_moves_an_answer_moves_the_digest():
    """Model, sampling, run seed, data, task, messages, sample, iteration; and nothing else."""
    settings = Settings(sampling=SPEC.sampling)

    def one(spec=SPEC, settings=settings, dataset=DATASET, task=TASK, messages=HELLO, place=(0, 0)):
        source = draws.source(Mellea(spec), dataset, settings.sampling)
        return draws.digest(source, task, messages, *place)

    other_seed = replace(settings, sampling=replace(settings.sampling, seed=8))
    found = [
        one(),
        one(spec=replace(SPEC, model="other")),
        one(spec=replace(SPEC, backend="ollama")),
        one(settings=replace(settings, sampling=replace(SPEC.sampling, temperature=0.1))),
        one(settings=other_seed),
        one(dataset=Dataset("tiny", DATASET.tasks, "0" * 64, "elsewhere")),
        one(task=DATASET.tasks[1]),
        one(messages=(*HELLO, *HELLO)),
        one(messages=(Message("system", "hello"),)),
        one(place=(1, 0)),
        one(place=(0, 1)),
    ]
    assert len(set(found)) == len(found)
    assert one(settings=replace(settings, **SAME)) == one()
    elsewhere = replace(SPEC, base_url="http://127.0.0.1:1/v1", api_key="secret", concurrency=2)
    assert one(spec=elsewhere) == one()


def test_only_what_is_drawn_by_known_code_is_kept():
    """A server's answers are; recordings draw nothing; a stranger's code must name its version."""

    class Stranger(Counting):
        def describe(self):
            return {"backend": "stranger"}

    assert draws.is_kept(Mellea(SPEC))
    assert not draws.is_kept(Gold(ModelSpec("gold", "gold")))
    assert draws.is_kept(Counting())
    assert not draws.is_kept(Stranger())
