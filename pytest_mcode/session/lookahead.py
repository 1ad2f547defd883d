"""Items that are under way before pytest comes to them."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future

from pytest_mcode.core.records import Outcome
from pytest_mcode.generation import turns
from pytest_mcode.session.cells import Cell
from pytest_mcode.session.lifecycle import Session


class Lookahead:
    """Starts the next items' work on the engine and hands each outcome over once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._futures: dict[str, Future[Outcome]] = {}
        self._started = 0

    def start(self, upcoming: Iterable[tuple[str, Cell]]) -> None:
        """Start up to one window of (node id, cell) pairs that are not yet under way.

        Of models that take turns only the first is asked: a server that is held for later items
        keeps that of earlier ones from coming up, and the run waits for those.
        """
        room, turn = None, ""
        for node_id, cell in upcoming:
            model = self._session.in_turn(cell.variant)
            turn = turn or model
            if model not in ("", turn):
                return
            if node_id not in self._futures:
                self._begin(node_id, cell)
            room = self._session.window() if room is None else room - 1
            if room <= 0:
                return

    def take(self, node_id: str, cell: Cell) -> Outcome:
        """The outcome of an item; starts it if nobody has. Blocks until it is there."""
        if node_id not in self._futures:
            self._begin(node_id, cell)
        return self._futures.pop(node_id).result()

    def _begin(self, node_id: str, cell: Cell) -> None:
        """Items are begun in their order, and so are their requests."""
        self._started += 1
        with turns.placed(self._started):
            self._futures[node_id] = self._session.submit(cell)
