"""Full load for a time that you give: does anything grow, does any verdict change?

    python -m tests.benchmarks.soak --minutes 60 --sandbox docker

References (some in unittest classes), samples of CodeGen-16B and the hostile corpus run in an order
that the seed decides. Once a minute the load is let off, and what is left at rest is written down.
Exit status 0 if all verdicts were right and all of it is flat; `judge_flat` says by which rule.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_mcode.core.errors import DataError, InfraError
from pytest_mcode.core.records import Limits, SandboxSpec, Status, Verdict

from .contenders import KINDS
from .processes import PROC, anonymous_mb, daemon_mb, field_mb, pids_of, scratch_of
from .trend import Column, describe, judge_flat
from .workloads import DATA, Sample, beside, codegen, hostile, references

COLUMNS = (
    Column("host MB", slack=2.0),
    Column("host threads"),
    Column("host fds"),
    Column("slots"),
    Column("slot processes"),
    Column("slot MB", slack=2.0),
    Column("slot /tmp KB"),
    Column("slot /tmp files"),
    Column("dockerd MB", share=0.2, slack=20.0),
)
"""What is looked at; dockerd collects its garbage when it likes and serves others too."""
MOST_REFILLS = 20


@dataclass
class Verdicts:
    """What each program was judged to be, and every time it was judged otherwise."""

    first: dict[str, Status] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, sample: Sample, verdict: Verdict) -> None:
        """A verdict must be a right one, and the same as the first.

        A hostile program that names several right verdicts may change between them.
        """
        self.count += 1
        status = verdict.status
        before = self.first.setdefault(sample.name, status)
        several = sample.name.startswith("hostile/") and len(sample.expected) > 1
        if status not in sample.expected or (status != before and not several):
            self.wrong.append(f"{sample.name}: {status} ({verdict.detail}), first {before}")


def mixed(data: Path, most: int | None) -> list[Sample]:
    """Honest, wrong, hostile and crashing programs. Raises `DataError`."""
    right = references(data)[:most]
    real = codegen(data, 2, Limits(wall_s=2.0))[:most]
    bad = hostile()
    cases = [beside(sample) for sample in right[::4]]
    return [*right, *right, *cases, *real, *(bad[:: len(bad) // most] if most else bad)]


def endless(samples: Sequence[Sample], seed: int) -> Iterator[Sample]:
    """All samples, again and again, each pass in another order."""
    order, drawn = list(samples), random.Random(seed)
    while True:
        drawn.shuffle(order)
        yield from order


class Load:
    """Keeps a sandbox as full as it takes, and empties it again."""

    def __init__(
        self, sandbox: Any, samples: Iterator[Sample], honest: Sample, verdicts: Verdicts
    ) -> None:
        self.sandbox, self.samples, self.verdicts = sandbox, samples, verdicts
        self.honest = honest
        self.flying: deque[tuple[Sample, Future[Verdict]]] = deque()

    def work(self, until: float) -> None:
        """Full load until that time of the monotonic clock, then none."""
        while time.monotonic() < until:
            while len(self.flying) < 4 * self.sandbox.slots:
                sample = next(self.samples)
                self.flying.append((sample, self.sandbox.submit(sample.program)))
            self._land()
        while self.flying:
            self._land()
        self._refill()

    def _refill(self) -> None:
        """A broken slot is made anew when a program needs it: give each of them one."""
        for _ in range(MOST_REFILLS):
            if None not in self.sandbox.pool.slots:
                return
            honest = [self.honest] * 4 * self.sandbox.slots
            for sample, future in [(one, self.sandbox.submit(one.program)) for one in honest]:
                self.verdicts.add(sample, future.result())

    def _land(self) -> None:
        sample, future = self.flying.popleft()
        self.verdicts.add(sample, future.result())


def look(sandbox: Any) -> dict[str, float]:
    """One row of the table; the sandbox is at rest."""
    slots = [slot for slot in sandbox.pool.slots if slot is not None]
    pids = [pids_of(sandbox, slot) for slot in slots]
    scratch = [scratch_of(some) for some in pids]
    return {
        "host MB": field_mb("self", "status", "VmRSS"),
        "host threads": len(list((PROC / "self" / "task").iterdir())),
        "host fds": len(list((PROC / "self" / "fd").iterdir())),
        "slots": _slots(sandbox, len(slots)),
        "slot processes": sum(map(len, pids)),
        "slot MB": sum(map(anonymous_mb, pids)),
        "slot /tmp KB": sum(one.kb for one in scratch),
        "slot /tmp files": sum(one.files for one in scratch),
        "dockerd MB": daemon_mb(sandbox),
    }


def _slots(sandbox: Any, known: int) -> int:
    """Containers of this run, as the daemon lists them: also those that should be gone."""
    if getattr(sandbox, "client", None) is None:
        return known
    label = f"pytest-mcode-run={sandbox.spec.label}"
    return len(sandbox.client.api.containers(all=True, filters={"label": [label]}))


def soak(options: argparse.Namespace, verdicts: Verdicts) -> tuple[list[dict[str, float]], int]:
    """The rows, one per interval, and how many slots were replaced. Raises `InfraError`."""
    sandbox = KINDS[options.sandbox](SandboxSpec(label=f"soak-{os.getpid()}"))
    samples = mixed(options.data, options.most)
    sandbox.start()
    try:
        load = Load(sandbox, endless(samples, options.seed), samples[0], verdicts)
        started = time.monotonic()
        rows: list[dict[str, float]] = []
        while (spent := time.monotonic() - started) < 60 * options.minutes:
            load.work(time.monotonic() + min(options.every, 60 * options.minutes - spent))
            rows.append(look(sandbox))
            note = " ".join(f"{name} {value:.5g}," for name, value in rows[-1].items())
            replaced = sandbox.pool.replaced
            say(f"{spent / 60:5.1f} min: {verdicts.count} verdicts, {note} {replaced} replaced")
        return rows, sandbox.pool.replaced
    finally:
        sandbox.close()


def report(rows: Sequence[Mapping[str, float]], verdicts: Verdicts, replaced: int) -> int:
    """Print the table; the exit status."""
    print("| at rest | first | last | most | middle third | last third | |")
    print("|---|--:|--:|--:|--:|--:|---|")
    grown = []
    for column in COLUMNS:
        values = [row[column.name] for row in rows]
        flat = judge_flat(column, values)
        grown += [column.name] if flat is False else []
        print(describe(column.name, values, flat))
    print(
        f"\n{verdicts.count} verdicts on {len(verdicts.first)} programs, {replaced} slots replaced"
    )
    for line in verdicts.wrong[:20]:
        print(f"wrong: {line}")
    print(
        f"verdicts: {len(verdicts.wrong)} wrong or changed; not flat: {', '.join(grown) or 'none'}"
    )
    return 1 if grown or verdicts.wrong else 0


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak, print, judge."""
    data = Path(os.environ.get("MCODE_DATA") or DATA)
    parser = argparse.ArgumentParser(prog="tests.benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--sandbox", choices=tuple(KINDS), default="docker")
    parser.add_argument("--every", type=float, default=60.0, help="seconds from look to look")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most", type=int, help="programs of each kind; all if not given")
    parser.add_argument("--data", type=Path, default=data, help="folder with the data sets")
    options = parser.parse_args(arguments)
    verdicts = Verdicts()
    try:
        rows, replaced = soak(options, verdicts)
    except (DataError, InfraError) as error:
        say(f"{type(error).__name__}: {error}")
        return 1
    return report(rows, verdicts, replaced)


if __name__ == "__main__":
    sys.exit(main())
