"""What benchmarks print, what of it is kept, and README's table of it.

    python -m tests.benchmarks.measured

writes the table anew from `measured.json`, where each benchmark keeps its rows with `--keep`.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

KEPT = Path(__file__).with_name("measured.json")
README = Path(__file__).parents[2] / "README.md"
TABLE = re.compile(r"(?<=<!-- throughput -->\n).*?(?=<!-- end of throughput -->)", re.S)
KEEP = "keep the table in measured.json, and write README's anew"
ORDER = ("throughput", "busy", "items", "faults")

Row = tuple[str, str, str]
"""What, its value, and whether a goal was met."""


def surroundings() -> str:
    """Cores and load, to be looked at before a measurement."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{len(os.sched_getaffinity(0))} cores, load {load}"


def show(
    benchmark: str, title: str, rows: Sequence[Row], *, keep: bool, headline: Sequence[Row] = ()
) -> None:
    """Print a table below its title, and keep what README shows of it if that is wished.

    That is `headline`, else every ratio and every figure that has a goal.
    """
    print(f"{title}\n\n{markdown(rows)}")
    if keep:
        shown = headline or [row for row in rows if row[2] or " / " in row[0]]
        kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
        day = time.strftime("%Y-%m-%d", time.gmtime())
        kept[benchmark] = {"day": day, "title": title, "rows": [list(row) for row in shown]}
        KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
        write()


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a table."""
    lines = [f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in row)}|" for row in rows]
    return "\n".join(["| | measured | |", "|---|--:|---|", *lines])


def readme() -> str:
    """One table of all that is kept, each benchmark with what it measured and when."""
    kept: dict[str, Any] = json.loads(KEPT.read_text())
    rows: list[Sequence[str]] = []
    for name in ORDER:
        if name in kept:
            one = kept[name]
            rows += [(f"**`{name}`** {one['title']} ({one['day']})", "", ""), *one["rows"]]
    return f"{markdown(rows)}\n"


def write() -> None:
    """Replace what stands between README's marks."""
    README.write_text(TABLE.sub(lambda _: readme(), README.read_text()))


if __name__ == "__main__":
    write()
