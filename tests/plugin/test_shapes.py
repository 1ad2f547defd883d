"""Unittest classes and programs that read standard input, as a user meets them."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.docker

CLASS = """
import unittest
class TestTwice(unittest.TestCase):
    def test_number(self):
        self.assertEqual(twice(2), 4)
    def test_text(self):
        self.assertEqual(twice("ab"), "abab")
"""
TASKS = [
    {
        "task_id": "own/class",
        "prompt": 'def twice(x):\n    """x + x."""\n',
        "entry_point": "twice",
        "canonical_solution": "    return x + x\n",
        "test": CLASS,
    },
    {
        "task_id": "own/program",
        "prompt": "Print the sum of the numbers.",
        "canonical_solution": "print(sum(map(int, input().split())))\n",
        "input_output": {"inputs": ["1 2", "3"], "outputs": ["3", "3"]},
    },
]
ALWAYS_EQUAL = """    class Any:
        def __eq__(self, other): return True
    return Any()
"""
ANSWERS = [
    {"task_id": "own/class", "completion": ALWAYS_EQUAL},
    {"task_id": "own/program", "solution": "print(3)\nprint(3)\n"},
]


def write(pytester: pytest.Pytester, name: str, rows: list[dict]) -> None:
    (pytester.path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_both_shapes_prove_themselves_and_are_measured(run, pytester, database):
    """Gold passes, and rows say which mode their verdict is of."""
    write(pytester, "own.jsonl", TASKS)
    result = run("--mcode-bench=own.jsonl", "--mcode-model=gold")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*self-check own: gold 2/2 passed, garbage and empty*0/2*"])
    result.stdout.fnmatch_lines(["*1 verdict in_process: the candidate ran beside its tests.*"])
    rows = database.rows("SELECT task_id, verdict, mode, checks_run FROM attempts ORDER BY task_id")
    assert rows == [("own/class", "passed", "in_process", 2), ("own/program", "passed", "split", 2)]


def test_a_forged_class_and_a_wrong_program_are_told_apart(run, pytester, database):
    """An object that equals everything is forged; output that differs is failed, with its case."""
    write(pytester, "own.jsonl", TASKS)
    write(pytester, "answers.jsonl", ANSWERS)
    result = run("--mcode-bench=own.jsonl", "--mcode-model=replay:answers.jsonl")
    assert result.ret == 0
    rows = database.rows("SELECT verdict, detail FROM attempts ORDER BY task_id")
    assert rows[0][0] == "forged"
    assert "holds with a wrong expectation too: self.assertEqual(twice(" in rows[0][1]
    assert rows[1] == ("failed", "case 1 of 2: expected 1 lines of output, got 2")
