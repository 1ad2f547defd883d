"""The kinds of charts: plain records in, a `Chart` out. What is drawn is never computed here.

Rates are 0..1 and drawn on an axis that goes from 0 to 100 %, so that no difference looks larger
than it is. Intervals are the records' own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_mcode.reports.canvas import (
    LIGHT,
    Chart,
    colour,
    draw,
    in_per_cent,
    in_words,
    label,
    marker,
    printable,
    svg,
    write,
)
from pytest_mcode.reports.row_charts import Bar, bars, forest
from pytest_mcode.stats.curve import Point
from pytest_mcode.stats.estimate import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "Bar",
    "Chart",
    "Series",
    "Spot",
    "bars",
    "coverage",
    "forest",
    "heat",
    "iterations",
    "spending",
    "svg",
    "write",
]

MOST_BANDS = 3
"""Series whose intervals are drawn as bands: more of them would hide each other."""


@dataclass(frozen=True)
class Series:
    """One line with its points."""

    name: str
    points: tuple[tuple[float, Estimate], ...]
    """(x, rate) by rising x."""
    fitted: tuple[Point, ...] = ()
    """A fit, drawn dashed: it reaches beyond what was measured."""


@dataclass(frozen=True)
class Spot:
    """One variant by what it spends and what it reaches."""

    name: str
    spent: float
    rate: Estimate


def coverage(
    series: Sequence[Series],
    title: str = "pass@k",
    *,
    rate: str = "pass@k, %",
    count: str = "k, number of samples",
    note: str = "",
) -> Chart:
    """Rate over the number of samples, which rises in doublings (log scale)."""

    def paint(axes: Axes) -> None:
        axes.set_xscale("log", base=2)
        _lines(axes, series)
        _whole_ticks(axes, series)
        axes.set(xlabel=count, ylabel=rate)

    return draw(title, _described(series, rate, count), paint, note=note)


def iterations(
    series: Sequence[Series],
    title: str = "solved by iteration j",
    *,
    rate: str = "solved, %",
    count: str = "j, number of repairs",
    note: str = "",
) -> Chart:
    """Rate over the number of repairs."""

    def paint(axes: Axes) -> None:
        _lines(axes, series)
        _whole_ticks(axes, series)
        axes.set(xlabel=count, ylabel=rate)

    return draw(title, _described(series, rate, count), paint, note=note)


def _lines(axes: Axes, series: Sequence[Series]) -> None:
    for i, one in enumerate(series):
        xs = [x for x, _ in one.points]
        ys = [100 * e.value for _, e in one.points]
        look: dict[str, Any] = {"color": colour(i), "marker": marker(i), "clip_on": False}
        if len(series) <= MOST_BANDS:
            ends = [100 * e.low for _, e in one.points], [100 * e.high for _, e in one.points]
            axes.fill_between(xs, *ends, color=colour(i), alpha=0.14, linewidth=0)
            axes.plot(xs, ys, label=label(one.name), markersize=5, **look)
        else:
            step = min(4.0, 28 / len(series))
            _beside(axes, step * (i - (len(series) - 1) / 2), one, look)
        if one.fitted:
            _fit(axes, one.fitted, colour(i), band=len(series) <= MOST_BANDS)
    _per_cent(axes)


def _fit(axes: Axes, fitted: Sequence[Point], ink: str, *, band: bool) -> None:
    ks = [point.k for point in fitted]
    axes.plot(ks, [100 * point.value for point in fitted], color=ink, linestyle=(0, (4, 3)))
    if band:
        ends = [100 * point.low for point in fitted], [100 * point.high for point in fitted]
        axes.fill_between(ks, *ends, color=ink, alpha=0.05, linewidth=0)
        for end in ends:
            axes.plot(ks, end, color=ink, linestyle=(0, (1, 2)), linewidth=1, alpha=0.6)


def _beside(axes: Axes, aside: float, one: Series, look: dict[str, Any]) -> None:
    """A bar for each interval, `aside` points (1/72 inch) from its x."""
    from matplotlib.transforms import ScaledTranslation

    figure: Any = axes.figure
    xs, ys = [x for x, _ in one.points], [100 * e.value for _, e in one.points]
    axes.plot(xs, ys, linestyle="none")  # gives the axis its limits, which a shift does not
    axes.errorbar(
        xs,
        ys,
        yerr=_reach([e for _, e in one.points]),
        transform=axes.transData + ScaledTranslation(aside / 72, 0, figure.dpi_scale_trans),
        markersize=5,
        elinewidth=1,
        label=label(one.name),
        **look,
    )


def _reach(rates: Sequence[Estimate]) -> list[list[float]]:
    """How far the intervals go down and up from the rates, in per cent."""
    down = [max(0.0, 100 * (rate.value - rate.low)) for rate in rates]
    return [down, [max(0.0, 100 * (rate.high - rate.value)) for rate in rates]]


def _per_cent(axes: Axes) -> None:
    axes.set_ylim(0, 102)
    axes.set_yticks(range(0, 101, 20))


def _whole_ticks(axes: Axes, series: Sequence[Series]) -> None:
    """Ticks at the measured numbers, those left out that would touch their neighbour."""
    from matplotlib.ticker import FixedLocator, NullLocator

    every = sorted({x for one in series for x in _xs(one)})
    low, high = axes.get_xlim()
    place = axes.transData.transform
    least = 0.06 * (place((high, 0))[0] - place((low, 0))[0])
    kept: list[float] = []
    for x in every:
        if not kept or place((x, 0))[0] - place((kept[-1], 0))[0] >= least:
            kept.append(x)
    axes.xaxis.set_major_locator(FixedLocator(kept))
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:,g}")
    axes.xaxis.set_minor_locator(NullLocator())


def spending(
    spots: Sequence[Spot],
    title: str,
    *,
    spent: str = "completion tokens per task",
    rate: str = "solved, %",
    note: str = "",
) -> Chart:
    """Rate against what it took, with the Pareto front: nothing else reaches more with less."""
    front = pareto(spots)

    def paint(axes: Axes) -> None:
        reach = [spot.spent for spot in spots if spot.spent > 0]
        if reach and max(reach) > 20 * min(reach) and len(reach) == len(spots):
            axes.set_xscale("log")
        else:
            axes.set_xlim(0, 1.08 * max(reach, default=1.0))
        xs, ys = [s.spent for s in front], [100 * s.rate.value for s in front]
        axes.step(xs, ys, where="post", color=LIGHT["muted"], linestyle=(0, (4, 3)), zorder=1)
        for i, spot in enumerate(spots):
            _spot(axes, i, spot)
        _per_cent(axes)
        axes.xaxis.set_major_formatter(lambda x, _: f"{x:,g}")
        axes.set(xlabel=spent, ylabel=rate)

    said = [f"{s.name}: {100 * s.rate.value:.1f} % at {s.spent:,.4g}" for s in spots]
    best = "On the Pareto front: " + ", ".join(spot.name for spot in front)
    return draw(title, in_words([f"{rate} over {spent}", *said, best]), paint, note=note)


def pareto(spots: Sequence[Spot]) -> list[Spot]:
    """Those that no other reaches with as little, by rising spending."""
    front: list[Spot] = []
    for spot in sorted(spots, key=lambda s: (s.spent, -s.rate.value)):
        if not front or spot.rate.value > front[-1].rate.value:
            front.append(spot)
    return front


def _spot(axes: Axes, i: int, spot: Spot) -> None:
    axes.errorbar(
        [spot.spent],
        [100 * spot.rate.value],
        yerr=_reach([spot.rate]),
        color=colour(i),
        marker=marker(i),
        markersize=6,
        elinewidth=1,
        linestyle="none",
        clip_on=False,
        label=label(spot.name),
    )


def heat(
    cells: Mapping[tuple[str, str], Estimate],
    title: str,
    *,
    factors: tuple[str, str],
    rate: str = "pass@1, %",
    note: str = "",
) -> Chart:
    """Rates of two factors, the first down and the second across, in the order of `cells`."""
    downs = list(dict.fromkeys(down for down, _ in cells))
    acrosses = list(dict.fromkeys(across for _, across in cells))
    down_axis, across_axis = map(printable, factors)

    def paint(axes: Axes) -> None:
        from matplotlib.patches import Rectangle

        for (down, across), found in cells.items():
            x, y, value = acrosses.index(across), downs.index(down), found.value
            strength = 0.04 + 0.56 * value  # the ink is read on all of it, in both themes
            axes.add_patch(
                Rectangle((x, y), 0.96, 0.92, facecolor=colour(0), alpha=strength, linewidth=0)
            )
            axes.text(x + 0.48, y + 0.46, f"{100 * value:.1f}", ha="center", va="center")
        axes.set(xlim=(0, len(acrosses) or 1), ylim=(len(downs) or 1, 0))
        axes.set(xlabel=across_axis, ylabel=down_axis)
        axes.set_xticks([i + 0.48 for i in range(len(acrosses))], [printable(x) for x in acrosses])
        axes.set_yticks([i + 0.46 for i in range(len(downs))], [printable(x) for x in downs])
        axes.grid(visible=False)
        axes.tick_params(length=0)
        axes.spines[["left", "bottom"]].set_visible(False)

    said = [f"{down}, {across}: {in_per_cent(found)}" for (down, across), found in cells.items()]
    words = in_words([f"{rate}: {factors[0]} down, {factors[1]} across", *said])
    return draw(title, words, paint, height=0.9 + 0.42 * len(downs), note=note)


def _xs(one: Series) -> list[float]:
    return [*(x for x, _ in one.points), *(point.k for point in one.fitted[-1:])]


def _described(series: Sequence[Series], rate: str, count: str) -> str:
    said = [
        f"{one.name}: " + ", ".join(f"{x:g}: {in_per_cent(found)}" for x, found in one.points)
        for one in series
    ]
    said += [
        f"{one.name}, extrapolated: " + ", ".join(f"{p.k}: {in_per_cent(p)}" for p in beyond)
        for one in series
        if (beyond := [point for point in one.fitted if point.extrapolated])
    ]
    return in_words([f"{rate} over {count}", *said])
