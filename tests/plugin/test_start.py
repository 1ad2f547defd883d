"""When the sandbox of a run starts, and when it does not."""

from __future__ import annotations

import pytest

NOTED = """
from pathlib import Path
from pytest_mcode.core.records import Verdict

class Noted:
    name, slots = "noted", 2

    def __init__(self, spec):
        pass

    def note(self, what):
        with Path(__file__).with_name("noted.txt").open("a") as file:
            file.write(what + " ")

    def prepare(self):
        self.note("prepare")

    def start(self):
        self.note("start")

    def describe(self):
        return {"sandbox": self.name, "verdict": 1}

    def run(self, program):
        return Verdict("passed" if "raise" not in program.candidate else "failed", checks_run=99)

    def close(self):
        self.note("close")

def pytest_mcode_sandboxes():
    return {"noted": Noted}
"""


@pytest.fixture
def noted(run, pytester):
    """Run `tiny` in a sandbox that writes down what is asked of it."""
    pytester.makeconftest(NOTED)

    def call(*args: str) -> tuple[pytest.RunResult, list[str]]:
        result = run("--mcode-model=gold", "--mcode-sandbox=noted", *args)
        file = pytester.path / "noted.txt"
        return result, file.read_text().split() if file.exists() else []

    return call


def test_a_run_starts_its_sandbox_once_and_stops_it(noted):
    """Prepared and started beside the loading of the data, closed at the end."""
    _, seen = noted("--mcode-bench=tiny")
    assert seen == ["prepare", "start", "close"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--mcode-bench=tiny", "--collect-only"),
        ("--mcode-bench=nobody",),
        ("--mcode-bench=tiny", "--mcode-strategy=nobody"),
        ("--mcode-bench=missing.jsonl",),
    ],
)
def test_nothing_is_started_where_nothing_will_run(noted, arguments):
    """Not for a list of items, and not where data or options are wrong."""
    _, seen = noted(*arguments)
    assert "start" not in seen


def test_ordinary_tests_start_nothing(noted, pytester):
    """A project's own tests beside the plug-in."""
    pytester.makepyfile("def test_one(): pass")
    result, seen = noted()
    assert result.ret == 0
    assert seen == []
