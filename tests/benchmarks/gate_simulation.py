"""How often `--mcode-gate` is wrong, and what it finds, on samples that real models have drawn.

    python -m tests.benchmarks.gate_simulation --draws 2000 [--write docs/gate.md]

A run of n samples per task is drawn from the pool of a recording, baseline and new run from
different samples; the rule that `--mcode-gate` applies decides. With nothing changed each alarm is
a false one. Two changes that happen: a share of right answers is lost at random (a stop sequence or
an extraction that breaks them), or some tasks are lost whole (a library that is gone). Beside it
stands the unpaired z-test of the two rates, each with its error over tasks: what comparing two
intervals by eye comes to.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pytest_mcode.core.records import Variant
from pytest_mcode.gate import early, rule
from pytest_mcode.gate.matching import Pair
from pytest_mcode.gate.measurement import Measurement
from pytest_mcode.stats.estimate import mean_and_error
from pytest_mcode.store.per_task import TaskResult

CODEGEN = "completions/codegen16b_humaneval_n100/measured_pass_bits.jsonl"
QWEN = "completions/qwen3-0.6b_mbpp_n10/qwen3-0.6b-nonthinking.jsonl.gz"
TABLE = re.compile(r"(?<=<!-- gate simulation -->\n).*?(?=<!-- end of gate simulation -->)", re.S)
Z95 = 1.6448536269514722
"""One-sided."""


@dataclass(frozen=True)
class Pool:
    """Verdicts of all samples of a recording: tasks x samples, True for passed."""

    name: str
    tasks: tuple[str, ...]
    passed: np.ndarray


Change = Callable[[np.random.Generator, np.ndarray], np.ndarray]
"""What a change makes of the new run's verdicts, tasks x samples."""


def codegen(data: Path) -> Pool:
    """CodeGen-16B, HumanEval without examples: 164 tasks x 100 samples, pass@1 22.12 %."""
    rows = [json.loads(line) for line in (data / CODEGEN).read_text().splitlines()]
    bits = np.array([[bit == "1" for bit in row["passed"]] for row in rows])
    return Pool("CodeGen-16B, HumanEval", tuple(row["task_id"] for row in rows), bits)


def qwen(data: Path) -> Pool:
    """Qwen3-0.6B, MBPP: 500 tasks x 10 samples, pass@1 27.12 %."""
    found: dict[str, list[bool]] = {}
    with gzip.open(data / QWEN, "rt") as file:
        for row in map(json.loads, file):
            found.setdefault(row["task_id"], []).append(row["upstream_passed"])
    return Pool("Qwen3-0.6B, MBPP", tuple(found), np.array(list(found.values())))


def pairs(pool: Pool, n: int, change: Change, draws: int, seed: int) -> Iterator[Pair]:
    """Baseline and new run of n samples per task each, `draws` times."""
    random = np.random.default_rng(seed)
    for number in range(draws):
        shuffled = random.permuted(pool.passed, axis=1)
        new = change(random, shuffled[:, n : 2 * n])
        yield Pair(measured(pool, shuffled[:, :n], number), measured(pool, new, number))


def measured(pool: Pool, verdicts: np.ndarray, seed: int) -> Measurement:
    """A run with these verdicts; the seed decides the order of its tasks."""
    n = verdicts.shape[1]
    results = {
        task: TaskResult(n, bool(row[0]), (int(row.sum()),))
        for task, row in zip(pool.tasks, verdicts, strict=True)
    }
    parts = {"sampling": {"seed": seed}}
    variant = Variant("pool", pool.name, samples=n)
    return Measurement("pool", variant, parts, results, frozenset(results))


def nothing(random: np.random.Generator, verdicts: np.ndarray) -> np.ndarray:
    """An A/A run."""
    return verdicts


def thinned(share: float) -> Change:
    """Each right answer is lost with this probability."""
    return lambda random, verdicts: verdicts & (random.random(verdicts.shape) >= share)


def struck(pool: Pool, points: float) -> Change:
    """Tasks are lost whole, at random, until about this drop (a fraction) of the rate."""
    rates = pool.passed.mean(axis=1)

    def change(random: np.random.Generator, verdicts: np.ndarray) -> np.ndarray:
        order = random.permutation(len(rates))
        lost = order[np.cumsum(rates[order]) <= points * len(rates)]
        kept = verdicts.copy()
        kept[lost] = False
        return kept

    return change


def unpaired(pair: Pair) -> bool:
    """Whether the z-test of two independent rates calls the new one lower, at 5 % one-sided."""
    sides = [
        mean_and_error(Counter(t.passes() / t.samples for t in m.tasks.values()))
        for m in (pair.old, pair.new)
    ]
    (old, old_error), (new, new_error) = sides
    return (old - new) > Z95 * math.hypot(old_error, new_error)


@dataclass(frozen=True)
class Row:
    """How often each decision was taken, as shares of the draws."""

    pool: str
    tasks: int
    n: int
    change: str
    drop: float
    """True drop of the rate, as a fraction: mean over the draws of what was lost."""
    draws: int
    alarm: float
    held: float
    early_alarm: float
    early_held: float
    early_tasks: float
    """Share of the tasks that were run, with `--mcode-gate-early`."""
    unpaired: float


def simulate(
    pool: Pool, n: int, name: str, change: Change, draws: int, seed: int, wanted: rule.Rule
) -> Row:
    """Decide on `draws` pairs of runs."""
    soon = replace(wanted, early=True)
    decided: Counter[str] = Counter()
    drops, tasks = [], []
    for pair in pairs(pool, n, change, draws, seed):
        whole = rule.decide(wanted, [pair], "pool").judgements[0]
        looked = early.decide(soon, [pair], "pool").judgements[0]
        decided[whole.status] += 1
        decided[f"early {looked.status}"] += 1
        decided["unpaired"] += unpaired(pair)
        drops.append(whole.old - whole.new)
        tasks.append(looked.tasks / looked.planned)
    return Row(
        pool=pool.name,
        tasks=len(pool.tasks),
        n=n,
        change=name,
        drop=float(np.mean(drops)),
        draws=draws,
        alarm=decided["regression"] / draws,
        held=decided["held"] / draws,
        early_alarm=decided["early regression"] / draws,
        early_held=decided["early held"] / draws,
        early_tasks=float(np.mean(tasks)),
        unpaired=decided["unpaired"] / draws,
    )


def most(alpha: float, draws: int) -> float:
    """The largest share that a test with error `alpha` shows, but for one series in 1,000."""
    return alpha + 3.09 * math.sqrt(alpha * (1 - alpha) / draws)


def scenarios(data: Path) -> Iterator[tuple[Pool, int, str, Change]]:
    """Nothing changed; a drop of just `max_drop`; larger ones."""
    for pool, sizes in ((codegen(data), (1, 5, 10)), (qwen(data), (1, 5))):
        rate = float(pool.passed.mean())
        for n in sizes:
            yield pool, n, "nothing", nothing
            yield pool, n, "answers lost", thinned(0.05 / rate)
            yield pool, n, "answers lost", thinned(0.08 / rate)
            yield pool, n, "tasks lost", struck(pool, 0.08)


def lines(rows: Sequence[Row]) -> list[str]:
    """The table in Markdown."""
    head = (
        "| pool | tasks x n | change | drop | alarm | held | early: alarm | held | tasks run | z |"
    )
    found = [head, "|---|--:|---|--:|--:|--:|--:|--:|--:|--:|"]
    for row in rows:
        shares = (row.alarm, row.held, row.early_alarm, row.early_held)
        cells = " | ".join(f"{100 * share:.1f}" for share in shares)
        found.append(
            f"| {row.pool} | {row.tasks} x {row.n} | {row.change} | {100 * row.drop:.1f} | "
            f"{cells} | "
            f"{100 * row.early_tasks:.0f} | {100 * row.unpaired:.1f} |"
        )
    return found


def main() -> None:
    """Simulate, print, and fail if an error is more frequent than alpha allows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", type=Path, help="page whose table is to be made anew")
    given = parser.parse_args()
    start, rows, wanted = time.perf_counter(), [], rule.Rule()
    for pool, n, name, change in scenarios(given.data):
        rows.append(simulate(pool, n, name, change, given.draws, given.seed, wanted))
        print(lines(rows)[-1], flush=True)
    print(f"{given.draws} draws each, {time.perf_counter() - start:.0f} s")
    if given.write:
        table = "\n".join(lines(rows)) + "\n"
        given.write.write_text(TABLE.sub(lambda _: table, given.write.read_text()))
    bound = most(wanted.alpha, given.draws)
    wrong = [r for r in rows if r.change == "nothing" and max(r.alarm, r.early_alarm) > bound]
    at_margin = [r for r in rows if r.drop > wanted.max_drop - 0.001]
    wrong += [r for r in at_margin if max(r.held, r.early_held) > bound]
    raise SystemExit(f"more errors than alpha: {wrong}" if wrong else 0)


if __name__ == "__main__":
    main()
