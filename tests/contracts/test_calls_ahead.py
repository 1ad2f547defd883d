"""Calls that go along with a program change no verdict.

Once a program has passed, the next one with the same tests is sent the calls that they will make,
all at once. A verdict must not depend on that, nor on anything else that a slot has seen before.
"""

from __future__ import annotations

import itertools
import re
import textwrap
from collections.abc import Callable
from dataclasses import replace

import pytest

from pytest_mcode.core.protocols import Sandbox
from pytest_mcode.core.records import Limits, Program, SandboxSpec, Verdict

BRIEF = Limits(wall_s=1.0, memory_mb=128)
RIGHT = "def f(x): return x + x"
FEW = """
assert f(1) == 2
assert f("a") == "aa"
assert f([3]) == [3, 3]
"""
NESTED = """
assert f(f(1)) == 4
for x in range(f(2)):
    assert f(x) == 2 * x
"""
CAUGHT = """
try:
    f(None)
except TypeError:
    pass
assert f(2) == 4
assert f(7) == 14
"""
READ = """
first = f([1])
second = f([2])
assert list(first) == [1, 1]
assert list(second) == [2, 2]
"""
FEW_OF = {
    "wrong at once": "def f(x): return x",
    "wrong at last": "def f(x): return x + x if x != [3] else 0",
    "prints": "def f(x):\n    print('f', x)\n    return x + x if x == 1 else 0",
    "prints while it is defined": "print('hello')\ndef f(x): return x + x",
    "raises later": "def f(x):\n    if x == [3]: raise ValueError('three')\n    return x + x",
    "wrong before it dies": "import os\ndef f(x):\n    if x == 'a': os._exit(0)\n    return 3",
    "dies": "import os\ndef f(x):\n    if x == 'a': os._exit(0)\n    return x + x",
    "wrong before it is endless": "def f(x):\n    while x == 'a': pass\n    return 3",
    "endless": "def f(x):\n    while x == 'a': pass\n    return x + x",
    "no function": "f = 5",
    "not there": "def g(x): return x + x",
    "a class": "class f:\n    def __init__(self, x): pass",
    "an object": "class A:\n    pass\ndef f(x): return A()",
    "changes its argument": "def f(x):\n    if x == [3]: x *= 2\n    else: x = x + x\n    return x",
    "counts its calls": "n = []\ndef f(x):\n    n.append(x)\n    return x + x if len(n) < 3 else 9",
    "does not compile": "def f(x) return x",
    "takes the calls away": """
        import sys
        def f(x):
            frame = sys._getframe()
            while frame is not None:
                for thing in list(frame.f_locals.values()):
                    if type(thing).__name__ == "list_iterator":
                        list(thing)
                frame = frame.f_back
            sys.exit(0)
    """,
}
CASES = [
    *(pytest.param(FEW, text, id=name) for name, text in FEW_OF.items()),
    pytest.param(NESTED, "def f(x): return x + 1", id="other calls for a wrong one"),
    pytest.param(NESTED, "def f(x): return 2 * x if x < 4 else 1", id="fewer calls"),
    pytest.param(CAUGHT, "def f(x): return 2 * (x or 0)", id="no exception"),
    pytest.param(CAUGHT, "def f(x):\n    if x is None: raise OSError\n    return 9", id="another"),
    pytest.param(
        READ,
        "seen = []\ndef f(x):\n    seen.append(x)\n    yield from seen[-1]\n    yield from x",
        id="reads what a later call has written",
    ),
    pytest.param(READ, "def f(x):\n    yield from x\n    yield from x", id="an iterator"),
]
CLOCK = re.compile(r"\d+ s of (CPU|wall) time")
numbers = itertools.count()
REVERSED = """
def check(c):
    there = c("abc")
    assert c(there) == "abc"
    assert c("abc") == "cba"
    assert c("cba") == "abc"
check(f)
"""


@pytest.fixture(scope="module")
def one_slot(make_sandbox: Callable[[SandboxSpec], Sandbox]):
    """A slot that has seen all that came before."""
    sandbox = make_sandbox(SandboxSpec(slots=1, label="ahead"))
    sandbox.start()
    yield sandbox
    sandbox.close()


def anew(tests: str) -> str:
    """The same tests as no judge has seen them."""
    return f"{tests}# {next(numbers)}\n"


def words(verdict: Verdict) -> Verdict:
    """All of a verdict but what is measured, and which of two clocks ended it."""
    detail, feedback = (CLOCK.sub("time", text) for text in (verdict.detail, verdict.feedback))
    return replace(verdict, detail=detail, feedback=feedback, wall_s=0.0, memory_mb=0.0)


@pytest.mark.parametrize(("tests", "text"), CASES)
def test_a_verdict_is_the_same_with_its_calls_sent_ahead_and_without(one_slot, tests, text):
    """To the last word: detail, feedback, output, number of checks."""
    text = textwrap.dedent(text)
    alone, known = anew(tests), anew(tests)
    right = Program(RIGHT, known, ("f",), limits=BRIEF)
    assert one_slot.run(right).status == "passed"
    seen = one_slot.run(Program(text, known, ("f",), limits=BRIEF))
    expected = one_slot.run(Program(text, alone, ("f",), limits=BRIEF))
    assert words(seen) == words(expected)
    assert one_slot.run(right).status == "passed"


def test_tests_that_ask_each_program_for_something_else_stay_right(one_slot):
    """However often they were foreseen in vain."""
    tests = anew(NESTED)
    for number in range(20):
        text = f"{RIGHT}  # {number}"
        assert one_slot.run(Program(text, tests, ("f",))).status == "passed"
        wrong = one_slot.run(Program(f"def f(x): return x + {number}", tests, ("f",)))
        assert wrong.status == "failed", wrong


def test_calls_go_along_once_a_program_has_passed(one_slot):
    """Seen from the program: the second one finds them in its process."""
    tests = anew(FEW)
    spy = """
        import gc
        def f(x):
            ahead = [o for o in gc.get_objects() if type(o) is tuple and o[:2] == ("c", "f")]
            if x == 1:
                print(len(ahead) > 2)
            return x + x
    """
    spy = textwrap.dedent(spy)
    first = one_slot.run(Program(spy + "# 1", tests, ("f",)))
    second = one_slot.run(Program(spy + "# 2", tests, ("f",)))
    assert (first.status, second.status) == ("passed", "passed")
    assert re.findall("True|False", first.stdout + second.stdout) == ["False", "True"]


def test_what_a_right_program_returned_does_not_go_along(one_slot):
    """A call of a call: its argument would tell the next program what the first call must give."""
    tests = anew("assert f(f(f(1))) == 8\nassert f(5) == 10\n")
    spy = """
        import gc
        def f(x):
            ahead = [o for o in gc.get_objects() if type(o) is tuple and o[:2] == ("c", "f")]
            print([o for o in ahead if len(o) == 4 and o[2] in ((2,), (4,))])
            return x + x
    """
    assert one_slot.run(Program(RIGHT, tests, ("f",))).status == "passed"
    seen = one_slot.run(Program(textwrap.dedent(spy), tests, ("f",)))
    assert seen.status == "passed"
    assert seen.stdout.splitlines()[0] == "[]"


@pytest.mark.parametrize(
    "tests",
    [
        "assert f([1000, 1000])\n",
        "assert f([1.5, 1.5])\n",
        "row = [0]\nassert f([row, row])\nassert not f([[0], [0]])\n",
    ],
)
def test_what_is_one_object_in_an_argument_is_one_for_each_program(one_slot, tests):
    """Programs of small models compare with `is`, and pass by it."""
    tests = anew(tests)
    for number in range(3):
        text = f"def f(x): return x[0] is x[1]  # {number}"
        assert one_slot.run(Program(text, tests, ("f",))).status == "passed"


def test_no_program_learns_what_another_has_returned(one_slot):
    """The outer call's argument is the inner one's result, even where it also stands in the tests:
    whoever looks for strings that are neither its argument nor its own must find none."""
    tests = anew(REVERSED)
    thief = """
        import gc
        def f(x):
            for call in gc.get_objects():
                if x == "abc" and type(call) is tuple and len(call) == 4 and call[:2] == ("c", "f"):
                    for given in call[2]:
                        if type(given) is str and given != x:
                            return given
            return "abc"
    """
    assert one_slot.run(Program("def f(x): return x[::-1]", tests, ("f",))).passed
    assert one_slot.run(Program(textwrap.dedent(thief), tests, ("f",))).status == "failed"
