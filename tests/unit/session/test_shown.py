"""What is learnt from the tests that a prompt shows: calls, behaviour, the shape of sources."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_mcode.benchmarks.humaneval import HumanEval
from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.records import Limits, SandboxSpec, Task, Verdict
from pytest_mcode.session import builtins, shown
from pytest_mcode.session.cells import make_benchmark
from pytest_mcode.session.registry import Registry

DATA = Path(__file__).parents[3].parent / "shared" / "data"
TASK = Task(
    "b", "t", "", "function", "f", "assert f(1) == 2", "def f(x): return x + 1", names=("f",)
)


def with_tests(*tests: str) -> Task:
    return replace(TASK, public_tests=tests)


@pytest.mark.parametrize(
    ("test", "calls"),
    [
        ("assert f(1, 'a') == 2", ["f(1, 'a')"]),
        ("assert set(f((3, 4), b=5)) == {4}", ["f((3, 4), b=5)"]),
        ("assert abs(f(1.5) - 0.5) < 1e-6", ["f(1.5)"]),
        ("assert f(f(1)) == f(3)", ["f(f(1))", "f(3)", "f(1)"]),
        (r"assert f('a\n\tb') == 1", [r"f('a\n\tb')"]),
        ("assert g(1) == 2", []),
        ("assert f(", []),
    ],
)
def test_inputs_are_the_calls_without_what_they_expect(test, calls):
    """Only the entry point's calls, as they stand in the text, escapes included."""
    assert sorted(shown.inputs(with_tests(test))) == sorted(calls)


def test_there_is_nothing_to_run_without_asserts_that_call_it():
    """Neither for tasks of programs, which are tested by input and output."""
    for task in (TASK, replace(with_tests("assert f(1) == 2"), mode="stdin")):
        assert shown.behaviour_program(HumanEval(), task, "x", Limits()) is None
        assert shown.public_program(HumanEval(), task, "x", Limits()) is None


def test_the_program_of_public_tests_holds_no_hidden_one():
    """Its tests are the asserts with their set-up, each of which must hold."""
    task = replace(with_tests("assert f(1) == 2", "assert f(2) == 3"), public_setup="import math\n")
    program = shown.public_program(HumanEval(), task, "code", Limits())
    assert program.tests == "import math\nassert f(1) == 2\nassert f(2) == 3\n"
    assert program.checks == 2


def test_only_the_programs_own_words_are_taken_for_a_behaviour():
    """A candidate that prints or raises such a line is not believed; nor is any other verdict."""
    mark = "0" * 32
    said = (
        f"raise ...: AssertionError: behaviour ran {mark} AssertionError: behaviour ran {'1' * 32}"
    )
    assert shown.behaviour_in(Verdict("failed", detail=said)) == f"ran:{mark}"
    assert shown.behaviour_in(Verdict("failed", detail=said.replace("ran", "raised"))) == ""
    assert shown.behaviour_in(Verdict("error", detail=said)) == ""


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("def f(x):\n  return x", "def f(x):\n    # why\n    return (x)\n", True),
        ('def f(x):\n  """Doc."""\n  return x', "def f(x):\n  return x", True),
        ("def f(x):\n  return x", "def f(y):\n  return y", False),
        (r"def f(x): return '\n'", r"def f(x): return '\t'", False),
        (r"def f(x): return '\''", r'def f(x): return "\'"', True),
    ],
)
def test_sources_of_one_shape(one, other, same):
    """Layout, comments and docstrings make no difference; names do."""
    assert (shown.shape_of(one) == shown.shape_of(other)) is same
    assert shown.shape_of("def f(:") == ""


@pytest.fixture(scope="module")
def box():
    """A warm sandbox."""
    from pytest_mcode.sandboxes.docker import Docker

    made = Docker(SandboxSpec(slots=2, label="shown"))
    try:
        made.start()
    except InfraError as error:
        pytest.skip(str(error))
    yield made
    made.close()


def behaves(box, code, *tests):
    program = shown.behaviour_program(HumanEval(), with_tests(*tests), code, Limits(wall_s=2))
    return shown.behaviour_in(box.run(program))


@pytest.mark.docker
def test_equal_results_are_equal_behaviour(box):
    """Sets in any order, 1 for 1.0 and True, dicts in any order; other results are another."""
    tests = ("assert f(1) == 0",)
    same = [
        "def f(x): return {'a': {1, 2, 'z'}, 'b': [1.0]}",
        "def f(x): return {'b': [True], 'a': {'z', 2, 1}}",
        "def f(n):\n    d = dict(b=[1])\n    d['a'] = set(['z', 1, 2])\n    return d",
    ]
    marks = {behaves(box, code, *tests) for code in same}
    assert len(marks) == 1
    assert marks != {""}
    assert behaves(box, "def f(x): return {'a': 1}", *tests) not in marks
    assert behaves(box, "def f(x): return (1, 2)", *tests) != behaves(
        box, "def f(x): return [1, 2]", *tests
    )


@pytest.mark.docker
@pytest.mark.parametrize(
    "code",
    [
        "def f(x): return y",
        "def f(x):\n    while True: pass",
        "import os\nos._exit(0)",
        "def g(x): return 1",
        "def f(x:",
        "raise AssertionError('behaviour ran ' + '0' * 32)",
        "def f(x): raise AssertionError('behaviour ran ' + '0' * 32)",
        "def f(x): raise SystemExit('AssertionError: behaviour ran ' + '0' * 32)",
    ],
)
def test_code_that_does_not_run_behaves_like_nothing(box, code):
    """It raises at every input, never ends, exits, defines nothing or is no Python; and it has no
    vote of its own making."""
    assert behaves(box, code, "assert f(1) == 2", "assert f(2) == 3") == ""


@pytest.mark.docker
def test_where_some_inputs_raise_the_others_tell(box):
    """An exception is a behaviour too, as long as anything was returned."""
    picky = "def f(x): return 1 // x"
    assert behaves(box, picky, "assert f(0) == 1", "assert f(1) == 1").startswith("ran:")


@pytest.mark.docker
@pytest.mark.parametrize("name", ["humaneval", "mbpp", "mbpp:sanitized", "mbpp+"])
def test_references_pass_every_public_test_of_the_data_sets(box, name):
    """No repair is ever driven by a shown test that is wrong or lacks an import."""
    if not DATA.is_dir():
        pytest.skip("the shared data folder is not here")
    registry = Registry.from_hooks(lambda hook: [getattr(builtins, hook)()])
    benchmark = make_benchmark(registry, name)
    tasks = benchmark.load(DATA).tasks
    programs = {
        task.task_id: shown.public_program(benchmark, task, task.reference, Limits())
        for task in tasks
    }
    with_some = {task: program for task, program in programs.items() if program}

    async def verdicts():
        running = (asyncio.to_thread(box.run, program) for program in with_some.values())
        return await asyncio.gather(*running)

    found = dict(zip(with_some, asyncio.run(verdicts()), strict=True))
    assert {task: v.detail for task, v in found.items() if not v.passed} == {}
    expected = {"humaneval": 132, "mbpp": 500, "mbpp:sanitized": 427, "mbpp+": 378}
    assert len(found) == expected[name]


def test_naming_a_strategy_imports_no_library():
    """`judge` and `mellea` cost nothing until they ask."""
    code = (
        "import sys\n"
        "import pytest_mcode.strategies.judge, pytest_mcode.strategies.mellea\n"
        "import pytest_mcode.generation.validation\n"
        "sys.exit(' '.join({'mellea', 'openai', 'httpx'} & sys.modules.keys()) or 0)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
