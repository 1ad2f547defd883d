"""`--mcode-preset=evalplus`: what goes over the wire, and what the report says of the rates."""

from __future__ import annotations

import gzip
import json

import pytest

from tests.contracts.llm_servers import Server

SYSTEM = "You are a helpful assistant good at coding."
ASK = (
    "Please provide a self-contained Python script that solves the following problem in a "
    "markdown code block:\n```python\n"
)


@pytest.fixture
def released(data):
    """The prompts of EvalPlus's own file of a benchmark, by task."""

    def read(stem):
        with gzip.open(data / "evalplus" / f"{stem}.jsonl.gz", "rt") as file:
            return {row["task_id"]: row["prompt"] for row in map(json.loads, file)}

    return read


def options(server, bench, *more):
    return (
        f"--mcode-bench={bench}",
        "--mcode-model=m",
        "--mcode-backend=openai",
        f"--mcode-base-url={server.url}",
        "--mcode-api-key=secret",
        "--mcode-sandbox=bubblewrap",
        "--mcode-preset=evalplus",
        *more,
    )


@pytest.mark.bubblewrap
@pytest.mark.slow
def test_a_whole_run_is_asked_as_evalplus_asks_and_is_comparable(
    run, database, released, monkeypatch
):
    """All 164 tasks: greedy, 768 tokens, EvalPlus's two messages; the environment gives way."""
    monkeypatch.setenv("MCODE_TEMPERATURE", "0.7")
    prompts = released("HumanEvalPlus-v0.1.10")
    with Server() as server:
        result = run("-q", *options(server, "humaneval+"))
    assert result.ret == 0, result.stdout.str()[-2000:]
    result.stdout.fnmatch_lines(
        [
            "  comparable with the EvalPlus leaderboard: yes",
            "humaneval+ pass@1 %*base*plus",
            "  Meta-Llama-3-8B-Instruct (Aug 2024)*published 2024-08-08*64.0*57.3",
            "  m-n1-d0 *here * - * 0.0",
            "published: by EvalPlus*",
        ]
    )
    bodies = [asked.body for asked in server.calls]
    assert {(b["temperature"], b["max_tokens"], b["top_p"]) for b in bodies} == {(0, 768, 0.95)}
    assert not any(b.get("stop") for b in bodies)
    said = {tuple((m["role"], m["content"]) for m in b["messages"]) for b in bodies}
    assert said == {
        (("system", SYSTEM), ("user", f"{ASK}{prompt.strip()}\n```")) for prompt in prompts.values()
    }


@pytest.mark.bubblewrap
def test_base_models_continue_the_prompt_of_the_release(run, database):
    """The stripped prompt to the end of its line, with EvalPlus's stop sequences; a wrong assert of
    the model's own is no part of its program."""
    with Server(text="    return 1\n\n\nassert False\n") as server:
        style = ("--mcode-limit=2", "--mcode-prompt-style=completion")
        result = run("-q", *options(server, "tiny", *style))
    assert result.ret == 0, result.stdout.str()[-2000:]
    assert "EvalPlus leaderboard" not in result.stdout.str()
    assert {asked.path for asked in server.calls} == {"/v1/completions"}
    for body in (asked.body for asked in server.calls):
        (prompt,) = [body["prompt"]] if isinstance(body["prompt"], str) else body["prompt"]
        assert prompt == prompt.strip() + "\n"
        assert {"\ndef ", "\nimport ", "\nif __name__"} < set(body["stop"])
        assert (body["temperature"], body["max_tokens"]) == (0, 768)
    held = "SELECT sum(code LIKE '%return 1%'), sum(code LIKE '%assert%') FROM attempts"
    assert database.rows(held) == [(2, 0)]


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ("--mcode-temperature=0.2", "contradicts --mcode-preset=evalplus, which sets it to 0:"),
        ("--mcode-samples=1,5", "samples=1,5 contradicts --mcode-preset=evalplus"),
        ("--mcode-strategy=judge", "strategy=judge contradicts --mcode-preset=evalplus"),
        ("--mcode-preset=evilplus", "--mcode-preset='evilplus' is not legal: it takes one of"),
    ],
)
def test_what_contradicts_the_preset_is_one_line(run, option, line):
    """Said before anything runs; what says the same as the preset is no contradiction."""
    given = ("--mcode-bench=tiny", "--mcode-model=gold", "--mcode-preset=evalplus", "--co", "-q")
    result = run(*given, option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (said,) = [text for text in result.errlines if text.strip()]
    assert line in said
    assert run(*given, "--mcode-temperature=0.0").ret == 0


def test_a_study_that_varies_what_the_preset_sets_is_refused(run, pytester):
    """Neither silently wins: leave one of them out."""
    (pytester.path / "study.yaml").write_text(
        "name: warm\nbenchmark: tiny\nvary:\n  model: [gold]\n  temperature: [0.2, 0.8]\n"
    )
    result = run("study.yaml", "--mcode-preset=evalplus")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--mcode-preset=evalplus sets temperature, which study warm*"])
