"""What a model is asked stays what it is, and a failed attempt is shown as far as it may be."""

import gzip
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_mcode.benchmarks.evalplus import HumanEvalPlus, MbppPlus
from pytest_mcode.core.records import Answer, Attempt, Message, Task, Verdict
from pytest_mcode.generation import prompts
from pytest_mcode.generation.extraction import extract

DATA = Path(__file__).parents[3].parent / "shared" / "data"
STUB = 'def add(a, b):\n    """Sum."""\n'
FUNCTION = Task(
    benchmark="demo",
    task_id="demo/0",
    prompt="import math\n\n\n" + STUB,
    shape="function",
    entry_point="add",
    tests="",
    reference=STUB + "    return a + b\n",
    preamble="import math\n\n\n",
    stub=STUB,
)
TEXT = Task(
    benchmark="demo",
    task_id="demo/1",
    prompt="Write a function to add two numbers.\r",
    shape="text",
    entry_point="add",
    tests="",
    reference="",
    public_tests=("assert add(1, 2) == 3", "assert add(0, 0) == 0"),
)
FAILED = Verdict("failed", detail="hidden: add(7, 7)", feedback="AssertionError: add(1, 2) == 3")


def attempt(text="```python\nx = 1\n```", verdict=FAILED, code="x = 1\n", **answer):
    return Attempt(0, 0, Answer(text, **answer), code, verdict)


def test_chat_about_a_function():
    """The whole prompt stands in a Python fence between the request and the form of the answer."""
    (message,) = prompts.opening(FUNCTION, "chat")
    assert message == Message(
        "user",
        "Complete the following Python function.\n\n```python\nimport math\n\n\n"
        'def add(a, b):\n    """Sum."""\n```\n\n'
        "Answer with one Python code block that holds the whole function.",
    )


def test_chat_about_prose():
    """MBPP is asked in the words of its paper, with the asserts it shows."""
    (message,) = prompts.opening(TEXT, "chat")
    assert message.content == (
        "You are an expert Python programmer, and here is your task: Write a function to add two"
        " numbers. Your code should pass these tests:\n\nassert add(1, 2) == 3\n"
        "assert add(0, 0) == 0\n\nAnswer with one Python code block that holds the whole function."
    )


def test_prompt_with_a_fence_in_it():
    """A prompt that holds a fence gets a longer one around it."""
    task = replace(FUNCTION, prompt='def f():\n    """```"""\n')
    assert "\n````python\ndef f():" in prompts.opening(task, "chat")[0].content


def test_completion_style():
    """A base model gets the raw function, or MBPP's docstring with its asserts."""
    assert prompts.opening(FUNCTION, "completion") == (Message("user", FUNCTION.prompt),)
    assert prompts.opening(TEXT, "completion")[0].content == (
        '"""\nWrite a function to add two numbers.\nassert add(1, 2) == 3\n'
        'assert add(0, 0) == 0\n"""\n'
    )
    assert prompts.stop_sequences(FUNCTION, "completion") == prompts.STOP_SEQUENCES
    assert "\ndef" not in prompts.stop_sequences(TEXT, "completion")
    assert prompts.stop_sequences(FUNCTION, "chat") == ()


def test_repair_adds_two_turns():
    """The attempt is the assistant's turn, the feedback the user's; what came before stays."""
    before = prompts.opening(FUNCTION, "chat")
    after = prompts.repair(FUNCTION, "chat", before, attempt())
    assert after[:1] == before
    assert after[1] == Message("assistant", "```python\nx = 1\n```")
    assert after[2] == Message(
        "user",
        "That is wrong: AssertionError: add(1, 2) == 3\nTry again."
        " Answer with one Python code block that holds the whole function.",
    )
    assert len(prompts.repair(FUNCTION, "chat", after, attempt())) == 5


def test_repair_shows_no_thoughts():
    """Thoughts are not repeated, whether the server split them off or not."""
    shown = prompts.repair(
        FUNCTION, "chat", (), attempt("<think>secret</think>\nHere.", thinking="s")
    )
    assert shown[0].content == "Here."


@pytest.mark.parametrize("text", ["", "  \n", "<think>never ending"])
def test_repair_of_silence(text):
    """The assistant's turn is never empty: chat templates insist on alternation."""
    shown = prompts.repair(FUNCTION, "chat", (), attempt(text, code=""))
    assert [m.role for m in shown] == ["assistant", "user"]
    assert shown[0].content == "(no answer)"


def test_repair_of_a_program():
    """Code without a letter around it is shown in a fence."""
    shown = prompts.repair(FUNCTION, "chat", (), attempt("x = 1\n", form="program"))
    assert shown[0].content == "```python\nx = 1\n```"


def test_repair_is_bounded():
    """Endless feedback and endless answers are cut; of an error the end is kept."""
    long = Verdict("error", feedback="a" * 100_000 + "ValueError")
    shown = prompts.repair(FUNCTION, "chat", (), attempt("y" * 100_000, verdict=long))
    assert sum(len(m.content) for m in shown) < prompts.ANSWER_CHARS + prompts.FEEDBACK_CHARS + 200
    assert "ValueError" in shown[1].content


@pytest.mark.parametrize("style", ["chat", "completion"])
def test_repair_never_shows_the_detail(style):
    """Only the feedback is shown: blank it, and nothing of a hidden test is told."""
    blank = replace(FAILED, feedback="")
    shown = prompts.repair(FUNCTION, style, (), attempt(verdict=blank))
    text = " ".join(m.content for m in shown)
    assert "hidden" not in text
    assert "the tests failed" in text


def test_repair_in_completion_style():
    """A base model reads the failed code and its error as comments, then the prompt as before."""
    failed = attempt(code='def add(a, b):\n    """Sum."""\n    return a\n', form="continuation")
    (message,) = prompts.repair(FUNCTION, "completion", (), failed)
    assert message.content.endswith("\n# A correct solution:\n\n" + FUNCTION.prompt)
    head = message.content.removesuffix(FUNCTION.prompt)
    assert all(line.startswith("#") for line in head.splitlines() if line)
    assert "#     return a\n" in head
    assert "AssertionError" in head


def test_own_prompt_is_not_mistaken_for_code():
    """A model that only repeats the question gives a function that does nothing."""
    asked = prompts.opening(FUNCTION, "chat")[0].content
    assert extract(Answer(asked), FUNCTION) == FUNCTION.prompt


def test_templates_are_pinned():
    """A changed word needs a new VERSION, because old and new results must not be mixed."""
    shown = [
        [vars(m) for m in prompts.opening(task, style)]
        + [vars(m) for m in prompts.repair(task, style, (), attempt())]
        for task in (FUNCTION, TEXT)
        for style in ("chat", "completion")
    ]
    digest = hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:16]
    assert (prompts.VERSION, digest) == (1, "400ff2968699523c")


def test_the_words_of_evalplus():
    """As `evalplus.codegen --backend openai` asks, and as it lets a base model continue."""
    system, asked = prompts.opening(FUNCTION, "chat", "evalplus")
    assert system == Message("system", "You are a helpful assistant good at coding.")
    assert asked.content == (
        "Please provide a self-contained Python script that solves the following problem in a "
        f"markdown code block:\n```python\n{FUNCTION.prompt.strip()}\n```"
    )
    (raw,) = prompts.opening(FUNCTION, "completion", "evalplus")
    assert raw.content == FUNCTION.prompt.strip() + "\n"
    assert prompts.stop_sequences(FUNCTION, "chat", "evalplus") == ()
    assert "\ndef " in prompts.stop_sequences(FUNCTION, "completion", "evalplus")
    assert '\n"""' in prompts.stop_sequences(TEXT, "completion", "evalplus")


@pytest.mark.parametrize(("made", "stem"), [(HumanEvalPlus, "HumanEval"), (MbppPlus, "Mbpp")])
def test_the_words_of_evalplus_hold_the_prompts_of_its_releases(made, stem):
    """To the letter, also where a sentence of MBPP ends with a space."""
    if not (DATA / "evalplus").is_dir():
        pytest.skip("needs ../shared/data")
    (path,) = (DATA / "evalplus").glob(f"{stem}Plus-v*.jsonl.gz")
    with gzip.open(path, "rt") as file:
        released = {row["task_id"]: row["prompt"] for row in map(json.loads, file)}
    for task in made("").load(DATA).tasks:
        (raw,) = prompts.opening(task, "completion", "evalplus")
        assert raw.content == released[task.task_id].strip() + "\n"
