"""How long reports take on a million attempts: `python -m tests.benchmarks.reports`.

A store is filled with `--models` models x 500 tasks x 100 draws whose verdicts follow a difficulty
per task, each with texts of 1.2 kB, as those of HumanEval. Each report is a pytest process of its
own: wall time, CPU time and peak memory from its start to its end, best of `--rounds`. The floors:
an interpreter that scans all rows of `items` with plain `sqlite3`, and pytest that starts and finds
nothing to report.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_mcode.core.records import Variant
from pytest_mcode.plugin.outputs import OUTPUTS
from pytest_mcode.store.database import PlannedItem, Store

SECONDS_GOAL = 3.0
MEMORY_GOAL = 500.0
"""MB, for the report and the comparison."""
PARTS = {"limits": {"wall_s": 10.0}, "data": {"sha256": "b" * 64}}
CODE = "    return [value for value in values if value % 2 == 0]  # made up\n" * 4
ANSWER = f"```python\ndef even(values):\n{CODE}```\n"
PROMPT = json.dumps([{"role": "user", "content": "Complete this function. " * 30}])
ATTEMPTS = (
    "INSERT INTO attempts (item_id, run_id, variant_id, task_id, sample, iteration, verdict, mode,"
    " checks_run, check_s, memory_mb, prompt_tokens, completion_tokens, finish_reason, queue_s,"
    " request_s, calls, form, detail, feedback, code, prompt, options, answer, thinking, stdout,"
    " program, draw) VALUES (?, ?, ?, ?, ?, 0, ?, 'split', 7, 0.004, 9.5, 180, 90, 'stop', 0.1,"
    " 1.5, 1, 'text', ?, '', ?, ?, '{}', ?, '', '', ?, ?)"
)
SCAN = (
    "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]);"
    "print(sum(len(r) for r in c.execute('SELECT * FROM items')))"
)

CLOCK = """
import json, os, resource, subprocess, sys, time
begun = time.perf_counter()
status = subprocess.run(sys.argv[1:], stderr=subprocess.STDOUT).returncode
wall, used = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
figures = [wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]
print(json.dumps(figures), file=sys.stderr)
sys.exit(status)
"""
"""A small process of its own, because a child's peak begins with that of its parent."""


def fill(path: Path, models: int, tasks: int, samples: int) -> int:
    """Make the store; gives the number of attempts."""
    chance = random.Random(0)
    hardness = [chance.betavariate(0.5, 0.9) for _ in range(tasks)]
    ids = [f"Made/{i}" for i in range(tasks)]
    with Store.open(path) as store:
        for m in range(models):
            run_id, variant = f"run-{m:03}", Variant("made", f"model-{m:03}", samples=samples)
            store.start_run(run_id, command="pytest", fingerprint_parts=PARTS, version="0")
            items = [PlannedItem(f"made[{task}-{variant.label}]", "cell", task) for task in ids]
            store.plan(run_id, {"cell": (variant, {**PARTS, "model": m})}, items)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    planned = connection.execute(
        "SELECT item_id, run_id, variant_id, task_id FROM items"
    ).fetchall()
    for index, item in enumerate(planned):
        level = min(1.0, hardness[index % tasks] * (0.6 + 0.04 * (index // tasks)))
        passed = [chance.random() < level for _ in range(samples)]
        connection.executemany(ATTEMPTS, _attempts(item, passed))
        connection.execute(
            "UPDATE items SET state = 'done', solved = ?, samples_generated = ?, first_passed = ?,"
            " solved_by = ?, attempts = ?, prompt_tokens = ?, completion_tokens = ?, calls = ?,"
            " asked = 1, recorded = '2026-11-21T12:00:00+00:00', error = ? WHERE item_id = ?",
            (
                *(any(passed), samples, passed[0], f"[{sum(passed)}]", samples, 180 * samples),
                *(90 * samples, samples, "" if any(passed) else "failed: why", item[0]),
            ),
        )
    connection.execute("UPDATE runs SET finished = started")
    connection.commit()
    connection.close()
    return len(planned) * samples


def _attempts(item: Sequence[object], passed: Sequence[bool]) -> Iterator[tuple[object, ...]]:
    for sample, one in enumerate(passed):
        verdict, detail = (
            ("passed", "") if one else ("failed", "assert even([1]) == []: AssertionError")
        )
        digest = f"{item[0]:016x}{sample:016x}"
        yield (*item, sample, verdict, detail, CODE, PROMPT, ANSWER, digest, digest)


def measured(command: Sequence[str]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak MB of a process; raises `RuntimeError` where it fails."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", CLOCK, *command],
        capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}")
    wall, cpu, peak = json.loads(done.stderr.splitlines()[-1])
    return wall, cpu, peak


def contenders(path: Path, folder: Path) -> dict[str, tuple[list[str], bool]]:
    """Name -> (command, whether it has the goal)."""
    pytest = [sys.executable, "-m", "pytest", f"--rootdir={folder}", "-p", "no:cacheprovider"]
    report = [*pytest, "--mcode-report", f"--mcode-db={path}"]
    one = [*report, "--mcode-run=run-000"]
    found = {
        "floor: scan of `items`, plain sqlite3": ([sys.executable, "-c", SCAN, str(path)], False),
        "floor: pytest, no match": ([*report, "--mcode-model=none"], False),
        "`--mcode-report`": (report, True),
        "`--mcode-compare=run-000,run-001`": ([*report, "--mcode-compare=run-000,run-001"], True),
        "`--mcode-compare=model`": ([*report, "--mcode-compare=model"], True),
        "`--mcode-md`": ([*report, f"--mcode-md={folder}/page.md"], False),
        "`--mcode-csv`": ([*report, f"--mcode-csv={folder}/tables"], False),
    }
    if "html" in OUTPUTS:
        found["`--mcode-html`, all"] = [*report, f"--mcode-html={folder}/all.html"], False
        found["`--mcode-html`, one run"] = [*one, f"--mcode-html={folder}/one.html"], False
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; status 0 if all was measured, whether or not the goals are met."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.reports", description=__doc__)
    parser.add_argument("--models", type=int, default=20)
    parser.add_argument("--tasks", type=int, default=500)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tiny", action="store_true", help="a few attempts: does all of it work?")
    parser.add_argument("--keep", type=Path, help="a store made before, or where to make it")
    options = parser.parse_args(arguments)
    tasks, samples = (5, 4) if options.tiny else (options.tasks, options.samples)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        path = options.keep or folder / "results.db"
        begun = time.perf_counter()
        attempts = options.models * tasks * samples
        if not path.exists():
            attempts = fill(path, options.models, tasks, samples)
            print(f"filled in {time.perf_counter() - begun:.0f} s", file=sys.stderr)
        size = path.stat().st_size / 1e6
        print(f"{attempts:,} attempts, {size:,.0f} MB, {os.cpu_count()} cores, load {load}\n")
        print("| | seconds | CPU seconds | peak MB | |\n|---|--:|--:|--:|---|", flush=True)
        for name, (command, has_goal) in contenders(path, folder).items():
            rounds = [measured(command) for _ in range(options.rounds)]
            wall, cpu = (min(figures[i] for figures in rounds) for i in (0, 1))
            peak = max(figures[2] for figures in rounds)
            met = wall <= SECONDS_GOAL and peak <= MEMORY_GOAL
            goal = f"goal {'met' if met else 'NOT met'}" if has_goal else ""
            print(f"| {name} | {wall:.2f} | {cpu:.2f} | {peak:.0f} | {goal} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
