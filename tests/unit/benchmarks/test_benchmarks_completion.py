"""HumanEval's format: prompt into preamble and stub, tests into checks and names."""

import ast
import json
from pathlib import Path

import pytest

from pytest_mcode.benchmarks.asserts import count_checks, free_names
from pytest_mcode.benchmarks.completion import program, split_prompt
from pytest_mcode.benchmarks.docexamples import public_tests
from pytest_mcode.benchmarks.jsonl import JsonLines
from pytest_mcode.core.errors import ConfigError, DataError
from pytest_mcode.core.records import Limits, Task

ROW = {
    "task_id": "mine/0",
    "prompt": 'import math\n\n\ndef half(x):\n    """Half.\n\n    >>> half(4)\n    2.0\n    """\n',
    "canonical_solution": "    return x / 2\n",
    "test": "def check(candidate):\n    assert candidate(2) == 1\n    assert True\n",
    "entry_point": "half",
}


def load(tmp_path: Path, *rows: dict) -> tuple[Task, ...]:
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return JsonLines(str(path)).load(None).tasks


def test_a_row_becomes_a_task(tmp_path: Path) -> None:
    """Preamble + stub is the prompt, stub + solution the reference, checks and examples counted."""
    (task,) = load(tmp_path, ROW)
    assert task.benchmark == "mine"
    assert task.preamble == "import math\n\n\n"
    assert task.preamble + task.stub == task.prompt
    assert task.reference == task.stub + "    return x / 2\n"
    assert task.tests.endswith("\ncheck(half)\n")
    assert (task.checks, task.names, task.shape) == (1, ("half",), "function")
    assert task.public_tests == ("assert half(4) == 2.0",)


def test_the_last_definition_is_the_stub_and_takes_its_decorators() -> None:
    """Helpers before the last top-level `def entry_point` are preamble; decorators are stub."""
    prompt = "def f(x):\n    pass\n\n@cache\nasync def f(y):\n"
    assert split_prompt(prompt, "f") == ("def f(x):\n    pass\n\n", "@cache\nasync def f(y):\n")
    assert split_prompt("class A:\n    def f(self):\n", "f") == ("", "class A:\n    def f(self):\n")
    assert split_prompt("def ff(x):\n\ndef f(x):\n", "f")[0] == "def ff(x):\n\n"


def test_program_prepends_the_preamble_as_trusted_context(tmp_path: Path) -> None:
    """The candidate gets imports and helpers, the judge the same as context."""
    (task,) = load(tmp_path, ROW)
    made = program(task, "def half(x): return x", Limits(wall_s=3))
    assert made.candidate == "import math\n\n\ndef half(x): return x"
    assert made.context == task.preamble
    assert (made.tests, made.names, made.checks) == (task.tests, task.names, 1)
    assert made.limits.wall_s == 3


def test_a_future_import_of_the_candidate_stays_legal(tmp_path: Path) -> None:
    """`from __future__` moves before the preamble, and line numbers of the answer stay."""
    (task,) = load(tmp_path, ROW)
    code = "from __future__ import annotations\ndef half(x: A):\n    return x / 2\n"
    candidate = program(task, code, Limits()).candidate
    compile(candidate, "candidate", "exec")
    assert candidate.startswith("from __future__ import annotations\nimport math")
    assert candidate.endswith("\n\n\n\ndef half(x: A):\n    return x / 2\n")
    broken = "from __future__ import annotations\ndef half(:"
    assert program(task, broken, Limits()).candidate == task.preamble + broken
    quoted = 'def half(x):\n    return "from __future__ import annotations"\n'
    assert program(task, quoted, Limits()).candidate == task.preamble + quoted


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompt": None}, "mine.jsonl:1: column 'prompt' must be a string"),
        ({"entry_point": "a b"}, "mine.jsonl:1: column 'entry_point'"),
        ({"test": "def check(c:\n"}, "mine.jsonl:1: the tests are not Python"),
        ({"test": "def check(c):\n    pass\n"}, "mine.jsonl:1: the tests assert nothing"),
        ({"test": "def check(c):\n    assert True\n"}, "mine.jsonl:1: the tests assert nothing"),
    ],
)
def test_unusable_rows_are_refused_by_line(tmp_path: Path, change: dict, message: str) -> None:
    """A row that could not be verified is a DataError before anything runs."""
    with pytest.raises(DataError, match=message):
        load(tmp_path, ROW | change)


def test_an_id_twice_is_refused(tmp_path: Path) -> None:
    """Ids are unique: the second row of an id is named."""
    with pytest.raises(DataError, match=r"mine\.jsonl:2: task id 'mine/0' comes twice"):
        load(tmp_path, ROW, ROW)


def test_a_relative_path_is_also_looked_for_in_the_data_folder(tmp_path: Path) -> None:
    """`jsonl:mine.jsonl` with --mcode-data=DIR finds DIR/mine.jsonl; the name is the stem."""
    load(tmp_path, ROW)
    bench = JsonLines("mine.jsonl")
    assert bench.name == "mine"
    assert bench.load(tmp_path).tasks[0].task_id == "mine/0"
    assert JsonLines("a/b.c.jsonl.gz").name == "b.c"
    with pytest.raises(DataError, match=r"gone\.jsonl and .*gone\.jsonl: no such file"):
        JsonLines("gone.jsonl").load(tmp_path)
    with pytest.raises(ConfigError, match="named by its path"):
        JsonLines("")


@pytest.mark.parametrize(
    ("code", "checks"),
    [
        ("assert f()\nassert f()", 2),
        ("for x in y:\n    assert f(x)", 1),
        ("def check(c):\n    with x:\n        assert c()\n    assert True, 'no'", 1),
        ("try:\n    assert f()\nexcept E:\n    assert g()\nfinally:\n    assert h()", 2),
        ("def a(x, y):\n    if x:\n        assert x\n    else:\n        assert y\na(1, 2)", 1),
        ("assert f()\nif g():\n    assert h()", 1),
        ("pass", 0),
        ("assert 1", 0),
    ],
)
def test_checks_are_the_assertions_that_a_pass_must_meet(code: str, checks: int) -> None:
    """Constants count nothing, conditional assertions only where there are no others."""
    assert count_checks(ast.parse(code)) == checks


def test_free_names_are_read_and_never_bound() -> None:
    """Arguments, loops, imports, handlers and definitions bind; what remains comes from outside."""
    code = (
        "import a.b as c, d.e\nfrom f import g\nroot = Node(1)\n"
        "def h(i, *j):\n    try:\n        k = i\n    except E as l:\n        print(l, m, c, d, g)\n"
        "assert find(root) == [n for n in h(root)]"
    )
    assert set(free_names(ast.parse(code))) == {"Node", "E", "print", "m", "find"}


@pytest.mark.parametrize(
    ("doc", "found"),
    [
        (">>> f(1, 2) # why\n[3]", ["assert f(1, 2) == [3]"]),
        ("f(1) ➞ 'a' # because", ["assert f(1) == 'a'"]),
        ("* f([4, 1]) -> {'a': 1}", ["assert f([4, 1]) == {'a': 1}"]),
        ("f('x == y') == 2.5", ["assert f('x == y') == 2.5"]),
        (">>> f('')\nNone", ["assert f('') is None"]),
        ("f(1) returns True", ["assert f(1) == True"]),
        ("f(abc) == 1", []),
        ("f(1) == g(2)", []),
        (">>> print(f(1))\n1", []),
        ("nothing here", []),
    ],
)
def test_examples_of_a_docstring_become_assertions(doc: str, found: list[str]) -> None:
    """Doctests and `call arrow result` lines with literal results are public tests."""
    body = "\n    ".join(doc.splitlines())
    assert list(public_tests(f'def f(x):\n    """\n    {body}\n    """\n', "f")) == found


def test_a_stub_that_is_not_python_has_no_examples() -> None:
    """Best effort: what cannot be parsed gives nothing instead of an error."""
    assert public_tests("def f(:\n", "f") == ()
    assert public_tests("def f(x):\n    return 1\n", "f") == ()
