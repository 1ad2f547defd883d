"""EvalPlus's own verdicts on 200 references with a mistake each, and ours beside them.

    python -m tests.benchmarks.mutant_labels --peers FOLDER      # asks EvalPlus, writes the labels
    python -m tests.benchmarks.mutant_labels                     # ours against the labels

EvalPlus is asked about several mutants of every task that does not compute for long. Most fail at
once, so 100 of each data set are labelled of which as many as possible pass something, up to 30 of
each kind. The labels stand in `mutants.json`: task and seed of the mistake, its kind, a hash of the
source, EvalPlus's base and plus status. Ends with status 1 where ours differs on any, labelled or
not.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_mcode.benchmarks.evalplus import EvalPlus, HumanEvalPlus, MbppPlus
from pytest_mcode.benchmarks.evalplus_rules import SLOW
from pytest_mcode.core.records import Limits, Program, SandboxSpec, Task

from .contenders import KINDS
from .evalplus_run import Peer, Status, subset, write_samples
from .mutants import Mutant, mutant
from .workloads import DATA

LABELS = Path(__file__).with_name("mutants.json")
BENCHMARKS = {"humaneval": HumanEvalPlus, "mbpp": MbppPlus}
EACH, MOST = 100, 30
SEEDS = {"humaneval": 3, "mbpp": 2}
PATIENT = ("--min_time_limit", "10")
"""Seconds of wall time for an input, so that what else the machine does makes no label."""
EXPLAINED = {
    "HumanEval/32": "EvalPlus 0.3.1 forgets to note that a right root was right: it fails all",
}


@dataclass(frozen=True)
class Case:
    """A mutant with the benchmark that verifies it."""

    benchmark: EvalPlus
    task: Task
    mutant: Mutant

    @property
    def key(self) -> str:
        """By which its label is found."""
        return f"{self.mutant.task_id} {self.mutant.seed}"

    @property
    def program(self) -> Program:
        """What a sandbox runs."""
        return self.benchmark.program(self.task, self.mutant.source, Limits())


def cases(name: str, data: Path = DATA) -> list[Case]:
    """The mutants of one data set, not of tasks that compute for long. Raises `DataError`."""
    benchmark = BENCHMARKS[name]()
    tasks = [task for task in benchmark.load(data).tasks if task.task_id not in SLOW]
    made = [(task, mutant(task, seed)) for seed in range(SEEDS[name]) for task in tasks]
    return [Case(benchmark, task, one) for task, one in made if one is not None]


def labels() -> dict[str, dict[str, Any]]:
    """Key of a case -> what EvalPlus says of its mutant."""
    rows = json.loads(LABELS.read_text())["mutants"]
    return {f"{row['task']} {row['seed']}": row for row in rows}


def verify(sandbox: Any, chosen: Sequence[Case]) -> dict[str, Status]:
    """Key of a case -> base and plus, by ours."""
    futures = [(case.key, sandbox.submit(case.program)) for case in chosen]
    found = {key: future.result().groups for key, future in futures}
    return {key: (held.get("base", False), held.get("plus", False)) for key, held in found.items()}


def differing(
    chosen: Sequence[Case], known: Mapping[str, Any], found: Mapping[str, Status]
) -> list[str]:
    """In words, each mutant whose verdict is not EvalPlus's; those that are explained left out."""
    wrong = []
    for case in chosen:
        label, ours = known[case.key], found[case.key]
        if label["digest"] != case.mutant.digest:
            wrong.append(f"{case.key}: the label is of another mutant")
        elif case.task.task_id not in EXPLAINED and (label["base"], label["plus"]) != ours:
            wrong.append(
                f"{case.key} ({case.mutant.kind}): EvalPlus base {label['base']}, plus "
                f"{label['plus']}; ours {ours[0]}, {ours[1]}"
            )
    return wrong


def ask(peer: Peer, name: str, data: Path, chosen: Sequence[Case]) -> list[dict[str, Any]]:
    """EvalPlus's statuses."""
    by_task: dict[str, list[Case]] = {}
    for case in chosen:
        by_task.setdefault(case.task.task_id, []).append(case)
    rows = [(task, case.program.candidate) for task, some in by_task.items() for case in some]
    with tempfile.TemporaryDirectory() as scratch:
        small = subset(data, name, Path(scratch, "data"), lambda _, task: task in by_task)
        for folder in ("cache", "samples"):
            Path(scratch, folder).mkdir()
        samples = write_samples(Path(scratch, "samples/samples.jsonl"), rows)
        _, found = peer.evaluate(name, samples, Path(scratch, "cache"), small, *PATIENT)
    return [
        {"task": task, "seed": case.mutant.seed, "kind": case.mutant.kind,
         "digest": case.mutant.digest, "base": base, "plus": plus}
        for task, some in by_task.items()
        for case, (base, plus) in zip(some, found[task], strict=True)
    ]  # fmt: skip


def labelled(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """`EACH` of them: up to `MOST` of each pair of statuses, then those that fail both."""
    kinds: dict[tuple[bool, bool], list[dict[str, Any]]] = {}
    for row in rows:
        kinds.setdefault((row["base"], row["plus"]), []).append(row)
    failing = kinds.pop((False, False), [])
    some = [row for kind in kinds.values() for row in kind[:MOST]]
    return [*some, *failing[: EACH - len(some)]]


def main() -> int:
    """Ask and write, or compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peers", type=Path, help="virtual environment with evalplus")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sandbox", default="bubblewrap", choices=KINDS)
    given = parser.parse_args()
    sandbox = KINDS[given.sandbox](SandboxSpec(label="mutants"))
    sandbox.start()
    count, wrong, rows = 0, [], []
    try:
        for name in BENCHMARKS:
            chosen = cases(name, given.data)
            asked = ask(Peer(given.peers), name, given.data, chosen) if given.peers else []
            known = {f"{row['task']} {row['seed']}": row for row in asked} or labels()
            chosen = [case for case in chosen if case.key in known]
            wrong += differing(chosen, known, verify(sandbox, chosen))
            count += len(chosen)
            rows += labelled(asked)
    finally:
        sandbox.close()
    if rows:
        head = {"by": f"evalplus.evaluate 0.3.1 {' '.join(PATIENT)}"}
        head["data"] = "HumanEvalPlus v0.1.10, MbppPlus v0.2.0"
        lines = ",\n".join(json.dumps(row) for row in rows)
        LABELS.write_text(f'{json.dumps(head)[:-1]}, "mutants": [\n{lines}\n]}}\n')
    print("\n".join([f"{count} mutants, {len(wrong)} verdicts differ", *wrong]))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
