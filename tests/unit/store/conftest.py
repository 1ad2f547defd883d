"""A store with a small plan, and outcomes as a worker would send them."""

import json

import pytest

from pytest_mcode.core.records import Answer, Attempt, Message, Outcome, Variant, Verdict
from pytest_mcode.store.database import PlannedItem, Store

VARIANT = Variant("humaneval", "m", samples=2, debug_iters=1)
PARTS = {"limits": {"wall_s": 10.0, "memory_mb": 512}, "data": "abc", "image": "sha256:1"}


def planned(number: int) -> PlannedItem:
    """Item `number` of the plan."""
    task = f"HumanEval/{number}"
    return PlannedItem(f"mcode/humaneval::test_humaneval[{task}-m-n2-d1]", "cell", task)


@pytest.fixture
def path(tmp_path):
    """Where the database of the test lies; nothing is there yet."""
    return tmp_path / "deep" / "results.db"


@pytest.fixture
def store(path):
    """An open store whose run `r1` plans four items."""
    with Store.open(path) as opened:
        opened.start_run("r1", command="pytest", fingerprint_parts={"seed": 0}, version="0.1.0")
        opened.plan("r1", {"cell": (VARIANT, PARTS)}, [planned(i) for i in range(4)])
        yield opened


@pytest.fixture
def outcome():
    """Make an outcome: one string of verdict letters per sample, `outcome(0, "fp", "ff")`."""
    words = {"p": "passed", "f": "failed", "t": "timeout", "n": "no_code"}

    def make(number, *chains, infra="", text="def f(): ...", **answer):
        attempts = [
            Attempt(
                sample,
                iteration,
                Answer(
                    text,
                    messages=(Message("user", "solve it"),),
                    prompt_tokens=10,
                    completion_tokens=5,
                    finish_reason="stop",
                    request_s=0.5,
                    **answer,
                ),
                text,
                Verdict(words[letter], detail=f"{letter}!", checks_run=3, wall_s=0.1),
            )
            for sample, chain in enumerate(chains)
            for iteration, letter in enumerate(chain)
        ]
        made = Outcome(VARIANT, f"HumanEval/{number}", tuple(attempts), infra, 1.25)
        return json.loads(json.dumps(made.to_json()))

    return make


@pytest.fixture
def nodeid():
    """The node id of a planned item, by number."""
    return lambda number: planned(number).nodeid
