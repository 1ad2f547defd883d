"""Files of tasks whose tests are unittest classes, or inputs and outputs of a whole program."""

import ast
import json
from pathlib import Path

import pytest

from pytest_mcode.benchmarks.jsonl import JsonLines
from pytest_mcode.benchmarks.unittests import count_methods
from pytest_mcode.core.errors import DataError
from pytest_mcode.core.records import Limits, Task

CLASS = """
import unittest
class TestCases(unittest.TestCase):
    def test_half(self):
        self.assertEqual(half(4), 2)
    def test_error(self):
        with self.assertRaises(TypeError):
            half("x")
"""
UNITTEST = {
    "task_id": "mine/0",
    "prompt": 'import math\n\ndef half(x):\n    """Half."""\n',
    "canonical_solution": "    return x / 2\n",
    "test": CLASS,
    "entry_point": "half",
}
STDIN = {
    "task_id": "mine/1",
    "prompt": "Print the sum.",
    "canonical_solution": "print(sum(map(int, input().split())))",
    "input_output": {"inputs": ["1 2\n"], "outputs": ["3\n"]},
}


def load(tmp_path: Path, *rows: dict) -> tuple[Task, ...]:
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return JsonLines(str(path)).load(None).tasks


def test_tests_with_a_testcase_run_beside_the_program(tmp_path: Path) -> None:
    """Detected by the tests themselves; a check is a test method, and no `check()` is called."""
    (task,) = load(tmp_path, UNITTEST)
    assert (task.mode, task.checks, task.shape, task.tests) == ("in_process", 2, "function", CLASS)
    program = JsonLines("mine.jsonl").program(task, "def half(x): return x / 2", Limits())
    assert (program.mode, program.checks) == ("in_process", 2)
    assert program.candidate == "import math\n\ndef half(x): return x / 2"


@pytest.mark.parametrize(
    ("tests", "count"),
    [
        (CLASS, 2),
        ("class A(TestCase):\n def test_a(self): 0\nclass B(A):\n def test_b(self): 0", 3),
        ("class M:\n def test_m(self): 0\nclass A(M, TestCase):\n def test_a(self): 0", 2),
        ("class A(unittest.IsolatedAsyncioTestCase):\n async def test_a(self): 0", 1),
        ("class A(TestCase):\n @skip\n def test_a(self): 0\n def test_b(self): 0", 1),
        ("class A(TestCase):\n @skip\n def test_a(self): 0", 1),
        ("class A:\n def test_a(self): 0", 0),
        ("class A(A):\n def test_a(self): 0", 0),
        ("class A(B):\n x = 1\nclass B(A):\n x = 1", 0),
        ("def check(f):\n assert f", 0),
    ],
)
def test_methods_are_counted_as_unittest_finds_them(tests: str, count: int) -> None:
    """Inherited ones count for each class; what the tests may skip is no floor."""
    assert count_methods(ast.parse(tests)) == count


def test_inputs_and_outputs_make_a_program(tmp_path: Path) -> None:
    """APPS' format, also as JSON within JSON, with lists of lines; and LiveCodeBench's."""
    apps = {
        "task_id": "apps/0",
        "question": "Print the sum.",
        "solutions": json.dumps(["print(3)", "print(4)"]),
        "input_output": json.dumps({"inputs": [["1", "2"]], "outputs": [["3"]], "tolerance": 0.1}),
    }
    cases = [{"input": "1 2", "output": "3", "testtype": "stdin"}]
    live = {
        "question_id": "abc_a",
        "question_content": "Print the sum.",
        "solution": "print(3)",
        "public_test_cases": json.dumps(cases),
        "private_test_cases": cases,
    }
    tasks = load(tmp_path, STDIN, apps, live)
    assert [(t.task_id, t.mode, t.shape, t.checks) for t in tasks] == [
        ("mine/1", "stdin", "program", 1),
        ("apps/0", "stdin", "program", 1),
        ("abc_a", "stdin", "program", 2),
    ]
    assert json.loads(tasks[1].tests) == {"inputs": ["1\n2"], "outputs": ["3"], "tolerance": 0.1}
    assert (tasks[1].reference, tasks[1].prompt) == ("print(3)", "Print the sum.")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"input_output": {"inputs": [], "outputs": []}},
            "as many outputs as inputs, at least one",
        ),
        ({"input_output": {"inputs": ["1"], "outputs": []}}, "as many outputs as inputs"),
        ({"input_output": {"inputs": [1], "outputs": ["1"]}}, "that are texts, it is 1"),
        ({"input_output": "packed"}, "must be JSON (unpack it first)"),
        ({"input_output": {"fn_name": "f", "inputs": ["1"], "outputs": ["1"]}}, "column 'test'"),
        ({"input_output": {"inputs": ["1"], "outputs": ["1"], "tolerance": 2}}, "tolerance"),
        ({"canonical_solution": ""}, "a correct program"),
    ],
)
def test_what_is_malformed_names_line_column_and_cure(tmp_path: Path, change, message) -> None:
    """One line, before anything runs."""
    with pytest.raises(DataError) as caught:
        load(tmp_path, {**STDIN, **change})
    assert "mine.jsonl:1: column" in str(caught.value)
    assert message in str(caught.value)
