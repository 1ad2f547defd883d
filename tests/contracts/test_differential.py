"""Tests by comparison with a reference (HumanEval+, MBPP+): what every sandbox promises of them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_mcode.core.protocols import Sandbox
from pytest_mcode.core.records import Limits, Program, Verdict

BOTH = {"base": True, "plus": True}


def program(
    candidate: str,
    reference: str,
    base: list[object],
    plus: list[object],
    keywords: str = "",
    source: str = "",
    wall_s: float = 5.0,
) -> Program:
    """Compares `candidate` with `reference` on two groups of argument lists."""
    inputs = {"base": json.dumps(base), "plus": json.dumps(plus)}
    tests = (
        "from differential import Differential\n"
        f"{source}\nf\nDifferential(__mcode_candidate__, 'f', {reference!r}{keywords})"
        f".verify(__mcode_groups__, {inputs!r}, __mcode_notes__)\n"
        "assert __mcode_groups__['base']\nassert __mcode_groups__['plus']\n"
    )
    return Program(candidate, tests, ("f",), checks=2, limits=Limits(wall_s))


@pytest.fixture
def compare(sandbox: Sandbox) -> Callable[..., Verdict]:
    """The verdict on `program` of these arguments."""

    def run(*args: Any, **kwargs: Any) -> Verdict:
        return sandbox.run(program(*args, **kwargs))

    return run


SQUARE = "def f(x): return x * x"
MANY = [[i] for i in range(1000)]


def test_all_inputs_of_all_groups_must_agree(compare):
    """A thousand inputs: the reference passes; the last one wrong is found, shown and counted."""
    seen = compare(SQUARE, SQUARE, MANY[:3], MANY)
    assert (seen.status, seen.groups, seen.checks_run) == ("passed", BOTH, 2)
    wrong = compare("def f(x): return x * x + (x == 999)", SQUARE, MANY[:3], MANY)
    assert (wrong.status, wrong.groups) == ("failed", {"base": True, "plus": False})
    words = "plus failed at input 1000 of 1000: f(999) returned 998002, expected 998001"
    assert wrong.detail == wrong.feedback == f"base passed; {words}"


def test_a_wrong_first_group_does_not_hide_the_second(compare):
    """Both groups are told apart; the words are about the first failure."""
    seen = compare("def f(x): return x * x if x > 2 else -1", SQUARE, MANY[:3], MANY[3:])
    assert (seen.status, seen.groups) == ("failed", {"base": False, "plus": True})
    assert seen.detail == "base failed at input 1 of 3: f(0) returned -1, expected 0"


def test_an_exception_names_the_input_and_the_line(compare):
    """As for every test: an error, the end of the traceback, the call that raised."""
    seen = compare("def f(x):\n    return 6 // (x - 5)", "def f(x): return 0", [[5]], [[9]])
    assert (seen.status, seen.groups) == ("error", {"base": False, "plus": False})
    assert seen.detail.startswith("ZeroDivisionError:")
    assert "(line 2)" in seen.detail
    assert seen.feedback.startswith("f(5) raised:")


@pytest.mark.parametrize(
    ("candidate", "status", "groups"),
    [
        ("import os\ndef f(x): return x * x if x < 3 else os._exit(0)", "error", {"base": True}),
        ("def f(x):\n    while x > 2: pass\n    return x * x", "timeout", {"base": True}),
        ("def g(x): return x", "error", {}),
        ("", "error", {}),
    ],
    ids=["exits", "endless", "unnamed", "empty"],
)
def test_a_program_that_does_not_live_to_the_end_has_not_passed(compare, candidate, status, groups):
    """Groups that were not reached are not noted, the one in which it ended is not held."""
    seen = compare(candidate, SQUARE, MANY[:3], MANY, wall_s=1.0)
    expected = {**groups, "plus": False} if groups else {}
    assert (seen.status, seen.groups) == (status, expected)


def test_one_input_may_take_a_tenth_of_the_time(compare, factor):
    """CPU time, as EvalPlus limits each input: an endless loop costs a tenth of what it could;
    waiting, or many inputs that together take longer, is no time-out."""
    endless = "def f(x):\n    while x > 2: pass\n    return x * x"
    seen = compare(endless, SQUARE, MANY[:3], MANY, wall_s=3.0)
    assert seen.detail == f"no end within {0.3 * factor:g} s of CPU time for one input (twice)"
    assert (seen.status, seen.groups) == ("timeout", {"base": True, "plus": False})
    assert "beginning with f(" in seen.feedback
    busy = "import time\ndef f(x):\n    end = time.process_time() + 0.2\n"
    busy += "    while time.process_time() < end: pass\n    time.sleep(0.2)\n    return x * x"
    assert compare(busy, SQUARE, [], MANY[:3], wall_s=3.0).status == "passed"
    shorter = compare(endless, SQUARE, MANY[3:4], [], ", each=1 / 3", wall_s=3.0)
    assert shorter.detail == f"no end within {0.1 * factor:g} s of CPU time for one input (twice)"


def test_a_program_without_that_alarm_meets_its_whole_limit(compare):
    """It shares its process with the alarm and can take it away; nothing is won by it."""
    endless = "import signal\ndef f(x):\n    signal.setitimer(2, 0)\n    while True: pass"
    seen = compare(endless, SQUARE, MANY[:1], [], wall_s=1.0)
    assert (seen.status, seen.groups) == ("timeout", {"base": False})


def test_who_kills_itself_by_the_alarm_has_not_run_out_of_time(compare):
    """The signal counts with the CPU time behind it."""
    seen = compare("import os\ndef f(x): os.kill(os.getpid(), 27)", SQUARE, MANY[:1], [])
    assert (seen.status, seen.groups) == ("error", {"base": False})
    assert "died by SIGPROF" in seen.detail


@pytest.mark.parametrize(
    ("output", "expected", "keywords", "status"),
    [
        ("1", "1.0", "", "passed"),
        ("True", "1", "", "passed"),
        ("(1, 2)", "[1, 2]", "", "failed"),
        ("{2, 1}", "{1, 2}", "", "passed"),
        ("0.1 + 0.2", "0.3", "", "passed"),
        ("[0.1 + 0.2, 1]", "[0.3, 1.0]", "", "passed"),
        ("(0.1 + 0.2,)", "[0.3]", "", "failed"),
        ("0.1001", "0.1", "", "failed"),
        ("0.1001", "0.1", ", atol=1e-3", "passed"),
        ("100001", "100000", "", "failed"),
        ("{'a': 0.1 + 0.2}", "{'a': 0.3}", "", "failed"),
        ("float('nan')", "float('nan')", "", "failed"),
        ("[float('nan')]", "[float('nan')]", "", "failed"),
        ("float('inf')", "float('inf')", "", "passed"),
        ("5.0", "float('inf')", "", "failed"),
        ("float('inf')", "float('-inf')", "", "failed"),
        ("[0.5, 2.0]", "[0.5, float('inf')]", "", "failed"),
        ("'0.3'", "0.3", "", "failed"),
        ("None", "0.3", "", "failed"),
        ("[0.3]", "[0.3, 0.3]", "", "failed"),
        ("(i for i in [1])", "[1]", "", "failed"),
        ("'x' * 10000", "'x' * 10000", "", "passed"),
        ("'x' * 10000", "'x' * 9999 + 'y'", "", "failed"),
        ("[0.1 + 0.2] * 9000", "[0.3] * 9000", "", "passed"),
        ("tuple(range(9000))", "list(range(9000))", "", "failed"),
        ("[float(i) for i in range(9000)]", "list(range(9000))", "", "passed"),
        ("[[1] * 50] * 90000", "[[1] * 50] * 90000", "", "passed"),
    ],
)
def test_outputs_are_compared_as_upstream_does(compare, output, expected, keywords, status):
    """Equality; floats as `numpy.allclose`, where the outer type and the length are the same. The
    last ones are too large to be sent or too large to be sent often."""
    define = "def f(x): return {}".format
    seen = compare(define(output), define(expected), [[1]], [[1], [2]], keywords)
    assert seen.status == status, seen.detail


def test_a_float_makes_the_later_inputs_of_its_group_tolerant(compare):
    """Upstream's tolerance stays on once a float was expected, and starts anew in each group."""
    reference = "def f(x): return x if x > 5 else float(x)"
    nearly = "def f(x): return x + 1 if x > 5 else float(x)"
    large = [10**9]
    assert compare(nearly, reference, [[1], large], [[2], large]).status == "passed"
    assert compare(nearly, reference, [large, [1]], [[1]]).groups == {"base": False, "plus": True}


def test_rules_of_single_tasks(compare):
    """Another equality, further right answers, or a property in place of a reference."""
    sets = "def same(a, b): return set(a) == set(b)"
    one = "def f(x): return [1, 2]"
    more = {"source": sets, "keywords": ", same=same"}
    assert compare("def f(x): return (2, 1, 2)", one, [[0]], [], **more).status == "passed"
    assert compare("def f(x): return iter([2, 1])", one, [[0]], [], **more).status == "passed"
    assert compare("def f(x): return 3", one, [[0]], [], **more).status == "failed"
    more = {"source": "def also(out, x): return out == -x", "keywords": ", also=also"}
    assert compare("def f(x): return -x", SQUARE, [[2]], [[3]], **more).status == "passed"
    assert compare("def f(x): return x", SQUARE, [[2]], [[3]], **more).status == "failed"
    more = {"source": "def holds(out, x): return out > x", "keywords": ", holds=holds"}
    assert compare("def f(x): return x + 7", "", [[2]], [[3]], **more).status == "passed"
    assert compare("def f(x): return x", "", [[2]], [[3]], **more).status == "failed"


def test_arguments_get_their_types_and_belong_to_each_call_alone(compare):
    """A conversion makes what JSON lacks; a program that empties its argument harms nobody."""
    tuples = ", conversion='lambda row: [tuple(row[0]), set(row[1])]'"
    reference = "def f(a, b): return [type(a).__name__, sorted(b)]"
    inputs = [[[1, 2], [3, 4]]] * 20
    assert compare(reference, reference, inputs, inputs, tuples).status == "passed"
    length, cleared = (
        "def f(a): return len(a)",
        "def f(a):\n    n = len(a)\n    a.clear()\n    return n",
    )
    assert compare(cleared, length, [[[1, 2]]] * 5, [[[1]]]).status == "passed"


ANSWER_BY = """
import sys
frame = sys._getframe()
while "OPERATIONS" not in frame.f_globals:
    frame = frame.f_back
frame.f_globals["OPERATIONS"]["m"] = lambda worker, name, rows, each_s: {}
def f(x): return 0
"""
FORGERIES = {
    "equal object": "class A:\n    def __eq__(self, o): return True\ndef f(x): return A()",
    "texts for outputs": "import worker\ndef f(x): return 0",
    "too many outputs": ANSWER_BY.format("{'t': ['1'] * (len(rows) + 1)}"),
    "no outputs": ANSWER_BY.format("{'t': []}"),
    "nonsense": ANSWER_BY.format("{'t': ['{' for _ in rows]}"),
}


@pytest.mark.parametrize("trick", FORGERIES)
def test_a_program_that_writes_its_own_answers_does_not_pass(compare, trick):
    """The worker's answers are claims: too many, none or no JSON is forged, a lie is wrong."""
    seen = compare(FORGERIES[trick], SQUARE, [[3]], [[4], [5]])
    assert seen.status in {"failed", "error", "forged"}, seen
    if trick in {"too many outputs", "no outputs", "nonsense"}:
        assert seen.status == "forged"
    assert not seen.groups.get("base")


@pytest.fixture
def square() -> str:
    """A reference that no run has met before."""
    return f"def f(x): return x * x  # {uuid.uuid4()}"


def test_expected_outputs_are_worked_out_once(sandbox, square):
    """What a judge has learned comes back to the host and stands in for the reference in every
    judge: put there by hand for a wrong answer, it lets that pass. Other tests do not find it."""
    wrong = "def f(x): return x * x + (x == 7)"
    right, cube = program(SQUARE, square, MANY[:3], MANY), SQUARE.replace("x * x", "x ** 3")
    expected = sandbox.pool.expected
    assert expected.find(right) == {}
    assert sandbox.run(right).status == "passed"
    known = expected.find(right)
    assert known.keys() == {"base", "plus"}
    assert known["plus"]["floats"] == 1000
    assert len(json.dumps(known)) < 2000
    assert sandbox.run(replace(right, candidate=wrong)).groups == {"base": True, "plus": False}
    other = program(cube, f"{cube}  # {uuid.uuid4()}", MANY[:3], MANY)
    assert sandbox.run(other).status == "passed"
    assert sandbox.run(replace(right, candidate=cube)).status == "failed"
    fresh = program(cube, f"{square}  # and another", MANY[:3], MANY)
    expected.note(fresh, expected.find(other))
    assert sandbox.run(fresh).status == "passed"
    assert sandbox.run(replace(other, candidate=SQUARE)).status == "failed"


def test_no_digest_makes_a_program_fail(sandbox, square):
    """Where a digest differs the reference is asked: wrong ones cost time and no verdict."""
    right = program(SQUARE, square, MANY[:3], MANY)
    seals = [[0, 1, "0" * 32], [1, 3, "1" * 32], [3, 7, "2" * 32]]
    lies = {"floats": 3, "seals": seals}
    sandbox.pool.expected.note(right, {"base": lies, "plus": lies})
    assert sandbox.run(right).status == "passed"
    wrong = replace(right, candidate="def f(x): return x * x + (x == 7)")
    words = "base passed; plus failed at input 8 of 1000: f(7) returned 50, expected 49"
    assert sandbox.run(wrong).detail == words


def test_values_that_equal_nothing_are_not_known_by_a_digest(sandbox):
    """nan, and what has no text, are looked at each time; and no program passes with their text."""
    nan = f"def f(x): return float('nan')  # {uuid.uuid4()}"
    assert not sandbox.run(program(nan, nan, MANY[:3], [])).passed
    forged = ANSWER_BY.format("{'t': ['{\"@\":\"generator\"}' for _ in rows]}")
    reference = f"def f(x): return (i for i in [x])  # {uuid.uuid4()}"
    assert not sandbox.run(program(forged, reference, MANY[:3], [])).passed
    assert sandbox.pool.expected.find(program("", reference, MANY[:3], [])) == {}


@pytest.mark.parametrize("most", [0, 2])
def test_more_than_the_first_failing_input_is_listed(compare, most):
    """`most` of each group, 0 for all: value or exception; status and detail stay those of the
    first."""
    candidate = "def f(x): return x * x if x % 5 else 1 // (x % 2)"
    first = compare(candidate, SQUARE, MANY[:3], MANY[:21])
    seen = compare(candidate, SQUARE, MANY[:3], MANY[:21], f", most={most}")
    assert (seen.status, seen.detail) == (first.status, first.detail) == ("error", first.detail)
    lines = [
        "Failing inputs: base 1 of 3, plus 5 of 21",
        "base 1: f(0) raised ZeroDivisionError: integer division or modulo by zero",
        "plus 1: f(0) raised ZeroDivisionError: integer division or modulo by zero",
        "plus 6: f(5) returned 1, expected 25",
        "plus 11: f(10) raised ZeroDivisionError: integer division or modulo by zero",
        "plus 16: f(15) returned 1, expected 225",
        "plus 21: f(20) raised ZeroDivisionError: integer division or modulo by zero",
    ]
    if most:
        lines = ["Failing inputs: base 1 of 3, plus 2 of 21", *lines[1:4]]
    assert seen.feedback == "\n".join([first.feedback, "", *lines])


def test_a_list_of_failing_inputs_is_bounded(compare):
    """A thousand of a thousand: the first lines, and how many more there are."""
    seen = compare("def f(x): return -1", SQUARE, MANY[:3], MANY, ", most=0")
    assert len(seen.feedback) < 15_000
    assert "\nFailing inputs: base 3 of 3, plus 1000 of 1000\n" in seen.feedback
    listed = seen.feedback.count(" returned -1, expected ") - 1
    assert seen.feedback.endswith(f"\n... and {1003 - listed} more")
