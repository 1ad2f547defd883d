"""Tokens and cost in reports, from rows of the store."""

import pytest

from pytest_mcode.core.records import Variant
from pytest_mcode.reports.cost import money, price_of
from pytest_mcode.reports.properties import properties
from pytest_mcode.reports.summary import summarize
from pytest_mcode.reports.text import lines
from pytest_mcode.store.database import PlannedItem

CELL = Variant("tiny", "m")
PRICE = (("", 10.0, 100.0),)
TASKS = {f"t{i}": [["passed"]] if i % 2 else [["failed"]] for i in range(40)}


@pytest.fixture
def recorded(store, changed):
    """Record items whose answers differ from the usual in these fields; gives the report."""

    def call(tasks, prices=PRICE, **fields):
        store.start_run("r", command="pytest", fingerprint_parts={}, version="0")
        store.plan("r", {"c": (CELL, {})}, [PlannedItem(t, "c", t) for t in tasks])
        for task, chains in tasks.items():
            store.record("r", task, changed(task, chains, **fields))
        return lines(summarize(store, prices=prices))

    return call


@pytest.fixture
def changed(outcome):
    """An outcome with other answers; a function is given the task's name."""

    def call(task, chains, **fields):
        made = outcome(CELL, task, chains)
        for attempt in made["attempts"]:
            attempt["answer"] |= {k: v(task) if callable(v) else v for k, v in fields.items()}
        return made

    return call


def about_tokens(found):
    """The lines on tokens and cost."""
    return [line.strip() for line in found if line.strip().startswith(("tokens", "cost"))]


def test_cost_and_cost_per_solved_task(recorded):
    """40 tasks of 100 and 20 tokens at 10 and 100 a million: 0.12, of which 20 were solved."""
    assert about_tokens(recorded(TASKS)) == [
        "tokens: 4,000 prompt, 800 completion, 40 calls",
        "cost: 0.120, per solved task 0.00600 [0.00457, 0.00874]",
    ]


def test_recorded_answers_have_no_tokens_and_no_cost(recorded):
    """gold and replay call nobody."""
    found = recorded(TASKS, prompt_tokens=0, completion_tokens=0, calls=0)
    assert about_tokens(found) == []
    assert not [line for line in found if "per solved" in line]


def test_tokens_that_no_server_told_are_not_zero(recorded):
    """No report of usage: neither tokens nor cost are known."""
    assert about_tokens(recorded(TASKS, prompt_tokens=0, completion_tokens=0)) == [
        "tokens not reported by the server, 40 calls",
        "cost: unknown, tokens not reported",
    ]


def test_tokens_of_thinking_stand_beside_those_they_are_among(recorded):
    """Where the server tells them of every answer; else not at all."""
    found = recorded(TASKS, thinking_tokens=15)
    assert about_tokens(found)[0] == "tokens: 4,000 prompt, 800 completion (600 thinking), 40 calls"
    partly = recorded(TASKS, thinking_tokens=lambda t: None if t == "t7" else 15)
    assert about_tokens(partly)[0] == "tokens: 4,000 prompt, 800 completion, 40 calls"


def test_tokens_told_for_a_part_of_the_tasks(recorded):
    """A server behind a balancer that tells none spoils the cost, and the line says so."""
    by_task = {"prompt_tokens": lambda t: 0 if t == "t7" else 100}
    found = recorded(TASKS, completion_tokens=lambda t: 0 if t == "t7" else 20, **by_task)
    assert about_tokens(found) == [
        "tokens: 3,900 prompt, 780 completion, 40 calls; not reported in 1 task",
        "cost: unknown, tokens not reported",
    ]


def test_a_prompt_that_did_not_fit_has_told_nothing(recorded):
    """Its tokens are not missing: nothing was generated."""
    fields = {"prompt_tokens": 0, "completion_tokens": 0, "finish_reason": "context_overflow"}
    assert about_tokens(recorded(TASKS, **fields))[0].startswith("tokens: 0 prompt")


def test_answers_from_the_database_cost_nothing_now_but_something_per_solved_task(recorded):
    """What a solved task costs does not depend on who has drawn it before."""
    found = recorded(TASKS, reused=lambda t: t != "t1", calls=lambda t: int(t == "t1"))
    assert about_tokens(found)[1] == (
        "cost: 0.120 (0.00300 in this run), per solved task 0.00600 [0.00457, 0.00874]"
    )


def test_without_a_price_there_is_no_cost_and_without_a_solved_task_no_ratio(recorded):
    """Nothing is made up."""
    unsolved = {task: [["failed"]] for task in TASKS}
    assert about_tokens(recorded(unsolved))[1] == "cost: 0.120, no task solved"


def test_few_solved_tasks_give_a_lower_bound(recorded):
    """One of 40: the upper end is not known."""
    one = {**{task: [["failed"]] for task in TASKS}, "t1": [["passed"]]}
    (line,) = about_tokens(recorded(one))[1:]
    assert line.startswith("cost: 0.120, per solved task 0.120 (at least 0.0")


def test_prices_move_no_tokens_and_stand_in_no_report_that_has_none(recorded):
    """The line on cost is all that a price adds."""
    assert about_tokens(recorded(TASKS, ())) == ["tokens: 4,000 prompt, 800 completion, 40 calls"]


def test_a_models_own_price_goes_before_the_one_for_all():
    """And a model that none is for has none."""
    assert price_of((("", 1, 2), ("m", 3, 4)), "m") == (3, 4)
    assert price_of((("", 1, 2), ("m", 3, 4)), "other") == (1, 2)
    assert price_of((("m", 3, 4),), "other") is None


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0.00"), (0.000012345, "0.0000123"), (0.5, "0.500"), (12.3, "12.30"), (12345.6, "12,346")],
)
def test_money_is_never_an_exponent(amount, text):
    """Three digits that mean something."""
    assert money(amount) == text


def test_properties_carry_the_cost_and_leave_out_what_is_not_known(changed):
    """One item: 100 and 20 tokens at 10 and 100 a million."""
    told = changed("t", [["passed"]])
    assert properties(told, PRICE)["mcode_cost"] == pytest.approx(0.003)
    assert "mcode_cost" not in properties(told)
    unknown = changed("t", [["passed"]], prompt_tokens=0, completion_tokens=0)
    silent = properties(unknown, PRICE)
    assert not {"mcode_cost", "mcode_prompt_tokens", "mcode_completion_tokens"} & silent.keys()
