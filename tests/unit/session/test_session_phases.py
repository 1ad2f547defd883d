"""What may be drawn first and verified later, and who is a model that is not there."""

from __future__ import annotations

import asyncio

import pytest

from pytest_mcode.benchmarks.tiny import Tiny
from pytest_mcode.core.errors import ConfigError, InfraError
from pytest_mcode.core.records import Request, Sampling
from pytest_mcode.session import builtins, cells, phases
from pytest_mcode.session.registry import Registry
from pytest_mcode.session.settings import Settings

TASK = Tiny("").load(None).tasks[0]


@pytest.fixture(scope="module")
def registry():
    """What ships."""
    return Registry.from_hooks(lambda name: [getattr(builtins, name)()])


@pytest.mark.parametrize("phase", ["generate", "verify"])
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"debug_iters": (0, 1)}, "a repair needs the verdict.*--mcode-debug-iters=0"),
        ({"stop": "first-pass"}, "--mcode-stop=first-pass needs the verdict of each draw"),
        ({"strategy": "mellea"}, "--mcode-strategy=mellea does not say that it asks nothing"),
    ],
)
def test_what_waits_for_verdicts_is_refused(registry, phase, asked, said):
    """In both phases, naming the cure; without a phase all of it is allowed."""
    settings = Settings(models=("m",), phase=phase, **asked)
    with pytest.raises(ConfigError, match=said):
        cells.check_strategies(registry, settings)
    cells.check_strategies(registry, Settings(models=("m",), **asked))


@pytest.mark.parametrize(
    "name", ["self_debug", "best_of_n", "majority", "judge", "plan", "structured"]
)
def test_six_strategies_can_be_divided(registry, name):
    """Without repairs they ask nothing that depends on a verdict."""
    settings = Settings(models=("m",), samples=(1, 5), strategy=name, phase="generate")
    cells.check_strategies(registry, settings)


def test_what_stands_for_a_verdict_is_no_pass():
    """And nothing that could be taken for one of a sandbox."""
    verdict = asyncio.run(phases.unverified(None))
    assert not verdict.passed
    assert verdict.mode == "none"


def test_an_absent_model_answers_nothing():
    """It is what it was when it was asked; a draw that is missing is named, with the cure."""
    absent = phases.Absent({"backend": "openai", "model": "m"})
    assert absent.describe() == {"backend": "openai", "model": "m"}
    asyncio.run(absent.preflight())
    request = Request(TASK, (), 3, 0, Sampling(), role="planner")
    with pytest.raises(InfraError, match=r"sample 3 of the planner was not drawn.*=generate"):
        asyncio.run(absent.generate(request))
