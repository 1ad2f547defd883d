"""The ten tasks of `tasks.toml`, and the benchmark file that the package carries.

`python -m tests.tinylm.tasks FILE` writes the benchmark in HumanEval's format.
"""

from __future__ import annotations

import json
import sys
import textwrap
import tomllib
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("tasks.toml")
PACKAGED = Path(__file__).parents[2] / "pytest_mcode" / "benchmarks" / "tiny.jsonl"


@dataclass(frozen=True)
class TinyTask:
    """One task with right and wrong solutions."""

    name: str
    args: str
    doc: str
    share: float
    """Part of good solutions among those of this task in the training data, 0..1."""
    tests: tuple[str, ...]
    """Expressions over `f` that hold for a right solution."""
    good: tuple[str, ...]
    flawed: tuple[str, ...]

    @property
    def signature(self) -> str:
        """The `def` line."""
        return f"def {self.name}({self.args}):"

    @property
    def prompt(self) -> str:
        """Signature and docstring."""
        return f'{self.signature}\n    """{_indent(self.doc).lstrip()}\n    """\n'

    @property
    def check(self) -> str:
        """Test code as HumanEval writes it."""
        asserts = (f"    assert {test.replace('f(', 'candidate(')}\n" for test in self.tests)
        return "def check(candidate):\n" + "".join(asserts)

    def code(self, body: str) -> str:
        """A whole function without docstring, as the model answers."""
        return f"{self.signature}\n{_indent(body)}"

    def row(self) -> dict[str, str]:
        """The task in HumanEval's format; the first good solution is the reference."""
        return {
            "task_id": f"tiny/{self.name}",
            "prompt": self.prompt,
            "entry_point": self.name,
            "canonical_solution": _indent(self.good[0]) + "\n",
            "test": self.check,
        }


def _indent(text: str) -> str:
    return textwrap.indent(text, "    ")


def read_tasks() -> tuple[TinyTask, ...]:
    """The tasks in the order of the file, which is the order the training data draw from."""
    tables = tomllib.loads(SOURCE.read_text(encoding="utf-8"))["task"]
    return tuple(
        TinyTask(**{k: tuple(v) if isinstance(v, list) else v for k, v in table.items()})
        for table in tables
    )


def benchmark_lines() -> str:
    """The file that the package carries."""
    return "".join(json.dumps(task.row()) + "\n" for task in read_tasks())


if __name__ == "__main__":
    Path(sys.argv[1] if len(sys.argv) > 1 else PACKAGED).write_text(
        benchmark_lines(), encoding="utf-8"
    )
