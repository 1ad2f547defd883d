"""Any file of tasks in HumanEval's format or APPS', named by its path."""

from __future__ import annotations

from pathlib import Path

from pytest_mcode.benchmarks import completion, source, stdin
from pytest_mcode.core.errors import ConfigError, DataError
from pytest_mcode.core.records import Dataset, Limits, Program, Task


class JsonLines:
    """A benchmark of one's own: JSON lines, plain or .gz, with HumanEval's five columns.

    Tests that define a TestCase run beside the program; a row with inputs and outputs (APPS'
    `input_output`, LiveCodeBench's `public_test_cases`) is a program that reads standard input.
    """

    def __init__(self, argument: str) -> None:
        if not argument:
            raise ConfigError("a file of tasks is named by its path: jsonl:my/tasks.jsonl")
        self.path = Path(argument).expanduser()
        self.name = self.path.name.removesuffix(".gz").removesuffix(".jsonl").removesuffix(".json")

    def load(self, data: Path | None) -> Dataset:
        """The tasks of the file; a relative path is also tried under `data`. Raises `DataError`."""
        tried = [self.path] if data is None else [self.path, data.expanduser() / self.path]
        for path in tried:
            if path.is_file():
                return completion.dataset(self.name, source.read([path]), other=_program)
        raise DataError(f"{' and '.join(map(str, tried))}: no such file")

    def program(self, task: Task, code: str, limits: Limits) -> Program:
        """The program that verifies `code`: the prompt's imports and helpers stand before it."""
        return completion.program(task, code, limits)


def _program(benchmark: str, row: source.Row) -> Task | None:
    return stdin.task(benchmark, row) if stdin.is_program(row) else None
