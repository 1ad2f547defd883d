"""Tasks for a whole program that reads standard input: what is asked, and what is taken."""

import pytest

from pytest_mcode.core.records import Answer, Attempt, Task, Verdict
from pytest_mcode.generation import prompts
from pytest_mcode.generation.extraction import extract
from pytest_mcode.generation.garbage import wrong_answer

PROGRAM = Task(
    benchmark="demo",
    task_id="demo/2",
    prompt="Print the sum of two numbers.",
    shape="program",
    entry_point="",
    tests='{"inputs": ["1 2"], "outputs": ["3"]}',
    reference="print(3)\n",
    mode="stdin",
)
GOOD = "a, b = map(int, input().split())\nprint(a + b)\n"
SAMPLE = "```\n1 2\n```\n"


def test_the_prompt_says_how_the_program_is_used():
    """In a chat, in a repair, and as a comment for a model that only completes."""
    (chat,) = prompts.opening(PROGRAM, "chat")
    assert "reads standard input and writes standard output" in chat.content
    assert chat.content.endswith("holds the whole program.")
    verdict = Verdict("failed", feedback="Input:\n1 2\nExpected output:\n3")
    attempt = Attempt(0, 0, Answer("print(4)"), "print(4)\n", verdict)
    again = prompts.repair(PROGRAM, "chat", (chat,), attempt)
    assert "Expected output:\n3\nTry again. " in again[-1].content
    assert again[-1].content.endswith("holds the whole program.")
    (raw,) = prompts.opening(PROGRAM, "completion")
    assert raw.content.endswith("# Reads standard input, writes standard output.\n")


@pytest.mark.parametrize(
    "text",
    [
        f"```python\n{GOOD}```",
        f"Input:\n{SAMPLE}\n```python\n{GOOD}```\nFor example:\n{SAMPLE}",
        f"```\n{GOOD}```\nFor example:\n{SAMPLE}",
        f"First:\n```python\nprint(0\n```\nBetter:\n```python\n{GOOD}```",
        f"First:\n```python\nprint(0)\n```\nBetter:\n```python\n{GOOD}```",
        GOOD,
        f"<think>```python\nprint(0)\n```</think>\n{GOOD}",
    ],
)
def test_the_last_finished_program_is_taken(text):
    """Sample input in a block without a label is none."""
    assert extract(Answer(text), PROGRAM) == GOOD


def test_an_answer_without_a_program_gives_none():
    """Prose, and sample input."""
    assert extract(Answer("The answer is three.\n" + SAMPLE), PROGRAM) == ""


def test_garbage_prints_what_nobody_expects():
    """Every turn's letter is a program that runs."""
    codes = {extract(Answer(wrong_answer(PROGRAM, turn)), PROGRAM) for turn in range(4)}
    assert len(codes) == 4
    assert all(code.startswith("print('mcode: deliberately wrong'") for code in codes)
