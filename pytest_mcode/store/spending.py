"""Tokens per item: sums that stand on it, because reports never read the rows of `attempts`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_mcode.store.reader import Reader


@dataclass(frozen=True)
class Spent:
    """The measured items of one variant, added up."""

    items: int
    solved: int
    asked: int
    """Items for which a model was asked, in this run or, for an answer that was found here, in an
    earlier one."""
    unreported: int
    """Items of which the server told no tokens of one of the answers: a prompt has at least one."""
    prompt_tokens: int
    """Of all answers, as if all had been drawn."""
    completion_tokens: int
    paid_prompt_tokens: int
    """Of those that this run has drawn."""
    paid_completion_tokens: int


def spent(reader: Reader, variant_ids: Sequence[int]) -> dict[int, Spent]:
    """Per variant that has measured items."""
    marks = ", ".join("?" * len(variant_ids))
    found = reader.rows(
        "SELECT variant_id, count(*), sum(solved), sum(asked), sum(unreported),"
        " sum(prompt_tokens + reused_prompt_tokens),"
        " sum(completion_tokens + reused_completion_tokens), sum(prompt_tokens),"
        f" sum(completion_tokens) FROM items WHERE state = 'done' AND variant_id IN ({marks})"
        " GROUP BY 1",
        variant_ids,
    )
    return {variant_id: Spent(*sums) for variant_id, *sums in found}


def of_each(reader: Reader, variant_id: int) -> list[tuple[int, int, int]]:
    """Solved (1 or 0), prompt and completion tokens of each measured item of a variant."""
    return reader.rows(
        "SELECT solved, prompt_tokens + reused_prompt_tokens,"
        " completion_tokens + reused_completion_tokens"
        " FROM items WHERE state = 'done' AND variant_id = ? ORDER BY item_id",
        (variant_id,),
    )
