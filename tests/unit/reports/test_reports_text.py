"""The printed summary: published figures, honest marks, and 80 columns."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_mcode.core.records import Answer, Attempt, Outcome, Variant, Verdict
from pytest_mcode.core.words import counted
from pytest_mcode.reports import html, markdown
from pytest_mcode.reports.layout import duration
from pytest_mcode.reports.overview import run_lines
from pytest_mcode.reports.summary import summarize
from pytest_mcode.reports.text import lines
from pytest_mcode.store import queries
from pytest_mcode.store.database import PlannedItem
from pytest_mcode.store.queries import Filters
from pytest_mcode.store.reader import SelfCheck

GOLDEN = Path(__file__).parent / "golden"
EXPECTED = Path(__file__).parents[3].parent / "shared" / "data" / "completions" / "EXPECTED.json"


def shown(store, **filters):
    """The lines of a report, with a database path that is the same everywhere."""
    summary = summarize(store, Filters(**filters))
    return lines(replace(summary, database=Path(".mcode/results.db")))


def rate(found, name, after=""):
    """The per cent of the first line called `name`, below the line that starts with `after`."""
    start = next(i for i, line in enumerate(found) if line.strip().startswith(after))
    line = next(line for line in found[start:] if line.strip().startswith(f"{name} "))
    return float(line.strip().removeprefix(name).split()[0])


def test_codegen16b_summary_is_the_golden_text(run, store, codegen, variants):
    """16,400 real samples go through the store and come out as the reviewed text."""
    run("20261120-120000-ab12", variants["codegen"], codegen)
    text = "\n".join(shown(store)) + "\n"
    assert text == (GOLDEN / "codegen16b.txt").read_text()


def test_published_figures_of_both_models(run, store, codegen, qwen, variants):
    """Every pass@k recorded in EXPECTED.json stands in the lines to two decimals."""
    expected = json.loads(EXPECTED.read_text())
    run("a", variants["codegen"], codegen)
    run("b", variants["qwen"], qwen)
    for run_id, name in (("a", "codegen16b_humaneval_n100"), ("b", "qwen3-0.6b_mbpp_n10")):
        found = shown(store, run=(run_id,))
        for key, value in expected[name]["measured"].items():
            if key.startswith("pass@"):
                assert rate(found, key) == value
        n = expected[name]["n"]
        assert rate(found, f"solved@{n}") == expected[name]["measured"][f"pass@{n}"]


def test_debugging_counts_only_as_solved_by_iteration(run, store, ldb, variants):
    """LDB's repairs lift "solved by iteration" from 73.78 to 82.93 and leave pass@1 at 73.78."""
    run("r", variants["ldb"], ldb)
    found = shown(store)
    heading = "solved by iteration j (feedback: public tests)"
    assert f"  {heading}" in found
    assert rate(found, "pass@1") == 73.78
    assert rate(found, "solved@1") == 73.78
    assert rate(found, "j = 0", after=heading) == 73.78
    assert rate(found, "j = 10", after=heading) == 82.93


def test_one_sample_and_any_sample_are_told_apart(run, store):
    """With several samples both readings of an iteration are given under their own heading."""
    chains = {"T/1": [["failed", "passed"], ["failed", "failed"]], "T/2": [["passed"], ["passed"]]}
    run("r", Variant("b", "m", samples=2, debug_iters=1), chains)
    found = shown(store)
    assert rate(found, "j = 0", after="any of 2 samples") == 50.0
    assert rate(found, "j = 1", after="any of 2 samples") == 100.0
    assert rate(found, "j = 0", after="one sample (mean of 2)") == 50.0
    assert rate(found, "j = 1", after="one sample (mean of 2)") == 75.0


def test_what_lengthened_the_limit_or_repeated_the_programs_stands_beside_it(run, store):
    """A slow host's factor and the number of verifications are part of what a rate means."""
    parts = {"limits": {"wall_s": 10.0}, "sandbox": {"host_factor": 2}, "verify_times": 3}
    run("r", Variant("b", "m"), {"T/1": [["passed"]]}, parts=parts)
    (line,) = (line for line in shown(store) if line.strip().startswith("run r, "))
    assert line.endswith(", 10 s per program x 2 (slow host), each verified 3 times")


def test_answers_that_were_cut_off_are_told_beside_the_rates(store):
    """Else a model that thinks for long, or a small context, looks like one that fails."""
    variant, reasons = Variant("b", "m", samples=3), ("length", "stop", "context_overflow")
    attempts = tuple(
        Attempt(i, 0, Answer("", finish_reason=reason), "", Verdict("no_code"))
        for i, reason in enumerate(reasons)
    )
    store.start_run("r", command="pytest", fingerprint_parts={}, version="0")
    items = [PlannedItem("i", variant.label, "T/1"), PlannedItem("j", variant.label, "T/2")]
    store.plan("r", {variant.label: (variant, {})}, items)
    store.record("r", "i", Outcome(variant, "T/1", attempts).to_json())
    store.record("r", "j", Outcome(variant, "T/2", attempts, infra="gone").to_json())
    told = " ".join(" ".join(shown(store)).split())
    assert (
        "CUT OFF: 1 of 3 answers ended at the limit of tokens, 1 prompt did not fit the model's"
        " context; more room is given by --mcode-max-tokens, or by the server's context." in told
    )


def test_an_incomplete_run_says_so_beside_every_rate(run, store, codegen, variants):
    """No rate of an unfinished run stands on a line without its mark; infra is not in it."""
    some = dict(list(codegen.items())[:12])
    some["HumanEval/3"] = "server did not answer\nwithin 600 s: start it"
    run("r", variants["codegen"], some, recorded=8)
    found = shown(store)
    numbers = [line for line in found if "[" in line]
    assert len(numbers) == 8
    assert all(line.endswith("INCOMPLETE 7/12 done, 1 infra") for line in numbers)
    assert "  7 of 12 tasks done, 1 infra" in found
    assert any(line.startswith("  INFRA: 1 task failed") for line in found)
    assert "  infra x1: server did not answer within 600 s: start it" in found
    assert max(map(len, found)) <= 80


def test_nothing_measured_shows_no_rate(run, store, variants):
    """A run that only planned has counts but not a single per cent."""
    run("r", variants["qwen"], {"MBPP/11": []}, recorded=0)
    found = shown(store)
    assert "  0 of 1 task done, 0 infra" in found
    assert not any("%" in line or "[" in line for line in found)


def test_early_stop_gives_no_biased_pass_at_k(run, store):
    """Where a task stopped drawing after a pass, only pass@1 of the first draw is given."""
    chains = {"T/1": [["failed"], ["passed"]], "T/2": [["failed"]] * 5, "T/3": [["passed"]]}
    run("r", Variant("b", "m", samples=5), chains)
    found = shown(store)
    assert rate(found, "pass@1") == 33.33
    assert rate(found, "solved@5") == 66.67
    assert not any("pass@2" in line for line in found)
    assert any("2 tasks have fewer than 5 draws" in line for line in found)


def test_the_demonstration_model_is_announced(run, store):
    """Numbers of a tiny model never stand without the warning."""
    run("r", Variant("tiny", "tiny"), {"tiny/1": [["passed"]]})
    assert any("DEMONSTRATION MODEL" in line for line in shown(store))


def test_forged_passes_are_loud(run, store):
    """Forged answers are counted in a line of their own, and not as passed."""
    run("r", Variant("b", "m"), {"T/1": [["forged"]], "T/2": [["passed"]]})
    found = shown(store)
    assert any(line.startswith("  FORGED: 1 answer tried") for line in found)
    assert rate(found, "pass@1") == 50.0


def test_a_grid_ends_with_an_overview_and_fits(run, store, codegen, variants):
    """Several variants get one line each after their details; nothing is wider than 80."""
    some = dict(list(codegen.items())[:20])
    long = replace(variants["codegen"], model="a-rather-long-model-name-with-a-quantisation-Q8_0")
    run("a", variants["codegen"], some)
    run("b", long, some, recorded=9)
    run("c", replace(variants["codegen"], samples=1), {t: c[:1] for t, c in some.items()})
    found = shown(store)
    head = next(i for i, line in enumerate(found) if "solved, any sample" in line)
    block = found[head : found.index("", head)]
    assert sum("[" in line for line in block) == 3
    assert sum("INCOMPLETE 9/20 done" in line for line in block) == 1
    assert max(map(len, found)) <= 80


def test_cells_that_differ_in_the_time_limit_alone_have_two_names(run, store):
    """In the overview as on the page; and a rate of some tasks says of how many."""
    store.remember_check(SelfCheck("b", "sha", "img", "v1", passed=True, tasks=2))
    data = {"benchmark": "b", "sha256": "sha"}
    for at, seconds in enumerate((10.0, 3.0)):
        given = {"data": data, "limits": {"wall_s": seconds}}
        run(f"r{at}", Variant("b", "m"), {"T/1": [["passed"]]}, parts=given, at=at)
    found = " ".join(" ".join(shown(store)).split())
    assert "b m-n1-d0, 3 s 100.0 [20.7, 100.0] 100.0 [20.7, 100.0] 1 of 2" in found
    assert "b m-n1-d0, 10 s 100.0" in found


@pytest.mark.parametrize("width", [0, 60, 200])
def test_any_width_of_terminal_works(run, store, variants, width):
    """A terminal without columns, a narrow and a wide one get the same numbers."""
    run("a", variants["ldb"], {"HumanEval/0": [["failed", "passed"]], "HumanEval/1": "down"})
    run("b", variants["qwen"], {"MBPP/11": [["passed"]] * 10})
    found = lines(summarize(store), width)
    assert rate(found, "pass@1") == 100.0
    assert sum("solved, any sample" in line for line in found) == 1


def test_reports_show_the_newest_measurement_of_a_variant(run, store, variants):
    """Without filters the newest run that measured something is shown; older ones are counted."""
    run("old", variants["qwen"], {"MBPP/11": [["failed"]] * 10})
    run("new", variants["qwen"], {"MBPP/11": [["passed"]] * 10}, at=1)
    run("abandoned", variants["qwen"], {"MBPP/11": [["passed"]] * 10}, at=2, recorded=0)
    found = shown(store)
    assert rate(found, "pass@1") == 100.0
    assert "2 other measurements of these variants not shown; --mcode-report -v lists runs" in found
    assert rate(shown(store, run=("old",)), "pass@1") == 0.0


def test_a_run_of_some_tasks_says_so_and_does_not_hide_the_run_of_all(run, store):
    """After `--lf` the rate of the unsolved tasks alone is not shown as that of the model."""
    proof = SelfCheck("b", "sha", "img", "v1", passed=True, tasks=2)
    store.remember_check(proof)
    assert store.self_check("b", "sha", "img", "v1") == proof
    both = {"T/1": [["passed"]], "T/2": [["failed"]]}
    parts = {"data": {"benchmark": "b", "sha256": "sha"}}
    run("all", Variant("b", "m"), both, parts=parts)
    run("lf", Variant("b", "m"), {"T/2": [["failed"]]}, parts=parts, at=1)
    found, chosen = shown(store), shown(store, run=("lf",))
    assert rate(found, "pass@1") == 50.0
    assert not any("SUBSET" in line for line in found)
    assert rate(chosen, "pass@1") == 0.0
    assert "  SUBSET: 1 of the 2 tasks of b; rates are of these alone." in chosen
    run("other", Variant("b", "m"), {"T/2": [["passed"]]}, parts={**parts, "seed": 1}, at=2)
    assert rate(shown(store), "pass@1") == 100.0


def test_an_infra_error_that_was_made_good_is_told_as_past(run, store, outcome):
    """A complete run that once met one does not look as if it still had it."""
    cell = Variant("b", "m")
    run("r", cell, {"T/1": "server away"})
    store.record("r", "m-n1-d0[T/1]", outcome(cell, "T/1", [["passed"]]))
    assert "  infra x1 earlier, measured since: server away" in shown(store)


def test_no_match_is_said(store):
    """A filter that matches nothing gives one line, not an empty report."""
    assert shown(store, model=("nobody",)) == ["no results match in .mcode/results.db"]


def test_the_run_list_names_what_was_measured(run, store, variants):
    """One line per run, newest first, with what is missing and what was measured."""
    run("r1", variants["qwen"], {"MBPP/11": [["passed"]] * 10})
    run("r2", variants["ldb"], {"HumanEval/0": [["passed"]], "HumanEval/1": "x"}, at=1)
    found = run_lines(queries.runs(store))
    assert found[1].split() == [
        *("r2", "2026-11-20", "13:00", "1/2", "1", "INCOMPLETE", "humaneval", "gpt-3.5")
    ]
    assert found[2].split() == ["r1", "2026-11-20", "12:00", "1/1", "0", "mbpp", "qwen3-0.6b"]
    assert run_lines([]) == ["no runs"]


def test_shared_draws_count_once_in_throughput(run, store):
    """Cells n=1 and n=5 of one grid share draws: the speed counts five, not six, per task."""
    cells = {Variant("b", "m", samples=n): {"T/1": [["failed"]] * n} for n in (1, 5)}
    cells[Variant("b", "other")] = {"T/1": [["failed"]]}
    run("r", cells)
    assert "run r: 100.0 s, 0.1 attempts/s, 1 tokens/s" in shown(store)
    (summary,) = summarize(store).runs
    assert (summary.attempts, summary.completion_tokens) == (6, 120)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.417, "0.42 s"),
        (95.24, "95.2 s"),
        (119.97, "2 min 00 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 05 min"),
        (7199.9, "2 h 00 min"),
    ],
)
def test_durations(seconds, text):
    """Durations are short, and never show 60 seconds or 60 minutes."""
    assert duration(seconds) == text


def test_one_of_a_thing_is_no_plural(run, store, tmp_path):
    """One task, draw, repair, run, call and verdict, in the terminal, in Markdown and in HTML."""
    cell = Variant("b", "m", debug_iters=1)
    run("r", cell, {"T/1": [["failed", "forged"]]})
    run("s", Variant("b", "m2"), {"T/1": [["passed"]]}, at=1)
    html.write(store, queries.ALL, (), tmp_path / "page.html")
    markdown.write(store, queries.ALL, (), tmp_path / "page.md")
    page = (tmp_path / "page.html").read_text()
    markup = r"(?s)<script.*?</script>|<style.*?</style>|<svg.*?</svg>|<[^>]+>"
    seen = re.sub(markup, " ", page)
    for said in ("\n".join(shown(store)), (tmp_path / "page.md").read_text(), seen):
        assert re.findall(r"(?<![\d.,@=-])1 (?!was\b|is\b|has\b)[a-z]+(?<!s)s\b", said) == []
    assert "1 draw: passed 1" in "\n".join(shown(store))
    assert (counted(1, "task"), counted(1640, "task")) == ("1 task", "1,640 tasks")
    assert (counted(1, "is", "are"), counted(0, "is", "are")) == ("1 is", "0 are")


@pytest.mark.parametrize(
    ("model", "served", "warned"),
    [("tiny", "tiny", True), ("mine", "tiny:short300", True), ("tinyllama:1.1b", "", False)],
)
def test_the_demonstration_model_is_known_by_what_is_served(run, store, model, served, warned):
    """Its numbers are marked under any name of a profile, and those of TinyLlama are not."""
    parts = {"model": {"backend": "openai", "model": served or model}}
    run("r1", Variant("b", model), {"t": [["passed"]]}, parts=parts)
    assert any("DEMONSTRATION MODEL" in line for line in shown(store)) is warned
