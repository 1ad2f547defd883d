"""Measurements for pages, hostile texts among them."""

from pytest_mcode.core.records import (
    Answer,
    Attempt,
    Call,
    Message,
    Outcome,
    Variant,
    Verdict,
)
from pytest_mcode.reports.html import write
from pytest_mcode.store.database import PlannedItem
from pytest_mcode.store.queries import ALL

HOSTILE = (
    "</script><script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'>"
    "<!-- ]]> {{ 7 * 7 }} {% raw %} </pre></textarea></style>\x00\x1b[31m\u202eevil\u2066"
    "\u2028\u2029\ud800 \ufeff &lt;b&gt; javascript:alert(1) ${1+1} 模型 \U0001f600"
)
LONG = "x" * 1_000_000
GOOD = "def double(n):\n    '''twice'''\n    return 2 * n  # easy \U0001f600\n"
BAD = "def double(n):\n    return n\n"


def attempt(sample, iteration, status="passed", *, text=None, **given):
    """One attempt with all its texts, which are `text` if that is given."""
    code = (GOOD if status == "passed" else BAD) if text is None else text
    messages = (Message("user", "Complete it:\n\ndef double(n):\n" if text is None else text),)
    if iteration:
        messages += (Message("assistant", code), Message("user", "Try again."))
    answer = Answer(
        text or f"Sure:\n{code}",
        messages=messages,
        thinking=text or "",
        prompt_tokens=50,
        completion_tokens=10,
        finish_reason=text or "stop",
        request_s=0.5,
    )
    verdict = Verdict(
        status, detail=text or status, feedback=text or "", stdout=text or "",
        flaky=given.pop("flaky", ""),
    )  # fmt: skip
    return Attempt(sample, iteration, answer, code, verdict, given)


def record(store, run_id, variant, tasks, *, parts=None, command="pytest", recorded=None):
    """A run of one variant: task -> attempts, or the message of an infra error."""
    parts = parts or {"limits": {"wall_s": 10.0}, "model": {"model": variant.model}}
    store.start_run(run_id, command=command, fingerprint_parts={}, version="0")
    items = [PlannedItem(f"{run_id}[{task}]", variant.label, task) for task in tasks]
    store.plan(run_id, {variant.label: (variant, parts)}, items)
    for item in items[:recorded]:
        given = tasks[item.task_id]
        if isinstance(given, str):
            outcome = Outcome(variant, item.task_id, infra=given)
        else:
            calls = (Call(0, "planner", 0, Answer("a plan")),) if given[0].notes else ()
            outcome = Outcome(variant, item.task_id, tuple(given), calls=calls)
        store.record(run_id, item.nodeid, outcome.to_json())
    store.finish_run(run_id)


def two_models(store):
    """alpha solves t/0 at once and t/1 by a repair, beta t/1 alone; t/2 is infra in both."""
    solves = [attempt(0, 0), attempt(1, 0, "failed"), attempt(1, 1)]
    repaired = [attempt(0, 0, "failed"), attempt(0, 1), attempt(1, 0, "error")]
    fails = [attempt(0, 0, "timeout"), attempt(1, 0, "no_code"), attempt(0, 1, "failed")]
    alpha, beta = (Variant("toy", name, samples=2, debug_iters=1) for name in ("alpha", "beta"))
    infra = "the server\n<b>broke</b>"
    record(store, "r1", alpha, {"t/0": solves, "t/1": repaired, "t/2": infra})
    record(store, "r2", beta, {"t/0": fails, "t/1": solves, "t/2": infra})


def hostile(store):
    """Every text that a model, a task file or a user can choose is hostile."""
    variant = Variant('b<i>ad"&', f"m{HOSTILE[:40]}", samples=3)
    attempts = [
        attempt(0, 0, "passed", text=HOSTILE, flaky=HOSTILE, note=HOSTILE),
        attempt(1, 0, "failed", text=LONG),
        attempt(2, 0, "forged", text="\n".join(HOSTILE for _ in range(3))),
    ]  # fmt: skip
    record(
        store, "r1", variant, {f"t{HOSTILE}": attempts, "t2": HOSTILE},
        command=f"pytest {HOSTILE}", parts={"limits": {"wall_s": 1.0}, "extra": HOSTILE},
    )  # fmt: skip


def page(store, folder):
    """The page of all that is in a store."""
    path = folder / "page.html"
    write(store, ALL, (), path)
    return path
