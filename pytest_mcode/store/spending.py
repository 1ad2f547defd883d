"""Tokens per item, from the small columns of its attempts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_mcode.core.records import Json
from pytest_mcode.store.draws import REFUSED
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


def is_unreported(outcome: Mapping[str, Json]) -> bool:
    """Whether a server told no tokens of an answer; `outcome` is `Outcome.to_json()`."""
    answers = [asked["answer"] for asked in (*outcome["attempts"], *outcome["calls"])]
    return any(
        (a["calls"] or a["reused"])
        and not a["prompt_tokens"] + a["completion_tokens"]
        and a["finish_reason"] != REFUSED
        for a in answers
    )


def spent(reader: Reader, variant_ids: Sequence[int]) -> dict[int, tuple[Spent, ...]]:
    """Per variant its measured items, in the order of the plan."""
    besides = {row[0]: row[1:] for row in _asked(reader, "calls", variant_ids)}
    grouped: defaultdict[int, list[Spent]] = defaultdict(list)
    for item_id, variant_id, solved, *own in _asked(reader, "attempts", variant_ids):
        asked, unreported, *tokens = own
        if item_id in besides:
            _, _, more_asked, more_unreported, *more = besides[item_id]
            asked, unreported = asked or more_asked, unreported or more_unreported
            tokens = [a + b for a, b in zip(tokens, more, strict=True)]
        item = Spent(bool(solved), bool(asked), bool(unreported), *tokens)
        grouped[variant_id].append(item)
    return {key: tuple(items) for key, items in grouped.items()}


def _asked(reader: Reader, table: str, variant_ids: Sequence[int]) -> list[tuple[Json, ...]]:
    """Per item its variant, whether it is solved, and what its rows in `table` tell of tokens."""
    marks = ", ".join("?" * len(variant_ids))
    return reader.rows(
        "SELECT i.item_id, i.variant_id, i.solved, max(a.calls > 0 OR a.reused),"
        " max((a.calls > 0 OR a.reused) AND a.prompt_tokens + a.completion_tokens = 0"
        "  AND a.finish_reason <> ?),"
        " sum(a.prompt_tokens), sum(a.completion_tokens),"
        " sum(a.prompt_tokens * (1 - a.reused)), sum(a.completion_tokens * (1 - a.reused))"
        f" FROM items i JOIN {table} a USING (item_id)"
        f" WHERE i.state = 'done' AND i.variant_id IN ({marks}) GROUP BY i.item_id",
        (REFUSED, *variant_ids),
    )
