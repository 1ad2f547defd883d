"""The first law: a benchmark's numbers are shown only if its machinery proved itself on its data.

On every task gold must pass, a plausible wrong answer and an empty program must not, there must
be at least one check, and ids must be unique.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pytest_mcode.core.protocols import Benchmark, Sandbox
from pytest_mcode.core.records import Answer, Dataset, Limits, Task
from pytest_mcode.core.words import counted
from pytest_mcode.generation import extraction
from pytest_mcode.generation.garbage import wrong_answer


@dataclass(frozen=True)
class Problem:
    """One reason why a benchmark's numbers cannot be believed."""

    task_id: str
    what: str

    def __str__(self) -> str:
        return f"{self.task_id}: {self.what}"


@dataclass(frozen=True)
class SelfCheck:
    """The result for one data set in one sandbox."""

    benchmark: str
    tasks: int
    problems: tuple[Problem, ...]

    @property
    def passed(self) -> bool:
        """True when every task proved itself."""
        return self.tasks > 0 and not self.problems

    @property
    def line(self) -> str:
        """One line for people."""
        if not self.tasks:
            return f"self-check {self.benchmark}: FAILED, the data set is empty"
        if self.passed:
            return (
                f"self-check {self.benchmark}: gold {self.tasks}/{self.tasks} passed, "
                f"garbage and empty programs 0/{self.tasks}"
            )
        flawed = len({problem.task_id for problem in self.problems})
        head = f"self-check {self.benchmark}: FAILED on {flawed} of {counted(self.tasks, 'task')}"
        return f"{head} ({self.problems[0]}{', ...' if flawed > 1 else ''})"


def run(benchmark: Benchmark, dataset: Dataset, sandbox: Sandbox, limits: Limits) -> SelfCheck:
    """Check every task; programs run in as many threads as the sandbox has slots."""
    counts = Counter(task.task_id for task in dataset.tasks)
    problems = [Problem(i, f"id occurs {n} times") for i, n in counts.items() if n > 1]

    def check(task: Task) -> list[Problem]:
        return [Problem(task.task_id, what) for what in _flaws(task, benchmark, sandbox, limits)]

    def limit_s(task: Task) -> float:
        return benchmark.program(task, task.reference, limits).limits.wall_s

    longest_first = sorted(dataset.tasks, key=limit_s, reverse=True)
    with ThreadPoolExecutor(sandbox.slots) as threads:
        found = {id(t): threads.submit(check, t) for t in longest_first}
    for task in dataset.tasks:
        problems += found[id(task)].result()
    return SelfCheck(dataset.benchmark, len(dataset.tasks), tuple(problems))


def _flaws(task: Task, benchmark: Benchmark, sandbox: Sandbox, limits: Limits) -> Iterator[str]:
    def verify(code: str) -> tuple[bool, str]:
        verdict = sandbox.run(benchmark.program(task, code, limits))
        return verdict.passed, f"{verdict.status}: {verdict.detail}"

    if task.checks < 1:
        yield "it has no check"
    gold, why = verify(task.reference)
    if not gold:
        cure = "; raise --mcode-timeout" if why.startswith("timeout") else ""
        yield f"the reference solution does not pass ({why}{cure})"
    if verify("")[0]:
        yield "an empty program passes"
    answer = Answer(wrong_answer(task, 0))
    if verify(extraction.extract(answer, task))[0]:
        yield "a wrong answer passes"
