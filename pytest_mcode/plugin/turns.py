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

    The last hand is dealt to first: where xdist's pieces are not equal, the last are larger by one.
    """
    dealt_to: list[list[T]] = [[] for _ in range(hands)]
    for place, item in enumerate(item for group in groups for item in group):
        dealt_to[-1 - place % hands].append(item)
    return [item for hand in dealt_to for item in hand]
