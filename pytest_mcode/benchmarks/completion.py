"""Tasks in HumanEval's format: Python source to complete and a `check(candidate)` to judge it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from pytest_mcode.benchmarks.asserts import BUILTINS, count_checks, free_names
from pytest_mcode.benchmarks.docexamples import public_tests
from pytest_mcode.benchmarks.source import Loaded, Row
from pytest_mcode.benchmarks.unittests import count_methods
from pytest_mcode.core import parsing
from pytest_mcode.core.errors import DataError
from pytest_mcode.core.records import Dataset, Limits, Program, Task


def dataset(
    benchmark: str,
    loaded: Loaded,
    untrue: frozenset[str] = frozenset(),
    other: Callable[[str, Row], Task | None] = lambda benchmark, row: None,
) -> Dataset:
    """The tasks of rows with task_id, prompt, entry_point, canonical_solution and test.

    `untrue` are examples in docstrings that the data set's own solution does not satisfy; `other`
    may make the task of a row in another format.
    Raises `DataError` naming file and line: a column is missing, the tests are not Python, assert
    nothing, or an id comes twice.
    """
    tasks: dict[str, Task] = {}
    for row in loaded.rows:
        task = other(benchmark, row) or _task(benchmark, row, untrue)
        if task.task_id in tasks:
            raise DataError(f"{row.where}: task id {task.task_id!r} comes twice")
        tasks[task.task_id] = task
    return Dataset(benchmark, tuple(tasks.values()), loaded.sha256, loaded.origin)


def program(task: Task, code: str, limits: Limits) -> Program:
    """Preamble and candidate as one program; the judge gets the preamble as trusted context.

    A `from __future__` import of the candidate moves to the top, where Python demands it.
    """
    candidate = _hoist_future(code, task.preamble) if task.preamble else code
    return Program(
        candidate=candidate,
        tests=task.tests,
        names=task.names,
        context=task.preamble,
        checks=task.checks,
        limits=limits,
        mode=task.mode,
    )


def split_prompt(prompt: str, entry_point: str) -> tuple[str, str]:
    """Preamble (imports, helpers) and stub (from the last top-level `def entry_point` on).

    Decorators and `async` belong to the stub. Without such a line all is stub: a class, say.
    """
    head = re.compile(
        rf"^(?:@[^\n]*\n)*(?:async[ \t]+def|def|class)[ \t]+{re.escape(entry_point)}\b", re.M
    )
    starts = [match.start() for match in head.finditer(prompt)]
    cut = starts[-1] if starts else 0
    return prompt[:cut], prompt[cut:]


def _task(benchmark: str, row: Row, untrue: frozenset[str]) -> Task:
    entry_point = row.text("entry_point")
    if not entry_point.isidentifier():
        raise row.wrong("entry_point", "the name of a function", entry_point)
    prompt = row.text("prompt")
    preamble, stub = split_prompt(prompt, entry_point)
    tests = row.text("test")
    methods = count_methods(_parsed(row, tests)) if "TestCase" in tests else 0
    if not methods:
        tests += f"\ncheck({entry_point})\n"
    checks, free = _facts(row, tests)
    given = BUILTINS | _top_level(preamble)
    others = tuple(name for name in free if name not in given and name != entry_point)
    return Task(
        benchmark=benchmark,
        task_id=row.text("task_id"),
        prompt=prompt,
        shape="function",
        entry_point=entry_point,
        tests=tests,
        reference=stub + row.text("canonical_solution"),
        preamble=preamble,
        stub=stub,
        public_tests=tuple(t for t in public_tests(stub, entry_point) if t not in untrue),
        names=(entry_point, *others),
        checks=methods or checks,
        mode="in_process" if methods else "split",
    )


def _parsed(row: Row, tests: str) -> ast.Module:
    try:
        return ast.parse(tests)
    except (SyntaxError, ValueError) as error:
        raise DataError(f"{row.where}: the tests are not Python: {error}") from error


def _facts(row: Row, tests: str) -> tuple[int, list[str]]:
    tree = _parsed(row, tests)
    checks = count_checks(tree) or count_methods(tree)
    if not checks:
        raise DataError(f"{row.where}: the tests assert nothing, so nothing could be verified")
    return checks, free_names(tree)


def _top_level(preamble: str) -> set[str]:
    """Names that the preamble binds."""
    if not preamble.strip():
        return set()
    bound = set(re.findall(r"^(?:async +)?(?:def|class) +(\w+)|^(\w+) *[=:]", preamble, re.M))
    names = {name for pair in bound for name in pair if name}
    for line in re.findall(r"^(?:from +\S+ +)?import +(.+)", preamble, re.M):
        names |= {part.split(" as ")[-1].strip().split(".")[0] for part in line.split(",")}
    return names


def _hoist_future(code: str, preamble: str) -> str:
    if "__future__" not in code:
        return preamble + code
    try:
        body = parsing.tree(code).body
    except (SyntaxError, ValueError):
        return preamble + code
    future = [n for n in body if isinstance(n, ast.ImportFrom) and n.module == "__future__"]
    return "".join(f"{ast.unparse(node)}\n" for node in future) + preamble + _without(code, future)


def _without(code: str, nodes: list[ast.ImportFrom]) -> str:
    """The code with the lines of `nodes` emptied, so that line numbers in errors stay true."""
    lines = code.split("\n")
    for node in nodes:
        for number in range(node.lineno - 1, node.end_lineno or node.lineno):
            lines[number] = ""
    return "\n".join(lines)
