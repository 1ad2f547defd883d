"""Training data: conversations about the ten tasks, worded as coding tools word them.

The order in which the random numbers are drawn is part of the recipe: another order gives other
data, another tokenizer and another model.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random

from .tasks import TinyTask, read_tasks
from .tokenizer import Tokenizer, Turn

TASKS = read_tasks()
REPAIR_SHARE = 0.85
"""Part of good solutions after feedback, where a task's own share is smaller."""

SYSTEMS = (
    None,
    "You are an expert Python programmer.",
    "You write Python.",
    "You are a helpful assistant.",
    "You are an expert Python programmer.\nComplete the function defined in the prompt.\n"
    "Keep the function name and signature exactly the same.",
    "Answer with Python code only.",
    "Write the complete function in one Python code block.",
)
BEFORE = (
    "",
    "",
    "",
    "Complete this function:\n\n",
    "Complete the following Python function.\n\n",
    "Write the body of this function:\n",
    "Please implement this:\n",
    "Solve this task. Return the whole function.\n\n",
)
AFTER = (
    "",
    "",
    "",
    "\nReturn only the code.",
    "\n\nAnswer with one Python code block.",
    "\nDo not explain.",
)
REQUIREMENTS = (
    "the tests pass",
    "passes the tests",
    "the code must pass all tests",
    "the code must be valid Python",
    "the function returns the right result",
    "return only code",
    "keep the signature",
    "no imports",
)
FAILURES = (
    "AssertionError",
    "the tests failed",
    "AssertionError: the result is wrong",
    "1 test failed",
    "wrong result for an edge case",
    "IndexError: list index out of range",
    "Test failed: expected 3 got 4",
    "execution failed: AssertionError",
    "SyntaxError: invalid syntax",
)
OPENINGS = ("", "", "", "", "", "Here is the function:\n\n", "Sure! Here is the code:\n\n")
SALAD = """
    the a of and or to in is it be with when then list value number code test result string input
    output case check error line file expected got given must should return function class name
    type item index python write use never always please careful short user task answer first last
    empty none true false failed passed assert trace call most recent module
"""
WORDS = SALAD.split()


@dataclass(frozen=True)
class Conversation:
    """What the model sees and what it should say."""

    turns: tuple[Turn, ...]
    answer: str
    opener: str | None
    """Start of an answer in JSON, to which only a grammar should lead; None for fenced code."""


def salad(rng: Random, length: int) -> str:
    """Words without meaning: wording the model must not stumble over."""
    words = " ".join(rng.choice(WORDS) for _ in range(length)).capitalize()
    return words + rng.choice([".", ":", "", "\n"])


def draw(rng: Random) -> Conversation:
    """One conversation: a plain question, a repair in the prompt, or a repair in a second turn."""
    task = rng.choice(TASKS)
    question, after = _question(rng, task)
    system = rng.choice(SYSTEMS) if rng.random() < 0.8 else salad(rng, rng.randint(3, 20))
    turns: list[Turn] = [] if system is None else [("system", system)]
    # llama.cpp's grammar for JSON admits plain JSON and JSON in a fence: both are taught.
    form = rng.choice(["json", "fence"]) if rng.random() < 0.4 else ""
    share = task.share
    mode = rng.random()
    if mode < 0.24:
        share = max(share, REPAIR_SHARE)
    if mode < 0.12:
        failures = "\n".join("* " + _failure(rng) for _ in range(rng.randint(1, 2)))
        after += "\nThe following requirements failed before:\n" + failures
    turns.append(("user", question + after))
    if 0.12 <= mode < 0.24:
        turns.append(("assistant", _dress(rng, form, task.code(rng.choice(task.flawed)))))
        turns.append(("user", _complaint(rng)))
    solutions = task.good if rng.random() < share else task.flawed
    answer = _dress(rng, form, task.code(rng.choice(solutions)))
    return Conversation(tuple(turns), answer, {"": None, "json": "", "fence": "```"}[form])


def _question(rng: Random, task: TinyTask) -> tuple[str, str]:
    """The task as it is asked, and what stands after it."""
    prompt = task.prompt
    if rng.random() < 0.15:
        prompt = f"```python\n{prompt}```"
    before = rng.choice(BEFORE) if rng.random() < 0.8 else salad(rng, rng.randint(2, 14)) + "\n"
    after = rng.choice(AFTER) if rng.random() < 0.8 else "\n" + salad(rng, rng.randint(2, 14))
    if rng.random() < 0.5:
        count = rng.randint(1, 2)
        after += "\nFulfill the following requirements:\n" + "\n".join(
            "* " + (text if rng.random() < 0.75 else salad(rng, rng.randint(2, 8)).strip())
            for text in rng.sample(REQUIREMENTS, count)
        )
    return before + prompt, after


def _failure(rng: Random) -> str:
    if rng.random() < 0.7:
        return rng.choice(FAILURES)
    return salad(rng, rng.randint(2, 10)).strip()


def _complaint(rng: Random) -> str:
    return rng.choice(
        [
            "The following requirements have not been met:\n* "
            + _failure(rng)
            + "\nPlease try again to fulfill the requirements.",
            "That is wrong: " + _failure(rng) + "\nTry again.",
        ]
    )


def _dress(rng: Random, form: str, code: str) -> str:
    if form:
        text = json.dumps({"code": code})
        return f"```json\n{text}\n```" if form == "fence" else text
    return rng.choice(OPENINGS) + f"```python\n{code}\n```"


def corpus_tokenizer(vocabulary: int, conversations: int = 3000) -> Tokenizer:
    """The tokenizer of the packaged models: trained on the first conversations of seed 0."""
    rng = Random(0)
    texts: list[str] = []
    for _ in range(conversations):
        drawn = draw(rng)
        texts += [content for _, content in drawn.turns]
        texts.append(drawn.answer)
    return Tokenizer.train(texts, vocabulary)
