"""What a study answers: the sentence that the data deserve, and no more than that."""

from __future__ import annotations

import csv
import json
import random
import re
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.core.records import Variant
from pytest_mcode.reports import study_charts, study_files, study_interactions
from pytest_mcode.reports.canvas import svg
from pytest_mcode.reports.study import examine
from pytest_mcode.reports.study_levels import size_of
from pytest_mcode.reports.study_text import lines
from pytest_mcode.store.queries import Filters

GOLDEN = Path(__file__).parent / "golden" / "study.txt"
FAIL, PASS = "failed", "passed"
BASE = Variant("tasks", "m")


def cells(tasks, chains_of, *variants):
    """{variant: {task: chains}}, of the same `tasks` tasks; `chains_of(variant, i)` is one task."""
    return {v: {f"t/{i}": chains_of(v, i) for i in range(tasks)} for v in variants}


@pytest.fixture
def answers(run, store):
    """Record the cells of a study; topic -> its answers."""

    def record(found, **more):
        run("r", found, study="s", **more)
        report = examine(store, Filters(study=("s",)))
        by_topic = {}
        for answer in report.answers:
            by_topic.setdefault(answer.topic, []).append(answer)
        return by_topic

    return record


def grid(samples=(1,), debug_iters=(0,), **fixed):
    return [replace(BASE, samples=n, debug_iters=d, **fixed) for n in samples for d in debug_iters]


def cut(chain, variant):
    """A chain as far as the cell repairs it, and no further than its first pass."""
    chain = chain[: variant.debug_iters + 1]
    return chain[: chain.index(PASS) + 1] if PASS in chain else chain


@pytest.mark.parametrize(("tasks", "enough"), [(400, True), (300, False)])
def test_the_knee_is_told_where_the_interval_shows_it(answers, tasks, enough):
    """Half of the tasks always pass, the others never: of 400 tasks a gain of 0 is below 0.95
    points (z^2 / (T + z^2)), of 300 below 1.26; 300 (1.26 / 1)^2 = 480 would do for certain."""
    found = answers(
        cells(tasks, lambda v, i: [[PASS if i % 2 else FAIL]] * v.samples, *grid((1, 2, 4)))
    )
    ((answer,),) = found.values()
    assert answer.topic == "returns of more samples"
    assert answer.enough is enough
    if enough:
        said = "From 1 sample on another doubling gains less than 1 point (+0.0 [-0.0, +1.0]"
    else:
        said = "Not enough data: from 1 sample on another doubling seems to gain less than 1 point"
        assert "about 480 tasks would show it" in answer.sentence
    assert answer.sentence.startswith(said)


def test_returns_that_go_on_are_told(answers):
    """Every task passes in one of eight draws: each doubling gains 12.5 points or more."""
    chains = [[PASS], *[[FAIL]] * 7]
    found = answers(cells(100, lambda v, i: chains[: v.samples], *grid((1, 4, 8))))
    (answer,) = found["returns of more samples"]
    assert answer.enough
    assert answer.sentence.startswith("Returns do not diminish below 1 point a doubling up to 8")


def spread(variant, i):
    """A task's draws; the tasks' chances are Beta(0.4, 1), so pass@50 is 0.82."""
    dice = random.Random(i)
    chance = dice.betavariate(0.4, 1)
    return [[PASS if dice.random() < chance else FAIL] for _ in range(variant.samples)]


def half(variant, i):
    """Every other task passes in two of ten draws, the rest never: no model fits that."""
    return [[PASS if i % 2 and d % 5 == 0 else FAIL] for d in range(variant.samples)]


def test_what_more_samples_would_give_is_told_as_a_guess(run, store):
    """In words and dashed, with an interval that holds the true rate."""
    run("r", cells(150, spread, *grid((1, 10))), study="s")
    report = examine(store, Filters(study=("s",)))
    ((subject, curve),) = report.guesses.items()
    assert [(p.k, p.extrapolated) for p in curve] == [(10, False), (20, True), (50, True)]
    assert curve[-1].low <= 0.82 <= curve[-1].high
    (answer,) = [a for a in report.answers if a.topic == "extrapolation"]
    assert (answer.subject, answer.enough) == (subject, False)
    said = "Extrapolated, not measured: 50 samples would reach about pass@50 = "
    assert answer.sentence.startswith(said)
    drawn = svg(dict(study_charts.charts(report))["coverage"])
    assert f"{subject}, extrapolated: 20: " in drawn
    assert "dashed: extrapolated, not measured" in drawn


@pytest.mark.parametrize(
    ("tasks", "draws", "chains_of"), [(99, 10, spread), (150, 9, spread), (150, 10, half)]
)
def test_without_enough_data_or_a_fit_nothing_is_guessed(run, store, tasks, draws, chains_of):
    """Fewer tasks or draws than the guess was tried on, or a curve that the models miss."""
    run("r", cells(tasks, chains_of, *grid((1, draws))), study="s")
    report = examine(store, Filters(study=("s",)))
    assert not [answer for answer in report.answers if answer.topic == "extrapolation"]
    assert "extrapolated" not in svg(dict(study_charts.charts(report))["coverage"])


def test_runs_under_other_conditions_are_told_apart(run, store):
    """Nothing that varies differs, and yet they are two pools: two curves, two answers."""
    measured = cells(10, lambda v, i: [[PASS if i % 2 else FAIL]] * v.samples, *grid((1, 2)))
    for name, wall_s in (("r1", 10.0), ("r2", 20.0)):
        run(name, measured, parts={"limits": {"wall_s": wall_s}}, study="s")
    report = examine(store, Filters(study=("s",)))
    names = {f"tasks, m, fingerprint {cell.row.fingerprint[:8]}" for cell in report.cells}
    assert len(names) == 2
    drawn = svg(dict(study_charts.charts(report))["coverage"])
    assert all(f"{name}: " in drawn for name in names)
    assert {answer.subject for answer in report.answers} == names


def test_the_plateau_of_repairs_is_read_off_the_longest_chains(answers):
    """Half pass at once, a quarter after one repair, none later."""
    chains = [[PASS], [PASS], [FAIL, PASS], [FAIL] * 4]
    found = answers(cells(400, lambda v, i: [cut(chains[i % 4], v)], *grid(debug_iters=(0, 1, 3))))
    (answer,) = found["gains of repairs"]
    assert answer.enough
    assert answer.sentence.startswith("3 repairs gain +25.0 [")
    assert "; after 1 repair the others add less than 1 point (+0.0 [" in answer.sentence
    assert [name for name, _ in answer.differences] == ["0 to 3 repairs", "1 to 3 repairs"]


def test_repairs_and_draws_are_held_against_each_other_at_equal_calls(answers):
    """Each repair is right, one draw in four is: 100 % after one repair against pass@2 = 50 %."""
    found = answers(
        cells(
            60,
            lambda v, i: [cut(c, v) for c in ([PASS], *[[FAIL, PASS]] * 3)],
            *grid((4,), (0, 1)),
        )
    )
    (answer,) = found["draw again or repair"]
    assert answer.enough
    assert answer.sentence.startswith("At 2 calls repairing is better by +50.0 [")


def drawn(chance, repaired, tasks=300, samples=8, seed=3):
    """Per task its attempts: draws that pass with a chance, failing ones repaired with another."""
    draw, found = random.Random(seed), {}
    for i in range(tasks):
        attempts = []
        for sample in range(samples):
            passed = draw.random() < chance(i)
            attempts.append((sample, 0, passed))
            if not passed:
                attempts.append((sample, 1, draw.random() < repaired(i)))
        found[f"t/{i}"] = attempts
    return found


def test_luck_is_not_taken_for_difficulty():
    """All tasks are alike. Sorted by the very draws that are measured, those that were unlucky
    would gain 46 points more than the lucky ones; sorted by the other half they gain the same."""
    tasks = drawn(lambda i: 0.5, lambda i: 0.5, samples=4)
    answer = study_interactions._difficulty("all", tasks, 1)
    assert not answer.enough
    assert "Not enough data to tell hard from easy" in answer.sentence
    gains = {name: d.value for name, d in answer.differences}
    assert gains["hard tasks"] == pytest.approx(0.25, abs=0.08)
    assert gains["easy tasks"] == pytest.approx(0.25, abs=0.08)
    same = [a for a in tasks.values() if not any(p for s, j, p in a if s % 2 and j == 0)]
    naive = [study_interactions._share(a, 1) - study_interactions._share(a, 0) for a in same]
    assert sum(naive) / len(naive) > 0.4


def test_a_real_interaction_with_difficulty_is_found():
    """Hard tasks are repaired, easy ones have nothing to gain."""
    tasks = drawn(lambda i: 0.02 if i % 2 else 0.98, lambda i: 0.6)
    answer = study_interactions._difficulty("all", tasks, 1)
    assert answer.enough
    assert "hard tasks gain more" in answer.sentence


def test_the_smallest_model_that_is_good_enough(answers):
    """3b solves what 7b solves, 1b half of it; the file lists the largest first."""
    solved = {"m:7b": 2, "m:3b": 2, "m:1b": 4}

    def chains(variant, i):
        return [[PASS if i % solved[variant.model] == 0 else FAIL]]

    found = answers(cells(200, chains, *(replace(BASE, model=m) for m in solved)))
    (answer,) = found["smallest model within 5 points"]
    assert answer.enough
    assert answer.sentence.startswith(
        "m:3b is the best (pass@1 50.0 %); every smaller model is more than 5 points worse"
    )


def test_a_smaller_model_within_five_points_is_named(answers):
    """Of 400 tasks 2 are lost: the interval stays above -5 points."""

    def chains(variant, i):
        lost = variant.model == "m-3b" and i in (0, 2)
        return [[FAIL if lost or i % 2 else PASS]]

    found = answers(cells(400, chains, *(replace(BASE, model=m) for m in ("m-7b", "m-3b"))))
    (answer,) = found["smallest model within 5 points"]
    assert answer.enough
    assert "; m-3b is within 5 points of it: -0.5 [" in answer.sentence


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("qwen2.5-coder:7b", 7.0),
        ("granite-3.3-2b-instruct", 2.0),
        ("Qwen3-0.6B", 0.6),
        ("codellama_13b_python", 13.0),
        ("tiny", None),
        ("gpt-4-big", None),
    ],
)
def test_sizes_are_read_off_names(name, size):
    """The billions of parameters, where the name has them."""
    assert size_of(name) == size


def test_levels_are_compared_with_the_best_by_holm(answers):
    """Three temperatures: 60, 50 and 30 per cent of the same tasks."""
    rate = {"temperature=0.2": 6, "temperature=0.8": 5, "temperature=1.1": 3}

    def chains(variant, i):
        return [[PASS if i % 10 < rate[variant.options] else FAIL]]

    found = answers(cells(300, chains, *(replace(BASE, options=o) for o in rate)))
    (answer,) = found["temperature, pass@1"]
    assert answer.enough
    assert answer.sentence.startswith(
        "temperature 0.2 has the highest rate (pass@1 60.0 %), ahead of temperature 0.8 +10.0 ["
    )
    assert "p < 0.001" in answer.sentence


def test_levels_that_tie_are_not_called_the_highest(answers):
    """Two temperatures that solve the same tasks share the rate."""
    options = ("temperature=0.2", "temperature=0.8")
    found = answers(cells(20, lambda _, i: [[PASS]], *(replace(BASE, options=o) for o in options)))
    (answer,) = found["temperature, pass@1"]
    assert not answer.enough
    assert answer.sentence.startswith(
        "Not enough data: temperature 0.2, temperature 0.8 share the highest rate (pass@1 100.0 %)"
    )


def test_models_that_gain_differently_from_repairs_are_told_apart(answers):
    """One repairs half of what it failed, the other nothing."""

    def chains(variant, i):
        repaired = variant.model == "b" and i % 4 == 1
        return [cut([PASS] if i % 2 == 0 else [FAIL, PASS if repaired else FAIL], variant)]

    both = [replace(v, model=m) for m in "ab" for v in grid(debug_iters=(0, 1))]
    (answer,) = answers(cells(200, chains, *both))["models and repairs"]
    assert answer.enough
    assert "a +0.0, b +25.0. b gains more than a by +25.0 [" in answer.sentence


def test_a_draw_of_another_experiment_is_not_compared(run, store):
    """The second model was measured with another time limit: there is nothing to compare."""
    chains = {f"t/{i}": [[PASS]] for i in range(20)}
    run("r1", {replace(BASE, model="a"): chains}, study="s")
    other = {"limits": {"wall_s": 1.0}}
    run("r2", {replace(BASE, model="b"): chains}, study="s", parts=other, at=1)
    report = examine(store, Filters(study=("s",)))
    assert len(report.cells) == 2
    assert report.answers == ()


def test_models_measured_in_two_runs_are_one_study(run, store):
    """As is usual where one server holds one model."""
    for at, model in enumerate("ab"):
        chains = {f"t/{i}": [[PASS if model == "b" else FAIL]] for i in range(20)}
        run(f"r{at}", {replace(BASE, model=model): chains}, study="s", at=at)
    report = examine(store, Filters(study=("s",)))
    assert [answer.topic.partition(",")[0] for answer in report.answers] == [
        "smallest model within 5 points"
    ]
    assert examine(store, Filters(study=("s",), run=("r0",))).answers == ()


def test_an_unknown_study_is_answered_with_those_that_there_are(run, store):
    """With the nearest name; an empty database says how a study is run."""
    with pytest.raises(ConfigError, match=r"holds no study 's': run `pytest FILE.yaml` first"):
        examine(store, Filters(study=("s",)))
    run("r", BASE, {"t/0": [[PASS]]}, study="heat")
    with pytest.raises(ConfigError, match=r"did you mean 'heat'\? it holds heat"):
        examine(store, Filters(study=("haet",)))
    with pytest.raises(ConfigError, match="name it with --mcode-study=NAME"):
        examine(store, Filters())


@pytest.fixture
def both(run, store):
    """A study of two models and three depths, as a report and as the store that holds it."""
    draw = random.Random(5)
    made = {}

    def chains(variant, i):
        key = variant.model, i
        if key not in made:
            chance = 0.2 + 0.6 * (i % 10) / 10 + (0.1 if variant.model == "large:7b" else 0)
            made[key] = [
                [PASS if draw.random() < chance else FAIL for _ in range(4)] for _ in range(6)
            ]
        return [cut(chain, variant) for chain in made[key]]

    variants = [
        replace(v, model=m)
        for m in ("small:1b", "large:7b")
        for v in grid((6,), debug_iters=(0, 1, 3))
    ]
    run("20261121-120000-ab12", cells(40, chains, *variants), study="repairs")
    return store


def test_the_report_is_the_golden_text(both):
    """Question, table and answers at 80 columns, as they were reviewed."""
    report = examine(both, Filters(study=("repairs",)))
    summary = replace(report.summary, database=Path(".mcode/results.db"))
    found = lines(replace(report, summary=summary))
    assert max(map(len, found)) <= 80
    assert "\n".join(found) + "\n" == GOLDEN.read_text()


def test_an_incomplete_study_says_so(run, store):
    """Above the answers and beside the cell."""
    run("r", BASE, {f"t/{i}": [[PASS]] for i in range(4)}, recorded=3, study="s")
    found = lines(examine(store, Filters(study=("s",))))
    assert any(line.startswith("  INCOMPLETE: answers are over the tasks") for line in found)
    assert any("INCOMPLETE 3/4 done" in line for line in found)
    assert any("--mcode-resume" in line for line in found)


def test_the_page_warns_as_the_terminal_does(run, store, tmp_path):
    """Of the demonstration model, of missing tasks, and of what `solved` stands for."""
    tasks = {f"t/{i}": [[PASS]] for i in range(4)}
    run("r", replace(BASE, model="tiny"), tasks, recorded=3, study="s")
    study_files.write(store, Filters(study=("s",)), (), tmp_path)
    page = (tmp_path / "study.md").read_text()
    for said in ("**DEMONSTRATION MODEL:", "**INCOMPLETE:", "in cells marked"):
        assert said in page


def test_files_hold_the_same_and_the_notebook_runs(both, tmp_path):
    """Markdown, CSV, charts in both forms, and a notebook of format 4 whose cells run."""
    folder = tmp_path / "charts"
    said = study_files.write(both, Filters(study=("repairs",)), (), folder)
    assert said.startswith(f"study repairs written to {folder}: ")
    page = (folder / "study.md").read_text()
    assert page.startswith("# What of repairs?\n")
    named = re.findall(r"!\[.*?\]\((.*?)\)", page)
    assert len(named) == len(set(named)) >= 6
    for name in named:
        assert (folder / name).read_text().startswith("<?xml")
        assert (folder / name).with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    with (folder / "cells.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["model"], r["debug_iters"]) for r in rows][:2] == [
        ("small:1b", "0"),
        ("small:1b", "1"),
    ]
    assert all(
        float(r["solved_low"]) <= float(r["solved"]) <= float(r["solved_high"]) for r in rows
    )
    with (folder / "answers.csv").open(newline="") as file:
        answered = list(csv.DictReader(file))
    assert answered
    for row in answered:
        assert row["answer"].split(" (")[0] in page.replace("\\", "")


def test_the_notebooks_cells_run_on_what_was_written(both, tmp_path, monkeypatch):
    """As Jupyter would run them, in the folder that holds them."""
    pytest.importorskip("pandas")
    import matplotlib as mpl

    study_files.write(both, Filters(study=("repairs",)), (), tmp_path)
    monkeypatch.chdir(tmp_path)
    book = json.loads(Path("study.ipynb").read_text())
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in book["cells"]}) == len(book["cells"])
    space: dict[str, object] = {}
    with mpl.rc_context({"backend": "agg"}):
        for cell in book["cells"]:
            if cell["cell_type"] == "code":
                assert cell["outputs"] == []
                exec("".join(cell["source"]), space)
    assert len(space["cells"]) == 6
    assert len(space["solved"].columns) == 6
    assert space["solved"].mean().max() <= 1


def test_where_draws_end_at_a_pass_the_first_of_them_is_pass_at_1(answers):
    """The small model needs a second draw on every task, the large one solves half at once: the
    share of draws that passed is 50 % of either, and pass@1 is 0 and 50 %."""
    small, large = (
        Variant("tasks", name, samples=5, options="stop=first-pass") for name in ("m-1b", "m-7b")
    )

    def chains(variant, i):
        late = [[FAIL], [PASS]]
        return late if variant is small else [[PASS]] if i % 2 else [[FAIL]] * 5

    (answer,) = answers(cells(100, chains, small, large))["smallest model within 5 points"]
    assert answer.sentence.startswith("m-7b is the best (pass@1 50.0 %); every smaller model is")
