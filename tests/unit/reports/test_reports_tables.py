"""`--mcode-csv`: four tables, as pandas and any other reader of RFC 4180 sees them."""

import csv
import json

import pytest

from pytest_mcode.core.records import Variant
from pytest_mcode.reports import tables
from pytest_mcode.session.exchange import evaluation
from pytest_mcode.store import per_task, queries
from pytest_mcode.store.queries import ALL, Filters

pandas = pytest.importorskip("pandas")
HOSTILE = 'quote " comma , line\nbreak \x00 ; = \u2028 naïve'


def read(folder):
    names = ("runs", "rates", "tasks", "attempts")
    return {name: pandas.read_csv(folder / f"{name}.csv") for name in names}


def test_pandas_reads_the_rates_of_the_report(store, run, codegen, variants, tmp_path):
    """CodeGen-16B on HumanEval, 16,400 attempts: pass@1 three times, the same to the last digit."""
    run("r1", variants["codegen"], codegen)
    said = tables.write(store, ALL, (), tmp_path / "csv")
    found = read(tmp_path / "csv")
    assert said.endswith("(1 run, 8 rates, 164 tasks, 16,400 attempts)")
    rates = found["rates"].set_index("rate")
    assert round(100 * rates.loc["pass@1", "value"], 2) == 22.12
    assert round(100 * rates.loc["pass@100", "value"], 2) == 73.78
    draws = found["attempts"].groupby("task_id")["verdict"].apply(lambda v: (v == "passed").mean())
    assert draws.mean() == pytest.approx(rates.loc["pass@1", "value"], abs=1e-12)
    share = found["tasks"]["solved_by"].map(json.loads).str[0] / found["tasks"]["samples_generated"]
    assert share.mean() == pytest.approx(rates.loc["pass@1", "value"], abs=1e-12)
    assert found["runs"].loc[0, ["planned", "done", "complete"]].tolist() == [164, 164, 1]


def test_columns_keep_their_names_and_order(store, run, tmp_path):
    """What is documented is what is written; only a further column may come last."""
    run("r1", Variant("tiny", "m"), {"t": [["passed"]]})
    tables.write(store, ALL, (), tmp_path)
    heads = {name: ",".join(frame.columns) for name, frame in read(tmp_path).items()}
    assert heads == {
        "runs": "run_id,started,finished,elapsed_s,planned,done,infra,complete,subjects,"
        "fingerprint,version,git,command",
        "rates": "run_id,variant_id,benchmark,model,samples,debug_iters,strategy,feedback,options,"
        "rate,value,low,high,method,tasks,planned,done,infra,complete,benchmark_tasks,"
        "timeout_s",
        "tasks": "benchmark,model,samples,debug_iters,strategy,feedback,options,run_id,variant_id,"
        "task_id,state,solved,first_passed,samples_generated,iterations_used,solved_by,attempts,"
        "prompt_tokens,completion_tokens,calls,queue_s,request_s,check_s,wall_s,cached,flaky,"
        "reused,recorded,error,nodeid,thinking_tokens",
        "attempts": "benchmark,model,samples,debug_iters,strategy,feedback,options,run_id,"
        "variant_id,task_id,sample,iteration,verdict,mode,checks_run,check_s,memory_mb,"
        "prompt_tokens,completion_tokens,finish_reason,queue_s,request_s,calls,cached,reused,"
        "flaky,program,draw,detail,thinking_tokens,base_passed,plus_passed",
    }


def test_every_text_survives(store, run, tmp_path):
    """Quotes, commas, line breaks and NUL in names come back as they were; lines end with CRLF."""
    run("r1", Variant("tiny", HOSTILE), {HOSTILE: [["failed"]]})
    tables.write(store, ALL, (), tmp_path)
    raw = (tmp_path / "tasks.csv").read_bytes()
    with (tmp_path / "tasks.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["task_id"] == row["model"] == HOSTILE
    assert raw.endswith(b"\r\n")


def test_unmeasured_and_infra_items_are_rows_without_a_result(store, run, tmp_path):
    """`state` tells them from unsolved ones; `solved` is empty."""
    chains = {"a": [["passed"]], "b": [["failed"]], "c": "the server is gone", "d": [["passed"]]}
    run("r1", Variant("tiny", "m"), chains, recorded=3)
    tables.write(store, ALL, (), tmp_path)
    found = read(tmp_path)
    states = found["tasks"].set_index("task_id")["state"]
    assert states.to_dict() == {"a": "done", "b": "done", "c": "infra", "d": "planned"}
    assert found["tasks"]["solved"].isna().tolist() == [False, False, True, True]
    assert found["rates"]["complete"].tolist() == [0, 0]


def test_filters_choose_what_is_written(store, run, tmp_path):
    """Only the runs and variants that the report would show."""
    run("r1", Variant("tiny", "a"), {"t": [["passed"]]})
    run("r2", Variant("tiny", "b"), {"t": [["failed"]]}, at=1)
    tables.write(store, Filters(model=("b",)), (), tmp_path)
    found = read(tmp_path)
    assert {name: len(frame) for name, frame in found.items()} == {
        "runs": 1, "rates": 2, "tasks": 1, "attempts": 1,
    }  # fmt: skip


def test_the_export_takes_first_draws_where_draws_ended_early(store, run):
    """T/2 passed at its last draw: a share of 1/3 would make it look better than its first draw."""
    cell = Variant("b", "m", samples=3, options="stop=first-pass")
    run("r", cell, {"T/1": [["passed"]], "T/2": [["failed"], ["failed"], ["passed"]]})
    (row,) = queries.variants(store)
    draws = list(per_task.draws(store, row.variant_id))
    whole = {(draw.task_id, draw.sample): "" for draw in draws}
    assert evaluation(row, draws, whole)["pass_at_k"] == {"base": {"pass@1": 0.5}}
