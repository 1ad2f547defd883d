"""MBPP: basic Python problems in prose (Austin et al. 2021, "Program Synthesis with LLMs")."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from pytest_mcode.benchmarks import source
from pytest_mcode.benchmarks.asserts import BUILTINS, called_names, count_checks, free_names
from pytest_mcode.benchmarks.hub import Pinned
from pytest_mcode.core.errors import ConfigError, DataError
from pytest_mcode.core.records import Dataset, Json, Limits, Program, Task

REPO = "google-research-datasets/mbpp"
REVISION = "4bb6404fdc6cacfda99d4ac4205087b89d32030c"
TEST_SPLIT = range(11, 511)
"""Task ids of the paper's test split; 1-10 are few-shot prompts, 511-974 train and validation."""


def _by_id(row: dict[str, Json]) -> Json:
    return row.get("task_id")


FULL = source.Wanted(
    name="mbpp",
    files=(
        "mbpp.jsonl",
        "mbpp.jsonl.gz",
        "mbpp/mbpp.jsonl*",
        "mbpp.json",
        "mbpp/mbpp.json",
        "mbpp*.parquet",
        "mbpp/full/*.parquet",
        "full/*.parquet",
        "mbpp/*.parquet",
        "*.parquet",
    ),
    columns=frozenset({"task_id", "text", "code", "test_list", "test_setup_code"}),
    pull=Pinned(REPO, "full", REVISION, rows=974),
    order=_by_id,
)
SANITIZED = source.Wanted(
    name="mbpp-sanitized",
    files=(
        "sanitized-mbpp.json",
        "sanitized-mbpp.jsonl*",
        "mbpp/sanitized-mbpp.json*",
        "sanitized-mbpp*.parquet",
        "mbpp/sanitized/*.parquet",
        "sanitized/*.parquet",
        "mbpp/*.parquet",
        "*.parquet",
    ),
    columns=frozenset({"task_id", "prompt", "code", "test_list", "test_imports"}),
    pull=Pinned(REPO, "sanitized", REVISION, rows=427),
    order=_by_id,
)


class Mbpp:
    """`mbpp` (test split, 500 tasks), `mbpp:all` (974) or `mbpp:sanitized` (427, hand-checked).

    A task's tests are its `test_list` with imports and set-up before it, as in the paper; the
    `challenge_test_list` is used by nobody's published numbers and is not used here.
    """

    def __init__(self, argument: str = "") -> None:
        if argument not in {"", "all", "sanitized"}:
            raise ConfigError(
                f"mbpp:{argument}: choose mbpp (test split), mbpp:all or mbpp:sanitized"
            )
        self.argument = argument
        self.name = f"mbpp:{argument}" if argument else "mbpp"

    def load(self, data: Path | None) -> Dataset:
        """The tasks from `data`, else the user cache, else the hub. Raises `DataError`."""
        loaded = source.load(SANITIZED if self.argument == "sanitized" else FULL, data)
        tasks: dict[int, Task] = {}
        for row in loaded.rows:
            number = row.number("task_id")
            if self.argument == "" and number not in TEST_SPLIT:
                continue
            if number in tasks:
                raise DataError(f"{row.where}: task id {number} comes twice")
            tasks[number] = _task(self.name, number, row)
        if not tasks:
            raise DataError(f"{loaded.origin}: holds no task of {self.name}")
        return Dataset(self.name, tuple(tasks.values()), loaded.sha256, loaded.origin)

    def program(self, task: Task, code: str, limits: Limits) -> Program:
        """The program that verifies `code`."""
        return Program(
            candidate=code, tests=task.tests, names=task.names, checks=task.checks, limits=limits
        )


def _task(benchmark: str, number: int, row: source.Row) -> Task:
    code = _unix(row.text("code"))
    asserts = [_unix(test).strip() for test in row.texts("test_list")]
    setup = _unix(row.text("test_setup_code")) if "test_setup_code" in row.fields else ""
    before = [*row.texts("test_imports"), setup.strip("\n")]
    setup = "".join(f"{part}\n" for part in before if part.strip())
    tests = setup + "".join(f"{part}\n" for part in asserts if part.strip())
    defined = set(re.findall(r"^(?:async +)?(?:def|class) +(\w+)", code, re.M))
    tree = _parsed(row, tests)
    checks = count_checks(tree)
    if not checks:
        raise DataError(f"{row.where}: the tests assert nothing, so nothing could be verified")
    entry_point = _entry_point(row, asserts[0], code, defined)
    # The reference may define what is a builtin elsewhere: task 126 is about a `sum` of its own.
    free = [name for name in free_names(tree) if name not in BUILTINS or name in defined]
    return Task(
        benchmark=benchmark,
        task_id=f"Mbpp/{number}",
        prompt=_unix(row.text("prompt" if "prompt" in row.fields else "text")).strip(),
        shape="text",
        entry_point=entry_point,
        tests=tests,
        reference=code,
        public_tests=tuple(asserts),
        public_setup=setup,
        names=(entry_point, *(name for name in free if name != entry_point)),
        checks=checks,
    )


def _parsed(row: source.Row, code: str) -> ast.Module:
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError) as error:
        raise DataError(f"{row.where}: the tests are not Python: {error}") from error


def _entry_point(row: source.Row, first: str, code: str, defined: set[str]) -> str:
    """The outermost function called in the first assert that the reference defines."""
    called = called_names(_parsed(row, first))
    functions = set(re.findall(r"^(?:async +)?def +(\w+)", code, re.M))
    for known in (functions, defined):
        for name in called:
            if name in known:
                return name
    raise DataError(f"{row.where}: the first test calls nothing that the reference defines")


def _unix(text: str) -> str:
    """Line ends of the file are CRLF; a model should see and write none."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
