"""HumanEval+ and MBPP+: the tasks of HumanEval and MBPP with many more inputs (Liu et al. 2023).

The official release files of EvalPlus. A task is solved when the program agrees with the reference
on its `base` inputs and on its `plus` inputs; the verdict's groups say which of the two held.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_mcode.benchmarks import completion, release, source
from pytest_mcode.benchmarks.docexamples import public_tests
from pytest_mcode.benchmarks.evalplus_rules import (
    LEFT_OUT,
    MBPP_CONVERSIONS,
    RULES,
    SLOW,
    SLOW_INPUTS,
    Rules,
)
from pytest_mcode.benchmarks.humaneval import UNTRUE
from pytest_mcode.core.errors import ConfigError, DataError
from pytest_mcode.core.records import Dataset, Limits, Program, Task

GROUPS = ("base", "plus")


@dataclass(frozen=True)
class Release:
    """One of EvalPlus's data sets at the version that is read here."""

    name: str
    """On the command line."""
    stem: str
    """Of its files."""
    version: str
    variants: tuple[str, ...]
    """What can stand behind the name: other files of the same release."""
    task: Callable[[str, source.Row, int], Task]
    """A row's task, as the benchmark of that name, with so many failing inputs listed."""


class EvalPlus:
    """A benchmark read from one file of a release."""

    def __init__(self, release: Release, variant: str) -> None:
        if variant and variant not in release.variants:
            choices = " or ".join(
                (release.name, *(f"{release.name}:{v}" for v in release.variants))
            )
            raise ConfigError(f"{release.name}:{variant}: choose {choices}")
        self.release = release
        self.name = f"{release.name}:{variant}" if variant else release.name
        self.failing_inputs = 1
        """How many of each group a verdict lists; 0: all. Set before `load`."""
        self.stem = release.stem + {"": "", "mini": "-Mini", "noextreme": "-NoExtreme"}[variant]

    def load(self, data: Path | None) -> Dataset:
        """The tasks from `data`, else from the cache that EvalPlus itself keeps, else from ours,
        where the release file is downloaded to. Raises `DataError`."""
        loaded = source.read([self._file(data and data.expanduser())])
        tasks: dict[str, Task] = {}
        for row in loaded.rows:
            task = self.release.task(self.name, row, self.failing_inputs)
            if task.task_id in tasks:
                raise DataError(f"{row.where}: task id {task.task_id!r} comes twice")
            tasks[task.task_id] = task
        return Dataset(self.name, tuple(tasks.values()), loaded.sha256, loaded.origin)

    def program(self, task: Task, code: str, limits: Limits) -> Program:
        """The program that verifies `code`; with more time where the reference itself needs it."""
        longer = replace(limits, wall_s=limits.wall_s * SLOW.get(task.task_id, 1))
        return completion.program(task, code, longer)

    def _file(self, data: Path | None) -> Path:
        if data is not None and data.is_file():
            return data
        if data is not None and not data.is_dir():
            raise DataError(f"--mcode-data={data}: no such file or folder")
        version = self.release.version
        names = [
            f"{self.stem}{tag}.jsonl{packed}"
            for tag in (f"-{version}", "")
            for packed in ("", ".gz")  # nothing else: half a download may lie beside it
        ]
        own = source.cache_folder().parent / "evalplus"
        for folder in (own,) if data is None else (data, own):
            for name in names:
                for found in (*folder.glob(name), *sorted(folder.glob(f"*/{name}"))):
                    return found
        where = f" no {self.stem}.jsonl.gz in {data};" if data else ""
        return release.fetched(self.stem, version, f"{self.name}:{where}")


class HumanEvalPlus(EvalPlus):
    """`humaneval+` (164 tasks, v0.1.10), `humaneval+:mini` (the inputs that tell most) or
    `humaneval+:noextreme` (without very large inputs)."""

    def __init__(self, argument: str = "") -> None:
        variants = ("mini", "noextreme")
        task = _function_task
        super().__init__(
            Release("humaneval+", "HumanEvalPlus", "v0.1.10", variants, task), argument
        )


class MbppPlus(EvalPlus):
    """`mbpp+` (378 tasks, v0.2.0) or `mbpp+:noextreme` (without very large inputs)."""

    def __init__(self, argument: str = "") -> None:
        release = Release("mbpp+", "MbppPlus", "v0.2.0", ("noextreme",), _text_task)
        super().__init__(release, argument)


def _function_task(benchmark: str, row: source.Row, most: int) -> Task:
    entry_point = _name(row)
    prompt = row.text("prompt")
    preamble, stub = completion.split_prompt(prompt, entry_point)
    examples = public_tests(stub, entry_point)
    return Task(
        benchmark=benchmark,
        task_id=row.text("task_id"),
        prompt=prompt,
        shape="function",
        entry_point=entry_point,
        tests=_tests(row, prompt + row.text("canonical_solution"), entry_point, most),
        reference=stub + row.text("canonical_solution"),
        preamble=preamble,
        stub=stub,
        public_tests=tuple(test for test in examples if test not in UNTRUE),
        names=(entry_point,),
        checks=len(GROUPS),
    )


def _text_task(benchmark: str, row: source.Row, most: int) -> Task:
    """The prompt is a docstring: a sentence, and one of MBPP's asserts."""
    entry_point = _name(row)
    lines = row.text("prompt").strip().strip('"').strip().splitlines()
    examples = [line for line in lines if line.startswith("assert ")]
    reference = row.text("canonical_solution")
    return Task(
        benchmark=benchmark,
        task_id=row.text("task_id"),
        prompt="\n".join(line for line in lines if line not in examples),
        shape="text",
        entry_point=entry_point,
        tests=_tests(row, reference, entry_point, most),
        reference=reference,
        public_tests=tuple(examples),
        public_setup=_imports(examples),
        names=(entry_point,),
        checks=len(GROUPS),
    )


def _imports(examples: list[str]) -> str:
    """Of the modules that asserts name without importing them: `math.isclose(...)`."""
    named = (re.findall(r"\b([a-z]\w*)\.[a-z]", example) for example in examples)
    modules = sorted({name for names in named for name in names} & sys.stdlib_module_names)
    return "".join(f"import {module}\n" for module in modules)


def _name(row: source.Row) -> str:
    name = row.text("entry_point")
    if not name.isidentifier():
        raise row.wrong("entry_point", "the name of a function", name)
    return name


def _tests(row: source.Row, reference: str, name: str, most: int) -> str:
    """The judge's side: inputs and reference as text, and the rule of comparison.

    The inputs stay the JSON that they are in the file, because that is read many times faster than
    Python; a conversion gives them the types that JSON lacks.
    """
    task_id = row.text("task_id")
    rules = RULES.get(task_id, Rules())
    atol = row.fields.get("atol")
    if type(atol) not in (int, float):
        raise row.wrong("atol", "a number", atol)
    inputs = {group: json.dumps(_inputs(row, group)) for group in GROUPS}
    conversion = MBPP_CONVERSIONS.get(task_id, "")
    longer = 1 if task_id in SLOW_INPUTS else SLOW.get(task_id, 1)
    lines = [
        "from differential import Differential",
        rules.source,
        name,  # a NameError here, not in the worker, where the program does not define it
        f"Differential(__mcode_candidate__, {name!r}, {reference!r},",
        f"    conversion={conversion!r}, atol={atol!r}{rules.keywords}"
        + (f", most={most}" if most != 1 else "")
        + (f", each=1 / {longer}" if longer != 1 else ""),
        f").verify(__mcode_groups__, {inputs!r}, __mcode_notes__)",
        *(f"assert __mcode_groups__[{group!r}]" for group in GROUPS),
    ]
    return "\n".join(lines) + "\n"


def _inputs(row: source.Row, group: str) -> list[object]:
    rows = row.fields.get(f"{group}_input")
    if rows == {} and group != "base":  # Mbpp/793 has none
        return []
    if not isinstance(rows, list) or not all(isinstance(one, list) for one in rows):
        raise row.wrong(f"{group}_input", "a list of argument lists", rows)
    left_out = LEFT_OUT.get((row.text("task_id"), group), ())
    return [one for index, one in enumerate(rows) if index not in left_out]
