"""What every chart shares: the sheet it is drawn on, its colours, and how it becomes SVG or PNG.

Charts are drawn in the colours of the light theme. As SVG inside a page each of them becomes a CSS
custom property (`--chart-text`, `--chart-muted`, `--chart-grid`, `--chart-surface`, `--chart-1` to
`--chart-6`) that falls back on the light colour; an SVG file holds the dark ones too, for readers
who prefer them. The same chart is the same bytes, whenever and wherever it is drawn.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_mcode.stats.curve import Point
from pytest_mcode.stats.estimate import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LIGHT = {
    "text": "#1f2328",
    "muted": "#59636e",
    "grid": "#d8dee4",
    "surface": "#fffffe",
    "1": "#0072b2",
    "2": "#d55e00",
    "3": "#009e73",
    "4": "#b4588f",
    "5": "#b87f00",
    "6": "#6f4fbf",
}
"""Name of the property -> colour. The series are after Okabe and Ito 2008 (told apart with any
colour vision), darkened to a contrast of 3:1; each series has a marker of its own besides."""
DARK = {
    "text": "#e6edf3",
    "muted": "#9198a1",
    "grid": "#30363d",
    "surface": "#0d1117",
    "1": "#56b4e9",
    "2": "#ff8c4a",
    "3": "#2fc79a",
    "4": "#e59ac4",
    "5": "#f0c33c",
    "6": "#b9a1f5",
}
MARKERS = "os^DvPX"
WIDTH = 5.6
"""Inches; 403 units of the SVG, so that its text is still 10 pixels high in 360 of them."""
LINE = 0.2
"""Inches that a line of text takes."""
LETTERS = 60
"""Letters that fit beside each other."""

_STYLE = {
    "axes.edgecolor": LIGHT["muted"],
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": LIGHT["text"],
    "axes.labelsize": 11,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.unicode_minus": False,
    "figure.facecolor": LIGHT["surface"],
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "grid.color": LIGHT["grid"],
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.labelcolor": LIGHT["text"],
    "svg.fonttype": "none",
    "text.color": LIGHT["text"],
    "text.parse_math": False,
    "xtick.color": LIGHT["muted"],
    "xtick.labelcolor": LIGHT["text"],
    "ytick.color": LIGHT["muted"],
    "ytick.labelcolor": LIGHT["text"],
}


@dataclass(frozen=True)
class Chart:
    """A drawn chart. A notebook shows it as it is."""

    figure: Figure
    title: str
    description: str
    """All of its numbers in words, for those who cannot see it."""

    def _repr_svg_(self) -> str:
        return svg(self)


def colour(position: int) -> str:
    """Of the series at a position; after the sixth they come again with other markers."""
    return LIGHT[str(position % 6 + 1)]


def marker(position: int) -> str:
    """Of the series at a position: 42 pairs of colour and marker before one comes again."""
    return MARKERS[position % len(MARKERS)]


def printable(text: str) -> str:
    """The text as XML can hold it."""
    return "".join(c if c.isprintable() else "?" for c in text)


def draw(
    title: str,
    description: str,
    paint: Callable[[Axes], None],
    *,
    height: float = 3.0,
    note: str = "",
) -> Chart:
    """Let `paint` fill a sheet of `height` inches; title, legend and note come on top of that."""
    from matplotlib.figure import Figure

    head = textwrap.wrap(printable(title), LETTERS - 8)
    foot = textwrap.wrap(printable(note), LETTERS)
    with _style():
        figure = Figure(layout="constrained")
        axes = figure.add_subplot()
        paint(axes)
        rows = _legend(figure, axes, "\n".join(foot))
        tall = height + LINE * (1.2 * len(head) + rows + 0.9 * len(foot))
        figure.set_size_inches(WIDTH, tall)
        figure.suptitle("\n".join(head), x=0.01, ha="left", fontsize=12, fontweight="bold")
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # which moves things a little each time it is drawn
    return Chart(figure, printable(title), printable(description))


def _legend(figure: Figure, axes: Axes, note: str) -> int:
    """Below the plot, where it hides nothing; gives its number of lines, the note's left out."""
    small = {"fontsize": 9.5, "color": LIGHT["muted"]}
    handles, labels = axes.get_legend_handles_labels()
    if not labels:
        if note:
            figure.supxlabel(note, x=0.01, ha="left", **small)
        return 0
    names = ["\n".join(textwrap.wrap(name.strip(), LETTERS - 8)) for name in labels]
    columns = 2 if max(map(len, names)) <= LETTERS // 2 - 6 and len(names) > 1 else 1
    legend = figure.legend(
        handles, names, loc="outside lower left", ncols=columns, fontsize=10, alignment="left"
    )
    if note:
        legend.set_title(note)
        legend.get_title().set(**small)
    return -(-sum(name.count("\n") + 1 for name in names) // columns)


def svg(chart: Chart) -> str:
    """An `<svg>` element for a page: text is text, colours are those of the page.

    It is as wide as the element around it. Ids are its own, unless a chart stands there twice.
    """
    return _themed(chart, lambda name, light: f"var(--chart-{name}, {light})")


def write(chart: Chart, path: Path) -> None:
    """Write an SVG file for both themes, or a PNG file (light, 200 dots per inch), by its name."""
    if path.suffix == ".svg":
        path.write_text('<?xml version="1.0" encoding="UTF-8"?>\n' + _file(chart), "utf-8")
    else:
        path.write_bytes(_saved(chart, format="png", dpi=200, metadata={"Software": None}))


def _file(chart: Chart) -> str:
    """Literal colours, since not every program that shows SVG knows custom properties."""
    rules = "".join(
        f'[style*="{kind}: {light}"]{{{kind}:{DARK[name]} !important}}'
        for name, light in LIGHT.items()
        for kind in ("fill", "stroke")
    )
    sheet = (
        f"<style>svg{{background:{LIGHT['surface']}}}@media (prefers-color-scheme: dark)"
        f"{{svg{{background:{DARK['surface']}}}{rules}}}</style>"
    )
    return _themed(chart, lambda _, light: light).replace("</desc>", f"</desc>{sheet}", 1)


def _themed(chart: Chart, named: Callable[[str, str], str]) -> str:
    salt = hashlib.sha256(f"{chart.title}\n{chart.description}".encode()).hexdigest()[:10]
    raw = _saved(chart, salt, format="svg", facecolor="none", metadata={"Date": None}).decode()
    found = raw[raw.index("<svg") :]
    found = re.sub(r"<metadata>.*?</metadata>\s*", "", found, flags=re.S)
    found = re.sub(r' id="[A-Za-z0-9.]+_\d+"', "", found)
    found = re.sub(r"'DejaVu Sans'[^;\"]*", "system-ui, 'DejaVu Sans', sans-serif", found)
    for name, light in LIGHT.items():
        found = found.replace(light, named(name, light))
    size = re.search(r'viewBox="[^"]*"', found)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        f' {size.group() if size else ""} width="100%" role="img"'
        f' aria-labelledby="t{salt} d{salt}">\n'
        f'<title id="t{salt}">{escape(chart.title)}</title>\n'
        f'<desc id="d{salt}">{escape(chart.description)}</desc>'
    )
    return head + found[found.index(">") + 1 :]


def _saved(chart: Chart, salt: str = "", **options: Any) -> bytes:
    buffer = io.BytesIO()
    with _style(salt):
        chart.figure.savefig(buffer, **options)
    return buffer.getvalue()


@contextlib.contextmanager
def _style(salt: str = "") -> Iterator[None]:
    """Our settings on top of matplotlib's own, whatever the user's matplotlibrc says."""
    import matplotlib.style

    settings: list[str | Path | dict[str, Any]] = [
        "default",
        {**_STYLE, "svg.hashsalt": salt or "mcode"},
    ]
    with warnings.catch_warnings(), matplotlib.style.context(settings):
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a PNG has boxes for them
        yield


def label(name: str) -> str:
    """For the legend: matplotlib leaves out what begins with an underscore."""
    return f" {printable(name)}"


def in_per_cent(rate: Estimate | Point) -> str:
    """A rate with its interval, for a description."""
    return f"{100 * rate.value:.1f} % [{100 * rate.low:.1f}, {100 * rate.high:.1f}]"


def in_words(parts: Sequence[str]) -> str:
    """A description out of its sentences."""
    return ". ".join(part for part in parts if part) + "."
