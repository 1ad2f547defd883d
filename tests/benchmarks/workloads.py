"""The programs that the benchmarks run, each with the verdicts that are right for it."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from pytest_mcode.benchmarks.completion import split_prompt
from pytest_mcode.benchmarks.humaneval import HumanEval
from pytest_mcode.core.records import Limits, Program, Status, Verdict
from tests import corpus

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
HEAVY = frozenset(f"HumanEval/{number}" for number in (32, 36, 75, 147))
"""Their tests alone compute as long as those of the other 160 together."""
CODEGEN = "completions/codegen16b_humaneval_n100"
STOPS = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
"""Where a completion of a base model ends (Chen et al. 2021)."""

_PASSED: frozenset[Status] = frozenset({"passed"})
_NOT_PASSED: frozenset[Status] = frozenset(get_args(Status)) - _PASSED
_numbers = itertools.count()


@dataclass(frozen=True)
class Sample:
    """A program, what it is called, and which verdicts are right."""

    name: str
    program: Program
    expected: frozenset[Status]

    def check(self, verdict: Verdict) -> None:
        """Raises `WrongVerdictError`: figures of a harness that judges wrongly mean nothing."""
        if verdict.status not in self.expected:
            right = "|".join(sorted(self.expected))
            raise WrongVerdictError(
                f"{self.name}: {verdict.status} ({verdict.detail}), not {right}"
            )


class WrongVerdictError(Exception):
    """A contender gave another verdict than the published one."""


def references(data: Path) -> list[Sample]:
    """HumanEval's 164 own solutions (FULL). Raises `DataError`."""
    benchmark = HumanEval()
    return [
        Sample(task.task_id, benchmark.program(task, task.reference, Limits()), _PASSED)
        for task in benchmark.load(data).tasks
    ]


def light(samples: Iterable[Sample]) -> list[Sample]:
    """The references without the four heavy ones (LIGHT)."""
    return [sample for sample in samples if sample.name not in HEAVY]


def codegen(data: Path, samples: int, limits: Limits) -> list[Sample]:
    """The first `samples` completions of each task by CodeGen-16B, labelled by their upstream."""
    folder = data / CODEGEN
    tasks = {row["task_id"]: row for row in rows(folder / "HumanEval_for_code_generation.jsonl.gz")}
    bits = {row["task_id"]: row["passed"] for row in rows(folder / "measured_pass_bits.jsonl")}
    found = []
    for row in rows(folder / "norm.jsonl.gz"):
        name, number, text = row["task_id"], row["sample"], row["completion"]
        if number >= samples:
            continue
        task = tasks[name]
        end = min((text.find(stop) for stop in STOPS if stop in text), default=len(text))
        program = Program(
            candidate=task["prompt"] + text[:end],
            tests=f"{task['test']}\ncheck({task['entry_point']})\n",
            names=(task["entry_point"],),
            context=split_prompt(task["prompt"], task["entry_point"])[0],
            limits=limits,
        )
        expected = _PASSED if bits[name][number] == "1" else _NOT_PASSED
        found.append(Sample(f"{name}#{number}", program, expected))
    return found


def hostile(folder: Path = corpus.HOSTILE) -> list[Sample]:
    """Every program of the hostile corpus with the verdicts of its first line."""
    found = []
    for path in sorted(folder.glob("*.py")):
        source, words = corpus.read(path)
        expected = frozenset(status for status in get_args(Status) if status in words)
        limits = Limits(wall_s=1.0 if "timeout" in expected else 2.0, memory_mb=128)
        program = Program(source, corpus.DOUBLE, ("double",), checks=4, limits=limits)
        found.append(Sample(f"hostile/{path.stem}", program, expected))
    return found


def whole(program: Program) -> str:
    """Candidate and tests as one source file, for contenders that run nothing else."""
    return f"{program.candidate}\n{program.tests}"


def beside(sample: Sample) -> Sample:
    """The sample with its tests as a unittest class, which runs in the program's own process."""
    program = sample.program
    head, _, call = program.tests.rstrip().rpartition("\n")
    case = "import unittest\n\nclass TestReference(unittest.TestCase):\n    def test_check(self):\n"
    tests = f"{head}\n{case}        {call}\n"
    return replace(sample, program=replace(program, tests=tests, checks=1, mode="in_process"))


def fresh(samples: Iterable[Sample], times: int = 1) -> list[Sample]:
    """The samples `times` over, each with a comment that no cache has seen."""
    return [
        replace(sample, program=_renewed(sample.program))
        for _ in range(times)
        for sample in samples
    ]


def _renewed(program: Program) -> Program:
    return replace(program, candidate=f"{program.candidate}\n# {next(_numbers)}\n")


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file of JSON lines, packed or not."""
    opened: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt") as file:
        yield from map(json.loads, file)
