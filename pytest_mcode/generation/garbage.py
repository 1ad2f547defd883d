"""Plausible wrong answers: every item must fail, whatever the sample."""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping

from pytest_mcode.core.records import Answer, Json, ModelSpec, Request, Task
from pytest_mcode.generation import source

SENTINEL = "'mcode: deliberately wrong'"
"""Source of a value that no test of any benchmark expects."""

_BODIES = (
    f"return {SENTINEL}",
    "return ({args}, " + SENTINEL + ")",
    f"raise ValueError({SENTINEL})",
    f"result = [{SENTINEL}]\n    return result",
)

_LETTERS = (
    "Here is the function:\n\n```python\n{code}\n```\nIt handles all cases of the tests.",
    "```\n{code}\n```",
    "<think>\nA loop would do, but there is a shorter way.\n</think>\nSure!\n\n~~~py\n{code}\n~~~",
    "{code}",
)


class Garbage:
    """Answers every request with the right signature and a wrong body, in the dress of a chat."""

    concurrency = 64

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec

    def describe(self) -> Mapping[str, Json]:
        """The wording is part of the package; its number stands for it."""
        return {"backend": "garbage", "bodies": len(_BODIES)}

    async def preflight(self) -> None:
        """Always ready."""

    async def generate(self, request: Request) -> Answer:
        """Wrong answer number `sample + iteration`, counted round."""
        return Answer(
            text=wrong_answer(request.task, request.sample + request.iteration),
            messages=request.messages,
            finish_reason="stop",
            calls=0,
        )

    async def aclose(self) -> None:
        """Nothing to let go of."""


def wrong_answer(task: Task, turn: int) -> str:
    """A chat's answer number `turn`: all names of the task's tests are defined, each wrongly."""
    if task.shape == "program":
        return f"```python\nprint({SENTINEL}, {turn})\n```"
    names = dict.fromkeys((*task.names, task.entry_point))
    code = "\n\n\n".join(_wrong(task, name, turn) for name in names)
    letter = _LETTERS[(turn // len(_BODIES) + turn) % len(_LETTERS)]
    return letter.replace("{code}", code)


def _wrong(task: Task, name: str, turn: int) -> str:
    signature, arguments = _signature(task, name)
    body = _BODIES[turn % len(_BODIES)].replace("{args}", arguments)
    return f"def {name}({signature}):\n    {body}"


def _signature(task: Task, name: str) -> tuple[str, str]:
    """Parameters of `name` without annotations, and one expression of their values."""
    for code in (task.prompt if task.shape == "function" else "", task.reference):
        tree = source.parse(code)
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.FunctionDef) and node.name == name:
                return _plain(node.args)
    return "*args, **kwargs", "args"


def _plain(shared: ast.arguments) -> tuple[str, str]:
    arguments = copy.deepcopy(shared)
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    for argument in (*every, arguments.vararg, arguments.kwarg):
        if argument is not None:
            argument.annotation = None
    arguments.defaults = [ast.Constant(None) for _ in arguments.defaults]
    arguments.kw_defaults = [d and ast.Constant(None) for d in arguments.kw_defaults]
    return ast.unparse(arguments), every[0].arg if every else "None"
