"""The figures of docs/statistics.md can be made: the benchmark runs on small stores."""

import random
import re

import pytest

from pytest_mcode.core.records import Answer, Attempt, Outcome, Variant, Verdict
from pytest_mcode.store.database import PlannedItem, Store

from . import evidence, stopping


@pytest.fixture
def recorded(tmp_path):
    """Write a database of measured variants; each maps task ids to the verdicts of its draws."""

    def write(name, *measured):
        path = tmp_path / name
        with Store.open(path) as store:
            for number, (variant, tasks) in enumerate(measured):
                run = f"run-{number}"
                store.start_run(run, command="pytest", fingerprint_parts={}, version="0")
                items = [PlannedItem(f"{variant.label}[{t}]", variant.label, t) for t in tasks]
                store.plan(run, {variant.label: (variant, {})}, items)
                for item, draws in zip(items, tasks.values(), strict=True):
                    outcome = Outcome(variant, item.task_id, attempts(draws))
                    store.record(run, item.nodeid, outcome.to_json())
        return path

    return write


def attempts(draws):
    return tuple(
        Attempt(i, 0, Answer(""), "", Verdict("passed" if passed else "failed"))
        for i, passed in enumerate(draws)
    )


def test_the_tables_of_small_databases(recorded, capsys, tmp_path):
    """Rates, extrapolation, early looks and the paired table, with the figures put in by hand."""
    dice = random.Random(1)
    pool = {f"t/{i}": [dice.random() < i / 40 for _ in range(12)] for i in range(40)}
    seed = {f"t/{i}": [i < 10] for i in range(30)}
    fixed = {f"t/{i}": [1 <= i < 18] for i in range(30)}
    codegen = recorded("codegen.db", (Variant("toy", "pool", samples=12), pool))
    ldb = recorded(
        "ldb.db", (Variant("toy", "replay:seed"), seed), (Variant("toy", "replay:debug"), fixed)
    )
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- evidence -->\nold\n<!-- end of evidence -->\nb\n")
    status = evidence.main(
        [f"--codegen={codegen}", f"--ldb={ldb}", "--trials=2", f"--write={page}"]
    )
    out = capsys.readouterr().out
    assert status == 0
    passed = sum(map(sum, pool.values())) / 480
    assert f"| 1 | {100 * passed:.2f} |" in out
    solved = sum(map(any, pool.values())) / 40
    assert re.search(rf"\| 6 to 12 \| {100 * solved:.2f} \| mean of both \|", out)
    assert "| toy | 33.33 | 56.67 | +23.33 |" in out
    assert "| 8 | 1 | 0.04 |" in out
    assert re.search(r"\| 10 \| 6 \| [\d.]+ % / 40 \|", out)
    assert "old" not in page.read_text()
    assert out.strip() in page.read_text()


def test_published_labels_of_ldb(data):
    """Upstream's own labels: 73.78 to 82.93 on HumanEval, 67.60 to 76.00 on MBPP."""
    found = list(evidence.debugging(evidence.published(data / "completions/ldb_gpt-3.5")))
    assert found[0].startswith("| humaneval, published labels | 73.78 | 82.93 | +9.15 |")
    assert found[1].startswith("| mbpp, published labels | 67.60 | 76.00 | +8.40 |")


def test_a_missing_database_ends_with_one_line(tmp_path, capsys):
    """The path is named, with status 2 and nothing on stdout."""
    assert evidence.main([f"--ldb={tmp_path / 'no.db'}"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "no.db" in told.err


def test_the_betting_test_stops_for_a_plain_drop_only():
    """Ten tasks lost in a row are enough; won or tied tasks never are."""
    assert stopping.bet([-1.0] * 40) < 12
    assert stopping.bet([1.0, 0.0] * 20) is None
