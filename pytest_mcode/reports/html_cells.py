"""What stands in the cells of the page's tables: texts, already formatted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, takewhile

from pytest_mcode.reports import selection
from pytest_mcode.reports.html_texts import visible
from pytest_mcode.reports.layout import mark
from pytest_mcode.reports.summary import VariantSummary
from pytest_mcode.stats.estimate import Estimate
from pytest_mcode.store.queries import VariantRow


@dataclass(frozen=True)
class Cell:
    """A text, and beside it in smaller letters its interval or mark."""

    text: str
    small: str = ""


def rate(found: Estimate) -> Cell:
    """`51.0 %` and `[24.4, 77.1]`."""
    return Cell(f"{100 * found.value:.1f} %", f"[{100 * found.low:.1f}, {100 * found.high:.1f}]")


def names(rows: Sequence[VariantRow]) -> dict[int, str]:
    """`selection.names` as they are shown."""
    return {key: visible(name) for key, name in selection.names(rows).items()}


def states(variants: Sequence[VariantSummary]) -> list[str]:
    """The mark of each variant that is not complete, or of some tasks only, else an empty text."""
    return [mark(v.row.counts) or (v.subset and f"{v.subset} tasks") for v in variants]


def told_apart(called: Sequence[str], longest: int = 28) -> list[str]:
    """Names for where there is little room: without the words that all of them share at the ends.

    Nothing is left out where all are short, or there is but one.
    """
    words = [re.findall(r"[^-_:/ ]+|[-_:/ ]", name) for name in called]
    if len(called) < 2 or max(map(len, called)) <= longest:
        return list(called)
    least = min(map(len, words)) - 1
    before = _alike(words, least)
    after = _alike([w[::-1] for w in words], least - before)
    head, tail = ("..." if before else ""), ("..." if after else "")
    return [f"{head}{''.join(w[before : len(w) - after])}{tail}" for w in words]


def _alike(words: Sequence[Sequence[str]], most: int) -> int:
    """How many words at the beginning are the same in all."""
    same = (len(set(column)) == 1 for column in zip(*words, strict=False))
    return len(list(takewhile(bool, islice(same, max(0, most)))))
