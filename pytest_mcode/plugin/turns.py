"""The order of items whose models are served one after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import pytest

from pytest_mcode.plugin import state as states

T = TypeVar("T")


def arrange(session: pytest.Session) -> None:
    """All items of a model before those of the next, where servers take turns.

    xdist cuts the items into one piece for each worker; every piece gets its share of each model,
    so that all workers ask the same one. Items of one model keep their order.
    """
    state = states.of(session.config)
    models = [_model(item) for item in session.items]
    served = state.session.models
    if sum(served.in_turn(model) for model in dict.fromkeys(filter(None, models))) < 2:
        return
    groups: dict[str, list[pytest.Item]] = {}
    for model, item in zip(models, session.items, strict=True):
        groups.setdefault(model, []).append(item)
    workers = (state.worker or {}).get("workercount", 1)
    session.items[:] = dealt(list(groups.values()), workers)


def _model(item: pytest.Item) -> str:
    """As the user named it; empty for an item that is not ours."""
    cell = states.cell_of(item)
    return states.of(item.config).session.names.model(cell.variant.model) if cell else ""


def dealt(groups: Sequence[Sequence[T]], hands: int) -> list[T]:
    """The groups in their order, dealt to so many hands; one hand after the other.

    Hands are as large as xdist's pieces: equal, and of what is left over the last get one more.
    """
    flat = [item for group in groups for item in group]
    sizes = []
    left = len(flat)
    for hand in range(hands):
        sizes.append(left // (hands - hand))
        left -= sizes[-1]
    filled: list[list[T]] = [[] for _ in range(hands)]
    hand = 0
    for item in flat:
        while len(filled[hand % hands]) >= sizes[hand % hands]:
            hand += 1
        filled[hand % hands].append(item)
        hand += 1
    return [item for hand_of in filled for item in hand_of]
