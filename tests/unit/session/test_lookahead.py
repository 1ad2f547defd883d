"""What is begun before its turn, and what must wait."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field

import pytest

from pytest_mcode.core.records import Task, Variant
from pytest_mcode.session.cells import Cell
from pytest_mcode.session.lookahead import DONE, Lookahead

TASK = Task("b", "T/0", "", "function", "f", "", "")


@dataclass
class Begun:
    """Stands for a session: models in capitals have servers that take turns."""

    room: int = 100
    long: str = ""
    slots: int = 3
    models: list[str] = field(default_factory=list)
    futures: list[Future] = field(default_factory=list)

    def in_turn(self, variant: Variant) -> str:
        return variant.model if variant.model.isupper() else ""

    def window(self) -> int:
        return self.room

    def limit_s(self, cell: Cell) -> float:
        return 60 if cell.variant.model in self.long else 10

    def submit(self, nodeid: str, cell: Cell) -> Future:
        self.models.append(cell.variant.model)
        self.futures.append(Future())
        return self.futures[-1]


@pytest.mark.parametrize(
    ("upcoming", "begun"),
    [
        ("AABBC", "AA"),  # B asked for now could come up before A does, and A is waited for
        ("BBC", "BB"),
        ("aAABa", "aAA"),  # the next server may come up while a model elsewhere is asked
        ("Aaa", "Aaa"),
        ("abc", "abc"),
    ],
)
def test_only_one_of_the_models_that_take_turns_is_asked(upcoming, begun):
    """The run would wait for one whose server waits for another to go that is held ahead."""
    session = Begun()
    cells = [(f"{i}", Cell(TASK, Variant("b", model))) for i, model in enumerate(upcoming)]
    Lookahead(session).start(cells)
    assert "".join(session.models) == begun


def test_what_may_take_longest_is_begun_before_all_others():
    """Once, and handed over in its turn; but not where servers take turns, nor by an xdist worker,
    from which another may steal it."""
    cells = [(f"{i}", Cell(TASK, Variant("b", model))) for i, model in enumerate("abcZdef")]
    for refill, begun in ((True, "cdabZ"), (False, "abcZd")):
        session = Begun(room=4, long="cZde")
        lookahead = Lookahead(session)
        lookahead.start(cells, refill=refill)
        assert "".join(session.models) == begun
        lookahead.start(cells[1:5], refill=refill)
        assert "".join(session.models) == begun


def test_no_more_than_a_window_is_begun_beside_the_current_item():
    """Memory holds what generator and sandbox need, not the whole run."""
    session = Begun(room=3)
    Lookahead(session).start([(f"{i}", Cell(TASK, Variant("b", "a"))) for i in range(10)])
    assert len(session.models) == 1 + 3


@pytest.mark.parametrize(("refill", "most"), [(True, 3 * (1 + DONE)), (False, 1 + 3)])
def test_one_long_program_does_not_keep_the_model_idle(refill, most):
    """While the first item is waited for and others end, later ones are begun, to a bound; not
    those of an xdist worker, which another one may steal meanwhile."""
    session = Begun(room=3)
    lookahead = Lookahead(session)
    cells = [(f"{i}", Cell(TASK, Variant("b", "a"))) for i in range(40)]
    lookahead.start(cells, refill=refill)

    def work():
        ended = 1
        until = time.monotonic() + 60
        while ended < most and time.monotonic() < until:
            if ended < len(session.futures):
                session.futures[ended].set_result(f"{ended}")
                ended += 1
            time.sleep(0.001)
        session.futures[0].set_result("0")

    thread = threading.Thread(target=work)
    thread.start()
    assert lookahead.take(*cells[0]) == "0"
    thread.join()
    assert len(session.models) == most
    assert [lookahead.take(*cell) for cell in cells[1:most]] == [f"{i}" for i in range(1, most)]
