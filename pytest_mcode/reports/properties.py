"""Flat properties of one item for JUnit XML and JSON reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_mcode.core.records import Json
from pytest_mcode.reports.cost import Price, cost, price_of
from pytest_mcode.store.outcomes import is_unreported, numbers

Scalar = str | int | float | bool


def properties(outcome: Mapping[str, Json], prices: Sequence[Price] = ()) -> dict[str, Scalar]:
    """Name -> scalar, from `Outcome.to_json()`.

    `mcode_verdict` is that of the first passing attempt, else of the last one, else empty;
    `mcode_draws_passed` counts iteration 0 alone; `mcode_cached` and `mcode_flaky` count attempts.
    Times in seconds. Tokens that the server did not report are left out (those of thinking, which
    are among the completion's, for themselves), and so is `mcode_cost` (currency units, of what was
    drawn for this item) without them, a price or a call.
    """
    found, variant = numbers(outcome), outcome["variant"]
    statuses = [outcome["attempts"][i]["verdict"]["status"] for i in outcome["counts"]]
    verdict = "passed" if "passed" in statuses else (statuses or [""])[-1]
    spent: dict[str, Scalar] = {}
    if not is_unreported(outcome):
        spent["mcode_prompt_tokens"] = found.prompt_tokens
        spent["mcode_completion_tokens"] = found.completion_tokens
        if found.thinking_tokens is not None:
            spent["mcode_thinking_tokens"] = found.thinking_tokens
        price = price_of(prices, variant["model"])
        if price is not None and found.calls:
            spent["mcode_cost"] = cost(price, found.prompt_tokens, found.completion_tokens)
    return {
        "mcode_benchmark": variant["benchmark"],
        "mcode_task": outcome["task_id"],
        "mcode_model": variant["model"],
        "mcode_samples": variant["samples"],
        "mcode_debug_iters": variant["debug_iters"],
        "mcode_strategy": variant["strategy"],
        "mcode_feedback": variant["feedback"],
        "mcode_options": variant["options"],
        "mcode_solved": found.solved,
        "mcode_verdict": verdict,
        "mcode_infra": outcome["infra"],
        "mcode_draws": found.samples_generated,
        "mcode_draws_passed": found.solved_by[0] if found.solved_by else 0,
        "mcode_iterations_used": found.iterations_used,
        "mcode_attempts": found.attempts,
        **spent,
        "mcode_calls": found.calls,
        "mcode_queue_s": found.queue_s,
        "mcode_request_s": found.request_s,
        "mcode_cached": found.cached,
        "mcode_flaky": found.flaky,
        "mcode_check_s": found.check_s,
        "mcode_wall_s": found.wall_s,
    }
