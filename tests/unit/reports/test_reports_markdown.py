"""`--mcode-md`: a page of GitHub's Markdown."""

from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from pytest_mcode.core.records import Variant
from pytest_mcode.reports import markdown
from pytest_mcode.store.queries import ALL, Filters

HOSTILE = "a|b `c` <b> *d* _e_ [f](http://g) @someone #1 :x: $h$ & \\|"


class Page(HTMLParser):
    """What a reader sees: tables as lists of cells, and all other text."""

    def __init__(self, source):
        super().__init__()
        self.rows, self.texts, self.tags = [], [], []
        self._cell = None
        self.feed(MarkdownIt("commonmark").enable("table").render(source))

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self._cell = ""

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.rows[-1].append(self._cell)
            self._cell = None

    def handle_data(self, data):
        if self._cell is None:
            self.texts.append(data)
        else:
            self._cell += data

    @property
    def text(self):
        return " ".join(self.texts)


def page(store, filters=ALL, compare=""):
    return "\n".join(markdown.lines(store, filters, (), compare))


def test_rates_stand_with_their_intervals(store, run, codegen, variants):
    """CodeGen-16B on HumanEval: 22.12, 50.38 and 73.78 %, as in the terminal's report."""
    run("r1", variants["codegen"], codegen)
    found = Page(page(store))
    row = next(row for row in found.rows if row[0].startswith("humaneval codegen16b"))
    assert row[1].startswith("22.12 [17.6")
    assert row[2].startswith("73.78 [")
    assert row[2].endswith("(k = 100)")
    assert row[4:] == ["164", "0"]
    assert any(row[1] == "pass@10" and row[2].startswith("50.38 [") for row in found.rows)


def test_no_foreign_text_is_markup(store, run):
    """Names and errors full of Markdown, HTML and mentions keep their cells and are shown as is."""
    run("r1", Variant("tiny", HOSTILE), {HOSTILE: [["failed"]], "other": [["passed"]]})
    found = Page(page(store))
    widths = [len(row) for row in found.rows]
    assert widths.count(6) == 2  # the rates
    assert [HOSTILE, "failed: failed: why"] in found.rows
    assert found.rows[1][0] == f"tiny {HOSTILE}-n1-d0"
    assert not {"b", "em", "a", "img"} & set(found.tags)
    assert "@someone" not in page(store)


def test_a_run_that_is_not_complete_says_so_beside_its_rates(store, run):
    """INCOMPLETE stands in the row of the rates and above all."""
    run("r1", Variant("tiny", "m"), {f"t{i}": [["passed"]] for i in range(5)}, recorded=3)
    found = Page(page(store))
    assert found.rows[1][4] == "INCOMPLETE 3/5 done"
    assert "INCOMPLETE: rates are over the tasks done" in found.text


def test_infra_is_named(store, run):
    """Failures of the machinery are counted, and their messages are there."""
    run("r1", Variant("tiny", "m"), {"t0": [["passed"]], "t1": "the server is gone"})
    found = Page(page(store))
    assert found.rows[1][4:] == ["INCOMPLETE 1/2 done, 1 infra", "1"]
    assert "the server is gone" in found.text


def test_what_the_gate_has_decided_comes_first(store, run):
    """The newest decision of a run, with its cells and reasons."""
    run("r1", Variant("tiny", "m"), {"t0": [["passed"]]})
    judged = {
        "label": "tiny/m-n1-d0", "metric": "pass@1", "status": "regression", "reason": "it fell",
        "new": 0.5, "old": 0.75, "low": -0.5, "high": -0.125, "won": ["a"],
        "lost": ["b", "c"], "tasks": 10, "planned": 12,
    }  # fmt: skip
    store.keep_gate("r1", "held", "base.json", {"judgements": []})
    store.keep_gate("r1", "regression", "base.json", {
        "judgements": [judged], "rule": {"alpha": 0.05, "max_drop": 0.1}, "changed": ["version"],
    })  # fmt: skip
    found = page(store)
    assert found.index("**Gate: REGRESSION**") < found.index("pass@1")
    assert "HELD" not in found
    cells = ["tiny/m-n1-d0", "regression: it fell", "pass@1", "75.00", "50.00",
             "-25.00 [-50.00, -12.50]", "1 / 2", "10 of 12"]  # fmt: skip
    assert cells in Page(found).rows
    assert "each at 95 %; accepted is a drop of less than 10 points." in found
    assert "Differs from the baseline: <code>version</code>." in found


def test_a_page_always_fits_into_a_comment(store, run):
    """5,000 unsolved tasks with long errors: less than 65,536 characters, the rest is counted."""
    run("r1", Variant("tiny", "m"), {f"task-{'x' * 80}-{i}": [["failed"]] for i in range(5000)})
    found = page(store)
    assert 50_000 < len(found) < 65_536
    shown = found.count("failed: failed: why")
    assert f"and {5000 - shown:,} more tasks, which are in the database" in found


def test_many_variants_fit_too(store, run):
    """400 cells: the first ones are shown, the others counted."""
    cells = {Variant("tiny", f"model-{i:03}"): {"t0": [["failed"]]} for i in range(400)}
    run("r1", cells)
    found = page(store)
    assert len(found) < 65_536
    assert "more variants, which are in the database" in found
    assert "model-000" in found


def test_a_comparison_is_part_of_it(store, run):
    """With `--mcode-compare` its lines stand there as the terminal shows them."""
    solved = {f"t{i}": [["passed"]] for i in range(20)}
    run("r1", Variant("tiny", "a"), solved)
    run("r2", Variant("tiny", "b"), {task: [["failed"]] for task in solved}, at=1)
    found = page(store, compare="r1,r2")
    assert "<summary>Comparison</summary>" in found
    assert "-100.00" in found


@pytest.mark.parametrize("variable", [None, "summary.md"])
def test_a_file_is_replaced_and_the_jobs_summary_is_added_to(
    store, run, tmp_path, monkeypatch, variable
):
    """GITHUB_STEP_SUMMARY keeps what other steps have written."""
    run("r1", Variant("tiny", "m"), {"t0": [["passed"]]})
    path = tmp_path / "summary.md"
    path.write_text("of another step\n\n")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    if variable:
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / variable))
    said = markdown.write(store, Filters(), (), path)
    assert said == f"Markdown {'added' if variable else 'written'} to {path}"
    assert path.read_text().startswith("of another step") == bool(variable)
    assert "### mcode" in path.read_text()


def test_nothing_that_matches_is_said(store):
    """An empty selection is a page that says so."""
    assert "no results match" in page(store)
