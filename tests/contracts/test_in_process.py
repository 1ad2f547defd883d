"""Tests that cannot be separated from the program: unittest classes, beside it, and the canary."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_mcode.core.protocols import Sandbox
from pytest_mcode.core.records import Limits, Program, SandboxSpec, Verdict
from tests import corpus

HOSTILE = sorted((Path(__file__).parents[1] / "hostile_in_process").glob("*.py"))
SHORT = Limits(wall_s=2.0, memory_mb=256)
BRIEF = Limits(wall_s=1.0, memory_mb=256)
HEAD = "import logging, unittest, warnings\nfrom unittest import mock\n"
Verify = Callable[..., Verdict]


@pytest.fixture
def verdict(sandbox: Sandbox) -> Verify:
    """Verify a candidate with the body of a test class, or with a whole file of tests."""

    def run(candidate: str, body: str, checks: int = 1, limits: Limits = SHORT) -> Verdict:
        tests = textwrap.dedent(body)
        if "class " not in tests:
            head = "\n\nclass TestCases(unittest.TestCase):\n"
            tests = head + textwrap.indent(tests, "    ")
        source = textwrap.dedent(candidate)
        made = Program(source, HEAD + tests, ("f",), "", checks, limits, "in_process")
        return sandbox.run(made)

    return run


# -- honest programs --------------------------------------------------------------------------

FEATURES = """
state = []

def approximately(case, a, b):
    case.assertAlmostEqual(a, b, places=3)

class Base(unittest.TestCase):
    def test_inherited(self):
        self.assertEqual(f(self.number), 2 * self.number)

    def check(self, x, expected):
        self.assertEqual(f(x), expected)

class TestCases(Base):
    number = 4

    @classmethod
    def setUpClass(cls):
        state.append("class")

    def setUp(self):
        self.x = 5
        self.addCleanup(state.append, "cleaned")

    def tearDown(self):
        state.append("down")

    def test_fixtures(self):
        self.assertEqual(state[0], "class")
        self.assertEqual(f(self.x), 10)

    def test_subtests(self):
        for x, expected in [(1, 2), (2, 4), (0, 0)]:
            with self.subTest(x=x):
                self.assertEqual(f(x), expected)

    @unittest.skip("not today")
    def test_skipped(self):
        self.assertEqual(f(1), 99)

    @unittest.expectedFailure
    def test_known_bug(self):
        self.assertEqual(f(1), 99)

    def test_patched(self):
        with mock.patch(__name__ + ".f", return_value=7) as fake:
            self.assertEqual(f(1), 7)
        fake.assert_called_once_with(1)

    @mock.patch("time.sleep")
    def test_decorated(self, sleep):
        f(1)
        sleep.assert_not_called()

    def test_helpers(self):
        self.check(3, 6)
        approximately(self, f(1.5), 3.0)

    def test_plain(self):
        assert f(2) == 4, "twice"
        assert f(2) > 3 and f(2) in (4, 5)

    def test_raises(self):
        with self.assertRaises(TypeError) as caught:
            f(None)
        self.assertIn("NoneType", str(caught.exception))
        self.assertRaisesRegex(TypeError, "NoneType", f, None)

    def test_the_old_way(self):
        try:
            f(None)
            self.fail("no error")
        except TypeError:
            pass

    def test_without_any_assertion(self):
        f(1)

class Number(Base):
    number = 9

class Async(unittest.IsolatedAsyncioTestCase):
    async def test_async(self):
        self.assertEqual(f(8), 16)

if __name__ == "__main__":
    unittest.main()
"""


def test_an_honest_program_passes_and_its_methods_are_counted(verdict):
    """Fixtures, subtests, skips, expected failures, mocks, helpers, inheritance: as in unittest."""
    features = FEATURES.replace(
        "class Base(unittest.TestCase):", "class Base(unittest.TestCase):\n    number = 1"
    )
    seen = verdict(
        "def f(x):\n    if x is None: raise TypeError('NoneType')\n    return x * 2", features
    )
    assert (seen.status, seen.detail, seen.mode) == ("passed", "", "in_process")
    assert seen.checks_run == 14  # the skipped method proves nothing


ASSERTIONS = """
self.assertEqual(f(2), 4)
self.assertEqual(4, f(2))
self.assertEqual([f(i) for i in range(3)], [0, 2, 4])
self.assertEqual(f("ab"), "abab")
self.assertEqual({"a": f(1)}, {"a": 2})
self.assertEqual(f(2), f(1) + 2)
self.assertNotEqual(f(2), 5)
self.assertTrue(f(2))
self.assertTrue(f(2) == 4)
self.assertTrue(isinstance(f(2), int))
self.assertTrue(all(f(i) == 2 * i for i in range(5)))
self.assertFalse(f(0))
self.assertIs(f(2) == 4, True)
self.assertIsNot(f(2), None)
self.assertIsNone(f([]) or None)
self.assertIsNotNone(f(2))
self.assertIn(f(2), [3, 4])
self.assertIn("b", f("ab"))
self.assertNotIn(f(2), [3, 5])
self.assertIsInstance(f(2), int)
self.assertNotIsInstance(f(2), str)
self.assertAlmostEqual(f(1.5), 3.00000001)
self.assertAlmostEqual(f(1.5), 3, delta=1)
self.assertNotAlmostEqual(f(1.5), 4)
self.assertGreater(f(2), 3)
self.assertGreaterEqual(f(2), 4)
self.assertLess(f(2), 5)
self.assertLessEqual(f(2), 4)
self.assertRegex(f("ab"), "^(ab)+$")
self.assertNotRegex(f("ab"), "c")
self.assertCountEqual(f([1, 2]), [1, 1, 2, 2])
self.assertListEqual(f([1]), [1, 1])
self.assertTupleEqual(f((1,)), (1, 1))
self.assertSequenceEqual(f([1]), [1, 1])
self.assertMultiLineEqual(f("a"), "aa")
self.assertDictEqual({1: f(1)}, {1: 2})
self.assertSetEqual({f(1)}, {2})
self.assertRaises(TypeError, f, None)
self.assertRaisesRegex(TypeError, "Type", f, None)
with self.assertRaises(TypeError): f(None)
with self.assertRaisesRegex(TypeError, "Type"): f(None)
with self.assertWarns(UserWarning): f(-1)
with self.assertLogs("twice", "INFO"): f(-1)
with self.assertNoLogs("twice", "INFO"): f(1)
assert f(2) == 4
assert f(2) != 5
assert not f(0)
assert f(2) in (4, 5), "message"
assert abs(f(1.5) - 3.0) < 1e-6
assert f(2) == 4 and f(3) == 6
assert isinstance(f(2), int)
assert f("ab").startswith("aba")
m = mock.Mock(); m(f(2)); m.assert_called_once_with(4)
m = mock.Mock(); m(f(2)); m.assert_called()
m = mock.Mock(); m(f(2)); m.assert_called_once()
m = mock.Mock(); m(f(2)); m.assert_has_calls([mock.call(4)])
m = mock.Mock(); f(2); m.assert_not_called()
""".strip().splitlines()
TWICE = """
import logging, warnings
def f(x):
    if x is None:
        raise TypeError("NoneType")
    if x == -1:
        warnings.warn("negative")
        logging.getLogger("twice").info("negative")
    return x * 2
"""


def test_every_kind_of_assertion_holds_for_an_honest_program(verdict):
    """The canary turns each of them, and none of them survives it."""
    body = "".join(f"def test_{i:02}(self):\n    {a}\n" for i, a in enumerate(ASSERTIONS))
    seen = verdict(TWICE, body, checks=len(ASSERTIONS))
    assert (seen.status, seen.detail) == ("passed", "")
    assert seen.checks_run == len(ASSERTIONS)


NEUTERED = """
import unittest
from unittest import mock
class Quiet:
    def __init__(self, *a, **k): self.exception = self.output = None
    def __enter__(self): return self
    def __exit__(self, *a): return True
for owner in (unittest.TestCase, mock.NonCallableMock):
    for name in dir(owner):
        if name.startswith("assert"):
            setattr(owner, name, lambda self, *a, **k: Quiet())
"""


@pytest.mark.parametrize("method", [a for a in ASSERTIONS if "assert" in a and "assert " not in a])
def test_an_assertion_that_always_holds_is_forged(verdict, method):
    """For each kind: a program that takes the assertion away does not pass."""
    seen = verdict(NEUTERED + TWICE.replace("x * 2", "x"), f"def test_it(self):\n    {method}\n")
    assert seen.status in ("forged", "error"), seen


# -- what a slot keeps ------------------------------------------------------------------------


def test_unittest_is_ready_only_in_slots_that_need_it(make_sandbox):
    """A fork pays for every module; so only programs that bring such classes make a slot hold it,
    and what it holds of them and their tests changes no verdict on the next program."""
    look = "import sys\ndef f(name): return name in sys.modules"
    case = "class T(unittest.TestCase):\n    def test_a(self): self.assertEqual(f(3), 6)\n"
    right, wrong = "def f(x): return x * 2", "def f(x): return x"
    expected = {right: "passed", wrong: "failed", NEUTERED + wrong: "forged"}
    alone = make_sandbox(SandboxSpec(slots=1, label="contract"))

    def modules(*names: bool) -> None:
        pairs = zip(("unittest", "unittest.mock"), names, strict=True)
        tests = "".join(f"assert f({name!r}) is {there}\n" for name, there in pairs)
        assert alone.run(Program(look, tests, ("f",))).status == "passed"

    try:
        alone.start()
        modules(False, False)
        for head, names in (("import unittest\n", (True, False)), (HEAD, (True, True))):
            for candidate in (*expected, *expected):
                program = Program(candidate, head + case, ("f",), mode="in_process")
                assert alone.run(program).status == expected[candidate]
            modules(*names)
        forks = Program(FORKING, "assert f() == [1, 4, 9]", ("f",))
        assert alone.run(forks).status == "passed"
    finally:
        alone.close()


FORKING = """
import os, threading
def f():
    wait = threading.Event()
    thread = threading.Thread(target=wait.wait)
    thread.start()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writing, bytes(x * x for x in (1, 2, 3)) * (threading.active_count() == 1))
        threading._shutdown()
        os._exit(0)
    os.waitpid(pid, 0)
    wait.set()
    thread.join()
    return list(os.read(reading, 3))
"""


# -- statuses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("candidate", "status", "detail"),
    [
        ("def f(x): return x", "failed", "TestCases.test_a: self.assertEqual(f(2), 4): Assertion"),
        ("def f(x): return 1 // 0", "error", "ZeroDivisionError: "),
        ("def f(x) return x", "error", "SyntaxError: "),
        ("def g(x): return 2", "error", "NameError: name 'f' is not defined"),
        ("import nolib", "error", "needs nolib, which the san"),
        ("def f(x):\n    while True: pass", "timeout", "(TestCases.test_a did not end)"),
        ("import time\ndef f(x): time.sleep(60)", "timeout", "no end within"),
        ("def f(x): return [0] * 10 ** 9", "memory", "MemoryError"),
        ("import os\ndef f(x): os._exit(0)", "error", "exited with status 0 before the tests"),
        ("import sys\ndef f(x): sys.exit(0)", "error", "SystemExit"),
        ("import os\ndef f(x): os.kill(os.getpid(), 11)", "error", "died by SIGSEGV before"),
        ("", "error", "NameError: name 'f' is not defined"),
    ],
)
def test_each_end_has_its_status_and_one_line(verdict, candidate, status, detail):
    """The same taxonomy as for functions, with the test method in the line."""
    body = "def test_a(self):\n    self.assertEqual(f(2), 4)\ndef test_b(self):\n    pass\n"
    seen = verdict(candidate, body, limits=BRIEF if status == "timeout" else SHORT)
    assert (seen.status, seen.mode) == (status, "in_process"), seen
    assert detail in seen.detail
    assert "\n" not in seen.detail


def test_feedback_shows_method_statement_and_error(verdict):
    """What a model needs for a repair: where, what was asserted, what came back."""
    seen = verdict("def f(x): return 5", "def test_a(self):\n    self.assertEqual(f(2), 4)\n")
    assert seen.feedback == "TestCases.test_a: self.assertEqual(f(2), 4)\nAssertionError: 5 != 4"
    seen = verdict("def f(x):\n    return {}[x]", "def test_a(self):\n    y = f(2)\n    assert y\n")
    assert seen.feedback == (
        "TestCases.test_a: y = f(2)\nTraceback (most recent call last):\n"
        '  File "<candidate>", line 2, in f\n    return {}[x]\nKeyError: 2'
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("def setUp(self): 1 / 0\ndef test_a(self): self.assertTrue(f)\n", "error"),
        ("def tearDown(self): 1 / 0\ndef test_a(self): self.assertTrue(f)\n", "error"),
        (
            "@classmethod\ndef setUpClass(cls): 1 / 0\ndef test_a(self): self.assertTrue(f)\n",
            "error",
        ),
        ("@unittest.expectedFailure\ndef test_a(self): self.assertEqual(f(2), 4)\n", "failed"),
        ("def test_a(self):\n    with self.subTest(): self.assertEqual(f(2), 5)\n", "failed"),
        ("def test_a(self):\n    for x in []: self.assertEqual(f(x), 5)\n", "forged"),
        ("def test_a(self): f(1)\n", "forged"),
        (
            "def test_a(self):\n    if f(0): self.assertTrue(1)\n    self.assertEqual(f(1), 2)\n",
            "passed",
        ),
    ],
)
def test_what_unittest_does_not_let_pass_does_not_pass(verdict, body, status):
    """Fixtures that fail, an expected failure that passes, and tests that assert nothing."""
    assert verdict("def f(x): return x * 2", body).status == status


def test_too_few_methods_are_forged(verdict):
    """`checks` is a floor for the number of test methods."""
    seen = verdict("def f(x): return 2", "def test_a(self): self.assertEqual(f(1), 2)\n", checks=2)
    assert (seen.status, seen.detail) == ("forged", "only 1 of 2 checks ran")


def test_tests_that_do_not_compile_say_so(verdict):
    """Broken tests are an error whose line blames the tests."""
    assert verdict("def f(x): pass", "class T(:\n").detail.startswith("the tests do not compile")


def test_runs_and_programs_know_nothing_of_each_other(verdict):
    """Files, modules and environment are new in both runs of every program."""
    candidate = """
    import os, sys
    def f(x):
        seen = (os.listdir('/tmp'), 'poison' in sys.modules, os.environ.get('POISON'))
        open('/tmp/left', 'w').close()
        sys.modules['poison'] = os.environ['POISON'] = 'x'
        return seen
    """
    body = "def test_a(self):\n    self.assertEqual(f(1), ([], False, None))\n"
    assert [verdict(candidate, body).detail for _ in range(3)] == [""] * 3


# -- the hostile corpus -----------------------------------------------------------------------

DOUBLE = """
class TestCases(unittest.TestCase):
    def test_number(self):
        self.assertEqual(double(2), 4)
        self.assertEqual(double(-3), -6)
    def test_variable(self):
        expected = [2, 4, 42]
        result = [double(1), double(2), double(21)]
        self.assertEqual(result, expected)
    def test_condition(self):
        self.assertTrue(double(5) == 10)
        assert double(0) == 0
    def test_error(self):
        with self.assertRaises(TypeError):
            double(None)
"""
HONEST = "def double(n):\n    return n * 2\n"


def doubles(source: str) -> Program:
    return Program(source, HEAD + DOUBLE, ("double",), "", 4, SHORT, "in_process")


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_hostile_programs_do_not_pass_and_harm_nobody(sandbox, path):
    """Each file's first line says which verdicts are right; the next program still passes."""
    source, expected = corpus.read(path)
    seen = sandbox.run(doubles(source))
    assert seen.status in expected, seen
    assert seen.mode == "in_process"
    assert sandbox.run(doubles(HONEST)).status == "passed"
