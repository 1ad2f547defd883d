"""The two ends of the scale: gold is the reference, garbage is wrong in every dress."""

import ast
import asyncio
from dataclasses import replace

import pytest

from pytest_mcode.core.records import Answer, ModelSpec, Request, Sampling, Task
from pytest_mcode.generation.extraction import extract
from pytest_mcode.generation.garbage import Garbage, wrong_answer
from pytest_mcode.generation.gold import Gold
from pytest_mcode.generation.source import parse

STUB = 'def add(a: List[int], /, b: int = 3, *c, d, e=[], **f) -> int:\n    """Sum."""\n'
TASK = Task(
    benchmark="demo",
    task_id="demo/0",
    prompt=STUB,
    shape="function",
    entry_point="add",
    tests="",
    reference=STUB + "    return a + b\n",
    stub=STUB,
    names=("add", "Pair"),
)


def answers(generator, task, count):
    async def story():
        await generator.preflight()
        return [await generator.generate(Request(task, (), i, 0, Sampling())) for i in range(count)]

    return asyncio.run(story())


def test_gold_is_the_reference():
    """Gold answers with the reference as a program, without a call to anybody."""
    (answer,) = answers(Gold(ModelSpec("gold", "gold")), TASK, 1)
    assert extract(answer, TASK) == TASK.reference
    assert answer.calls == 0


@pytest.mark.parametrize("task", [TASK, replace(TASK, shape="text", stub="", prompt="Add.")])
def test_garbage_is_code_in_every_dress(task):
    """Every turn's letter holds Python that defines all names with the right parameters."""
    codes = set()
    for answer in answers(Garbage(ModelSpec("garbage", "garbage")), task, 32):
        tree = ast.parse(extract(answer, task))
        found = {n.name: ast.unparse(n.args) for n in tree.body if isinstance(n, ast.FunctionDef)}
        assert found == {
            "add": "a, /, b=None, *c, d, e=None, **f",
            "Pair": "*args, **kwargs",
        }
        codes.add(ast.unparse(tree))
    assert len(codes) == 4


def test_garbage_varies_its_letter():
    """The same code comes in different letters, so that extraction is exercised."""
    letters = {wrong_answer(TASK, turn) for turn in range(32)}
    assert len(letters) == 16


def test_garbage_of_a_reference_that_is_no_python():
    """A task whose reference does not parse is answered all the same."""
    broken = replace(TASK, shape="text", stub="", prompt="x", reference="def (", names=("add",))
    assert "def add(*args, **kwargs):" in extract(Answer(wrong_answer(broken, 0)), broken)


def test_garbage_leaves_the_tree_of_a_prompt_as_it_is():
    """Trees are shared with who reads answers: a signature is stripped of a copy."""
    task = replace(TASK, shape="text", reference=f"{TASK.reference}# read by nobody before\n")
    before = ast.dump(parse(task.reference))
    wrong_answer(task, 0)
    assert ast.dump(parse(task.reference)) == before
