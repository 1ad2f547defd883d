"""Charts with a line per name: rates as bars, differences around zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_mcode.reports.canvas import (
    LETTERS,
    LIGHT,
    Chart,
    colour,
    draw,
    in_per_cent,
    in_words,
    printable,
)
from pytest_mcode.stats.estimate import Estimate
from pytest_mcode.stats.paired import Difference

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW = 0.46
"""Inches of a line."""


@dataclass(frozen=True)
class Bar:
    """One rate with its name."""

    name: str
    rate: Estimate


def bars(rows: Sequence[Bar], title: str, *, rate: str = "pass@1, %", note: str = "") -> Chart:
    """A rate per line with its interval, the name above it."""

    def paint(axes: Axes) -> None:
        for i, row in enumerate(rows):
            value = 100 * row.rate.value
            axes.barh(i + 0.22, value, height=0.34, color=colour(0), alpha=0.55, linewidth=0)
            ends = [100 * row.rate.low, 100 * row.rate.high]
            axes.plot(ends, [i + 0.22] * 2, color=LIGHT["text"], linewidth=1.4)
            said = f"{value:.1f}  [{ends[0]:.1f}, {ends[1]:.1f}]"
            _named(axes, i, row.name, said, (0.0, 100.0))
        axes.set_xlim(0, 100)
        axes.set_xticks(range(0, 101, 20))
        _rows(axes, len(rows), rate)

    said = [f"{row.name}: {in_per_cent(row.rate)}" for row in rows]
    height = 0.7 + ROW * len(rows)
    return draw(title, in_words([rate, *said]), paint, height=height, note=note)


def forest(
    rows: Sequence[tuple[str, Difference]],
    title: str,
    *,
    axis: str = "difference in percentage points",
    note: str = "",
) -> Chart:
    """Differences (name, b minus a) with their intervals around the line of no difference."""

    def paint(axes: Axes) -> None:
        ends = [100 * x for _, d in rows for x in (d.low, d.value, d.high)]
        room = 0.06 * ((max(ends, default=1.0) - min(ends, default=-1.0)) or 1.0)
        low, high = min([0.0, *ends]) - room, max([0.0, *ends]) + room
        for i, (name, d) in enumerate(rows):
            y = i + 0.24
            axes.plot([0, 0], [i, i + 0.48], color=LIGHT["muted"], linewidth=1.2)
            axes.plot([100 * d.low, 100 * d.high], [y, y], color=colour(0), linewidth=1.8)
            axes.plot([100 * d.value], [y], color=colour(0), marker="o", markersize=6)
            said = f"{100 * d.value:+.1f}  [{100 * d.low:+.1f}, {100 * d.high:+.1f}]"
            _named(axes, i, name, said, (low, high))
        axes.set_xlim(low, high)
        _rows(axes, len(rows), axis)

    said = [
        f"{name}: {100 * d.value:+.1f}, 95 % interval {100 * d.low:+.1f} to {100 * d.high:+.1f}"
        for name, d in rows
    ]
    height = 0.7 + ROW * len(rows)
    return draw(title, in_words([axis, *said]), paint, height=height, note=note)


def _named(axes: Axes, i: int, name: str, said: str, ends: tuple[float, float]) -> None:
    """The name and the numbers above line i."""
    shown, room = printable(name), LETTERS - len(said) - 6
    if len(shown) > room:  # the end tells cells of one model apart
        shown = f"{shown[: room // 2 - 3]} ... {shown[-(room // 2 - 2) :]}"
    axes.text(ends[0], i - 0.06, shown, va="bottom", fontsize=10)
    axes.text(ends[1], i - 0.06, said, va="bottom", ha="right", fontsize=10)


def _rows(axes: Axes, count: int, said: str) -> None:
    axes.set_ylim(count - 0.45, -0.55)
    axes.set_yticks([])
    axes.grid(visible=False)  # it would run through the names
    ticks = [x for x in axes.get_xticks() if axes.get_xlim()[0] <= x <= axes.get_xlim()[1]]
    for i in range(count):
        axes.vlines(ticks, i, i + 0.48, color=LIGHT["grid"], linewidth=0.8, zorder=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(said)
