"""HumanEval: 164 functions to complete (Chen et al. 2021, "Evaluating LLMs Trained on Code")."""

from __future__ import annotations

from pathlib import Path

from pytest_mcode.benchmarks import completion, source
from pytest_mcode.benchmarks.hub import Pinned
from pytest_mcode.core.errors import ConfigError
from pytest_mcode.core.records import Dataset, Limits, Program, Task

WANTED = source.Wanted(
    name="humaneval",
    files=(
        "HumanEval.jsonl.gz",
        "HumanEval.jsonl",
        "[Hh]uman[Ee]val/HumanEval.jsonl*",
        "[Hh]uman*[Ee]val/*umaneval.jsonl*",
        "humaneval.jsonl*",
        "human-eval/data/HumanEval.jsonl*",
        "HumanEval.json",
        "humaneval*.parquet",
        "*humaneval/*.parquet",
        "*humaneval/*/*.parquet",
        "*.parquet",
    ),
    columns=frozenset({"task_id", "prompt", "canonical_solution", "test", "entry_point"}),
    pull=Pinned(
        repo="openai/openai_humaneval",
        config="openai_humaneval",
        revision="7dce6050a7d6d172f3cc5c32aa97f52fa1a2e544",
        rows=164,
    ),
)

UNTRUE = frozenset(
    {
        "assert median([-10, 4, 6, 1000, 10, 20]) == 15.0",
        "assert sort_array([1, 5, 2, 3, 4]) == [1, 2, 3, 4, 5]",
        "assert sort_array([-2, -3, -4, -5, -6]) == [-6, -5, -4, -3, -2]",
        "assert bf('Earth', 'Mercury') == 'Venus'",
    }
)
"""Examples in the docstrings of tasks 47, 116 and 148 that contradict the reference and tests."""


class HumanEval:
    """`humaneval`: the 164 tasks, judged by the data set's own `check(candidate)`."""

    def __init__(self, argument: str = "") -> None:
        if argument:
            raise ConfigError(f"humaneval:{argument}: humaneval takes no variant; write humaneval")
        self.name = "humaneval"

    def load(self, data: Path | None) -> Dataset:
        """The tasks from `data`, else the user cache, else the hub. Raises `DataError`."""
        return completion.dataset(self.name, source.load(WANTED, data), UNTRUE)

    def program(self, task: Task, code: str, limits: Limits) -> Program:
        """The program that verifies `code`: the prompt's imports and helpers stand before it."""
        return completion.program(task, code, limits)
