"""Ten small original tasks, the ones the packaged demonstration model was trained on."""

from __future__ import annotations

from pathlib import Path

from pytest_mcode.benchmarks import completion, source
from pytest_mcode.core.errors import ConfigError
from pytest_mcode.core.records import Dataset, Limits, Program, Task

TASKS = Path(__file__).with_name("tiny.jsonl")


class Tiny:
    """`tiny`: a demonstration and a test instrument. It measures no model but the packaged ones."""

    def __init__(self, argument: str = "") -> None:
        if argument:
            raise ConfigError(f"tiny:{argument}: tiny takes no variant; write tiny")
        self.name = "tiny"

    def load(self, data: Path | None) -> Dataset:
        """The ten tasks; they travel with the package, so `data` is not looked at."""
        return completion.dataset(self.name, source.read([TASKS]))

    def program(self, task: Task, code: str, limits: Limits) -> Program:
        """The program that verifies `code`."""
        return completion.program(task, code, limits)
