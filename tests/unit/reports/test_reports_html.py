"""The HTML report: what it holds, what it leaves out, and that nothing in it can act."""

import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_mcode.core.records import Variant
from pytest_mcode.reports import html, html_tasks
from pytest_mcode.reports.html_cells import told_apart
from pytest_mcode.reports.html_tasks import fair, preferred, strip, title
from pytest_mcode.reports.html_texts import LONGEST, Highlighter, script_json, shown, visible
from pytest_mcode.reports.layout import DEMONSTRATION
from pytest_mcode.store.drilldown import Head
from pytest_mcode.store.queries import ALL, Filters
from tests.unit.reports.html_page import GOOD, HOSTILE, attempt, hostile, page, record, two_models

VOID = {"meta", "link", "input", "br", "img"}


class Outline(HTMLParser):
    """Elements, attributes and texts of a page; complains of what is not closed."""

    def __init__(self, source):
        super().__init__()
        self.elements = []
        self.scripts = []
        self.text = ""
        self._open = []
        self.feed(source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        if self._open and self._open[-1] == "script":
            self.scripts[-1] += data
        else:
            self.text += data


def outline(path):
    return Outline(path.read_text("utf-8"))


def payloads(found):
    """(tasks, index) as the page's script reads them."""
    *tasks, index, _ = found.scripts
    return [json.loads(text) for text in tasks], json.loads(index)


@pytest.fixture
def toy(store, tmp_path):
    two_models(store)
    return page(store, tmp_path)


def test_the_page_says_what_was_measured_and_what_is_missing(toy):
    """Runs, variants, rates under their names, INCOMPLETE and infra messages are on the page."""
    text = " ".join(outline(toy).text.split())
    for said in (
        "toy: beta, alpha",
        "alpha-n2-d1",
        "INCOMPLETE 2/3 done, 1 infra",
        "pass@2",
        "solved@2",
        "solved by iteration 1, any of 2 (hidden tests)",
        "1 x the server <b>broke</b>",
        "pytest --mcode-resume",
        "toy, samples 2, repairs 1: beta against alpha",
        "Solved by alpha alone: 1 (t/0)",
    ):
        assert said in text


def test_the_page_names_no_folder_of_its_maker(toy, store):
    """It travels: the database's file name is enough."""
    assert store.path.name in toy.read_text("utf-8")
    assert str(store.path.parent) not in toy.read_text("utf-8")


def test_a_drilldown_holds_every_attempt(toy):
    """Task by task: verdicts of all attempts, their texts once, and the error of an infra item."""
    tasks, index = payloads(outline(toy))
    assert [task["id"] for task in index["tasks"]] == ["t/0", "t/1", "t/2"]
    assert index["tasks"][0]["title"] == "double()"
    assert {v["model"] for v in index["variants"]} == {"alpha", "beta"}
    alpha = next(i for i, v in enumerate(index["variants"]) if v["model"] == "alpha")
    found = next(v for v in tasks[0]["variants"] if v["variant"] == alpha)
    assert found["strip"] == "p fp"
    assert [(a["sample"], a["iteration"]) for a in found["attempts"]] == [(0, 0), (1, 0), (1, 1)]
    assert tasks[0]["texts"].count(GOOD) == 1
    assert tasks[0]["texts"][found["attempts"][0]["code"]] == GOOD
    assert index["tasks"][0]["cells"][f"{alpha}"][:3] == ["s", "2/2", "pf"]
    assert tasks[2]["variants"][0]["error"] == "the server\n<b>broke</b>"


def test_hostile_texts_stay_texts(store, tmp_path):
    """No text adds an element, an attribute or a script; what is invisible has a name."""
    hostile(store)
    path = page(store, tmp_path)
    source, found = path.read_text("utf-8"), outline(path)
    assert len(found.scripts) == 2 + 2
    assert not [tag for tag, attrs in found.elements if tag in ("img", "iframe", "object", "base")]
    assert not [name for _, attrs in found.elements for name in attrs if name.startswith("on")]
    targets = {attrs.get("href") or attrs.get("xlink:href") for tag, attrs in found.elements}
    assert {t[:1] for t in targets if t} <= {"#", "d"}
    assert not re.search("[\x00\x1b\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]", source)
    tasks, _ = payloads(found)
    answer = tasks[0]["texts"][tasks[0]["variants"][0]["attempts"][0]["answer"]]
    assert answer.startswith("</script><script>")
    assert "\u2039U+202E\u203aevil" in answer
    assert "49" not in found.text.partition("{{")[2][:20]


def test_long_texts_and_many_attempts_are_cut_and_that_is_said(store, tmp_path, monkeypatch):
    """A text keeps both ends; of an item the first pass and one of each verdict come first."""
    monkeypatch.setattr(html_tasks, "KEPT", 10)
    attempts = [attempt(i, 0, "failed", text=f"{i} " + "y" * LONGEST) for i in range(40)]
    attempts += [attempt(40, 0, "timeout"), attempt(41, 0, "passed")]
    record(store, "r1", Variant("toy", "m", samples=42), {"t": attempts})
    said = html.write(store, ALL, (), tmp_path / "page.html")
    found = outline(tmp_path / "page.html")
    (task,), _ = payloads(found)
    kept = [a["sample"] for a in task["variants"][0]["attempts"]]
    assert kept == [0, 1, 2, 3, 4, 5, 6, 7, 40, 41]
    assert len(task["variants"][0]["strip"].split()) == 42
    cut = task["texts"][task["variants"][0]["attempts"][0]["code"]]
    assert cut.startswith("0 yyy")
    assert cut.endswith("yyy")
    assert "2 characters are left out here" in cut
    assert "1 task, texts of 10 of 42 attempts" in said
    assert "texts of 10 of 42 attempts: of each task and variant at most 10" in found.text


def test_texts_stay_within_their_budget(store, tmp_path, monkeypatch):
    """However long the texts are, an item keeps one attempt and stops at its share."""
    monkeypatch.setattr(html_tasks, "BUDGET", 1)
    monkeypatch.setattr(html_tasks, "LEAST", 1000)
    attempts = [attempt(i, 0, text=f"{i}" * 700) for i in range(5)]
    record(store, "r1", Variant("toy", "m", samples=5), {"t": attempts, "u": attempts})
    tasks, _ = payloads(outline(page(store, tmp_path)))
    assert [len(t["variants"][0]["attempts"]) for t in tasks] == [2, 2]


def test_filters_choose_and_nothing_is_written_without_results(store, tmp_path):
    """The page is of the filtered variants; where none matches there is no file."""
    two_models(store)
    html.write(store, Filters(model=("beta",)), (), tmp_path / "beta.html")
    assert "alpha" not in (tmp_path / "beta.html").read_text()
    said = html.write(store, Filters(model=("gamma",)), (), tmp_path / "gamma.html")
    assert "no results match" in said
    assert [path.name for path in tmp_path.glob("*.html*")] == ["beta.html"]


def test_a_page_that_cannot_be_written_leaves_nothing_behind(store, tmp_path):
    """What stands under the name stays, and no part of a page beside it."""
    two_models(store)
    (tmp_path / "page.html").mkdir()
    with pytest.raises(IsADirectoryError):
        page(store, tmp_path)
    assert [path.name for path in tmp_path.glob("page.html*")] == ["page.html"]


def test_a_comparison_that_is_asked_for_replaces_that_of_models(store, tmp_path):
    """`--mcode-compare` with two runs names them."""
    two_models(store)
    html.write(store, ALL, (), tmp_path / "page.html", "r1,r2")
    assert "beta against alpha" in outline(tmp_path / "page.html").text


def test_a_difference_from_the_demonstration_model_says_so(store, tmp_path):
    """Its numbers mean nothing, in the comparison as in the results."""
    for name, model in (("r1", "tiny"), ("r2", "beta")):
        record(store, name, Variant("toy", model), {"t": [attempt(0, 0)]})
    _, _, compared = outline(page(store, tmp_path)).text.partition("beta against tiny")
    assert compared.partition("rate")[0].strip() == DEMONSTRATION


def test_the_policy_of_the_page_forbids_the_network(toy):
    """Nothing is allowed but the page's own script, by its hash, and styles."""
    policy = next(attrs["content"] for tag, attrs in outline(toy).elements if "http-equiv" in attrs)
    assert "default-src 'none'" in policy
    assert "script-src 'sha256-" in policy
    assert "unsafe-eval" not in policy
    assert "http" not in policy


def test_the_same_measurements_are_the_same_page(store, tmp_path):
    """Written twice, not a byte differs."""
    two_models(store)
    pages = []
    for _ in range(2):
        pages.append(page(store, tmp_path).read_bytes())
    assert pages[0] == pages[1]


def test_no_element_has_the_id_of_another(toy):
    """Ids are unique, charts included, so that anchors and references find what they mean."""
    ids = [attrs["id"] for _, attrs in outline(toy).elements if "id" in attrs]
    assert sorted(ids) == sorted(set(ids))


@given(st.text())
def test_highlighting_covers_a_text_exactly(code):
    """The lengths of all runs are the length of the text as scripts count it."""
    text = shown(code)
    runs = Highlighter().runs(text).split()
    assert sum(int(run.lstrip("ksncfboe")) for run in runs) == len(text.encode("utf-16-le")) // 2


def test_highlighting_tells_keywords_strings_and_comments():
    """The kinds are those that colours exist for; nothing is highlighted beyond the budget."""
    runs = Highlighter().runs(GOOD)
    assert runs.startswith("k3 1 f6 ")
    assert re.search(r"\bs11\b", runs)
    assert re.search(r"\bc9\b", runs)
    assert Highlighter(budget=5).runs(GOOD) == ""


@given(st.text())
def test_no_json_ends_its_script_element(text):
    """Whatever it holds comes back, in ASCII without `<`, `>` and `&`."""
    found = script_json([text])
    assert json.loads(found) == [text]
    assert found.isascii()
    assert not set("<>&\n") & set(found)


def test_invisible_characters_have_names():
    """Ordinary text of any language is left as it is."""
    assert visible("naïve 模型\n\té \U0001f600") == "naïve 模型\n\té \U0001f600"
    assert visible("a\u202eb\x00") == "a\u2039U+202E\u203ab\u2039U+0000\u203a"
    assert shown(HOSTILE.replace("\n", "")).isprintable()


def test_names_are_told_apart_where_there_is_little_room():
    """Words that all share at the ends are left out; short and single names are whole."""
    long = ["replay:humaneval_seed_gpt-3.5-turbo", "replay:humaneval_debug_gpt-3.5-turbo"]
    assert told_apart(long) == ["...seed...", "...debug..."]
    assert told_apart(["a-1", "a-2"]) == ["a-1", "a-2"]
    assert told_apart(long[:1]) == long[:1]
    assert told_apart(["same" * 10, "same" * 10]) == ["same" * 10, "same" * 10]


def test_shares_are_fair():
    """Small items leave their share to large ones; all together never take more than there is."""
    assert fair([1, 2, 100, 100], 103) == 50
    assert fair([5, 5], 10) == 5
    assert fair([5, 5], 100) == 5
    assert fair([], 100) == 0


def test_the_attempts_that_tell_most_come_first():
    """First pass, one of each verdict, what led to the pass, then the others as they were made."""
    rows = [(0, 0, "failed"), (0, 1, "failed"), (1, 0, "failed"), (1, 1, "passed"), (2, 0, "error")]
    heads = [Head(s, j, v, flaky=False, chosen=False) for s, j, v in rows]
    order = [(h.sample, h.iteration) for h in preferred(heads)]
    assert order == [(1, 1), (2, 0), (0, 0), (1, 0), (0, 1)]
    assert strip(heads) == "ff fp e"


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("def helper(x):\n  pass\n\ndef solve(x):\n", "solve()"),
        ("... here is your task: Write it. Your code should pass these:\nassert 1", "Write it."),
        ("\n" + "z" * 200, "z" * 87 + "..."),
        ("", ""),
    ],
)  # fmt: skip
def test_a_task_has_a_title(prompt, found):
    """The last function of the prompt, else what it asks for."""
    assert title(prompt) == found
