"""`--mcode-compare`: published differences, honest refusals, and what a table must not hide."""

import gzip
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.core.records import Variant
from pytest_mcode.reports.comparison import compare, compare_levels
from pytest_mcode.reports.comparison_factors import SETTINGS, factor
from pytest_mcode.reports.comparison_request import requested
from pytest_mcode.reports.comparison_text import lines
from pytest_mcode.store import queries
from pytest_mcode.store.queries import Filters
from pytest_mcode.store.reader import SelfCheck

GOLDEN = Path(__file__).parent / "golden"
LDB = Path(__file__).parents[3].parent / "shared" / "data" / "completions" / "ldb_gpt-3.5"
PARTS = {
    "data": {"sha256": "d1"},
    "limits": {"wall_s": 10.0},
    "model": {"backend": "ollama", "model": "m", "sampling": {"seed": 0, "temperature": 0.8}},
    "sampling": {"seed": 0, "temperature": 0.8},
    "sandbox": {"host_factor": 1, "image": "i1", "packages": "numpy", "python": "3.12.1"},
    "version": "0.1.0",
}
PASS, FAIL = ["passed"], ["failed"]


def parts(**changes):
    """The parts of a fingerprint with dotted ones (`sampling__seed`) changed."""
    changed = json.loads(json.dumps(PARTS))
    for name, value in changes.items():
        *path, last = name.split("__")
        place = changed
        for key in path:
            place = place[key]
        place[last] = value
    return changed


def first(chains, n):
    """The first n samples of every task."""
    return {task: samples[:n] for task, samples in chains.items()}


def text_of(comparison, **options):
    """All lines as one text of single blanks."""
    return " ".join(" ".join(lines(comparison, **options)).split())


def labels(bench, phase):
    """LDB's own labels of a phase: one chain per task."""
    path = LDB / f"{bench}_{phase}_gpt-3.5-turbo-0613.jsonl.gz"
    if not path.exists():
        pytest.skip("needs ../shared/data")
    with gzip.open(path, "rt") as file:
        rows = [json.loads(line) for line in file]
    return {r["task_id"]: [PASS if r["is_solved"] else FAIL] for r in rows}


@pytest.fixture
def two(run):
    """Runs a and b of one sample on tasks T/0.., from strings such as `110`."""

    def record(a, b, parts_b=None, model_b="m"):
        of_b = parts_b or PARTS
        for at, (name, bits, model, given) in enumerate(
            (("a", a, "m", PARTS), ("b", b, model_b, of_b))
        ):
            chains = {f"T/{i}": [PASS if bit == "1" else FAIL] for i, bit in enumerate(bits)}
            run(name, Variant("b", model), chains, parts=given, at=at)

    return record


@pytest.mark.parametrize(
    ("bench", "rates"), [("humaneval", (73.78, 82.93)), ("mbpp", (67.60, 76.00))]
)
def test_debugging_against_its_seeds(run, store, bench, rates):
    """LDB's labels of GPT-3.5: the paired difference, exact p and the tasks by name."""
    chains = {phase: labels(bench, phase) for phase in ("seed", "debug")}
    for at, phase in enumerate(chains):
        run(phase, Variant(bench, phase), chains[phase], parts=parts(model__model=phase), at=at)
    found = requested(store, "seed,debug")
    ((pair,),) = [family.pairs for family in found.families]
    (contrast,) = pair.contrasts
    assert found.under_study == ("model",)
    assert (round(100 * contrast.a, 2), round(100 * contrast.b, 2)) == rates
    won = {t for t in chains["debug"] if chains["debug"][t] == [PASS] != chains["seed"][t]}
    lost = {t for t in chains["debug"] if chains["seed"][t] == [PASS] != chains["debug"][t]}
    assert (set(pair.won), set(pair.lost)) == (won, lost)
    n, k = len(won) + len(lost), min(len(won), len(lost))
    exact = min(1.0, 2 * sum(math.comb(n, i) for i in range(k + 1)) / 2**n)
    assert contrast.p == pytest.approx(exact)
    assert 0 < contrast.difference.low < contrast.b - contrast.a < contrast.difference.high


def test_the_text_of_a_pair_is_the_reviewed_one(run, store, ldb, variants):
    """Seeds against ten repairs of the same draws, at 80 columns."""
    seeds = replace(variants["ldb"], debug_iters=0)
    cut = {task: [chains[0][:1]] for task, chains in ldb.items()}
    run("20261120-120000-ab12", seeds, cut)
    run("20261120-130000-cd34", variants["ldb"], ldb, at=1)
    found = lines(requested(store, "20261120-120000-ab12,20261120-130000-cd34"))
    assert max(map(len, found)) <= 80
    assert "\n".join(found) + "\n" == (GOLDEN / "comparison_pair.txt").read_text()


def test_the_text_of_levels_is_the_reviewed_one(run, store, codegen, variants):
    """solved@1, @10 and @100 of real samples against the first, at 80 columns."""
    for n in (10, 1, 100):
        given = {**PARTS, "strategy": {"samples": n}}
        run(f"n{n}", replace(variants["codegen"], samples=n), first(codegen, n), parts=given)
    found = lines(requested(store, "samples"))
    assert max(map(len, found)) <= 80
    assert "\n".join(found) + "\n" == (GOLDEN / "comparison_levels.txt").read_text()


def test_holm_over_the_levels_and_not_over_a_pair(run, store, codegen, variants):
    """p of a pair is its own; with three levels the smaller of two is doubled."""
    cells = {replace(variants["codegen"], samples=n): first(codegen, n) for n in (2, 5, 10)}
    run("r", cells, parts=PARTS)
    rows = queries.variants(store)
    (family,) = compare_levels(store, rows, ["samples"]).families
    small, large = sorted(pair.contrasts[1].difference.p for pair in family.pairs)
    adjusted = sorted(pair.contrasts[1].p for pair in family.pairs)
    assert adjusted == pytest.approx([2 * small, max(2 * small, large)])
    assert 0 < 2 * small < 1
    (alone,) = compare_levels(store, rows[:2], ["samples"]).families
    assert alone.pairs[0].contrasts[1].p == alone.pairs[0].contrasts[1].difference.p


def test_only_tasks_that_both_measured_are_compared(run, store):
    """Infra and unmeasured tasks are in no number, are counted, and said loudly."""
    every = {f"T/{i}": [PASS] for i in range(8)}
    run("a", Variant("b", "m"), {**every, "T/1": "server gone"}, parts=PARTS)
    run("b", Variant("b", "m"), {t: [FAIL] for t in every}, parts=PARTS, recorded=6, at=1)
    found = requested(store, "a,b")
    ((pair,),) = [family.pairs for family in found.families]
    assert (pair.tasks, pair.partial) == (5, True)
    assert set(pair.lost) == {"T/0", "T/2", "T/3", "T/4", "T/5"}
    said = text_of(found)
    assert "INCOMPLETE: A has measured 7 of 8 tasks, B 6 of 8. Compared are the 5" in said
    assert "INFRA in A, left out: 1 (T/1)" in said


def test_some_tasks_of_a_benchmark_say_so_and_do_not_hide_the_comparison_of_all(run, store):
    """Two models on both tasks of b, and later on one: the levels are those of both, and where the
    later run is meant its difference says SUBSET."""
    store.remember_check(SelfCheck("b", "d1", "img", "v1", passed=True, tasks=2))
    models = {m: parts(model__model=m) for m in ("m1", "m2")}
    for at, (name, tasks) in enumerate((("all", ("T/1", "T/2")), ("some", ("T/2",)))):
        for m, given in models.items():
            run(f"{name}-{m}", Variant("b", m), {t: [PASS] for t in tasks}, parts=given, at=at)
    found = requested(store, "model")
    assert found.families[0].pairs[0].tasks == 2
    assert "SUBSET" not in text_of(found)
    later = text_of(requested(store, "some-m1,some-m2"))
    assert "SUBSET: 1 of the 2 tasks of b; rates and differences are of these alone." in later


def test_other_tasks_are_left_out_with_a_note(run, store):
    """A run of fewer tasks is compared on those alone; without any in common it is refused."""
    every = {f"T/{i}": [PASS] for i in range(4)}
    run("a", Variant("b", "m"), every, parts=PARTS)
    run("b", Variant("b", "m"), first(dict(list(every.items())[:3]), 1), parts=PARTS, at=1)
    assert "OTHER TASKS: A has 4, B has 3; compared are the 3" in text_of(requested(store, "a,b"))
    run("c", Variant("b", "m"), {"T/9": [PASS]}, parts=PARTS, at=2)
    with pytest.raises(ConfigError, match="a and c have no measured task in common"):
        requested(store, "a,c")


def test_runs_that_differ_in_one_thing_are_compared_in_it(two, store):
    """What differs is found by itself, from the fingerprints, and stands in the heading."""
    two("110", "011", parts_b=parts(sampling__temperature=0.2, model__sampling__temperature=0.2))
    found = requested(store, "a,b")
    assert found.under_study == ("temperature",)
    said = text_of(found)
    assert "b, 3 tasks in both: A and B differ in temperature" in said
    assert "temperature 0.8" in said
    assert "temperature 0.2" in said


def test_two_causes_are_refused_by_name_until_both_are_meant(two, store):
    """A difference with two causes has none; the message is what to type if it is meant."""
    two("1", "0", parts_b=parts(sampling__temperature=0.2, version="0.2.0"))
    expected = (
        "--mcode-compare=a,b: a and b differ in temperature (0.8 / 0.2), version (0.1.0 / 0.2.0): "
        "run one again with the other's, or if the sum of these effects is meant, name all of it: "
        "--mcode-compare=a,b,temperature,version"
    )
    with pytest.raises(ConfigError) as refused:
        requested(store, "a,b")
    assert str(refused.value) == expected
    found = requested(store, expected.rpartition("=")[2])
    assert found.under_study == ("temperature", "version")
    assert len(found.families) == 1


def test_what_belongs_to_the_host_refuses_nothing(two, store):
    """Another seed, image, host factor or patch level of Python is a note and no refusal."""
    two(
        "11",
        "10",
        parts_b=parts(
            sampling__seed=1, sandbox__image="i2", sandbox__host_factor=2, sandbox__python="3.12.9"
        ),
    )
    found = requested(store, "a,b")
    assert found.under_study == ()
    said = text_of(found)
    assert "A and B are the same experiment" in said
    assert (
        "They differ in sampling.seed, sandbox.host_factor, sandbox.image, sandbox.python too"
        in said
    )


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"sandbox__python": "3.11.9"}, "sandbox (sandbox.python)"),
        ({"sandbox__packages": "numpy 3"}, "sandbox (sandbox.packages)"),
        (
            {"sandbox__packages": "the image's own", "sandbox__image": "i2"},
            "sandbox (sandbox.packages, sandbox.image)",
        ),
    ],
)
def test_what_programs_meet_in_the_sandbox_is_a_cause(two, store, changes, named):
    """Beside another model, another Python or other packages are refused by name."""
    two("1", "0", parts_b=parts(model__model="n", **changes), model_b="n")
    with pytest.raises(ConfigError) as refused:
        requested(store, "a,b")
    for part in named.removeprefix("sandbox (").removesuffix(")").split(", "):
        assert part in str(refused.value)


def test_other_data_are_never_compared(two, store):
    """A task with other tests is another task, whatever is named as meant."""
    two("1", "0", parts_b=parts(data__sha256="d2"))
    with pytest.raises(
        ConfigError, match=r"differ in data.sha256, so their tasks are not the same"
    ):
        requested(store, "a,b")
    with pytest.raises(ConfigError, match="benchmarks have different tasks"):
        requested(store, "a,b,data")


def test_grids_are_matched_cell_by_cell(run, store):
    """Two runs of one grid by two models: each cell meets its own, with p over all of them."""
    for at, model in enumerate("xy"):
        cells = {
            Variant("b", model, samples=n): {f"T/{i}": [PASS, FAIL][:n] for i in range(3)}
            for n in (1, 2)
        }
        run(model, cells, parts=parts(model__model=model), at=at)
    found = requested(store, "x,y")
    assert found.under_study == ("model",)
    (family,) = found.families
    assert [(p.a.row.label, p.b.row.label) for p in family.pairs] == [
        ("x-n1-d0", "y-n1-d0"),
        ("x-n2-d0", "y-n2-d0"),
    ]
    assert "p adjusted for 2 comparisons (Holm)" in text_of(found)
    assert not found.alone


def test_cells_without_a_partner_are_named(run, store):
    """What only one of the runs has measured is listed, not forgotten."""
    task = {"T/0": [PASS, PASS]}
    run("a", {Variant("b", "m"): first(task, 1), Variant("b", "m", samples=2): task}, parts=PARTS)
    run("b", Variant("b", "m"), first(task, 1), parts=PARTS, at=1)
    found = requested(store, "a,b")
    assert [row.label for row in found.alone] == ["m-n2-d0"]
    assert "nothing to compare with: m-n2-d0 of a" in text_of(found)


def test_levels_that_cannot_be_compared_are_named(run, store, codegen, variants):
    """A sample count at another temperature stands below the table with its reason."""
    for n in (1, 10):
        run(f"n{n}", replace(variants["codegen"], samples=n), first(codegen, n), parts=PARTS)
    hot = parts(sampling__temperature=1.2)
    run("hot", replace(variants["codegen"], samples=5), first(codegen, 5), parts=hot, at=5)
    found = requested(store, "samples")
    assert [p.b.row.variant.samples for p in found.families[0].pairs] == [10]
    said = text_of(found)
    assert "NOT COMPARED: n1 and hot differ in temperature (0.8 / 1.2): run one again" in said


def test_an_incomplete_level_is_marked(run, store, codegen, variants):
    """A level that is still being measured has a star, its tasks and the baseline on them."""
    for n, recorded in ((1, None), (10, None), (20, 9)):
        cell = replace(variants["codegen"], samples=n)
        run(f"n{n}", cell, first(codegen, n), parts=PARTS, recorded=recorded)
    said = text_of(requested(store, "samples"))
    assert "A 1, B 20: INCOMPLETE: A has measured 164 of 164 tasks, B 9 of 164." in said
    assert "* 20: 9 tasks, on which 1 has " in said


def test_models_stand_in_the_order_in_which_they_are_named(run, store):
    """The baseline is the first measured, or the first of --mcode-model."""
    for at, model in enumerate(("late", "early", "mid")):
        given = parts(model__model=model)
        run(model, Variant("b", model), {"T/0": [PASS], "T/1": [FAIL]}, parts=given, at=at)

    def order(filters=queries.ALL):
        (family,) = requested(store, "model", filters).families
        return [family.baseline.row.run_id, *(pair.b.row.run_id for pair in family.pairs)]

    assert order() == ["late", "early", "mid"]
    assert order(Filters(model=("mid", "late", "early"))) == ["mid", "late", "early"]


def test_settings_of_a_cell_are_a_dimension(run, store):
    """A grid over temperature within one run is told apart by the cells' own options."""
    cells = {
        Variant("b", "m", options=f"temperature={t}"): {f"T/{i}": [PASS] for i in range(2)}
        for t in ("0.8", "0.2", "1")
    }
    run("r", cells, parts={"limits": {"wall_s": 10.0}})
    (family,) = requested(store, "temperature").families
    assert [pair.b.row.variant.options for pair in family.pairs] == [
        "temperature=0.8",
        "temperature=1",
    ]
    said = text_of(requested(store, "temperature"))
    assert "levels of temperature baseline: 0.2 (run r)" in said
    assert "pass@1: the same in every task" in said


def test_repairs_within_a_run(run, store, ldb, variants):
    """With repairs under study, "solved by the last iteration" is compared and draws are equal."""
    cells = {
        replace(variants["ldb"], debug_iters=d): {t: [c[0][: d + 1]] for t, c in ldb.items()}
        for d in (0, 3)
    }
    run("r", cells, parts=PARTS)
    found = requested(store, "debug-iters")
    ((pair,),) = [family.pairs for family in found.families]
    draws, last = pair.contrasts
    assert draws.difference.value == 0
    assert (last.kind, last.at, last.last) == ("any", (0, 3), True)
    assert len(pair.won) == round(last.difference.value * 164) > 0
    said = text_of(found)
    assert "pass@1: A and B are equal in every task" in said
    assert "Draws that both need are shared" in said
    assert "feedback public tests" in said


def test_iterations_between_are_shown_on_demand(run, store, ldb, variants):
    """Of ten iterations the first three and the last are shown, `every` shows all and all names."""
    for at, model in enumerate("xy"):
        cell = replace(variants["ldb"], model=model)
        chains = ldb if model == "x" else {t: [["failed"]] for t in ldb}
        run(model, cell, chains, parts=parts(model__model=model), at=at)
    found = requested(store, "x,y")
    assert len(found.families[0].pairs[0].contrasts) == 11
    some, every = lines(found), lines(found, every=True)
    assert [sum(line.startswith("  solved by j") for line in x) for x in (some, every)] == [5, 11]
    assert "and 126 more, -v names all)" in " ".join(" ".join(some).split())
    solved = found.families[0].pairs[0].lost
    assert len(solved) == 136
    assert all(f"{task}," in " ".join(every) for task in solved[:-1])
    assert "more, -v" not in " ".join(every)


def test_draws_that_stopped_early_are_compared_by_their_first(run, store):
    """A share of draws that stop after a pass is biased: pass@1 is of first draws, no `one` is."""
    a = {"T/0": [FAIL, PASS], "T/1": [PASS], "T/2": [FAIL, FAIL]}
    b = {"T/0": [PASS, PASS], "T/1": [PASS, FAIL], "T/2": [FAIL, FAIL]}
    for at, (run_id, chains) in enumerate((("a", a), ("b", b))):
        run(run_id, Variant("b", "m", samples=2, debug_iters=1), chains, parts=PARTS, at=at)
    ((pair,),) = [family.pairs for family in requested(store, "a,b").families]
    assert (pair.contrasts[0].a, pair.contrasts[0].b) == (pytest.approx(1 / 3), 0.5)
    assert {contrast.kind for contrast in pair.contrasts} == {"pass@1", "solved@n", "any"}


def test_no_difference_comes_with_what_could_have_been_seen(two, store):
    """A p above 0.05 is never read as equality: the interval and the smallest difference stand."""
    two("1" * 60 + "0" * 40, "1" * 58 + "0" * 42, parts_b=parts(model__model="n"))
    found = requested(store, "a,b")
    said = text_of(found)
    (contrast,) = found.families[0].pairs[0].contrasts
    low, high = 100 * contrast.difference.low, 100 * contrast.difference.high
    assert "pass@1: no difference was found (B is higher in 0 tasks, A in 2); the true" in said
    assert f"one may be anything from {low:+.2f} to {high:+.2f}" in said
    assert low < -2 < 0 <= high
    assert f"finds in 80 of 100 cases: {100 * contrast.detectable:.1f} in pass@1." in said
    assert 0.02 < contrast.detectable < 0.15


def test_what_a_strategy_hands_in(run, store):
    """A chosen draw is compared with one draw of whoever chooses none, and under its own name."""
    chains = {f"T/{i}": [FAIL, PASS] for i in range(4)}
    for at, strategy in enumerate(("best_of_n", "majority")):
        run(strategy, Variant("b", "m", samples=2, strategy=strategy), chains, parts=PARTS, at=at)
    with store._transaction():
        sql = "UPDATE items SET chosen = task_id <> 'T/0' WHERE run_id = 'majority'"
        store._connection.execute(sql)
    found = requested(store, "strategy")
    ((pair,),) = [family.pairs for family in found.families]
    draws, solved, given = pair.contrasts
    assert (draws.difference.value, solved.difference.value) == (0, 0)
    assert (given.kind, given.a, given.b) == ("handed in", 0.5, 0.75)
    assert (given.difference.won, given.difference.lost) == (3, 1)
    assert "handed in: what is given without knowing the verdicts" in text_of(found)


def test_flaky_and_forged_are_no_passes(run, store):
    """Forged answers count as failed in a comparison as everywhere."""
    run("a", Variant("b", "m"), {"T/0": [["forged"]], "T/1": [PASS]}, parts=PARTS)
    run("b", Variant("b", "m"), {"T/0": [PASS], "T/1": [PASS]}, parts=PARTS, at=1)
    (pair,) = requested(store, "a,b").families[0].pairs
    assert (pair.contrasts[0].a, pair.won) == (0.5, ("T/0",))


def test_compare_takes_rows_of_any_origin(two, store):
    """What other reports call: rows in, records out, without an error for what is refused."""
    two("10", "01", parts_b=parts(model__model="n", version="2"), model_b="n")
    b, a = queries.variants(store)
    refused = compare(store, [a], [b])
    assert not refused.families
    assert refused.refused[0].factors == ("model", "version")
    found = compare(store, [a], [b], ("model", "version"))
    assert found.families[0].baseline == found.families[0].pairs[0].a


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", r"names one run, a: name another after it \(b\), or with --mcode-run=a what to"),
        ("a,a", "names one run, a: name another after it"),
        ("modell", "unknown 'modell': did you mean 'model'"),
        ("a,other.db:b", "'other.db:b' names another database, and only runs of one"),
        ("bench", "benchmarks have different tasks"),
        ("temperature", r"only one is measured \(0.8\): run another into the same database"),
        ("nothing-near-anything", "unknown 'nothing-near-anything': it takes run ids such as b"),
    ],
)
def test_wrong_text_is_answered_with_the_cure(two, store, text, message):
    """One line says what is wrong and what to type."""
    two("1", "0")
    with pytest.raises(ConfigError, match=message) as refused:
        requested(store, text)
    assert len(str(refused.value)) < 400


def test_runs_name_themselves(two, run, store):
    """--mcode-run beside run ids, an empty selection and other benchmarks are refused."""
    two("1", "0")
    run("c", Variant("other", "m"), {"T/0": [PASS]}, parts=PARTS, at=3)
    with pytest.raises(ConfigError, match="leave --mcode-run out"):
        requested(store, "a,b", Filters(run=("a",)))
    with pytest.raises(ConfigError, match="nothing is measured in this selection"):
        requested(store, "model", Filters(model=("nobody",)))
    with pytest.raises(ConfigError, match=r"a \(b\) and c \(other\) have no measured benchmark"):
        requested(store, "a,c")


def test_levels_on_different_benchmarks_are_not_called_one(run, store):
    """Both are named, with what they lack."""
    run("a", Variant("b", "m"), {"T/0": [PASS]}, parts=PARTS, at=1)
    run("c", Variant("other", "m", strategy="majority"), {"T/0": [PASS]}, parts=PARTS, at=2)
    with pytest.raises(ConfigError, match=r"no two of those measured \(majority, self_debug\) sha"):
        requested(store, "strategy")


def test_every_part_belongs_to_the_option_that_sets_it():
    """Dotted parts of fingerprints come back under the names of options."""
    assert {factor(".".join(path)) for path in SETTINGS.values()} >= set(SETTINGS) - {"sandbox"}
    assert factor("model.sampling.top_p") == "top-p"
    assert factor("model.sha256") == "model"
    assert factor("strategy.debug_iters") == "debug-iters"
    assert factor("strategy.name") == "strategy"
    assert factor("sandbox.memory_mb") == "memory"
    assert factor("data.sha256") == "data"
