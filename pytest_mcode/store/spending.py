"""Tokens per item: sums that stand on it, because reports never read the rows of `attempts`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_mcode.store.reader import Reader


@dataclass(frozen=True)
class Spent:
    """One measured item."""

    solved: bool
    asked: bool
    """A model was asked, in this run or, for an answer that was found here, in an earlier one."""
    unreported: bool
    """The server told no tokens of one of the answers: a prompt has at least one."""
    prompt_tokens: int
    """Of all answers, as if all had been drawn."""
    completion_tokens: int
    paid_prompt_tokens: int
    """Of those that this run has drawn."""
    paid_completion_tokens: int


def spent(reader: Reader, variant_ids: Sequence[int]) -> dict[int, tuple[Spent, ...]]:
    """Per variant its measured items, in the order of the plan."""
    marks = ", ".join("?" * len(variant_ids))
    found = reader.rows(
        "SELECT variant_id, solved, asked, unreported, prompt_tokens + reused_prompt_tokens,"
        " completion_tokens + reused_completion_tokens, prompt_tokens, completion_tokens"
        f" FROM items WHERE state = 'done' AND variant_id IN ({marks}) ORDER BY item_id",
        variant_ids,
    )
    grouped: defaultdict[int, list[Spent]] = defaultdict(list)
    for variant_id, solved, asked, unreported, *tokens in found:
        item = Spent(bool(solved), bool(asked), bool(unreported), *tokens)
        grouped[variant_id].append(item)
    return {key: tuple(items) for key, items in grouped.items()}
