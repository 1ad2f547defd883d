"""The tables and views, as text. Changed only by a new numbered migration, never in place."""

from pytest_mcode.store.views import READABLE

TABLES = (
    """CREATE TABLE runs (
        run_id TEXT PRIMARY KEY,
        started TEXT NOT NULL,
        finished TEXT,
        command TEXT NOT NULL,
        version TEXT NOT NULL,
        git TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        settings TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE variants (
        variant_id INTEGER PRIMARY KEY,
        run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
        label TEXT NOT NULL,
        benchmark TEXT NOT NULL,
        model TEXT NOT NULL,
        samples INTEGER NOT NULL,
        debug_iters INTEGER NOT NULL,
        strategy TEXT NOT NULL,
        feedback TEXT NOT NULL,
        timeout_s REAL,
        fingerprint TEXT NOT NULL,
        settings TEXT NOT NULL,
        UNIQUE (run_id, label)
    ) STRICT""",
    # solved_by: JSON list, element j = samples that passed at an iteration <= j. Reports need
    # no more than this to give every rate, so they never read the large rows of `attempts`.
    """CREATE TABLE items (
        item_id INTEGER PRIMARY KEY,
        run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
        variant_id INTEGER NOT NULL REFERENCES variants ON DELETE CASCADE,
        task_id TEXT NOT NULL,
        nodeid TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'done', 'infra')),
        solved INTEGER,
        samples_generated INTEGER NOT NULL DEFAULT 0,
        iterations_used INTEGER NOT NULL DEFAULT 0,
        first_passed INTEGER NOT NULL DEFAULT 0,
        solved_by TEXT NOT NULL DEFAULT '[]',
        attempts INTEGER NOT NULL DEFAULT 0,
        prompt_tokens INTEGER NOT NULL DEFAULT 0,
        completion_tokens INTEGER NOT NULL DEFAULT 0,
        calls INTEGER NOT NULL DEFAULT 0,
        queue_s REAL NOT NULL DEFAULT 0,
        request_s REAL NOT NULL DEFAULT 0,
        check_s REAL NOT NULL DEFAULT 0,
        wall_s REAL NOT NULL DEFAULT 0,
        recorded TEXT,
        error TEXT NOT NULL DEFAULT '',
        UNIQUE (run_id, nodeid)
    ) STRICT""",
    "CREATE INDEX items_by_variant ON items (variant_id, state)",
    # Small columns first: a scan then reads only the head of a row with megabytes of text.
    """CREATE TABLE attempts (
        item_id INTEGER NOT NULL REFERENCES items ON DELETE CASCADE,
        run_id TEXT NOT NULL,
        variant_id INTEGER NOT NULL,
        task_id TEXT NOT NULL,
        sample INTEGER NOT NULL,
        iteration INTEGER NOT NULL,
        verdict TEXT NOT NULL,
        mode TEXT NOT NULL,
        checks_run INTEGER NOT NULL,
        check_s REAL NOT NULL,
        memory_mb REAL NOT NULL,
        prompt_tokens INTEGER NOT NULL,
        completion_tokens INTEGER NOT NULL,
        finish_reason TEXT NOT NULL,
        queue_s REAL NOT NULL,
        request_s REAL NOT NULL,
        calls INTEGER NOT NULL,
        form TEXT NOT NULL,
        detail TEXT NOT NULL,
        feedback TEXT NOT NULL,
        code TEXT NOT NULL,
        prompt TEXT NOT NULL,
        options TEXT NOT NULL,
        answer TEXT NOT NULL,
        thinking TEXT NOT NULL,
        stdout TEXT NOT NULL,
        PRIMARY KEY (item_id, sample, iteration)
    ) STRICT""",
    "CREATE INDEX attempts_by_verdict ON attempts (variant_id, iteration, verdict, mode, item_id)",
    # A log, not a state: an item that is measured after a failure keeps its row here.
    """CREATE TABLE infra_errors (
        run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
        nodeid TEXT NOT NULL,
        message TEXT NOT NULL,
        recorded TEXT NOT NULL,
        PRIMARY KEY (run_id, nodeid, message)
    ) STRICT""",
    """CREATE TABLE self_checks (
        benchmark TEXT NOT NULL,
        data_sha256 TEXT NOT NULL,
        image TEXT NOT NULL,
        verdict_version TEXT NOT NULL,
        passed INTEGER NOT NULL,
        checked TEXT NOT NULL,
        detail TEXT NOT NULL,
        PRIMARY KEY (benchmark, data_sha256, image, verdict_version)
    ) STRICT""",
)

REMEMBERED = (
    # Counts on the item, because reports never read the large rows of `attempts`.
    "ALTER TABLE items ADD COLUMN cached INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE items ADD COLUMN flaky INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE attempts ADD COLUMN flaky TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE attempts ADD COLUMN cached INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE attempts ADD COLUMN program TEXT NOT NULL DEFAULT ''",
    # JSON object: which groups of tests held (`Verdict.groups`).
    "ALTER TABLE attempts ADD COLUMN groups TEXT NOT NULL DEFAULT '{}'",
    "CREATE INDEX attempts_by_program ON attempts (program) WHERE program <> ''",
)
"""Verdicts are found again by the digest of what was verified; flaky ones are named."""

GROUPS = (
    # JSON list of [group of tests, draws in which it and all groups before it held].
    "ALTER TABLE items ADD COLUMN group_draws TEXT NOT NULL DEFAULT '[]'",
)
"""Reports give the rate of each group, as EvalPlus does for its base tests."""

DRAWS = (
    "ALTER TABLE attempts ADD COLUMN draw TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE attempts ADD COLUMN reused INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX attempts_by_draw ON attempts (draw) WHERE draw <> ''",
    "ALTER TABLE items ADD COLUMN reused INTEGER NOT NULL DEFAULT 0",
    # Seconds in which the run did not go, because it was taken up again later.
    "ALTER TABLE runs ADD COLUMN paused_s REAL NOT NULL DEFAULT 0",
    # Host, number and start of the process that writes it: who takes a run up must be alone.
    "ALTER TABLE runs ADD COLUMN process TEXT NOT NULL DEFAULT ''",
)
"""Draws are found again by the digest of all that decides them; runs are taken up again."""

CELLS = (
    "ALTER TABLE variants ADD COLUMN options TEXT NOT NULL DEFAULT ''",
    # Name of the study that the run is of; empty for a run of the command line.
    "ALTER TABLE runs ADD COLUMN study TEXT NOT NULL DEFAULT ''",
    # Decisions of `--mcode-gate`; `record` is the decision as JSON, tasks by name.
    """CREATE TABLE gates (
        run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
        decided TEXT NOT NULL,
        status TEXT NOT NULL,
        baseline TEXT NOT NULL,
        record TEXT NOT NULL
    ) STRICT""",
    # JSON object: what a strategy notes of an attempt (`Attempt.notes`).
    "ALTER TABLE attempts ADD COLUMN notes TEXT NOT NULL DEFAULT '{}'",
    # Whether the attempt that the strategy chose passed; NULL where it chooses none.
    "ALTER TABLE items ADD COLUMN chosen INTEGER",
    # Requests of a strategy that are no attempts: planners, judges. Columns as in `attempts`.
    """CREATE TABLE calls (
        item_id INTEGER NOT NULL REFERENCES items ON DELETE CASCADE,
        run_id TEXT NOT NULL,
        variant_id INTEGER NOT NULL,
        task_id TEXT NOT NULL,
        sample INTEGER NOT NULL,
        role TEXT NOT NULL,
        number INTEGER NOT NULL,
        prompt_tokens INTEGER NOT NULL,
        completion_tokens INTEGER NOT NULL,
        finish_reason TEXT NOT NULL,
        queue_s REAL NOT NULL,
        request_s REAL NOT NULL,
        calls INTEGER NOT NULL,
        form TEXT NOT NULL,
        reused INTEGER NOT NULL,
        draw TEXT NOT NULL,
        prompt TEXT NOT NULL,
        options TEXT NOT NULL,
        answer TEXT NOT NULL,
        thinking TEXT NOT NULL,
        PRIMARY KEY (item_id, sample, role, number)
    ) STRICT""",
    "CREATE INDEX calls_by_draw ON calls (draw) WHERE draw <> ''",
    # Sums and signs of an item's answers, because reports never read the large rows of `attempts`.
    "ALTER TABLE items ADD COLUMN asked INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE items ADD COLUMN unreported INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE items ADD COLUMN reused_prompt_tokens INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE items ADD COLUMN reused_completion_tokens INTEGER NOT NULL DEFAULT 0",
    """UPDATE items SET (asked, unreported, reused_prompt_tokens, reused_completion_tokens) =
        (SELECT coalesce(max(a.calls > 0 OR a.reused), 0),
                coalesce(max((a.calls > 0 OR a.reused) AND a.prompt_tokens + a.completion_tokens = 0
                             AND a.finish_reason <> 'context_overflow'), 0),
                coalesce(sum(a.prompt_tokens * a.reused), 0),
                coalesce(sum(a.completion_tokens * a.reused), 0)
         FROM attempts a WHERE a.item_id = items.item_id)""",
    *(f"CREATE VIEW {name} AS {select}" for name, select in READABLE.items()),
)
"""Cells differ in any setting; runs belong to studies; strategies choose, note and ask besides."""

THINKING = (
    # NULL where the server did not tell how many of the completion's tokens were thinking.
    "ALTER TABLE items ADD COLUMN thinking_tokens INTEGER",
    "ALTER TABLE attempts ADD COLUMN thinking_tokens INTEGER",
    "ALTER TABLE calls ADD COLUMN thinking_tokens INTEGER",
    "DROP VIEW attempts_readable",
    f"CREATE VIEW attempts_readable AS {READABLE['attempts_readable']}",
)
"""Tokens of thinking have a figure of their own."""

WAITING = (
    # What a run has drawn and not verified: that is another phase (`--mcode-phase`), or it was
    # interrupted. These are no attempts, so that nobody takes them for results. Columns as in
    # `calls`; of a draw the role is empty and the number its iteration.
    """CREATE TABLE draws (
        item_id INTEGER NOT NULL REFERENCES items ON DELETE CASCADE,
        run_id TEXT NOT NULL,
        variant_id INTEGER NOT NULL,
        task_id TEXT NOT NULL,
        sample INTEGER NOT NULL,
        role TEXT NOT NULL,
        number INTEGER NOT NULL,
        prompt_tokens INTEGER NOT NULL,
        completion_tokens INTEGER NOT NULL,
        thinking_tokens INTEGER,
        finish_reason TEXT NOT NULL,
        queue_s REAL NOT NULL,
        request_s REAL NOT NULL,
        calls INTEGER NOT NULL,
        form TEXT NOT NULL,
        reused INTEGER NOT NULL,
        draw TEXT NOT NULL,
        prompt TEXT NOT NULL,
        options TEXT NOT NULL,
        answer TEXT NOT NULL,
        thinking TEXT NOT NULL,
        PRIMARY KEY (item_id, sample, role, number)
    ) STRICT""",
    "CREATE INDEX draws_by_draw ON draws (draw)",
    # Of them those of role '', where `--mcode-phase=generate` has drawn the whole item.
    "ALTER TABLE items ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0",
)
"""Runs may be drawn on one machine and verified on another."""

SIZES = ("ALTER TABLE self_checks ADD COLUMN tasks INTEGER NOT NULL DEFAULT 0",)
"""Reports tell a run of some tasks of a benchmark from a run of all; 0: proved before this."""

CUT = (
    "CREATE INDEX attempts_cut ON attempts (variant_id, finish_reason, item_id)"
    " WHERE finish_reason IN ('length', 'context_overflow')",
)
"""Reports tell how many answers were cut off, and how many prompts did not fit."""

# The predecessor's shape. `passed` is any attempt of the item, repairs included; NULL for infra.
RESULTS = """
    SELECT i.run_id, i.task_id, i.solved AS passed, i.samples_generated, i.iterations_used,
           CAST(round(i.wall_s * 1000) AS INTEGER) AS time_ms, i.error,
           v.benchmark, v.model AS model_id, v.samples, v.debug_iters, v.strategy, v.label
    FROM items i JOIN variants v USING (variant_id)
    WHERE i.state <> 'planned'
"""

# total = items measured without infra errors; the rate is NULL before the first of them.
PASS_RATES = """
    SELECT v.run_id, v.benchmark, v.model AS model_id,
           json_object('model_id', v.model, 'samples', v.samples,
                       'max_debug_iterations', v.debug_iters, 'timeout', v.timeout_s,
                       'strategy', v.strategy, 'feedback', v.feedback) AS config,
           sum(i.state = 'done') AS total, coalesce(sum(i.solved), 0) AS passed,
           1.0 * sum(i.solved) / nullif(sum(i.state = 'done'), 0) AS pass_rate,
           count(*) AS planned, sum(i.state = 'infra') AS infra, v.label
    FROM variants v JOIN items i USING (variant_id)
    GROUP BY v.variant_id
"""

VIEWS = {"results": RESULTS, "pass_rates": PASS_RATES}
