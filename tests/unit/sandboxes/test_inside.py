"""The programs inside: their guard, their format for values, their count of checks."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys
import tempfile
import types
from collections import Counter, OrderedDict, deque
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pytest_mcode.sandboxes

INSIDE = Path(pytest_mcode.sandboxes.__file__).parent / "inside"
NOBODY = 65534
OVERLAY = ("overlay", ["ro", "relatime"])
TMPFS = ("tmpfs", ["rw"])
REFUSAL = "refusing to run: this is not a pytest-mcode sandbox\n"


def load(name: str) -> types.ModuleType:
    """One of the inside modules that imports no other."""
    spec = importlib.util.spec_from_file_location(f"inside_{name}", INSIDE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


values, suite, guard, frames = map(load, ("values", "suite", "guard", "frames"))


# -- the guard --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mounts", "allowed"),
    [
        ({"/": OVERLAY, "/tmp": TMPFS}, True),
        ({"/": ("overlay", ["rw"]), "/tmp": TMPFS}, False),
        ({"/": OVERLAY}, False),
        ({"/": OVERLAY, "/tmp": ("ext4", ["rw"])}, False),
        ({"/": ("ext4", ["ro"]), "/tmp": TMPFS}, False),
        ({"/": ("tmpfs", ["ro"]), "/tmp": TMPFS}, False),
        ({"/": ("tmpfs", ["ro"]), "/tmp": TMPFS, "/run/mcode-bubblewrap": TMPFS}, True),
        ({"/": ("tmpfs", ["rw"]), "/tmp": TMPFS, "/run/mcode-bubblewrap": TMPFS}, False),
        ({}, False),
    ],
)
def test_a_sandbox_is_known_by_its_mounts(mounts, allowed):
    """Read-only root and tmpfs /tmp, and either an overlay or the launcher's own marker."""
    assert guard.is_sandbox(mounts) is allowed


DROP = f"""
import os, sys
for name in sys.argv[2].split():
    __import__(name)
source = open(sys.argv[1]).read()
if os.getuid() == 0:
    os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
names = {{"__name__": "__main__", "__file__": sys.argv[1]}}
sys.argv = [sys.argv[1], "0", "65533"]
exec(compile(source, sys.argv[0], "exec"), names)
"""
NEEDED = (
    "__future__ collections.abc contextlib _socket ast ctypes decimal fractions gc importlib json "
    "marshal random reprlib resource signal socket time traceback typing warnings zlib"
)


@pytest.fixture
def everyones_folder():
    """A folder of its own that another user can enter."""
    with tempfile.TemporaryDirectory(prefix="mcode-guard-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


@pytest.mark.parametrize("program", ["supervisor.py", "judge.py"])
def test_the_programs_refuse_to_run_on_a_bare_machine(everyones_folder, program):
    """Exit 99 at once: nothing printed but the reason, nothing killed, nothing removed."""
    for source in INSIDE.glob("*.py"):
        (everyones_folder / source.name).write_text(source.read_text())
    neighbour = subprocess.Popen(["sleep", "60"], user=NOBODY if os.getuid() == 0 else None)
    try:
        ended = subprocess.run(
            [sys.executable, "-I", "-S", "-B", "-c", DROP, everyones_folder / program, NEEDED],
            cwd=everyones_folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert (ended.returncode, ended.stdout, ended.stderr) == (99, "", REFUSAL)
        assert (everyones_folder / program).exists()
        assert neighbour.poll() is None
    finally:
        neighbour.kill()
        neighbour.wait()


# -- values -----------------------------------------------------------------------------------

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.binary()
    | st.text(st.characters(exclude_categories=[])) | st.decimals(allow_nan=False)
    | st.fractions() | st.dates() | st.datetimes() | st.timedeltas() | st.complex_numbers(
        allow_nan=False)
)  # fmt: skip
keys = st.none() | st.integers() | st.text() | st.tuples(st.integers(), st.text())


def containers(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return (
        st.lists(inner)
        | st.lists(st.integers() | st.text(), min_size=9)
        | st.lists(inner).map(tuple)
        | st.lists(inner).map(deque)
        | st.dictionaries(keys, inner)
        | st.dictionaries(keys, inner).map(OrderedDict)
        | st.dictionaries(keys, st.integers()).map(Counter)
        | st.sets(keys)
        | st.frozensets(keys)
    )


def refuse(value: object, plain: object = None) -> object:
    if plain is not None:
        return {"@p": plain}
    raise TypeError(f"opaque: {value!r}")


@given(st.recursive(scalars, containers))
def test_plain_values_survive_the_wire(value):
    """Through JSON and back: equal, and the same in type and detail (repr, but for set order)."""
    sent = json.loads(json.dumps(values.encode(value, refuse)))
    back = values.decode(sent, refuse)
    assert back == value
    assert sorted(repr(back)) == sorted(repr(value))
    assert type(back) is type(value)


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from([*values.BUILDERS, "@o", "x"]), inner),
)  # fmt: skip


@given(json_like)
def test_whatever_a_worker_writes_is_a_value_or_an_error_of_four_kinds(data):
    """Decoding runs no code of the candidate and raises only what the judge takes for forgery."""
    with suppress(ValueError, TypeError, LookupError, ArithmeticError, AttributeError):
        values.decode(data, refuse)


def test_subclasses_become_the_plain_value_below_them():
    """The base's own methods are used: overridden ones have no say. What never changes keeps a
    reference to the original."""

    class Liar(int):
        def __int__(self):
            return 99

        def __index__(self):
            return 99

        def __eq__(self, other):
            return True

        __hash__ = int.__hash__

    class Rows(list):
        def __iter__(self):
            return iter([99])

    assert values.encode([Liar(3), Rows([1])], refuse) == [{"@p": 3}, [1]]
    assert values.encode(Decimal("1.0"), refuse) == {"D": "1.0"}
    assert values.encode(Fraction(1, 3), refuse) == {"F": [1, 3]}


def test_an_object_that_lies_about_its_class_is_opaque():
    """`__class__` is the candidate's word; the type is not."""

    class Liar:
        @property
        def __class__(self):
            return int

    with pytest.raises(TypeError, match="opaque"):
        values.encode(Liar(), refuse)


def test_endless_nesting_ends_as_opaque():
    """A list that contains itself is cut at a depth, by a reference."""
    loop: list[object] = []
    loop.append(loop)
    assert "cut" in json.dumps(values.encode(loop, lambda value: "cut"))


@given(st.lists(st.binary(max_size=300_000), max_size=3), st.integers(1, 65536))
def test_frames_survive_any_cutting_of_the_stream(payloads, size):
    """A frame is whole however few bytes come at once; the end of the stream is an empty one."""
    for payload in payloads:
        rest = bytearray(frames.framed(payload))

        def read(most: int, rest: bytearray = rest) -> bytes:
            part = bytes(rest[: min(most, size)])
            del rest[: len(part)]
            return part

        assert frames.read_frame(read) == payload
        assert frames.read_frame(read) == b""


# -- checks -----------------------------------------------------------------------------------


def test_checks_are_the_assertions_whose_condition_is_not_a_constant():
    """Each statement counts once it held, wherever it stands, and a failed one never does."""
    tests = """
assert True
assert 1, "constant"
def check(c):
    for x in c:
        assert x, "in a loop"
    if c:
        assert len(c) == 2
    else:
        assert not c
check([1, 2])
try:
    assert 1 > 2
except AssertionError:
    pass
"""
    compiled = suite.Suite("", tests)
    held = [False] * compiled.checks
    exec(compiled.code, {suite.HELD: held})
    assert compiled.checks == 4
    assert held == [True, True, False, False]


def test_a_failed_statement_is_found_in_the_source():
    """Several lines and all; calls on the way are not mistaken for it."""
    compiled = suite.Suite("", "def check(c):\n    assert c(\n        1) == 2\ncheck(int)\n")
    with pytest.raises(AssertionError) as caught:
        exec(compiled.code, {suite.HELD: [False]})
    assert compiled.statement(caught.value) == "assert c(\n1) == 2"


CONTEXT = "from __future__ import annotations\nfrom typing import List\nimport os.path as p, math\n"


@pytest.mark.parametrize(
    ("context", "tests", "names"),
    [
        (CONTEXT, "assert f() == 1\n", {"annotations"}),
        (CONTEXT, "assert f() == math.pi\n", {"annotations", "p", "math"}),
        (CONTEXT + "def g(x: List): return p\n", "f(g)", {"annotations", "List", "p", "math", "g"}),
        (CONTEXT, "f(globals())", {"annotations", "List", "p", "math"}),
        ("from math import *\nimport sys\n", "f()", set(vars(math)) - {"__doc__"}),
        ("import sys\nSIZE = 3\n", "f()", {"SIZE"}),
        ("import math; SIZE = math.ceil(2.5)\n", "f()", {"math", "SIZE"}),
        ("import sys\ndef g(): return globals()\n", "f(g)", {"sys", "g"}),
        ("import sys\n", "f()", None),
        ("\n", "f()", None),
    ],
)
def test_imports_that_tests_do_not_mention_are_left_out_of_their_context(context, tests, names):
    """They cannot matter; all else stays, and all of it where tests may look up names."""
    code = suite.Suite(context, tests).context
    if names is None:
        assert code is None
        return
    namespace: dict[str, object] = {}
    exec(code, namespace)
    found = {name for name in namespace if not name.startswith("__")}
    assert found == {name for name in names if not name.startswith("__")}


def test_the_judge_starts_without_what_would_cost_it_much_memory():
    """`typing`, `traceback` and `socket` with their enums: each slot has a judge of its own."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); import judge; print(*sys.modules)"
    command = [sys.executable, "-I", "-S", "-c", code, str(INSIDE)]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "verification" in loaded
    assert not {"typing", "traceback", "socket", "unittest", "inspect"} & set(loaded)


def test_values_are_shown_bounded():
    """Long lists, deep nesting and endless integers have a short text."""
    assert len(suite.shown(list(range(10**5)))) < 400
    assert len(suite.shown("x" * 10**6)) < 400
    assert suite.shown(10**10000) == "<int too large to show>"
    assert suite.call_text(("f", ([1], "a"), {"k": 2})) == "f([1], 'a', k=2)"


def test_a_claim_of_any_shape_becomes_text():
    """What a worker says of an exception may be anything."""
    for claim in ({}, {"tb": [[1]], "n": 3, "m": []}, {"tb": [["x", 1], [2, "g"]], "n": "E"}):
        assert suite.trace_text(claim, "a\nb\n").startswith("Traceback")


TOUCH = """
import resource, sys
sys.path.insert(0, sys.argv[1])
import clearing
names = [name for name in dir(resource) if name.startswith("RLIMIT_") and name != "RLIMIT_OFILE"]
for name in names:
    number, pristine = getattr(resource, name), clearing.state()
    soft, hard = resource.getrlimit(number)
    if hard == 0:
        continue
    resource.setrlimit(number, ((soft if soft > 0 else hard if hard > 0 else 1 << 40) - 1, hard))
    if clearing.state() == pristine:
        print(name)
"""


def test_every_limit_of_the_supervisor_is_looked_at():
    """A worker that changed one of them is found out: the slot is made anew."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", TOUCH, str(INSIDE)], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
