"""Runs that are hit by faults at random times, many times: `python -m tests.benchmarks.faults`.

    python -m tests.benchmarks.faults --times 10 [--kind "controller killed"] [--seed 1]

A grid of 20 items (10 tasks, 1 and 5 samples, one repair) on a model server whose answers depend on
messages and seed alone. What is hit is taken up with `--mcode-resume` until nothing is left. Then
the rows must be those of an undisturbed run; whatever was measured before must have stayed as it
was, and at no time may a measured item have other rows than it has in the end: an infra error that
counted as the model's failure would. Status 1 if anything differs; its folder is kept then.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import fault_stories as stories
from . import measured
from .fault_stories import AbsentError, Case, Rows, Server, Story, ended

ITEMS = 20
MOST_RESUMES = 8
GOOD = "goal met (rows equal, none lost or twice, no infra as a failure)"


@dataclass
class Undisturbed:
    """A run that nothing happened to: its rows, when its first item was done, further options."""

    rows: Rows
    first_s: float
    more: Sequence[str]


@dataclass
class Tally:
    """What became of one kind of fault."""

    times: int = 0
    hits: int = 0
    """Faults that met a run that was going."""
    resumes: int = 0
    problems: list[str] = field(default_factory=list)
    absent: str = ""


KINDS: dict[str, tuple[Story, tuple[str, float], tuple[str, ...]]] = {
    "server killed and restarted": (stories.server_restarted, ("500", 0.0), ()),
    "server away longer than the patience": (stories.server_gone, ("500", 0.0), ()),
    "5 % of 500s": (stories.unharmed, ("500", 0.05), ()),
    "5 % of 500s, no retries": (stories.unharmed, ("500", 0.05), ("--mcode-retries=0",)),
    "5 % of 429s with Retry-After": (stories.unharmed, ("429", 0.05), ()),
    "5 % of connections hang": (stories.unharmed, ("hang", 0.05), ("--mcode-request-timeout=1",)),
    "5 % of connections cut, no retries": (stories.unharmed, ("cut", 0.05), ("--mcode-retries=0",)),
    "worker killed (kill -9)": (stories.worker_killed, ("500", 0.0), ()),
    "controller killed (kill -9)": (stories.controller_killed, ("500", 0.0), ()),
    "disk full at the database": (stories.disk_full, ("500", 0.0), ()),
    "two runs on one database at once": (stories.two_runs, ("500", 0.0), ()),
}
"""Story, faults of the server and options of the run."""


def compare(case: Case, expected: Rows, *, whole: bool) -> list[str]:
    """What differs from the undisturbed run: in all items, or in those that are done so far."""
    found = []
    for run in case.runs():
        rows = case.rows(run)
        for node, wanted in expected.items():
            got = rows.get(node, [])
            if got != wanted and (whole or (got and got[0][1] == "done")):
                state = got[0][1] if got else "missing"
                found.append(f"{node}: {state}, {len(got)} rows for {len(wanted)}")
        found += [f"{node}: not of the plan" for node in rows.keys() - expected.keys()]
    return found


def tell(case: Case, story: Story, quiet: Undisturbed, dice: random.Random) -> Tally:
    """One run that is hit, and what it takes to complete it."""
    tally, runs = Tally(times=1), 2 if story is stories.two_runs else 1
    kept: set[tuple[Any, ...]] = set()
    for hits in story(case, dice, quiet.first_s):
        tally.hits += hits
        for _ in range(MOST_RESUMES):
            tally.problems += [
                f"before the end, {said}" for said in compare(case, quiet.rows, whole=False)
            ]
            now = set(case.ask("SELECT item_id, recorded FROM items WHERE state = 'done'"))
            tally.problems += [f"item {item} was lost or measured again" for item, _ in kept - now]
            kept = now
            if len(now) == len(quiet.rows) * runs or tally.problems:
                break
            resumed = ("--mcode-resume",) if case.runs() else ()
            ended(case.start(*resumed))
            tally.resumes += 1
        tally.problems += compare(case, quiet.rows, whole=True)
        if len(case.runs()) != runs:
            tally.problems.append(f"{len(case.runs())} runs in the database, not {runs}")
    return tally


def soak(options: argparse.Namespace, folder: Path) -> dict[str, Tally]:
    """All kinds in turn, so many times."""
    with Server() as server:
        case = Case(folder / "undisturbed", server, *options.more)
        begun = time.monotonic()
        process = case.start()
        case.reached(1, process)
        first_s = time.monotonic() - begun
        ended(process)
        expected = case.rows(case.runs()[0])
    states = Counter(rows[0][1] for rows in expected.values())
    if states != {"done": options.items}:
        raise AbsentError(f"the undisturbed run is not complete: {dict(states)}; see {case.output}")
    tallies = {name: Tally() for name in KINDS if options.kind in name}
    for number in range(options.times):
        for name, tally in tallies.items():
            if tally.absent:
                continue
            begun = time.monotonic()
            place = folder / f"{number}-{name.replace(' ', '-').replace('%', '')}"
            dice = random.Random(f"{options.seed}/{number}/{name}")
            try:
                once = strike(name, Undisturbed(expected, first_s, options.more), place, dice)
            except AbsentError as error:
                tally.absent = str(error)
                continue
            tally.times += 1
            tally.hits += once.hits
            tally.resumes += once.resumes
            tally.problems += [f"{place.name}: {said}" for said in once.problems]
            took = time.monotonic() - begun
            state = f"{len(once.problems)} PROBLEMS" if once.problems else "rows equal"
            counts = f"{once.hits} faults, {once.resumes} resumes"
            say(f"{number + 1} {name}: {counts}, {state}, {took:.0f} s")
            if not once.problems:
                shutil.rmtree(place)
    return tallies


def strike(name: str, quiet: Undisturbed, place: Path, dice: random.Random) -> Tally:
    """One fault of a kind."""
    story, (kind, share), more = KINDS[name]
    with Server(kind, share, dice.randrange(1 << 30)) as server:
        tally = tell(Case(place, server, *quiet.more, *more), story, quiet, dice)
    tally.hits += server.faults
    return tally


def rows(tallies: dict[str, Tally]) -> list[measured.Row]:
    """A line for each kind."""
    found: list[measured.Row] = []
    for name, tally in tallies.items():
        if tally.absent:
            found.append((name, "not measured", tally.absent))
            continue
        value = f"{tally.hits} faults in {tally.times} runs, {tally.resumes} resumes"
        problems = len(tally.problems)
        verdict = f"NOT met: {problems} differences" if problems else GOOD
        found.append((name, value, verdict))
    return found


def in_short(tallies: dict[str, Tally]) -> measured.Row:
    """All kinds in one line."""
    told = [tally for tally in tallies.values() if not tally.absent]
    times, hits = sum(tally.times for tally in told), sum(tally.hits for tally in told)
    resumes = sum(tally.resumes for tally in told)
    wrong = sum(bool(tally.problems) for tally in told)
    name = f"{len(told)} kinds of faults at random times, then `--mcode-resume`"
    value = f"{times} runs, {hits} faults, {resumes} resumes"
    verdict = f"NOT met in {wrong} kinds" if wrong else GOOD
    return name, value, verdict


@contextmanager
def folder_of(options: argparse.Namespace) -> Iterator[Path]:
    """A temporary folder; what went wrong stays in it."""
    folder = Path(tempfile.mkdtemp(prefix="mcode-faults-", dir=options.folder))
    yield folder
    shutil.rmtree(folder / "undisturbed", ignore_errors=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak, print; status 1 if anything differed."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.faults", description=__doc__)
    parser.add_argument("--times", type=int, default=5, help="runs of each kind")
    parser.add_argument("--kind", default="", help="only kinds whose name holds this")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where folders of runs are made")
    parser.add_argument("--keep", action="store_true", help=measured.KEEP)
    parser.add_argument("--tiny", action="store_true", help="two tasks: does all of it work?")
    options = parser.parse_args(arguments)
    options.items, options.more = (4, ["--mcode-limit=2"]) if options.tiny else (ITEMS, [])
    load = measured.surroundings()
    try:
        with folder_of(options) as folder:
            tallies = soak(options, folder)
    except AbsentError as error:
        say(str(error))
        return 1
    title = f"{options.times} runs of {options.items} items for each fault, {load}"
    measured.show("faults", title, rows(tallies), keep=options.keep, headline=[in_short(tallies)])
    problems = [said for tally in tallies.values() for said in tally.problems]
    for said in problems[:20]:
        print(said)
    if problems:
        print(f"kept: {folder}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
