"""What a variant's tokens cost, and what one solved task does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pytest_mcode.stats.ratio import Ratio, ratio
from pytest_mcode.store.queries import VariantRow
from pytest_mcode.store.reader import Reader
from pytest_mcode.store.spending import Spent, of_each, spent

Price = tuple[str, float, float]
"""Model (empty: any), currency units per million prompt tokens and per million completion tokens.
No part of a fingerprint: what was measured costs something else tomorrow."""


@dataclass(frozen=True)
class Spending:
    """Tokens of one variant, over its measured items."""

    asked: int = 0
    """Items for which a model was asked, now or before; 0 for recorded answers."""
    unreported: int = 0
    """Items of which the server told no tokens: they are not 0, but unknown."""
    solved: int = 0
    """Items that were."""
    priced: bool = False
    total: float | None = None
    """Cost of all answers, those taken from the database too; None without a price, or where
    tokens of an item are unknown."""
    paid: float | None = None
    """Cost of what this run has drawn."""
    per_solved: Ratio | None = None
    """Cost per solved task, None where none was."""


def spendings(
    reader: Reader, rows: Sequence[VariantRow], prices: Sequence[Price]
) -> dict[int, Spending]:
    """Per variant what was spent."""
    sums = spent(reader, [row.variant_id for row in rows])
    found = {}
    for row in rows:
        key, price = row.variant_id, price_of(prices, row.variant.model)
        whole = sums.get(key)
        found[key] = Spending() if whole is None else _spending(reader, key, whole, price)
    return found


def price_of(prices: Sequence[Price], model: str) -> tuple[float, float] | None:
    """The price of a model: under its own name, else the one for all."""
    named = {name: (before, after) for name, before, after in prices}
    return named.get(model, named.get(""))


def cost(price: tuple[float, float], prompt_tokens: int, completion_tokens: int) -> float:
    """In currency units."""
    return (price[0] * prompt_tokens + price[1] * completion_tokens) / 1e6


def _spending(
    reader: Reader, variant_id: int, sums: Spent, price: tuple[float, float] | None
) -> Spending:
    known = Spending(sums.asked, sums.unreported, sums.solved, price is not None)
    if price is None or not sums.asked or sums.unreported:
        return known
    items = of_each(reader, variant_id)
    costs = [cost(price, prompt, completion) for _, prompt, completion in items]
    return replace(
        known,
        total=cost(price, sums.prompt_tokens, sums.completion_tokens),
        paid=cost(price, sums.paid_prompt_tokens, sums.paid_completion_tokens),
        per_solved=ratio(costs, [solved for solved, _, _ in items]),
    )


def cost_line(spending: Spending, mark: str) -> str:
    """What is known of it; empty without a price or where nothing was asked."""
    if not spending.priced or not spending.asked:
        return ""
    if spending.total is None or spending.paid is None:
        return "cost: unknown, tokens not reported"
    line = f"cost: {money(spending.total)}"
    if spending.paid < spending.total:
        line += f" ({money(spending.paid)} in this run)"
    found = spending.per_solved
    if found is None:
        return f"{line}, no task solved"
    line += f", per solved task {money(found.value)} "
    if found.high == math.inf:
        line += f"(at least {money(found.low)}: too few are solved to say more)"
    else:
        line += f"[{money(found.low)}, {money(found.high)}]"
    return f"{line}  {mark}".rstrip()


def money(amount: float) -> str:
    """Three digits that mean something, never an exponent: `1,240`, `12.40`, `0.00123`."""
    decimals = (
        2 if amount <= 0 else max(0 if amount >= 1000 else 2, 2 - math.floor(math.log10(amount)))
    )
    return f"{amount:,.{min(decimals, 12)}f}"
