"""Real measurements, loaded into a store through its public API."""

import gzip
import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pytest_mcode.core.records import Answer, Attempt, Outcome, Variant, Verdict
from pytest_mcode.store.database import PlannedItem, Store

COMPLETIONS = Path(__file__).parents[3].parent / "shared" / "data" / "completions"
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    """An empty open store."""
    with Store.open(tmp_path / "results.db") as opened:
        yield opened


@pytest.fixture
def run(store):
    """Record a run of one variant, or of the cells of a grid as {variant: chains}.

    Chains are lists of statuses per task, one chain per sample; a task that maps to a string is an
    infra error; items beyond `recorded` stay planned and the run unfinished.
    """

    def record(run_id, variant, chains=None, *, parts=None, recorded=None, at=0, study=""):
        cells = variant if isinstance(variant, dict) else {variant: chains}
        started = START + timedelta(hours=at)
        parts = parts or {"limits": {"wall_s": 10.0}}
        store.start_run(
            run_id,
            command="pytest",
            fingerprint_parts={"study": {"question": f"What of {study}?"}} if study else {},
            version="0",
            study=study,
            started=started,
        )
        planned = {
            PlannedItem(f"{cell.label}[{task}]", cell.label, task): make_outcome(cell, task, given)
            for cell, tasks in cells.items()
            for task, given in tasks.items()
        }
        store.plan(run_id, {cell.label: (cell, parts) for cell in cells}, list(planned))
        for item, outcome in list(planned.items())[:recorded]:
            store.record(run_id, item.nodeid, outcome.to_json())
        if recorded is None:
            store.finish_run(run_id, started + timedelta(seconds=100))

    return record


def make_outcome(variant, task_id, chains):
    """An outcome from lists of statuses, or an infra error from its message."""
    if isinstance(chains, str):
        return Outcome(variant, task_id, infra=chains, wall_s=0.5)
    attempts = tuple(
        Attempt(
            sample,
            iteration,
            Answer("", prompt_tokens=100, completion_tokens=20, request_s=0.25, queue_s=0.125),
            "",
            Verdict(status, detail=f"{status}: why", wall_s=0.0625),
        )
        for sample, chain in enumerate(chains)
        for iteration, status in enumerate(chain)
    )
    return Outcome(variant, task_id, attempts, wall_s=1.5)


@pytest.fixture
def outcome():
    """Make an outcome as JSON, as it arrives from a worker."""
    return lambda *given: json.loads(json.dumps(make_outcome(*given).to_json()))


@pytest.fixture
def codegen():
    """CodeGen-16B on HumanEval, 100 samples of 164 tasks: task -> chains."""
    path = COMPLETIONS / "codegen16b_humaneval_n100" / "measured_pass_bits.jsonl"
    if not path.exists():
        pytest.skip("needs ../shared/data")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {r["task_id"]: [[("failed", "passed")[b == "1"]] for b in r["passed"]] for r in rows}


@pytest.fixture
def qwen():
    """Qwen3-0.6B on MBPP, 10 samples of 500 tasks, verdicts as labelled upstream."""
    path = COMPLETIONS / "qwen3-0.6b_mbpp_n10" / "qwen3-0.6b-nonthinking.jsonl.gz"
    if not path.exists():
        pytest.skip("needs ../shared/data")
    chains = defaultdict(list)
    with gzip.open(path, "rt") as file:
        for row in map(json.loads, file):
            chains[row["task_id"]].append([("failed", "passed")[row["upstream_passed"]]])
    return dict(chains)


@pytest.fixture
def ldb():
    """GPT-3.5 on HumanEval debugged for up to ten iterations (LDB): one chain per task."""
    folder = COMPLETIONS / "ldb_gpt-3.5"
    path = folder / "humaneval_debug_gpt-3.5-turbo-0613.jsonl.gz"
    if not path.exists():
        pytest.skip("needs ../shared/data")
    with gzip.open(path, "rt") as file:
        rows = [json.loads(line) for line in file]
    return {
        r["task_id"]: [
            ["failed"] * (r["debug_iter"] if r["is_solved"] else 11)
            + (["passed"] if r["is_solved"] else [])
        ]
        for r in rows
    }


@pytest.fixture
def variants():
    """The variants of the three recorded measurements."""
    return {
        "codegen": Variant("humaneval", "codegen16b", samples=100, strategy="best_of_n"),
        "qwen": Variant("mbpp", "qwen3-0.6b", samples=10),
        "ldb": Variant("humaneval", "gpt-3.5", samples=1, debug_iters=10, feedback="public"),
    }
