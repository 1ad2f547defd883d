"""A component of the project's own raises: a line that names it, not a fault of pytest."""

from __future__ import annotations

import pytest

CONFTEST = """
import dataclasses, os
from pytest_mcode.benchmarks.tiny import Tiny
from pytest_mcode.core.records import Program, Verdict

BROKEN = os.environ["BROKEN"]
RIGHT = {task.reference for task in Tiny().load(None).tasks}

def bug(name):
    if BROKEN == name:
        return {}["absent"]

class Mine:
    name = "mine"
    def __init__(self, argument): pass
    def load(self, data):
        bug("load")
        found = Tiny().load(data)
        own = [dataclasses.replace(task, benchmark="mine") for task in found.tasks[:2]]
        return dataclasses.replace(found, benchmark="mine", tasks=tuple(own))
    def program(self, task, code, limits):
        if task.task_id == "tiny/mirror_words" and "BEGUN" in os.environ:
            bug("program")
        return Program(code, task.tests, task.names, checks=task.checks, limits=limits)

class Box:
    name, slots, progress = "box", 1, print
    def __init__(self, spec): pass
    def start(self): pass
    def describe(self):
        bug("describe")
        return {}
    def run(self, program):
        return Verdict("passed" if program.candidate in RIGHT else "failed")
    def close(self):
        bug("close")

class Once:
    name = "once"
    async def solve(self, bench):
        os.environ["BEGUN"] = "1"
        return [await bench.attempt(0, 0, bench.opening())]

def pytest_mcode_benchmarks(): return {"mine": Mine}
def pytest_mcode_sandboxes(): return {"box": Box}
def pytest_mcode_strategies(): return {"once": Once}
"""
RUN = ("--mcode-bench=mine", "--mcode-model=gold", "--mcode-sandbox=box", "--mcode-strategy=once")


@pytest.fixture
def broken(pytester, run, monkeypatch):
    """`broken("load", ...)`: a run in which this method has a bug."""
    pytester.makeconftest(CONFTEST)

    def call(name, *args):
        monkeypatch.setenv("BROKEN", name)
        return run(*RUN, *args)

    return call


def test_before_the_first_item_it_is_wrong_usage(broken):
    """Exit status 4 and a line; with `-v` the traceback behind it."""
    line = "ERROR: mcode: benchmark 'mine': Mine.load() raised KeyError: 'absent' (conftest.py:*)"
    quiet = broken("load")
    assert quiet.ret == 4
    quiet.stderr.fnmatch_lines([line])
    assert len(quiet.stderr.lines) <= 2
    broken("load", "-v").stderr.fnmatch_lines([line, "Traceback *", '  File "*conftest.py"*'])


def test_where_workers_run_it_is_the_same(broken):
    """The controller says it, once."""
    result = broken("describe", "-n2")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: mcode: sandbox 'box': Box.describe() raised KeyError*"])
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()


def test_in_an_item_it_is_infra_and_the_run_goes_on(broken, database):
    """No failure of the model's; the summary has the line, the row the traceback too."""
    result = broken("program")
    assert result.ret == 1
    assert result.parseoutcomes() == {"passed": 1, "infra": 1}
    ((error,),) = database.rows("SELECT error FROM items WHERE state = 'infra'")
    said = "benchmark 'mine': Mine.program() raised KeyError: 'absent' (conftest.py:10)\nTraceback"
    assert error.startswith(said)
    result.stdout.fnmatch_lines(["  infra x1: benchmark 'mine': Mine.program() raised KeyError:*"])
    assert "Traceback" not in result.stdout.str()


def test_at_the_end_it_is_told_and_nothing_is_lost(broken, database):
    """What was measured is stored: exit status 0."""
    result = broken("close")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*sandbox 'box': Box.close() raised KeyError: 'absent'*"])
    assert database.rows("SELECT count(*) FROM items WHERE state = 'done'") == [(2,)]
