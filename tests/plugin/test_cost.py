"""Tokens and cost of a run that asks a real server."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from tests.plugin.model import Model

FEW = ("--mcode-limit=4", "--mcode-samples=4", "--mcode-concurrency=4")


class Silent(Model):
    """A server that does not say how many tokens there were."""

    def _chat(self, body):
        return {**super()._chat(body), "usage": None}


def about_tokens(result):
    """The lines of a report on tokens and cost."""
    lines = (line.strip() for line in result.outlines)
    return [line for line in lines if line.startswith(("tokens", "cost"))]


@pytest.mark.parametrize("workers", [[], ["-n2"]])
def test_summary_report_junit_and_json_agree(run, pytester, workers):
    """16 answers of 7 and 5 tokens at 10 and 100 a million: 0.00912."""
    with Model() as model:
        result = run(
            *model.options(), *FEW, *workers, "--mcode-price=1,1,m=10,100",
            "--junitxml=junit.xml", "--json-report", "--json-report-file=report.json",
        )  # fmt: skip
    assert result.ret == 0
    tokens, cost = about_tokens(result)
    assert tokens == "tokens: 112 prompt, 80 completion, 16 calls"
    assert cost.startswith("cost: 0.00912, per solved task 0.00")
    found = ET.parse(pytester.path / "junit.xml").findall(".//property[@name='mcode_cost']")
    assert [float(p.get("value")) for p in found] == pytest.approx([0.00228] * 4)
    if not workers:
        report = json.loads((pytester.path / "report.json").read_text())
        given = [test["metadata"]["mcode"]["mcode_cost"] for test in report["tests"]]
        assert given == pytest.approx([0.00228] * 4)
    dearer = run("--mcode-report", "--mcode-price=20,200")
    assert about_tokens(dearer)[1].startswith("cost: 0.0182, per solved task 0.00")


def test_a_price_moves_no_fingerprint_and_drawn_answers_are_not_paid_twice(run, database):
    """The second run takes all from the database."""
    with Model() as model:
        run(*model.options(), *FEW, "--mcode-price=1,1")
        asked = len(model.calls)
        result = run(*model.options(), *FEW, "--mcode-price=10,100")
        assert len(model.calls) == asked == 16
    assert about_tokens(result)[1].startswith("cost: 0.00912 (0.00 in this run), per solved task")
    assert len(database.rows("SELECT DISTINCT fingerprint FROM variants")) == 1
    assert len(database.rows("SELECT run_id FROM runs")) == 2


def test_a_server_that_tells_no_tokens(run, pytester):
    """Never 0: neither in the summary nor in properties."""
    with Silent() as model:
        result = run(*model.options(), *FEW, "--mcode-price=1,1", "--junitxml=junit.xml")
    assert result.ret == 0
    assert about_tokens(result) == [
        "tokens not reported by the server, 16 calls",
        "cost: unknown, tokens not reported",
    ]
    assert "tokens/s" not in result.stdout.str()
    names = {p.get("name") for p in ET.parse(pytester.path / "junit.xml").iter("property")}
    assert "mcode_calls" in names
    assert not {"mcode_cost", "mcode_prompt_tokens", "mcode_completion_tokens"} & names


def test_recorded_answers_have_no_tokens_and_no_cost(run):
    """gold asks nobody; a price of a model that is not there is told, of a report too."""
    result = run("--mcode-bench=tiny", "--mcode-model=gold", "--mcode-price=1,1,gld=2,2")
    assert result.ret == 0
    stray = "--mcode-price: 'gld' is none of the models that are measured: gold"
    result.stdout.fnmatch_lines([f"mcode: {stray}"])
    run("--mcode-report", "--mcode-price=gld=2,2").stdout.fnmatch_lines([stray])
    assert about_tokens(result) == []
    assert "per solved task" not in result.stdout.str()
