"""What every sandbox promises, whatever confines its programs."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.protocols import Sandbox
from pytest_mcode.core.records import Limits, Program, SandboxSpec, Verdict
from tests import corpus

HOSTILE = sorted(corpus.HOSTILE.glob("*.py"))
DATA = Path(__file__).parents[2].parent / "shared" / "data"
SHORT = Limits(wall_s=2.0, memory_mb=128)
BRIEF = Limits(wall_s=1.0, memory_mb=128)
"""For programs that go on until they are stopped."""
BRIEFEST = Limits(wall_s=0.5, memory_mb=128)
"""For programs that use up their time: asleep that is three times the limit, twice."""
LONG = Limits(wall_s=60.0)
needs_data = pytest.mark.skipif(not DATA.exists(), reason="no ../shared/data beside the repository")


def program(candidate: str, tests: str, **more: object) -> Program:
    """A program whose tests take `f` from the candidate."""
    whole = textwrap.dedent(candidate).strip() + "\n"
    return Program(whole, textwrap.dedent(tests), ("f",), **more)  # type: ignore[arg-type]


@pytest.fixture
def verdict(sandbox: Sandbox) -> Callable[..., Verdict]:
    """Verify a candidate with tests."""

    def run(candidate: str, tests: str, **more: object) -> Verdict:
        return sandbox.run(program(candidate, tests, **more))

    return run


# -- statuses ---------------------------------------------------------------------------------


def test_an_honest_program_passes_and_its_checks_are_counted(verdict):
    """Every assert statement that held counts once, however often it ran; constants never."""
    tests = """
    assert True, "says nothing"
    for x in range(5):
        assert f(x) == x + 1
    assert f(9) == 10
    """
    seen = verdict("def f(x): return x + 1", tests, checks=2)
    assert (seen.status, seen.checks_run, seen.mode) == ("passed", 2, "split")
    assert seen.feedback == ""
    assert seen.wall_s > 0
    assert seen.memory_mb > 1


@pytest.mark.parametrize(
    ("candidate", "status", "detail"),
    [
        ("def f(x): return x", "failed", "assert f(1) == 2: AssertionError: f(1) returned 1"),
        ("def f(x): return 1 // 0", "error", "ZeroDivisionError: integer division or modulo"),
        ("def f(x): assert x > 5, 'small'", "error", "AssertionError: small (line 1)"),
        ("def f(x) return x", "error", "SyntaxError: expected ':'"),
        ("def g(x): return 2", "error", "NameError: name 'f' is not defined"),
        ("import nolib", "error", "No module named 'nolib' (line 1); needs nolib, which the san"),
        ("def f(x):\n    while True: pass", "timeout", "no end within {} s of CPU time"),
        ("def f(x): return [0] * 10 ** 9", "memory", "MemoryError (line 1)"),
        ("import os\ndef f(x): os._exit(3)", "error", "exited with status 3 before the tests"),
        ("import os\ndef f(x): os.kill(os.getpid(), 11)", "error", "died by SIGSEGV before"),
        ("import sys\nsys.exit()", "error", "SystemExit"),
        ("", "error", "NameError: name 'f' is not defined"),
    ],
)
def test_each_end_has_its_status_and_one_line(verdict, factor, candidate, status, detail):
    """The taxonomy: failed is an assertion of the tests, error everything that raised or ended."""
    seen = verdict(candidate, "assert f(1) == 2\n", limits=SHORT)
    assert seen.status == status
    assert detail.format(2 * factor) in seen.detail
    assert "\n" not in seen.detail


def test_a_pass_with_too_few_checks_is_forged(verdict):
    """`checks` is a floor: tests that stop early prove nothing."""
    seen = verdict("def f(): return False", "if f():\n    assert f()\n", checks=1)
    assert seen.status == "forged"
    assert seen.detail == "only 0 of 1 checks ran"


def test_the_candidate_of_another_name_is_only_missed_when_it_is_used(sandbox):
    """A name that the candidate lacks raises NameError at its first use, as in one process."""
    honest = Program("def f(): return 1", "assert f() == 1\n", ("f", "unused"))
    assert sandbox.run(honest).passed
    wrong = Program("def f(): return 1", "assert f() == 1\nunused()\n", ("f", "unused"))
    assert sandbox.run(wrong).detail == "NameError: name 'unused' is not defined"


def test_tests_that_do_not_compile_say_so(verdict):
    """Broken tests are an error whose line blames the tests."""
    assert verdict("def f(): pass", "assert f(\n").detail.startswith("the tests do not compile")


# -- feedback ---------------------------------------------------------------------------------


def test_feedback_of_a_failed_check_shows_the_statement_and_what_came_back(verdict):
    """A model that repairs sees the assertion, the call with its arguments, and the result."""
    tests = "def check(c):\n    assert c([1, 2],\n        3) == 4, 'first'\n\ncheck(f)"
    seen = verdict("def f(a, b): return a", tests)
    assert seen.feedback == (
        "assert c([1, 2],\n3) == 4, 'first'\nAssertionError: first\nf([1, 2], 3) returned [1, 2]"
    )


def test_feedback_of_an_exception_is_the_candidates_end_of_the_traceback(verdict):
    """Only lines of the candidate appear, with their source, bounded."""
    candidate = """
    def g(x):
        return {}[x]
    def f(x):
        return g(x)
    """
    seen = verdict(candidate, "assert f('k') == 1\n")
    assert seen.feedback == (
        "f('k') raised:\nTraceback (most recent call last):\n"
        '  File "<candidate>", line 4, in f\n    return g(x)\n'
        "  File \"<candidate>\", line 2, in g\n    return {}[x]\nKeyError: 'k'"
    )
    deep = verdict("def f(x): return f(x + 1)", "assert f(0) == 1\n")
    assert "RecursionError" in deep.feedback
    assert len(deep.feedback) <= 1500


def test_feedback_of_a_timeout_names_the_call(verdict, factor):
    """The call that did not return is shown."""
    seen = verdict("def f(n):\n    while n: pass", "assert f(7) == 1\n", limits=Limits(wall_s=1.0))
    ends = f"no end within {factor} s of CPU time"
    assert seen.feedback == f"Time limit: f(7) did not return; {ends}"


def test_output_is_kept_up_to_its_bound_and_more_of_it_harms_nobody(verdict):
    """Official harnesses ignore the output, so a talkative program that is right passes."""
    seen = verdict("def f(x):\n    print(x)\n    return x", "assert f('hi') == 'hi'\n")
    assert (seen.status, seen.stdout) == ("passed", "hi\n")
    loud = "def f(x):\n    for _ in range(1000): print('x' * 1000)\n    return x"
    seen = verdict(loud, "assert f(1) == 1\n", limits=Limits(output_kb=4))
    assert (seen.status, len(seen.stdout)) == ("passed", 4096)


# -- fidelity ---------------------------------------------------------------------------------

SAME = """
None; True; 3; 2 ** 200; -(2 ** 63); 0.1; float("inf"); -0.0; 3 + 4j; "text"; "\\ud800\\udc00"
"caf\\u00e9"; b"\\0bytes"; bytearray(b"x"); [1, [2, ["a"]]]; (1, (2,)); {1: "a", (2,): [3]}; {1, 2}
frozenset({(1,)}); range(1, 9, 2); ...; int; Decimal("1.10"); Fraction(1, 3); deque([1], 3)
OrderedDict(b=1, a=2); defaultdict(list, a=[1]); Counter("aab"); date(2020, 2, 29)
datetime(2020, 1, 2, 3, 4, 5, 6); timedelta(1, 2, 3); time(1, 2); array("i", [1])
[1.5] * 20; list(range(20)); ["a"] * 20
[True] * 20; [2 ** 70] * 20; ["\\udc80"] * 20; {"k": {"k": {"k": ()}}}
"""
IMPORTS = """
from array import array
from collections import *
from datetime import *
from decimal import *
from fractions import *
"""
VALUES = [value.strip() for line in SAME.strip().splitlines() for value in line.split(";")]


def test_plain_values_cross_exactly_and_keep_their_types(sandbox):
    """Returned and passed: equal, of the same type, and of the same repr (order, -0.0, maxlen)."""
    candidate = f"{IMPORTS}\ndef f(i): return [{', '.join(VALUES)}][i]\n"
    candidate += "def g(x): return [type(x).__name__, repr(x)]\n"
    tests = f"{IMPORTS}\nvalues = [{', '.join(VALUES)}]\nfor i, value in enumerate(values):\n"
    tests += "    got = f(i)\n    assert type(got) is type(value), (got, value)\n"
    tests += "    assert got == value\n    assert repr(got) == repr(value)\n"
    tests += "    assert g(value) == [type(value).__name__, repr(value)], value\n"
    seen = sandbox.run(Program(candidate, tests, ("f", "g"), checks=4))
    assert seen.passed, seen
    nan = Program("def f(): return float('nan')", "x = f()\nassert x != x\n", ("f",))
    assert sandbox.run(nan).passed
    nans = Program("def f(): return [float('nan')]", "assert f() != f()\n", ("f",), checks=1)
    assert sandbox.run(nans).passed  # lists compare by identity first, and these are two


@pytest.mark.parametrize(
    "tests",
    [
        "assert f(lambda: 0) != [1]",
        "assert K('map') != [1]; assert list(K('map')) == [1]; assert [*K('gen')] == [1]",
        "assert K('values') != [1]; assert list(K('values')) == [1]; assert sum(K('values')) == 1",
        "assert K('keys') == {1}; assert K('keys') != [1]; assert sorted(K('keys')) == [1]",
        "assert K('items') == {(1, 1)}; assert K('items') != [(1, 1)]",
        "assert type(K('list')) is list; assert K('list') == [1]",
        "assert K('namedtuple') == (1, 2); assert K('intenum') == 1; assert K('enum') != 1",
        "x = K('object'); assert x == x; assert x != K('object'); assert x.a == [1]",
        "x = K('object'); x.a = 5; assert x.method(2) == 7; assert str(x) == 'obj'",
        "x = K('object'); assert len(x) == 3; assert x[4] == 8; assert type(x).__name__ == 'Obj'",
        "g = K('gen'); assert next(g) == 1; assert next(g, None) is None; assert iter(g) is g",
        "from itertools import islice; g = K('count'); assert next(g) == 0",
        "from itertools import islice; g = K('count'); assert list(islice(g, 40)) == [*range(40)]",
        "g = K('stuck'); assert [next(g) for _ in range(6)] == [*range(6)]",
        "assert 7 in K('count'); assert 1 in K('gen'); assert K('partial')(3) == 4",
        "assert K('same') is K('same'); assert not K('empty'); assert K('gen')",
    ],
)
def test_what_is_not_plain_stays_what_it_is(sandbox, tests):
    """Iterators, views, subclasses and objects behave as in one process, never as look-alikes."""
    candidate = """
import collections, enum, functools, itertools
class L(list): pass
class I(enum.IntEnum): one = 1
class E(enum.Enum): one = 1
class Empty:
    def __bool__(self): return False
class Obj:
    def __init__(self): self.a = [1]
    def method(self, x): return self.a + x
    def __str__(self): return 'obj'
    def __len__(self): return 3
    def __getitem__(self, i): return 2 * i
same = object()
def stuck():
    yield from range(6)
    while True: pass
def K(kind):
    return {
        'map': lambda: map(int, '1'), 'gen': lambda: (i for i in [1]),
        'keys': lambda: {1: 1}.keys(),
        'values': lambda: {1: 1}.values(), 'items': lambda: {1: 1}.items(), 'list': lambda: L([1]),
        'namedtuple': lambda: collections.namedtuple('P', 'x y')(1, 2), 'intenum': lambda: I.one,
        'enum': lambda: E.one, 'object': Obj, 'count': itertools.count, 'same': lambda: same,
        'partial': lambda: functools.partial(int.__add__, 1), 'empty': Empty, 'stuck': stuck,
    }[kind]()
def f(x): return x()
"""
    seen = sandbox.run(Program(candidate, tests + "\n", ("K", "f"), checks=1))
    assert seen.passed, seen


def test_an_object_that_equals_everything_equals_nothing(verdict):
    """Comparison, containment and arithmetic never ask the candidate."""
    candidate = """
    class Any:
        def __eq__(self, other): return True
        def __contains__(self, other): return True
        def __sub__(self, other): return 0
    def f(): return Any()
    """
    assert verdict(candidate, "assert f() == 4\n").status == "failed"
    assert verdict(candidate, "assert 4 in f()\n").status == "error"
    assert verdict(candidate, "assert abs(f() - 4) < 1\n").status == "error"
    assert verdict(candidate, "assert f() in [4, 5]\n").status == "failed"


def test_changed_arguments_are_changed_in_the_tests_too(verdict):
    """In-place sorting works, keeps identities, and an argument returned is the argument."""
    candidate = """
    def f(x, y=None):
        x.sort(key=str)
        x[0].append(9)
        if y is not None: y['k'] = 1
        return x
    """
    tests = """
    inner = [3]
    x, y = [inner, [5]], {}
    assert f(x, y=y) is x
    assert x == [[3, 9], [5]] and x[0] is inner and y == {'k': 1}
    from collections import deque
    d = deque([[2], [1]])
    """
    assert verdict(candidate, tests, checks=2).passed
    assert verdict("def f(x): x.add(2)", "s = {1}\nf(s)\nassert s == {1, 2}\n").passed
    assert verdict(
        "def f(x): x.popleft()",
        textwrap.dedent(tests[tests.index("    from") :]) + "f(d)\nassert d == deque([[1]])\n",
    ).passed
    assert verdict("def f(x): return x is x[0]", "x = []\nx.append(1)\nassert not f(x)\n").passed
    shared = "row = [0]\nassert f([row, row])\n"
    assert verdict("def f(m): return m[0] is m[1]", shared).passed


def test_exceptions_cross_as_builtins_with_message_and_arguments(verdict):
    """Tests that expect an exception find it; a subclass arrives as its builtin base."""
    candidate = """
    class Mine(KeyError): pass
    def f(x):
        if x == 1: raise ValueError('bad', 7)
        raise Mine('k')
    """
    tests = """
    try:
        f(1)
        assert False
    except ValueError as error:
        assert error.args == ('bad', 7)
    try:
        f(2)
    except KeyError as error:
        assert str(error) == "'k'"
    """
    assert verdict(candidate, tests, checks=2).passed
    assert verdict(candidate, "f(2)\n").detail == "Mine: 'k' (line 4)"


def test_an_exception_of_many_arguments_is_of_its_kind(verdict):
    """With its attributes where it is small, without them where it is not."""
    tests = """
    for data, start in (b"a\\xff", 1), (b"\\xff" * 5000, None):
        try:
            f(data)
            assert False
        except UnicodeDecodeError as error:
            assert start is None or error.start == start
    """
    seen = verdict("def f(x): return x.decode()", tests)
    assert seen.passed, seen.detail


def test_functions_and_builtins_of_the_tests_can_be_passed(verdict):
    """A callback runs in the judge, may call the candidate again, and its errors cross."""
    tests = """
    assert f(lambda v: v * 2, 4) == 8
    assert f(len, 'abc') == 3
    assert f(lambda v: f(lambda w: w + v, 1), 5) == 6
    assert f(f, (str, 3)) == 'error'
    try:
        f(lambda v: {}[v], 'k')
    except KeyError:
        reached = f(int, '7')
    assert reached == 7
    assert f(sum, iter([1, 2])) == 3
    assert f(lambda v, k=0: v + k, 5) == 12
    def leave(v): raise SystemExit(v)
    assert f(leave, 3) == (3,)
    """
    candidate = """
    def f(g, x):
        try:
            return g(x, k=7) if x == 5 and g(x) == 5 else g(x)
        except SystemExit as left:
            return left.args
        except TypeError:
            return 'error'
    """
    seen = verdict(candidate, tests, checks=8)
    assert seen.passed, seen


def test_classes_of_the_candidate_build_objects_that_can_be_given_back(verdict):
    """Linked structures work: the tests build them, the candidate walks them."""
    candidate = """
    class f:
        def __init__(self, value): self.value, self.next = value, None
        def total(self): return self.value + (self.next.total() if self.next else 0)
    """
    tests = "a, b = f(1), f(2)\na.next = b\nassert a.total() == 3\nassert a.next is b\n"
    assert verdict(candidate, tests, checks=2).passed


def test_named_tuples_and_members_of_an_enum_keep_their_attributes_and_can_be_given_back(sandbox):
    """They compare as the plain value below, and are themselves again in the program."""
    candidate = """
import collections, enum
P = collections.namedtuple('P', 'a b')
class I(enum.IntEnum): one = 1
class S(str, enum.Enum): x = 'x'
class Queue:
    def __init__(self): self.items = [1]
    def popleft(self): return self.items.pop(0)
    def clear(self): raise KeyError
def f(points): return [p.a + p.b for p in points]
def make(kind): return {'P': P(1, 2), 'I': I.one, 'S': S.x}[kind]
def name(member): return member.name
def grow(queues): queues[0].items.append(2); queues.append(1)
"""
    tests = """
p, i, s = make('P'), make('I'), make('S')
assert f([P(1, 2), make('P')]) == [3, 3]
assert p == (1, 2) and p.a == 1 and p._replace(a=5) == (5, 2) and sorted([p, (0, 0)])[1] is p
assert i == 1 and s == 'x' and i.name == 'one' and i + 1 == 2
assert name(i) == 'one' and name([s][0]) == 'x' and name(s) == 'x'
queues = [Queue()]
grow(queues)
assert len(queues) == 2 and queues[0].popleft() == 1
"""
    names = ("f", "make", "name", "P", "Queue", "grow")
    seen = sandbox.run(Program(candidate, tests, names, checks=5))
    assert seen.passed, seen


def test_names_that_are_modules_come_from_the_judge(sandbox):
    """Tests that rely on the candidate's `import math` get the judge's; an impostor is a proxy."""
    tests = "assert math.isclose(f(), 4.0)\n"
    honest = Program("import math\ndef f(): return 4.0", tests, ("f", "math"))
    assert sandbox.run(honest).passed
    wrong = "import math\nmath.isclose = lambda *a: True\ndef f(): return 0.0"
    assert sandbox.run(Program(wrong, tests, ("f", "math"))).status == "failed"
    wrong = "class math: isclose = staticmethod(lambda *a: True)\ndef f(): return 0.0"
    assert sandbox.run(Program(wrong, tests, ("f", "math"))).status == "error"
    missing = Program("def f(): return 4.0", tests, ("f", "math"))
    version = tuple(map(int, sandbox.describe()["python"].split(".")))
    hint = ". Did you forget to import 'math'" if version >= (3, 12) else ""
    hint += "?" if version >= (3, 13) else ""
    assert sandbox.run(missing).detail == f"NameError: name 'math' is not defined{hint}"


def test_the_context_is_the_trusted_one(sandbox):
    """Prompt helpers that the tests use cannot be redefined by the candidate."""
    context = "def helper(x):\n    return x * 2\n"
    candidate = "def helper(x):\n    return 0\ndef f(x):\n    return 0\n"
    seen = sandbox.run(Program(candidate, "assert f(3) == helper(3)\n", ("f",), context))
    assert seen.status == "failed"


# -- confinement ------------------------------------------------------------------------------


def test_nothing_of_a_program_is_there_for_the_next(verdict):
    """Files, modules, environment, signal handlers and random state are all new."""
    candidate = """
    import os, random, sys
    def f():
        seen = (os.listdir('/tmp'), 'poison' in sys.modules, os.environ.get('POISON'), os.getcwd())
        draw = random.random()
        open('/tmp/left', 'w').close()
        sys.modules['poison'] = os.environ['POISON'] = 'x'
        return seen, draw
    """
    tests = "seen, draw = f()\nassert seen == ([], False, None, '/tmp')\n"
    assert all(verdict(candidate, tests).passed for _ in range(4))


def test_the_world_outside_is_out_of_reach(verdict):
    """No network, no write outside /tmp, not root, no privilege to gain."""
    candidate = """
    import os, socket
    def f():
        found = []
        for path in ('/x', '/opt/mcode/worker.py', '/etc/passwd', '/dev/shm/x', '/usr/x'):
            try:
                open(path, 'a').close()
                found.append(path)
            except OSError:
                pass
        for family in (socket.AF_INET, socket.AF_INET6):
            try:
                socket.create_connection(('1.1.1.1', 53), 0.2)
                found.append('network')
            except OSError:
                pass
        if os.getuid() == 0: found.append('root')
        caps = [line.split()[1] for line in open('/proc/self/status') if line.startswith('CapEff')]
        if int(caps[0], 16): found.append('capabilities')
        nnp = [line.split()[1] for line in open('/proc/self/status') if 'NoNewPrivs' in line]
        if nnp != ['1']: found.append('new privileges')
        return found
    """
    assert verdict(candidate, "assert f() == [], 'reached'\n").passed


def test_time_and_memory_limits_are_per_program(verdict):
    """A program gets what its own limits say, not what the slot was made with."""
    candidate = "def f(): return len(bytes(200 << 20))"
    assert verdict(candidate, "assert f() == 200 << 20\n", limits=Limits(memory_mb=400)).passed
    assert verdict(candidate, "assert f()\n", limits=Limits(memory_mb=128)).status == "memory"
    slow = "import time\ndef f(): time.sleep(1.5); return 1"
    assert verdict(slow, "assert f()\n", limits=Limits(wall_s=5.0)).passed
    assert verdict(slow, "assert f()\n", limits=Limits(wall_s=0.3)).status == "timeout"


@pytest.mark.parametrize(
    "candidate",
    [
        "x = 1\n" * 1_700_000,
        "x = '" + "a" * 10_000_000 + "'",
        "\0" * 100_000,
        "\ud800 = 1",
        "x = " + "(" * 50_000,
        "x = " + "-" * 60_000 + "1",
        "x = " + "a." * 30_000 + "a",
        "x = [" + "1," * 2_000_000 + "]",
    ],
    ids=["10MB", "10MB-text", "nul", "surrogate", "parentheses", "minus", "dots", "list"],
)
def test_no_source_however_odd_breaks_the_sandbox(sandbox, verdict, candidate):
    """10 MB, NUL, surrogates, endless nesting: a verdict, and the next program passes."""
    seen = verdict(candidate, "assert f(1) == 2\n", limits=LONG)
    assert seen.status in ("error", "memory"), seen
    seen.detail.encode()
    assert verdict("def f(x): return x + 1", "assert f(1) == 2\n").passed


def test_a_program_that_breaks_its_slot_twice_gets_a_verdict(verdict):
    """A judge that dies is replaced, the program runs once more, and then it is an error."""
    seen = verdict("def f(): return 1", "import os\nos._exit(7)\n")
    assert seen.status == "error"
    assert "had to be replaced twice" in seen.detail
    assert verdict("def f(): return 1", "assert f() == 1\n").passed


@pytest.mark.parametrize(
    "tests", ["assert sum(f()) == 1\n", "for x in f():\n    assert x >= 0\nassert f() == 1\n"]
)
def test_tests_that_a_result_keeps_busy_end_in_time(verdict, tests):
    """In a C function that no handler interrupts the judge is ended, and the next one as well."""
    seen = verdict("def f(): return range(10 ** 15)", tests, limits=Limits(wall_s=1.0))
    assert seen.status in ("error", "timeout")
    assert "replaced twice" in seen.detail or "CPU time of the tests" in seen.detail
    assert verdict("def f(): return 1", "assert f() == 1\n").passed


def test_run_may_be_called_from_many_threads(sandbox):
    """Verdicts belong to their programs, whatever the order."""

    def ask(i: int) -> bool:
        right = i % 3 != 0
        source = f"def f(): return {i if right else -1}"
        return sandbox.run(program(source, f"assert f() == {i}\n")).passed == right

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(ask, range(1, 200)))


def test_a_closed_sandbox_says_so(make_sandbox):
    """Before start and after close a run is an InfraError; closing twice is fine."""
    cold = make_sandbox(SandboxSpec(slots=1, label="closed"))
    with pytest.raises(InfraError):
        cold.run(program("def f(): pass", "f()\n"))
    try:
        cold.start()
    except InfraError as error:
        pytest.skip(str(error))
    assert cold.run(program("def f(): return 1", "assert f()\n")).passed
    cold.close()
    cold.close()
    with pytest.raises(InfraError):
        cold.run(program("def f(): pass", "f()\n"))


def test_describe_names_what_decides_verdicts(sandbox):
    """Plain JSON with the interpreter and the version of the verdict code."""
    said = json.loads(json.dumps(dict(sandbox.describe())))
    assert said["sandbox"] == sandbox.name
    assert said["python"].startswith("3.")
    assert said["verdict"] >= 1


# -- the hostile corpus -----------------------------------------------------------------------

BREAKERS = {"files_deep"}
"""What may cost a slot: each names a trick whose clean-up is given up on purpose."""
AMPLE = Limits(wall_s=20.0, memory_mb=128)
"""For programs that end by themselves, also on a machine that does much else."""
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
HONEST = Program("def double(n): return n * 2", corpus.DOUBLE, ("double",), checks=4)


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_hostile_programs_do_not_pass_and_harm_nobody(sandbox, path):
    """Each file's first line says which verdict is right; whoever shares the batch, runs in the
    other slot meanwhile or comes next still passes, and the words can be shown to anybody."""
    source, expected = corpus.read(path)
    limits = BRIEFEST if "timeout" in expected else AMPLE
    hostile = Program(source, corpus.DOUBLE, ("double",), checks=4, limits=limits)
    mates = [sandbox.submit(one) for one in (HONEST, HONEST, hostile, *[HONEST] * 5)]
    seen = mates.pop(2).result()
    assert seen.status in expected, seen
    assert "had to be replaced" not in seen.detail or path.stem in BREAKERS, seen
    assert not CONTROLS.search(seen.detail + seen.feedback + seen.stdout), seen
    assert [mate.result().status for mate in mates] == ["passed"] * 7
    assert [sandbox.run(HONEST).status for _ in range(3)] == ["passed"] * 3


def test_the_hostile_corpus_is_large_and_knows_what_it_expects():
    """At least 80 tricks that must not pass; two verdicts only where the file says why."""
    expected = {path.stem: corpus.read(path)[1] for path in HOSTILE}
    assert sum("passed" not in verdicts for verdicts in expected.values()) >= 80
    for path in HOSTILE:
        source, verdicts = corpus.read(path)
        assert (len(verdicts) == 1) == ("\n# two verdicts: " not in source), path.stem


def test_a_program_in_one_slot_reaches_no_other(sandbox):
    """While it holds whatever the kernel counts by user, programs in other slots pass."""
    source, _ = corpus.read(corpus.HOSTILE / "hoard_in_flight.py")
    hostile = sandbox.submit(Program(source, corpus.DOUBLE, ("double",), limits=Limits(wall_s=1.0)))
    honest = 0
    while not hostile.done():
        assert sandbox.run(HONEST).passed
        honest += 1
    assert honest > 1
    assert hostile.result().status == "timeout"


# -- real data --------------------------------------------------------------------------------


def benchmarks() -> Iterator[tuple[str, object]]:
    from pytest_mcode.benchmarks.humaneval import HumanEval
    from pytest_mcode.benchmarks.mbpp import Mbpp

    yield "humaneval", HumanEval("")
    yield "mbpp", Mbpp("all")
    yield "sanitized", Mbpp("sanitized")


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize(("name", "size"), [("humaneval", 164), ("mbpp", 974), ("sanitized", 427)])
def test_every_reference_solution_passes(sandbox, name, size):
    """No honest answer is lost to the split: all references, all checks."""
    benchmark = dict(benchmarks())[name]
    tasks = benchmark.load(DATA).tasks
    assert len(tasks) == size
    with ThreadPoolExecutor(sandbox.slots) as threads:
        programs = [benchmark.program(task, task.reference, LONG) for task in tasks]
        seen = list(threads.map(sandbox.run, programs))
    lost = [(task.task_id, v.detail) for task, v in zip(tasks, seen, strict=True) if not v.passed]
    assert lost == []


STOPS = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")


def codegen(samples: int) -> Iterator[tuple[str, int, bool, Program]]:
    """CodeGen-16B's completions of HumanEval with the measured bit of each."""
    from pytest_mcode.benchmarks.completion import split_prompt

    folder = DATA / "completions" / "codegen16b_humaneval_n100"
    with gzip.open(folder / "HumanEval_for_code_generation.jsonl.gz", "rt") as file:
        tasks = {row["task_id"]: row for row in map(json.loads, file)}
    with (folder / "measured_pass_bits.jsonl").open() as file:
        bits = {row["task_id"]: row["passed"] for row in map(json.loads, file)}
    with gzip.open(folder / "norm.jsonl.gz", "rt") as file:
        rows = [row for row in map(json.loads, file) if row["sample"] < samples]
    for row in rows:
        task, text = tasks[row["task_id"]], row["completion"]
        entry = task["entry_point"]
        end = min((text.find(stop) for stop in STOPS if stop in text), default=len(text))
        whole = Program(
            candidate=task["prompt"] + text[:end],
            tests=f"{task['test']}\ncheck({entry})\n",
            names=(entry,),
            context=split_prompt(task["prompt"], entry)[0],
            limits=Limits(wall_s=2.0),
        )
        yield row["task_id"], row["sample"], bits[row["task_id"]][row["sample"]] == "1", whole


@needs_data
@pytest.mark.slow
def test_real_completions_keep_their_labels(sandbox):
    """The first five samples per task of CodeGen-16B pass exactly where they passed upstream."""
    rows = list(codegen(5))
    assert len(rows) == 820
    with ThreadPoolExecutor(sandbox.slots) as threads:
        seen = threads.map(sandbox.run, [row[3] for row in rows])
    wrong = [
        (*row[:3], v.status, v.detail)
        for row, v in zip(rows, seen, strict=True)
        if v.passed != row[2]
    ]
    assert wrong == []


# -- order and time ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "literal",
    ["{12, 13, 14, 15, 16}", "set([16, 8, 0])", "[{40, 8, 16}]", "frozenset([16, 8, 0])"],
)
def test_a_set_keeps_its_order_on_the_way_to_the_program(verdict, literal):
    """A program that relies on a set's order meets the one it would meet beside the tests."""
    tests = f"""
    given = {literal}
    order = [list(s) for s in given] if type(given) is list else list(given)
    assert f(given) == order
    """
    source = "def f(x): return [list(s) for s in x] if type(x) is list else list(x)"
    assert verdict(source, tests).status == "passed"


def test_the_limit_is_cpu_time_which_a_busy_machine_does_not_use_up(verdict, factor):
    """A program that waits longer than its limit, but computes little, is not stopped by it."""
    source = "import time\ndef f(): time.sleep(1.5); return 1"
    assert verdict(source, "assert f() == 1", limits=Limits(wall_s=1.0)).status == "passed"
    endless = verdict("def f():\n while True: pass", "f()", limits=Limits(wall_s=1.0))
    ends = f"no end within {factor} s of CPU time (twice)"
    assert (endless.status, endless.detail) == ("timeout", ends)
    asleep = verdict("import time\ndef f(): time.sleep(60)", "f()", limits=Limits(wall_s=1.0))
    ends = f"no end within {3 * factor} s of wall time (twice)"
    assert (asleep.status, asleep.detail) == ("timeout", ends)


def test_a_busy_machine_turns_no_right_answer_wrong(make_sandbox, monkeypatch):
    """Seven right programs of 0.3 s of CPU time share one core: not all can end within 1.5 s on the
    clock. Each that ran out of it is run again, alone, and passes (eight slots would run two at a
    time, and whatever else the machine does could leave them too little)."""
    core = min(os.sched_getaffinity(0))
    for module in ("docker", "bubblewrap"):
        name = f"pytest_mcode.sandboxes.{module}.assign_cores"
        monkeypatch.setattr(name, lambda slots: [core] * slots)
    crowded = make_sandbox(SandboxSpec(slots=7, label="contract-crowded"))
    busy = """
    import time
    def f():
        while time.process_time() < 0.3: pass
        return 1
    """
    try:
        crowded.start()
    except InfraError as error:
        pytest.skip(str(error))
    slow = program(busy, "assert f() == 1\n", limits=BRIEFEST)
    try:
        futures = [crowded.submit(slow) for _ in range(7)]
        assert [future.result().status for future in futures] == ["passed"] * 7
        assert crowded.pool.spared >= 1
    finally:
        crowded.close()


def test_nor_does_a_machine_that_others_keep_busy(verdict):
    """A right program of 0.27 s of CPU time has a core for an eighth of the time, and 0.9 s on the
    clock: when it runs again it has as many as are fair after what it had to wait."""
    busy = """
    import time
    def f():
        while time.process_time() < 0.27: pass
        return 1
    """
    cores = sorted(os.sched_getaffinity(0))
    burn = "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"
    others = [
        subprocess.Popen([sys.executable, "-c", burn, str(core)], start_new_session=True)
        for core in cores * 7
    ]
    try:
        seen = verdict(busy, "assert f() == 1\n", limits=Limits(wall_s=0.3))
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert seen.passed, seen


def test_the_hosts_factor_is_measured_once_and_can_be_given(make_sandbox):
    """It identifies verdicts, lengthens what a program may use, and is what the run was told."""
    told = make_sandbox(SandboxSpec(slots=1, label="contract-factor", host_factor=2))
    try:
        told.start()
    except InfraError as error:
        pytest.skip(str(error))
    try:
        assert told.describe()["host_factor"] == 2
        endless = told.run(program("def f():\n    while True: pass", "f()\n", limits=BRIEF))
        assert endless.detail == "no end within 2 s of CPU time (twice)"
    finally:
        told.close()


def test_a_sandbox_that_was_told_nothing_has_measured_the_host(sandbox):
    """One of the few factors there are."""
    assert sandbox.describe()["host_factor"] in (1, 2, 4, 8)


def test_a_slot_whose_memory_does_not_come_back_is_replaced(sandbox, verdict):
    """The judge keeps what tests leave in its modules; far too much of it is thrown away whole."""
    before = sandbox.pool.replaced
    hoard = "import builtins\nbuiltins.hoard = bytearray(b'x') * (400 << 20)\nassert f() == 1\n"
    assert verdict("def f(): return 1", hoard).passed
    looks = "import builtins\nassert not hasattr(builtins, 'hoard') and f() == 1\n"
    assert all(verdict("def f(): return 1", looks).passed for _ in range(2 * sandbox.slots))
    assert sandbox.pool.replaced == before + 1


def test_memory_that_is_needed_for_a_while_is_given_back(sandbox, verdict):
    """Tidying up suffices for what is only garbage: no slot is replaced for it."""
    before = sandbox.pool.replaced
    much = "rows = [bytes(1000) for _ in range(300_000)]\nassert f() == len(rows)\n"
    for _ in range(4):
        assert verdict("def f(): return 300_000", much).passed
    assert sandbox.pool.replaced == before
