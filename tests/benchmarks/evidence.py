"""The statistics on real results: `python -m tests.benchmarks.evidence --codegen DB --ldb DB`.

The databases come from runs of pytest over the recorded completions (docs/statistics.md has the
commands). Prints that page's figures as Markdown: rates, gains, extrapolation to 100 draws against
the truth, seed programs against debugged ones, and what early looks cost.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random

from pytest_mcode.core.errors import StoreError
from pytest_mcode.stats.curve import Counts, coverage, gains, knee
from pytest_mcode.stats.extrapolation import Fits, extrapolate, fit
from pytest_mcode.stats.paired import difference, mcnemar, permutation
from pytest_mcode.store import per_task, queries
from pytest_mcode.store.database import Store
from pytest_mcode.store.reader import Reader

from . import stopping

FIGURES = re.compile(r"(?<=<!-- evidence -->\n).*?(?=<!-- end of evidence -->)", re.S)
Verdicts = list[list[bool]]
"""For each task whether each draw passed."""


def drawn(reader: Reader, variant_id: int) -> Verdicts:
    """The verdicts of all draws (iteration 0)."""
    found = per_task.verdicts(reader, variant_id).values()
    return [[passed for _, iteration, passed in task if iteration == 0] for task in found]


def counted(verdicts: Verdicts) -> Counts:
    """(n, c) -> tasks."""
    return Counter((len(task), sum(task)) for task in verdicts)


def percent(value: float) -> str:
    return f"{100 * value:.2f}"


def rates(verdicts: Verdicts) -> Iterator[str]:
    """pass@k with intervals, gains per doubling, and the knee."""
    counts, most = counted(verdicts), min(map(len, verdicts))
    yield "| k | pass@k % | 95 % interval | gain to the next, per doubling | 95 % interval |"
    yield "|--:|--:|---|--:|---|"
    steps = gains(counts, [k for k in (1, 2, 5, 10, 20, 50, 100) if k <= most])
    after = {gain.k: gain for gain in steps}
    for point in coverage(counts, sorted({*after, most})):
        row = (
            f"| {point.k} | {percent(point.value)} | {percent(point.low)} to {percent(point.high)}"
        )
        gain = after.get(point.k)
        told = f"{percent(gain.low)} to {percent(gain.high)}" if gain else ""
        yield f"{row} | {percent(gain.value) if gain else ''} | {told} |"
    for threshold in (0.05, 0.01):
        at = knee(steps, threshold)
        where = "not reached" if at.likely is None else f"from k = {at.likely}"
        sure = "not shown" if at.proved is None else f"from k = {at.proved}"
        yield f"\nKnee at {100 * threshold:g} % gain per doubling: {where}, proved: {sure}."


def forecast(verdicts: Verdicts, n: int, k: int, trials: int, dice: Random) -> Iterator[str]:
    """Rows: each model fitted to n of the draws, many times, against all draws' pass@k."""
    (truth,) = coverage(counted(verdicts), [k])
    fits: list[Fits] = []
    held = 0
    for _ in range(trials):
        part = counted([dice.sample(task, n) for task in verdicts])
        if (found := fit(part)) is not None:
            fits.append(found)
            (guess,) = extrapolate(part, [k], rounds=60)
            held += guess.low <= truth.value <= guess.high
    models = {
        "power law": [found.power_law.at(k) for found in fits],
        "beta-binomial": [found.beta_binomial.at(k) for found in fits],
        "mean of both": [found.at(k) for found in fits],
    }
    for name, values in models.items():
        errors = [value - truth.value for value in values]
        bias, size = math.fsum(errors) / len(errors), math.fsum(e * e for e in errors)
        root = math.sqrt(size / len(errors))
        told = f"{held} of {len(fits)}" if name == "mean of both" else ""
        value = percent(truth.value + bias)
        yield (
            f"| {n} to {k} | {percent(truth.value)} | {name} | {value} | {100 * bias:+.2f} "
            f"| {percent(root)} | {told} |"
        )


def forecasts(verdicts: Verdicts, plan: Sequence[tuple[int, int]], trials: int) -> Iterator[str]:
    """The table of extrapolations."""
    yield "| draws | truth % | model | mean guess % | bias | rms error | interval held the truth |"
    yield "|---|--:|---|--:|--:|--:|--:|"
    dice = Random(61)
    for n, k in plan:
        yield from forecast(verdicts, n, k, trials, dice)


def pairs(reader: Reader) -> Iterator[tuple[str, int, int]]:
    """(benchmark, variant of the seed programs, variant of the debugged ones)."""
    found: dict[tuple[str, bool], int] = {}
    for row in queries.variants(reader):
        if row.counts.done:
            key = row.variant.benchmark, "debug" in row.variant.model
            found.setdefault(key, row.variant_id)
    for benchmark, debugged in sorted(found):
        if not debugged and (benchmark, True) in found:
            yield benchmark, found[benchmark, False], found[benchmark, True]


def published(folder: Path) -> Iterator[tuple[str, list[float], list[float]]]:
    """(name, seed, debugged) with the labels that upstream published, tasks in one order."""
    for benchmark in ("humaneval", "mbpp"):
        sides = []
        for kind in ("seed", "debug"):
            with gzip.open(folder / f"{benchmark}_{kind}_gpt-3.5-turbo-0613.jsonl.gz") as file:
                rows = [json.loads(line) for line in file]
            sides.append({row["task_id"]: float(row["is_solved"]) for row in rows})
        before, after = sides
        tasks = sorted(before.keys() & after.keys())
        yield (
            f"{benchmark}, published labels",
            [before[task] for task in tasks],
            [after[task] for task in tasks],
        )


def judged(reader: Reader) -> Iterator[tuple[str, list[float], list[float]]]:
    """(name, seed, debugged) with our verdicts, tasks in one order."""
    for benchmark, seed, debugged in pairs(reader):
        before, after = (per_task.results(reader, i) for i in (seed, debugged))
        tasks = [task for task in before if task in after]
        a, b = ([float(side[t].passes() > 0) for t in tasks] for side in (before, after))
        yield benchmark, a, b


def debugging(found: Iterable[tuple[str, list[float], list[float]]]) -> Iterator[str]:
    """Rows: seed programs against debugged ones; McNemar's p must be the sign-flip test's."""
    for name, a, b in found:
        gap = difference(a, b)
        for p in (mcnemar(gap.won, gap.lost), permutation(a, b)):
            assert math.isclose(gap.p, p, rel_tol=1e-9), (name, gap.p, p)
        rate, better = sum(a) / len(a), sum(b) / len(b)
        spread = math.sqrt((rate * (1 - rate) + better * (1 - better)) / len(a))
        unpaired = math.erfc(abs(gap.value) / spread / math.sqrt(2))
        yield (
            f"| {name} | {percent(rate)} | {percent(better)} | {100 * gap.value:+.2f} | "
            f"{100 * gap.low:+.2f} to {100 * gap.high:+.2f} | {gap.won} | {gap.lost} | "
            f"{gap.p:.1g} | {unpaired:.1g} |"
        )


def sections(options: argparse.Namespace) -> Iterator[str]:
    """Everything that the given databases allow."""
    if options.codegen:
        with Store.read(options.codegen) as reader:
            verdicts = drawn(reader, queries.variants(reader)[0].variant_id)
        most = min(map(len, verdicts))
        yield from ["### Coverage\n", *rates(verdicts), "\n### Extrapolation\n"]
        plan = [(n, k) for n, k in ((10, 100), (20, 100), (50, 100)) if k <= most]
        yield from forecasts(verdicts, plan or [(most // 2, most)], options.trials)
        chances = [sum(task) / len(task) for task in verdicts]
        yield "\n### Early looks: stopped for a drop / mean tasks\n"
        yield from stopping.lines(chances, 10 * options.trials)
    if options.qwen:
        with Store.read(options.qwen) as reader:
            verdicts = drawn(reader, queries.variants(reader)[0].variant_id)
        yield "\n### Extrapolation, second model\n"
        yield from forecasts(verdicts, [(5, 10)], options.trials)
    if options.ldb:
        with Store.read(options.ldb) as reader:
            found = list(judged(reader))
        if options.labels:
            found += published(options.labels)
        yield "\n### Debugging\n"
        yield "| tasks | seed % | debugged % | difference | 95 % | won | lost | p | unpaired z: p |"
        yield "|---|--:|--:|--:|---|--:|--:|--:|--:|"
        yield from debugging(found)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; 2 where there is nothing to read."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name, what in (
        ("codegen", "codegen16b's 100 samples"), ("qwen", "qwen3's 10"), ("ldb", "LDB's programs"),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=Path, help=f"database with {what}")
    parser.add_argument("--labels", type=Path, help="folder of LDB's recordings, for their labels")
    parser.add_argument("--write", type=Path, help="page whose figures are written anew")
    parser.add_argument("--trials", type=int, default=100, help="redraws of each simulation")
    options = parser.parse_args(arguments)
    if not (options.codegen or options.qwen or options.ldb):
        parser.error("name a database: --codegen, --qwen or --ldb")
    found = []
    try:
        for line in sections(options):
            print(line, flush=True)
            found.append(line)
    except StoreError as error:
        print(error, file=sys.stderr)
        return 2
    if options.write:
        page = options.write.read_text()
        text = "\n".join(found).strip()
        options.write.write_text(FIGURES.sub(lambda _: f"\n{text}\n\n", page))
    return 0


if __name__ == "__main__":
    sys.exit(main())
