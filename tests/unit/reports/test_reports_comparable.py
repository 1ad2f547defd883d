"""Comparable with EvalPlus's leaderboard, or why not; published rows beside measured ones."""

import json
from dataclasses import replace

import pytest

from pytest_mcode.core.records import Variant
from pytest_mcode.reports import comparable, html, markdown, published, text
from pytest_mcode.reports.summary import summarize
from pytest_mcode.store.queries import ALL

PARTS = {
    "data": {"sha256": comparable.RELEASES["humaneval+"].sha256},
    "model": {"backend": "openai", "model": "m"},
    "sampling": {
        "temperature": 0.0,
        "max_tokens": 768,
        "wording": "evalplus",
        "stop": [],
        "thinking": "",
        "extra": "{}",
    },
    "limits": {"wall_s": 10.0, "memory_mb": 512},
}
CELL = Variant("humaneval+", "m")
TASKS = {f"HumanEval/{i}": [["passed" if i % 2 else "failed"]] for i in range(164)}


@pytest.fixture
def said(store, run):
    """What is said of 164 tasks under settings that differ from the leaderboard's in a part."""

    def tell(cell=CELL, tasks=TASKS, recorded=None, **changes):
        parts = PARTS | {name: PARTS[name] | change for name, change in changes.items()}
        run("r", cell, tasks, parts=parts, recorded=recorded)
        (variant,) = summarize(store).variants
        return comparable.line(variant)

    return tell


def test_all_as_the_leaderboard_has_it(said):
    """Every part is as `evalplus.codegen --greedy` has it."""
    assert said() == "comparable with the EvalPlus leaderboard: yes"


def test_the_context_that_counts_is_the_servers(said):
    """An option for Ollama says nothing of others, and 0 is the model's own."""
    assert said(model={"server": {"context": 0}}, sampling={"context_window": 512}).endswith("yes")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sampling": {"temperature": 0.8}}, "temperature 0.8, not 0"),
        ({"sampling": {"max_tokens": 1024}}, "at most 1024 tokens, not 768"),
        ({"sampling": {"wording": ""}}, "the prompt is not EvalPlus's"),
        ({"sampling": {"stop": ["\ndef"]}}, "stop sequences of its own"),
        ({"sampling": {"thinking": "false"}}, "thinking false, not the server's own"),
        ({"sampling": {"extra": '{"top_k": 1}'}}, 'extra options {"top_k": 1}'),
        (
            {"model": {"backend": "ollama"}, "sampling": {"context_window": 512}},
            "a context of 512 tokens, not 2,048",
        ),
        ({"model": {"server": {"context": 1024}}}, "a context of 1,024 tokens, not 2,048"),
        ({"data": {"sha256": "0"}}, "the data are not release v0.1.10"),
        ({"limits": {"wall_s": 1.0}}, "time limit 1.0 s, not 10"),
        ({"limits": {"memory_mb": 64}}, "memory 64 MB, not 512"),
        ({"model": {"backend": "gold"}}, "gold is no model to compare"),
        ({"model": {"model": "tiny"}}, "the demonstration model is no model to compare"),
        ({"cell": Variant("humaneval+:mini", "m")}, "mini has other inputs"),
        ({"cell": replace(CELL, debug_iters=2)}, "2 repairs, not 0"),
        ({"cell": replace(CELL, strategy="judge")}, "strategy judge"),
        ({"recorded": 40}, "incomplete, 40 of 164 tasks done"),
        ({"tasks": dict(list(TASKS.items())[:12])}, "12 of 164 tasks"),
    ],
)
def test_each_difference_is_the_reason_and_the_only_one(said, changes, reason):
    """One part differs: one reason, in words."""
    line = f"comparable with the EvalPlus leaderboard: no, because {reason}"
    assert said(**changes) == line


def test_replayed_answers_are_not_judged_by_this_runs_sampling(said):
    """Temperature and prompt of the run are not theirs."""
    line = said(model={"backend": "replay"}, sampling={"temperature": 0.8, "wording": ""})
    assert line.endswith(": no, because how replayed answers were drawn is not known here")


def test_settings_that_are_not_stored_are_no_yes(store, run):
    """A database of unknown settings proves nothing; of other benchmarks nothing is said."""
    run("r1", CELL, TASKS, parts={"data": {}})
    run("r2", Variant("tiny", "m"), {"tiny/a": [["passed"]]}, at=1)
    found = {v.row.variant.benchmark: comparable.line(v) for v in summarize(store).variants}
    assert "its sampling is not stored" in found["humaneval+"]
    assert found["tiny"] == ""


def test_published_rows_stand_beside_measured_ones_and_are_marked(store, run):
    """Sorted by the plus rate, in terminal and Markdown; no other benchmark's rows."""
    run("r", CELL, TASKS, parts=PARTS)
    found = text.lines(summarize(store))
    rows = [line.split() for line in found if "published 20" in line or line.startswith("  m-n1")]
    rates = [float(row[-1]) for row in rows]
    assert rates == sorted(rates, reverse=True)
    assert [row for row in rows if row[1] == "here"] == [["m-n1-d0", "here", "-", "50.0"]]
    assert len(rows) == 1 + sum(row.benchmark == "humaneval+" for row in published.known())
    assert max(map(len, found[:-1])) <= 80  # the last is the database's path


def test_pages_hold_what_is_published_with_its_sources(store, run, tmp_path):
    """Markdown and HTML: both rates of both kinds in one table, whether this run is comparable,
    and where and when the others were published; of two benchmarks each its own."""
    run("r", CELL, TASKS, parts=PARTS)
    known = [row for row in published.known() if row.benchmark == "humaneval+"]
    page = markdown.lines(store, ALL)
    at = page.index("#### Beside published rates")
    assert page[at + 2].startswith("| benchmark | model | measured | pass@1 base % | pass@1 base +")
    table = [line for line in page[at:] if line.startswith("| humaneval+")]
    assert len(table) == len(known) + 1
    assert "| humaneval+ | **<code>m-n1-d0</code>** | here | - | 50.0 |" in table
    assert any("- comparable with the EvalPlus leaderboard: yes" in line for line in page[:at])
    addresses = {(row.origin, row.source) for row in known}
    assert {f"- {origin}: <{source}>" for origin, source in addresses} <= set(page[at:])

    html.write(store, ALL, (), tmp_path / "a.html")
    written = (tmp_path / "a.html").read_text()
    _, title, after = written.partition("<h3>Beside published rates</h3>")
    assert title
    section = after.partition("</ul>")[0]
    assert section.count("<tr>") == len(known) + 2
    assert all(source in section and f"{origin}:" in section for origin, source in addresses)
    for row in known:
        assert f"<td>{row.base:.1f}</td><td>{row.plus:.1f}</td>" in section


def test_nothing_published_without_a_benchmark_that_has_it(store, run):
    """Not for the original HumanEval, whose rates are others."""
    run("r", replace(CELL, benchmark="humaneval"), TASKS, parts=PARTS)
    assert published.lines(summarize(store)) == []


def test_every_published_row_has_rates_source_and_date():
    """Base is never below base + plus; each model once for each benchmark."""
    rows = json.loads(published.FILE.read_text("utf-8"))
    assert len({(row["benchmark"], row["model"]) for row in rows}) == len(rows)
    for row in rows:
        assert row["benchmark"] in comparable.RELEASES
        assert 0 < row["plus"] <= row["base"] <= 100
        assert row["source"].startswith("https://github.com/evalplus/")
        assert row["date"].startswith("2024-")
