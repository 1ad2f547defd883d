"""What components hand over is looked at before anything is made of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_mcode.benchmarks.tiny import Tiny
from pytest_mcode.core.errors import DataError
from pytest_mcode.core.records import Dataset
from pytest_mcode.session import wellformed

TINY = Tiny("").load(None)
FIRST = TINY.tasks[0]


@pytest.mark.parametrize(
    ("found", "line"),
    [
        ([FIRST], "mine: load() returned [Task("),
        (replace(TINY, tasks=()), "mine: load() returned no tasks"),
        (replace(TINY, tasks=("a",)), "mine: load() returned 'a' among its tasks, not a Task"),
        (replace(TINY, tasks=(FIRST, FIRST)), "mine: task id 'tiny/even_square_sum' comes twice"),
        *(
            (
                replace(TINY, tasks=(replace(FIRST, task_id=name),)),
                f"mine: task id {name!r} must be",
            )
            for name in ("", "  ", "a\x00b", "a\nb", "\ud800", 7)
        ),
    ],
)
def test_a_data_set_that_could_name_no_item_is_refused(found, line):
    """Every task needs a printable id of its own: it is what rows and node ids are known by."""
    with pytest.raises(DataError) as caught:
        wellformed.dataset("mine", found)
    assert str(caught.value).startswith(line)


def test_a_data_set_that_is_in_order_is_passed_on():
    """Blanks and letters of any language may stand in an id."""
    named = replace(TINY, tasks=(replace(FIRST, task_id="Größe/ein Wort [x]::y"),))
    assert wellformed.dataset("mine", named) is named
    assert isinstance(named, Dataset)
