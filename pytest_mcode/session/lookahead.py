"""Items that are under way before pytest comes to them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from itertools import chain, islice

from pytest_mcode.core.records import Outcome
from pytest_mcode.generation import turns
from pytest_mcode.session.cells import Cell
from pytest_mcode.session.lifecycle import Session

DONE = 4
"""Windows of items that may have ended while an earlier one is waited for: their verdicts are in
memory only, and a run that is killed gives them anew."""

FAR = 1000
"""Items among which those that may take the longest are looked for."""


class Lookahead:
    """Starts the next items' work on the engine and hands each outcome over once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._futures: dict[str, Future[Outcome]] = {}
        self._started = 0
        self._coming: Iterator[tuple[str, Cell]] = iter(())
        self._ahead: list[Future[Outcome]] = []
        """Of the current item and those that are begun behind it."""
        self._turn = ""
        self._refills = False
        self._ended = threading.Event()
        """An item has, since this was last looked at."""

    def start(self, upcoming: Iterable[tuple[str, Cell]], *, refill: bool = True) -> None:
        """Start up to one window of (node id, cell) pairs that are not yet under way.

        With `refill` more of them are started while the first is waited for and others end: else a
        program that computes for long would leave the model idle. Of models that take turns only
        the first is asked: a server that is held for later items keeps that of earlier ones from
        coming up, and the run waits for those.
        """
        self._coming, self._ahead, self._turn = iter(upcoming), [], ""
        if refill and not self._started:
            first = list(islice(self._coming, FAR))
            self._lead(first)
            self._coming = chain(first, self._coming)
        self._refills = refill
        if self._next():
            room = self._session.window()
            while len(self._ahead) <= room and self._next():
                pass

    def _lead(self, coming: Sequence[tuple[str, Cell]]) -> None:
        """Begin, before all others, items whose programs have longer limits than those of others:
        one of them at the end would leave all slots of the sandbox idle but its own. One slot is
        left to the items whose turn it is."""
        if self._session.slots == 1:
            return
        found = [pair for pair in coming if not self._session.in_turn(pair[1].variant)]
        limits = [self._session.limit_s(cell) for _, cell in found]
        longest_first = sorted(range(len(found)), key=lambda i: -limits[i])
        longer = [found[i] for i in longest_first if limits[i] > min(limits)]
        for node_id, cell in longer[: self._session.slots - 1]:
            self._begin(node_id, cell)

    def take(self, node_id: str, cell: Cell) -> Outcome:
        """The outcome of an item; starts it if nobody has. Blocks until it is there."""
        if node_id not in self._futures:
            self._begin(node_id, cell)
        future = self._futures[node_id]
        while not future.done():
            self._ended.clear()
            if self._refills:
                self._refill()
            if not future.done():
                self._ended.wait()
        return self._futures.pop(node_id).result()

    def _refill(self) -> None:
        """A window of items is to be unfinished, also where many have ended already."""
        room = self._session.window()
        free = room - sum(not future.done() for future in self._ahead)
        for _ in range(min(free, (1 + DONE) * room - len(self._ahead))):
            if not self._next():
                return

    def _next(self) -> bool:
        """See that the next item is under way; False where there is none that may be."""
        node_id, cell = next(self._coming, ("", None))
        if cell is None:
            return False
        model = self._session.in_turn(cell.variant)
        self._turn = self._turn or model
        if model not in ("", self._turn):
            self._coming = iter(())
            return False
        if node_id not in self._futures:
            self._begin(node_id, cell)
        self._ahead.append(self._futures[node_id])
        return True

    def _begin(self, node_id: str, cell: Cell) -> None:
        """Items are begun in their order, and so are their requests."""
        self._started += 1
        with turns.placed(self._started):
            future = self._futures[node_id] = self._session.submit(node_id, cell)
        future.add_done_callback(lambda _: self._ended.set())
