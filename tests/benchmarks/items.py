"""What an item costs besides its model and its verification: `python -m tests.benchmarks.items`.

10,000 recorded answers to 10,000 tasks of a file become items, by one process and by 2 and 8
workers, in turn with as many empty test functions of pytest (the plug-in installed, not used). The
program of all answers is the same, so that it is verified once in each process: what is measured is
the plug-in, the engine and the store. A tenth of the items shows whether the cost of one grows.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import measured
from .metered import metered
from .throughput import FailedError, say, spread
from .workloads import ROOT

WORKERS = (0, 2, 8)
GROWTH = 1.2
"""What an item may cost in a run ten times as large."""
TASK = {
    "prompt": 'def double(n):\n    """Twice the number."""\n',
    "entry_point": "double",
    "canonical_solution": "    return 2 * n\n",
    "test": "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(-3) == -6\n",
}
EMPTY = """
import pytest

@pytest.mark.parametrize("number", range({}))
def test_nothing(number):
    pass
"""
Took = dict[str, float]


@dataclass
class Figures:
    """Per number of items and of workers what each round took: ours, and empty items."""

    ours: dict[tuple[int, int], list[Took]] = field(default_factory=dict)
    empty: dict[tuple[int, int], list[Took]] = field(default_factory=dict)


def prepare(folder: Path, items: int) -> None:
    """Tasks and answers, empty tests, and a database that knows of the self-check."""
    folder.mkdir()
    tasks = ({"task_id": f"t/{i}", **TASK} for i in range(items))
    (folder / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in tasks))
    answers = ({"task_id": f"t/{i}", "completion": "    return n + n\n"} for i in range(items))
    (folder / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in answers))
    (folder / "test_empty.py").write_text(EMPTY.format(items))
    run(folder, *measuring("known.db"), "--mcode-tasks=t/0")


def measuring(database: str) -> list[str]:
    """Options of a run of ours."""
    return [
        "--mcode-bench=tasks.jsonl",
        "--mcode-model=replay:answers.jsonl",
        "--mcode-sandbox=bubblewrap",
        f"--mcode-db={database}",
    ]


def run(folder: Path, *given: str) -> Took:
    """pytest in the folder, its figures and those of the run's loop."""
    clock = folder / "clock.json"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MCODE_", "PYTEST_"))}
    environment |= {"RUN_CLOCK": str(clock), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.benchmarks.run_clock"]
    command += ["-p", "no:cacheprovider", "--rootdir=.", *given]
    done, took = metered(command, folder, environment)
    if done.returncode:
        raise FailedError(done.stdout[-3000:] + done.stderr[-3000:])
    return json.loads(clock.read_text()) | took


def ours(folder: Path, items: int, *workers: str) -> Took:
    """A run of ours into a database of its own; every item must have passed."""
    target = folder / "run.db"
    for old in folder.glob("run.db*"):
        old.unlink()
    shutil.copy(folder / "known.db", target)
    took = run(folder, *measuring(target.name), *workers)
    connection = sqlite3.connect(target)
    newest = "SELECT max(rowid) FROM runs"
    rows = connection.execute(
        "SELECT count(*), sum(state = 'done'), sum(solved) FROM items JOIN runs USING (run_id)"
        f" WHERE runs.rowid = ({newest})"
    ).fetchone()
    connection.close()
    if rows != (items, items, items):
        raise FailedError(f"{rows[0]} items, {rows[1]} done, {rows[2]} solved of {items}")
    return took


def measure(options: argparse.Namespace, folder: Path) -> Figures:
    """Rounds of ours and of empty items in turn."""
    figures = Figures()
    for items in dict.fromkeys((options.few, options.items)):
        place = folder / str(items)
        prepare(place, items)
        for number in range(options.rounds):
            for workers in options.workers if items == options.items else (0,):
                say(f"round {number + 1} of {options.rounds}, {items} items, -n {workers}")
                given = [f"-n{workers}"] if workers else []
                key = (items, workers)
                figures.empty.setdefault(key, []).append(run(place, "test_empty.py", *given))
                figures.ours.setdefault(key, []).append(ours(place, items, *given))
    return figures


def rows(figures: Figures, items: int, few: int) -> list[measured.Row]:
    """Milliseconds of an item, and in units of an empty one."""
    found: list[measured.Row] = []
    for workers in (w for n, w in figures.ours if n == items):
        mine, empty = figures.ours[items, workers], figures.empty[items, workers]
        for name, key in (("wall", "whole_s"), ("CPU", "whole_cpu_s")):
            each = spread(
                [1000 * (a[key] - b[key]) / items for a, b in zip(mine, empty, strict=True)]
            )
            ratio = spread([a[key] / b[key] for a, b in zip(mine, empty, strict=True)])
            found.append((f"-n {workers}: ms of {name} per item beyond an empty one", each, ""))
            found.append((f"-n {workers}: {name} / as many empty items", ratio, ""))
        most = spread([a["most_mb"] for a in mine])
        bare = spread([b["most_mb"] for b in empty])
        found.append(
            (f"-n {workers}: memory of the controller, MB; with empty items", f"{most}; {bare}", "")
        )
    growth = [
        (many["cpu_s"] / items) / (one["cpu_s"] / few)
        for many, one in zip(figures.ours[items, 0], figures.ours[few, 0], strict=True)
    ]
    met = "met" if statistics.median(growth) <= GROWTH else "NOT met"
    name = f"CPU per item of {items:,} / of {few:,}"
    found.append((name, spread(growth), f"goal {met} (<= {GROWTH:.2f})"))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; status 0 if all was measured."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.items", description=__doc__)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help=measured.KEEP)
    parser.add_argument("--tiny", action="store_true", help="ten items: does all of it work?")
    options = parser.parse_args(arguments)
    options.few, options.workers = options.items // 10, WORKERS
    if options.tiny:
        options.items, options.few, options.rounds, options.workers = 10, 10, 1, (0,)
    load = measured.surroundings()
    try:
        with tempfile.TemporaryDirectory() as folder:
            figures = measure(options, Path(folder))
    except FailedError as error:
        say(f"FailedError: {error}")
        return 1
    title = f"{options.items:,} recorded answers, verdict cached, {load}"
    found = rows(figures, options.items, options.few)
    headline = [row for row in found if "ms of wall" not in row[0]]
    measured.show("items", title, found, keep=options.keep, headline=headline)
    return 0


if __name__ == "__main__":
    sys.exit(main())
