"""Answers that tell less of a model than others: cut off at the limit of their tokens, or never
given, because the prompt did not fit the model's context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_mcode.store.draws import REFUSED
from pytest_mcode.store.reader import Reader


@dataclass(frozen=True)
class Cut:
    """Attempts of the measured items of one variant."""

    off: int = 0
    """Answers that ended at the limit of tokens, of the request or of the context."""
    unasked: int = 0
    """Prompts that did not fit: empty answers, and failures."""


def cut(reader: Reader, variant_ids: Sequence[int]) -> dict[int, Cut]:
    """Per variant that has any."""
    marks = ", ".join("?" * len(variant_ids))
    found = reader.rows(
        f"SELECT variant_id, sum(finish_reason = 'length'), sum(finish_reason = '{REFUSED}')"
        f" FROM attempts WHERE finish_reason IN ('length', '{REFUSED}')"
        f" AND variant_id IN ({marks})"
        " AND item_id NOT IN (SELECT item_id FROM items WHERE state <> 'done') GROUP BY 1",
        variant_ids,
    )
    return {variant_id: Cut(*counts) for variant_id, *counts in found}
