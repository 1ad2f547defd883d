"""Recorded completions are found under every usual spelling, and what is missing is named."""

import asyncio
import gzip
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_mcode.core.errors import ConfigError, InfraError
from pytest_mcode.core.records import Message, ModelSpec, Request, Sampling, Task
from pytest_mcode.generation.replay import Replay, spelling

DATA = Path(__file__).parents[3].parent / "shared" / "data" / "completions"
TASK = Task("mbpp:all", "MBPP/11", "p", "text", "f", "", "")
ASKED = (Message("user", "p"),)


def written(tmp_path, rows, name="rows.jsonl"):
    """A file of these rows, packed if its name says so."""
    path = tmp_path / name
    text = "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def drawn(path, *asked):
    """The answers to (task, sample, iteration) in order."""

    async def story():
        made = Replay(ModelSpec("r", "replay", str(path)))
        try:
            await made.preflight()
            return [
                await made.generate(Request(task, ASKED, sample, iteration, Sampling()))
                for task, sample, iteration in asked
            ]
        finally:
            await made.aclose()

    return asyncio.run(story())


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz"])
def test_samples_in_the_order_of_the_file(tmp_path, name):
    """Rows without `sample` are a task's samples in order, whatever stands between them."""
    rows = [{"task_id": t, "completion": f"c{i}"} for i, t in enumerate((11, 12, "MBPP/11"))]
    rows[2]["task_id"] = 11
    path = written(tmp_path, [*rows, "", {"task_id": 11, "completion": "c3"}], name)
    answers = drawn(path, (TASK, 2, 0), (TASK, 0, 0), (TASK, 1, 0))
    assert [a.text for a in answers] == ["c3", "c0", "c2"]
    assert {(a.form, a.calls, a.messages) for a in answers} == {("continuation", 0, ASKED)}


def test_explicit_samples_and_iterations(tmp_path):
    """Rows may name sample and iteration, in any order."""
    rows = [
        {"task_id": "MBPP/11", "sample": 1, "answer": "b"},
        {"task_id": "MBPP/11", "sample": 0, "iteration": 1, "answer": "a1"},
        {
            "task_id": "MBPP/11",
            "sample": 0,
            "answer": "a",
            "thinking": "t",
            "finish_reason": "length",
        },
    ]
    answers = drawn(written(tmp_path, rows), (TASK, 0, 0), (TASK, 0, 1), (TASK, 1, 0), (TASK, 1, 1))
    assert [a.text for a in answers] == ["a", "a1", "b", ""]
    assert [a.form for a in answers] == ["text"] * 4
    assert (answers[0].thinking, answers[0].finish_reason) == ("t", "length")
    assert answers[3].finish_reason == "no_repair"


@pytest.mark.parametrize(
    ("column", "form"),
    [("completion", "continuation"), ("solution", "program"), ("answer", "text")],
)
def test_columns_tell_the_form(tmp_path, column, form):
    """The name of the column says what it holds; null is an empty answer."""
    path = written(tmp_path, [{"task_id": 11, column: "x"}, {"task_id": 11, column: None}])
    one, other = drawn(path, (TASK, 0, 0), (TASK, 1, 0))
    assert (one.form, one.text) == (form, "x")
    assert other.text == ""


@pytest.mark.parametrize(
    "row", ["MBPP/11", "Mbpp/11", "mbpp_11", "MBPP/011", 11, "11", " mbpp-11 "]
)
@pytest.mark.parametrize("asked", ["MBPP/11", "Mbpp/11", "11", "mbpp/11"])
def test_spellings_of_ids(tmp_path, row, asked):
    """A task is found under the usual spellings of its id, with and without its benchmark."""
    path = written(tmp_path, [{"task_id": row, "completion": "x"}])
    assert drawn(path, (replace(TASK, task_id=asked), 0, 0))[0].text == "x"


def test_spellings_keep_apart_what_differs():
    """Another benchmark's or another number's id is another id, and names are left alone."""
    ids = ["HumanEval/11", "MBPP/11", "MBPP/1", "tiny/even_square_sum", "even_square", 110]
    assert len({spelling(i) for i in ids}) == len(ids)
    assert spelling("HumanEval/0") == spelling("humaneval_0") == "humaneval/0"


def test_evalplus_results(tmp_path):
    """EvalPlus' eval_results.json is read as it is: one object, samples in lists."""
    value = {"date": "x", "eval": {"Mbpp/11": [{"solution": "s0"}, {"solution": "s1"}]}}
    for name in ("a_eval_results.json", "b.json.gz"):
        path = written(tmp_path, [value], name)
        assert [a.text for a in drawn(path, (TASK, 0, 0), (TASK, 1, 0))] == ["s0", "s1"]
    lines = written(tmp_path, [{"task_id": "Mbpp/11", "solution": s} for s in "ab"], "lines.json")
    assert [a.text for a in drawn(lines, (TASK, 0, 0), (TASK, 1, 0))] == ["a", "b"]
    indented = written(tmp_path, [json.dumps(value, indent=1)], "c.txt")
    assert drawn(indented, (TASK, 1, 0))[0].form == "program"


@pytest.mark.parametrize(
    "held", [[{"base_status": "pass"}], {"nfiles": 1, "base": [["pass", []]]}], ids=["new", "old"]
)
def test_verdicts_without_programs_are_no_empty_answers(tmp_path, held):
    """As older EvalPlus wrote them: it would be said that the model answered nothing."""
    path = written(tmp_path, [{"eval": {"Mbpp/11": held}}], "eval_results.json")
    with pytest.raises(ConfigError, match="verdicts of Mbpp/11 without its programs"):
        drawn(path)


def test_what_is_missing_is_named(tmp_path):
    """A task or a sample that the file lacks is a failure of the set-up, never of the model."""
    path = written(tmp_path, [{"task_id": 11, "completion": "x"}])
    with pytest.raises(InfraError, match=r"rows.jsonl has no sample 5 of MBPP/11, only 1"):
        drawn(path, (TASK, 5, 0))
    with pytest.raises(InfraError, match="has no row for MBPP/12"):
        drawn(path, (replace(TASK, task_id="MBPP/12"), 0, 0))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("{", "not a line of JSON"),
        ("[1]", 'needs "task_id"'),
        ({"completion": "x"}, 'needs "task_id"'),
        ({"task_id": True, "completion": "x"}, 'needs "task_id"'),
        ({"task_id": 11}, "completion, solution, answer"),
        ({"task_id": 11, "completion": 3}, '"completion" must be a string'),
        ({"task_id": 11, "completion": "x", "sample": "0"}, '"sample" must be a whole number'),
        ({"task_id": 11, "completion": "x", "sample": -1}, '"sample" must be a whole number'),
        ({"task_id": 11, "completion": "x", "sample": True}, '"sample" must be a whole number'),
        ({"task_id": 11, "completion": "x", "sample": 0}, "stands twice"),
    ],
)
def test_malformed_rows_name_file_and_line(tmp_path, row, words):
    """Whoever wrote the file finds the line at once."""
    path = written(tmp_path, [{"task_id": 11, "completion": "x"}, row])
    with pytest.raises(ConfigError, match=words) as caught:
        drawn(path)
    assert str(caught.value).startswith(f"{path}:2: ")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.jsonl", None, "No such file"),
        ("empty.jsonl", b"", "holds no rows"),
        ("broken.gz", b"\x1f\x8bxxxx", "cannot read"),
        ("half.json", b'{\n"eval": ', "neither JSON lines nor JSON"),
        ("other.json", b'{"a": 1}', "holds no rows"),
    ],
)
def test_unreadable_files(tmp_path, name, content, words):
    """A file that is absent, empty, broken or something else is told in one line."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        drawn(path)


def test_no_file():
    """`replay` alone says how to name the file."""
    with pytest.raises(ConfigError, match="replay:FILE"):
        Replay(ModelSpec("r", "replay"))


def test_description_is_the_hash_of_the_file(tmp_path):
    """The same bytes under another name are the same generator; no file stays open for it."""
    paths = [written(tmp_path, [{"task_id": 1, "answer": "x"}], n) for n in ("a.jsonl", "b.jsonl")]
    told = [Replay(ModelSpec("r", "replay", str(p))).describe() for p in paths]
    assert told[0] == told[1]
    assert told[0]["sha256"] == hashlib.sha256(paths[0].read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("name", "task_id", "samples"),
    [
        ("codegen16b_humaneval_n100/norm.jsonl.gz", "HumanEval/163", 100),
        ("qwen3-0.6b_mbpp_n10/qwen3-0.6b-nonthinking.jsonl.gz", "MBPP/510", 10),
        ("ldb_gpt-3.5/humaneval_debug_gpt-3.5-turbo-0613.jsonl.gz", "HumanEval/5", 1),
        (
            "evalplus_llama-3-8b-instruct/mbpp__meta-llama--Meta-Llama-3-8B-Instruct.json.gz",
            "MBPP/11",
            1,
        ),
    ],
)
def test_real_recordings(name, task_id, samples):
    """The files of four other tools are read as they are."""
    if not (DATA / name).exists():
        pytest.skip(f"no {DATA / name}")
    task = replace(TASK, task_id=task_id)
    answers = drawn(DATA / name, *((task, i, 0) for i in range(samples)))
    assert all("return" in a.text or a.text for a in answers)
    with pytest.raises(InfraError, match=f"only {samples}"):
        drawn(DATA / name, (task, samples, 0))
