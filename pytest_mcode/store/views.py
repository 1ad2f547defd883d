"""Views for people who look around with Datasette or `sqlite3`. Changed only by a new migration.

Rates are 0..1 and of the items that were measured, as in the reports: `complete` says whether these
are all. They read `items`; only `attempts_readable` touches the large rows of `attempts`.
"""

# pass@1 of all draws where each task has all of them, else of the first draws.
RATES = """
    SELECT v.run_id, r.started, v.benchmark, v.model, v.label, v.samples, v.debug_iters,
           v.strategy, v.feedback, v.options,
           count(*) AS planned, sum(i.state = 'done') AS done, sum(i.state = 'infra') AS infra,
           count(*) = sum(i.state = 'done') AS complete,
           CASE WHEN min(iif(i.state = 'done', i.samples_generated, v.samples)) >= v.samples
                THEN avg(iif(i.state = 'done', coalesce(json_extract(i.solved_by, '$[0]'), 0),
                             NULL)) / v.samples
                ELSE avg(iif(i.state = 'done', i.first_passed, NULL)) END AS pass_at_1,
           avg(iif(i.state = 'done', coalesce(json_extract(i.solved_by, '$[0]'), 0) > 0, NULL))
               AS solved_at_n,
           avg(i.solved) AS solved,
           sum(i.prompt_tokens + i.completion_tokens) AS tokens, sum(i.calls) AS calls,
           round(sum(i.request_s), 3) AS request_s, round(sum(i.check_s), 3) AS check_s,
           v.fingerprint, v.variant_id
    FROM variants v JOIN runs r USING (run_id) JOIN items i USING (variant_id)
    GROUP BY v.variant_id
"""

TASKS = """
    SELECT v.benchmark, i.task_id, count(*) AS items, sum(i.solved) AS solved,
           sum(i.samples_generated) AS draws,
           sum(coalesce(json_extract(i.solved_by, '$[0]'), 0)) AS draws_passed,
           1.0 * sum(coalesce(json_extract(i.solved_by, '$[0]'), 0))
               / nullif(sum(i.samples_generated), 0) AS share_passed,
           count(DISTINCT v.model) AS models,
           count(DISTINCT iif(i.solved, v.model, NULL)) AS models_solving
    FROM items i JOIN variants v USING (variant_id)
    WHERE i.state = 'done'
    GROUP BY v.benchmark, i.task_id
"""

# One row for each task and model that measured it: any variant, any attempt, repairs included.
SOLVED_BY_MODELS = """
    SELECT v.benchmark, i.task_id, v.model, max(i.solved) AS solved,
           max(coalesce(json_extract(i.solved_by, '$[0]'), 0) > 0) AS solved_by_a_draw,
           count(*) AS items, max(iif(i.solved, '', i.error)) AS last_error
    FROM items i JOIN variants v USING (variant_id)
    WHERE i.state = 'done'
    GROUP BY v.benchmark, i.task_id, v.model
"""

# What the model was told last stands before what it answered.
ATTEMPTS_READABLE = """
    SELECT v.benchmark, a.task_id, v.model, v.label, a.sample, a.iteration, a.verdict, a.detail,
           json_extract(a.prompt, '$[#-1].content') AS prompt, a.answer, a.code, a.feedback,
           a.stdout, a.thinking, a.mode, a.checks_run, a.prompt_tokens, a.completion_tokens,
           a.thinking_tokens, a.finish_reason, a.request_s, a.check_s, a.memory_mb, a.flaky,
           a.cached, a.reused, a.run_id, i.nodeid
    FROM attempts a JOIN items i USING (item_id) JOIN variants v ON v.variant_id = a.variant_id
"""

RUNS_READABLE = """
    SELECT r.run_id, r.started,
           round((julianday(coalesce(r.finished, max(i.recorded), r.started))
                  - julianday(r.started)) * 1440 - r.paused_s / 60, 2) AS minutes,
           (SELECT group_concat(s, ', ') FROM (SELECT DISTINCT benchmark || ' ' || model AS s
            FROM variants WHERE run_id = r.run_id)) AS subjects,
           count(i.item_id) AS planned, sum(i.state = 'done') AS done,
           sum(i.state = 'infra') AS infra, sum(i.state = 'done') = count(i.item_id) AS complete,
           r.finished IS NOT NULL AS ended, r.study, r.command, r.version, r.git
    FROM runs r LEFT JOIN items i USING (run_id)
    GROUP BY r.run_id
"""

_HAS_GROUPS = "(v.benchmark GLOB 'humaneval+*' OR v.benchmark GLOB 'mbpp+*')"
GROUPS_PASSED = {
    f"{group}_passed": f"iif({_HAS_GROUPS}, coalesce(json_extract(a.groups, '$.{group}'), 0), NULL)"
    for group in ("base", "plus")
}
"""Column -> whether the inputs of that name held, of `attempts a` and `variants v`: 0 also where a
program did not live to meet them; NULL where a benchmark has none."""

EVALPLUS_READABLE = (
    "DROP VIEW attempts_readable",
    "CREATE VIEW attempts_readable AS "
    + ATTEMPTS_READABLE.replace(
        "a.verdict, a.detail,",
        ", ".join(
            ["a.verdict", *(f"{sql} AS {name}" for name, sql in GROUPS_PASSED.items()), "a.detail,"]
        ),
    ),
)
"""Migration 0008."""

READABLE = {
    "rates": RATES,
    "tasks": TASKS,
    "solved_by_models": SOLVED_BY_MODELS,
    "attempts_readable": ATTEMPTS_READABLE,
    "runs_readable": RUNS_READABLE,
}
"""Added by migration 0005; 0006 makes `attempts_readable` anew, with tokens of
thinking, and 0008 with EvalPlus's two groups."""
