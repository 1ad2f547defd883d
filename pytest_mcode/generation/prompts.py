"""What a model is asked, word for word. Change a word, raise `VERSION`: it is fingerprinted."""

from __future__ import annotations

from typing import Literal

from pytest_mcode.core.records import Attempt, Message, Messages, Task
from pytest_mcode.generation.fences import without_thinking

VERSION = 1
"""Of every template in this module."""

Style = Literal["chat", "completion"]
Wording = Literal["", "evalplus"]
"""Whose words: our own, or those that EvalPlus's own generation sends."""

STOP_SEQUENCES = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
"""End of a continued function (Chen et al. 2021, section 2.1)."""

TEXT_STOP_SEQUENCES = ("\nclass", "\nassert", '\n"""', "\nprint", "\nif", "\n```")
"""End of a whole program written after an MBPP docstring, as in the common zero-shot harnesses."""

EVALPLUS_SYSTEM = "You are a helpful assistant good at coding."
"""Quoted from EvalPlus 0.3.1, `evalplus/gen/util/openai_request.py`."""

EVALPLUS_ASK = (
    "Please provide a self-contained Python script that solves the following problem in a "
    "markdown code block:"
)
"""Quoted from EvalPlus 0.3.1, `evalplus/codegen.py`; task and fence as in `provider/openai.py`."""

_EVALPLUS_ENDS = (
    "<|endoftext|>", "<|endofmask|>", "</s>", "\nif __name__", "\ndef main(", "\nprint("
)  # fmt: skip
EVALPLUS_STOP_SEQUENCES = {
    "function": (*_EVALPLUS_ENDS, "\ndef ", "\nclass ", "\nimport ", "\nfrom ", "\nassert "),
    "text": (*_EVALPLUS_ENDS, '\n"""', "\nassert"),
}
"""End of a continued text, by shape of the task (EvalPlus 0.3.1, `provider/utility.py`)."""

FEEDBACK_CHARS = 2000
"""Most of a verdict's feedback that a repair prompt repeats; the end of an error is kept."""

ANSWER_CHARS = 24_000
"""Longest answer that is repeated in full as an assistant's turn."""

_ASK = "Answer with one Python code block that holds the whole function."

_ASK_PROGRAM = "Answer with one Python code block that holds the whole program."

_WITHOUT_FEEDBACK = {
    "failed": "the tests failed",
    "error": "it raised an error",
    "timeout": "it ran too long",
    "memory": "it used too much memory",
    "output_limit": "it printed too much",
    "no_code": "there was no Python code in the answer",
    "forged": "it tampered with the tests",
}


def stop_sequences(task: Task, style: Style, wording: Wording = "") -> tuple[str, ...]:
    """The stop sequences that belong to the prompt of `task`; none for a chat."""
    if style == "chat":
        return ()
    if wording == "evalplus":
        return EVALPLUS_STOP_SEQUENCES["function" if task.shape == "function" else "text"]
    return STOP_SEQUENCES if task.shape == "function" else TEXT_STOP_SEQUENCES


def opening(task: Task, style: Style, wording: Wording = "") -> Messages:
    """The messages of a first draw; for `completion` one user message that holds the raw prompt."""
    if wording == "evalplus":
        return _evalplus(task, style)
    text = _completion(task) if style == "completion" else _chat(task)
    return (Message("user", text),)


def repair(task: Task, style: Style, previous: Messages, attempt: Attempt) -> Messages:
    """The messages that show a failed attempt and ask again.

    Only `attempt.verdict.feedback` is shown, never `detail`, so whoever blanks the feedback of
    hidden tests hides them. `previous` are the messages that led to the attempt.
    """
    if style == "completion":
        return (Message("user", _commented(attempt) + _completion(task)),)
    again = f"That is wrong: {complaint(attempt)}\nTry again. {_ask(task)}"
    return (*previous, Message("assistant", _said(attempt)), Message("user", again))


def fenced(code: str) -> str:
    """`code` as a Markdown block, behind a fence that is longer than any within it."""
    fence = "```"
    while fence in code:
        fence += "`"
    return f"{fence}python\n{code.rstrip()}\n{fence}"


def _ask(task: Task) -> str:
    return _ASK_PROGRAM if task.shape == "program" else _ASK


def _chat(task: Task) -> str:
    if task.shape == "program":
        return (
            "Solve the following problem with a Python program that reads standard input and "
            f"writes standard output.\n\n{task.prompt.strip()}\n\n{_ASK_PROGRAM}"
        )
    if task.shape == "function":
        return f"Complete the following Python function.\n\n{fenced(task.prompt)}\n\n{_ASK}"
    # Austin et al. 2021, section 3.1, and the one request that makes the answer readable.
    tests = "\n".join(task.public_tests)
    shown = f" Your code should pass these tests:\n\n{tests}" if tests else ""
    return (
        "You are an expert Python programmer, and here is your task: "
        f"{task.prompt.strip()}{shown}\n\n{_ASK}"
    )


def _evalplus(task: Task, style: Style) -> Messages:
    """As EvalPlus asks a server for chat, without a prefilled answer, or a base model."""
    text = _completion(task).strip()
    if task.shape == "text":
        # Its prompts keep the space that ends some of MBPP's sentences.
        sentence, tests = task.prompt.strip("\r\n"), "\n".join(task.public_tests)
        text = f'"""\n{sentence}\n{tests}\n"""'
    if style == "completion":
        return (Message("user", text + "\n"),)
    asked = f"{EVALPLUS_ASK}\n```python\n{text}\n```"
    return (Message("system", EVALPLUS_SYSTEM), Message("user", asked))


def _completion(task: Task) -> str:
    if task.shape == "function":
        return task.prompt
    if task.shape == "program":
        return f'"""\n{task.prompt.strip()}\n"""\n# Reads standard input, writes standard output.\n'
    tests = "\n".join(task.public_tests)
    return f'"""\n{task.prompt.strip()}\n{tests}\n"""\n'


def complaint(attempt: Attempt) -> str:
    """What was wrong with an attempt, as far as its verdict's feedback tells."""
    feedback = attempt.verdict.feedback.strip()
    if not feedback:
        return _WITHOUT_FEEDBACK.get(attempt.verdict.status, "the tests failed")
    if len(feedback) > FEEDBACK_CHARS:
        feedback = "..." + feedback[-FEEDBACK_CHARS:]
    return feedback


def _said(attempt: Attempt) -> str:
    """The assistant's turn without its thoughts; never empty, which some servers refuse."""
    answer = attempt.answer
    if answer.form == "text" and answer.text.strip() and len(answer.text) <= ANSWER_CHARS:
        return without_thinking(answer.text).strip() or "(no answer)"
    return fenced(attempt.code[:ANSWER_CHARS]) if attempt.code else "(no answer)"


def _commented(attempt: Attempt) -> str:
    """The failed attempt as comments: a base model reads on from the same prompt as before."""
    code = attempt.code[:ANSWER_CHARS].rstrip() or "(no code)"
    text = f"A wrong solution:\n\n{code}\n\nWhy it is wrong: {complaint(attempt)}"
    lines = (f"# {line}".rstrip() for line in text.splitlines())
    return "\n".join(lines) + "\n\n# A correct solution:\n\n"
