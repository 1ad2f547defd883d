"""`--mcode-stop=first-pass`: one draw after the other, and only the rates that this permits."""

from __future__ import annotations

import json

import pytest


def test_draws_end_at_the_first_pass_and_only_honest_rates_are_given(run, wrong_answers, database):
    """The first task passes at its first draw, the second at its second, the third never."""
    wrong = json.dumps({"task_id": "tiny/clamp_all", "completion": "    return None\n"}) + "\n"
    wrong_answers.write_text(wrong_answers.read_text() + 2 * wrong)
    args = ("-q", "--mcode-bench=tiny", f"--mcode-model=replay:{wrong_answers}")
    args += ("--mcode-samples=2", "--mcode-tasks=even_square_sum,mirror_words,clamp_all")
    whole = run(*args)
    early = run(*args, "--mcode-stop=first-pass")
    drawn = database.rows(
        "SELECT v.options, i.task_id, i.samples_generated FROM items i"
        " JOIN variants v USING (variant_id) ORDER BY 1, 2"
    )
    tasks = ("tiny/clamp_all", "tiny/even_square_sum", "tiny/mirror_words")
    assert drawn == [
        *[("", task, 2) for task in tasks],
        *[("stop=first-pass", task, n) for task, n in zip(tasks, (2, 1, 2), strict=True)],
    ]
    assert "pass@2" in whole.stdout.str()
    assert "pass@2" not in early.stdout.str()
    early.stdout.fnmatch_lines(["*pass@1 *33.33*", "*solved@2 *66.67*", "*draws end at the first*"])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--mcode-debug-iters=2",), "give --mcode-debug-iters=0"),
        (("--mcode-strategy=majority",), "majority needs all its draws"),
        (("--mcode-stop=first",), "one of 'never', 'first-pass'"),
    ],
)
def test_what_cannot_stop_early_is_refused(run, more, said):
    """In one line, before anything runs."""
    args = ("--mcode-bench=tiny", "--mcode-model=gold", "--mcode-stop=first-pass")
    done = run(*args, *more)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert said in done.stderr.str()
