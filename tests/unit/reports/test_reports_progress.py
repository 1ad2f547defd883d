"""What the line of progress says, for outcomes and clock readings given to it."""

import pytest

from pytest_mcode.core.records import Variant
from pytest_mcode.reports.progress import Draws, Look, Progress

CELL = Variant("tiny", "m", samples=2)


@pytest.fixture
def add(outcome):
    """Add the outcome of a task to a progress."""

    def call(progress, cell, task, chains, now):
        progress.add(f"{cell.label}[{task}]", outcome(cell, task, chains), now)

    return call


def begun(*cells, tasks=100):
    """A run of so many tasks in each cell, from second 0 on."""
    return Progress([cell for cell in cells for _ in range(tasks)], 0.0)


def test_a_line_has_all_of_it(add):
    """Four of 100 tasks with two draws each after 10 s: 240 s are left, 160 tokens were made."""
    progress = begun(CELL)
    for i in range(4):
        add(progress, CELL, f"t{i}", [["passed"], ["failed"]], 2.5 * (i + 1))
    line = progress.line(Look(10.0, in_flight=64, infra=3, tokens=150))
    assert line == (
        "4/100 tasks, 3 infra, pass@1 50.0 % [15.0, 85.0], 8/200 samples, 16 tokens/s, "
        "64 requests in flight, about 4 min left"
    )


def test_the_live_line_fits_every_width_and_keeps_what_matters_most(add):
    """Shorter words first, then fewer parts: the tasks stay longest."""
    progress = begun(CELL)
    for i in range(4):
        add(progress, CELL, f"t{i}", [["passed"], ["failed"]], 2.5 * (i + 1))
    found = {w: progress.live(Look(10.0, in_flight=64), w) for w in range(5, 160)}
    assert all(len(line) <= width for width, line in found.items())
    assert "requests in flight" in found[159]
    at_80 = "4/100 tasks  pass@1 50.0 % [15.0, 85.0]  8/200 samples  16 tokens/s  64 req  ~4 min"
    assert found[len(at_80)] == at_80
    assert found[50] == "4/100 tasks  pass@1 50 % [15, 85]  8/200  ~4 min"
    assert found[20] == "4/100 tasks  ~4 min"
    assert found[5] == "4/100"


def test_cells_with_sampling_of_their_own_have_a_rate_of_their_own(add):
    """Two temperatures of one model: what 0.2 has solved is not counted for 0.8."""
    cold, hot = (Variant("tiny", "m", options=f"temperature={t}") for t in (0.2, 0.8))
    progress = begun(cold, hot, tasks=2)
    add(progress, cold, "t", [["passed"]], 1.0)
    add(progress, hot, "t", [["failed"]], 2.0)
    assert "m temperature=0.8 pass@1 0.0 % [" in progress.line(Look(3.0))


def test_before_there_is_a_pace_it_says_how_long_it_goes(add):
    """The first outcome says nothing of the others' pace."""
    progress = begun(Variant("tiny", "m"), tasks=3)
    assert progress.line(Look(11.0, in_flight=1)) == ("0/3 tasks, 1 request in flight, 11 s so far")
    add(progress, Variant("tiny", "m"), "t", [["failed"]], 12.0)
    assert progress.line(Look(60.0)).endswith("60 s so far")


def test_a_stalled_run_takes_longer_and_longer(add):
    """The pace is that of recent items up to now, not up to the last of them."""
    progress = begun(CELL)
    for i in range(10):
        add(progress, CELL, f"t{i}", [["failed"], ["failed"]], i + 1.0)
    assert progress.line(Look(10.0)).endswith("about 90 s left")
    assert progress.line(Look(100.0)).endswith("about 15 min left")


def test_items_done_at_once_say_nothing_of_those_that_are_drawn(add):
    """500 items out of the database in a second, then one a second: 299 are left."""
    progress = begun(Variant("tiny", "m"), tasks=1000)
    for i in range(500):
        add(progress, Variant("tiny", "m"), f"old{i}", [["failed"]], i / 500)
    for i in range(201):
        add(progress, Variant("tiny", "m"), f"new{i}", [["failed"]], i + 2.0)
    assert "about 5 min left" in progress.line(Look(202.0))


def test_cells_that_share_draws_count_each_task_once(add):
    """n = 1 and n = 2 of a task are the same draws: the rate is over one task."""
    small = Variant("tiny", "m", samples=1)
    progress = begun(small, CELL, tasks=2)
    for now in (1.0, 2.0):
        add(progress, CELL, "t", [["passed"], ["failed"]], now)
        add(progress, small, "t", [["passed"]], now)
    assert "2/4 items, pass@1 50.0 %" in progress.line(Look(3.0))


def test_each_model_has_its_own_rate(add):
    """The one shown is that of the newest outcome, by name."""
    cells = Variant("tiny", "a"), Variant("tiny", "b")
    progress = begun(*cells, tasks=1)
    add(progress, cells[0], "t", [["passed"]], 1.0)
    assert ", a pass@1 100.0 %" in progress.line(Look(2.0))
    add(progress, cells[1], "t", [["failed"]], 2.0)
    assert ", b pass@1 0.0 %" in progress.line(Look(2.0))


def test_where_drawing_stopped_early_the_rate_is_of_first_draws(add):
    """One draw of two that passed is no share of draws."""
    progress = begun(CELL, tasks=2)
    add(progress, CELL, "t1", [["failed"], ["passed"]], 1.0)
    add(progress, CELL, "t2", [["passed"]], 2.0)
    add(progress, CELL, "t3", [["failed"], ["passed"]], 2.0)
    assert "pass@1 33.3 %" in progress.line(Look(3.0))


def test_a_resumed_run_counts_what_was_done_before(add):
    """Its pace is that of today."""
    progress = begun(CELL, tasks=4)
    for task in ("t1", "t2"):
        progress.earlier(CELL, task, Draws(2, 0, first_passed=False))
    add(progress, CELL, "t3", [["passed"], ["passed"]], 50.0)
    line = progress.line(Look(60.0))
    assert line.startswith("3/4 tasks, pass@1 33.3 %")
    assert line.endswith("6/8 samples, 1 tokens/s, 60 s so far")


def test_an_item_that_is_run_again_counts_once(add):
    """An infra error is no draw; its second try is no second item."""
    progress = begun(CELL, tasks=4)
    add(progress, CELL, "t", "server down", 1.0)
    assert progress.line(Look(2.0, infra=1)).startswith("1/4 tasks, 1 infra, 0/8 samples")
    add(progress, CELL, "t", [["passed"], ["passed"]], 3.0)
    assert progress.line(Look(4.0)).startswith("1/4 tasks, pass@1 100.0 %")
