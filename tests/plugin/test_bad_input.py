"""Bad input: one clear line that names the cure, before anything runs, and exit status 4."""

from __future__ import annotations

import pytest

GOLD = ("--mcode-bench=tiny", "--mcode-model=gold")

CASES = {
    "unknown-benchmark": (("--mcode-bench=tinny", "--mcode-model=gold"), "unknown benchmark 'tinny': did you mean 'tiny'"),
    "no-model": (("--mcode-bench=tiny",), "needs a model: --mcode-model=NAME"),
    "unknown-strategy": ((*GOLD, "--mcode-strategy=luck"), "unknown strategy 'luck'"),
    "unknown-sandbox": ((*GOLD, "--mcode-sandbox=podman"), "unknown sandbox 'podman'"),
    "not-a-number": ((*GOLD, "--mcode-temperature=hot"), "--mcode-temperature='hot' is not legal: it takes a number"),
    "price": ((*GOLD, "--mcode-price=1"), "--mcode-price='1' is not legal: it takes IN,OUT in currency units per million tokens, or NAME=IN,OUT,..."),
    "negative-price": ((*GOLD, "--mcode-price=m=1,-2"), "--mcode-price='m=1,-2' is not legal: it takes IN,OUT in currency units per million tokens, or NAME=IN,OUT,..."),
    "progress": ((*GOLD, "--mcode-progress=fast"), "--mcode-progress='fast' is not legal: it takes one of 'auto', 'line', 'log', 'off'"),
    "not-whole": ((*GOLD, "--mcode-samples=0"), "--mcode-samples='0' is not legal: it takes a comma list of whole numbers from 1 to 100,000"),
    "too-many-containers": ((*GOLD, "--mcode-slots=99999"), "--mcode-slots='99999' is not legal: it takes a whole number from 0 to 512"),
    "not-json": ((*GOLD, "--mcode-extra=top_k"), "--mcode-extra='top_k' is not legal: it takes a JSON object"),
    "not-a-choice": ((*GOLD, "--mcode-prompt-style=poem"), "it takes one of 'chat', 'completion'"),
    "no-such-data": ((*GOLD, "--mcode-data=nowhere"), "--mcode-data='nowhere' does not exist"),
    "no-such-file": (("--mcode-bench=none.jsonl", "--mcode-model=gold"), "none.jsonl: no such file"),
    "no-such-task": ((*GOLD, "--mcode-tasks=nope"), "tiny has none of nope; its ids look like 'tiny/"),
    "no-gate-after-all": ((*GOLD, "--mcode-gate="), "--mcode-gate is empty: give it a value, or leave it out"),
    "no-benchmark-after-all": (("--mcode-bench=,", "--mcode-model=gold"), "--mcode-bench is empty: give it a value"),
    "one-wrong-task": ((*GOLD, "--mcode-tasks=mirror_words,mirror_word"), "no task of tiny is named mirror_word; ids look like 'tiny/"),
    "no-replay-file": (("--mcode-bench=tiny", "--mcode-model=replay:none.jsonl"), "replay:none.jsonl: cannot read the file"),
    "dead-server": (("--mcode-bench=tiny", "--mcode-model=openai:m", "--mcode-base-url=http://127.0.0.1:9/v1"), "no OpenAI-compatible server at http://127.0.0.1:9/v1: start it"),
    "misspelled": (("--mcode-bench=tiny", "--mcode-model=tinyy", "--mcode-base-url=http://127.0.0.1:9"), "no Ollama at http://127.0.0.1:9: start it with `ollama serve`, or name another server with --mcode-base-url (or did you mean --mcode-model=tiny?)"),
    "no-ollama": (("--mcode-bench=tiny", "--mcode-model=m", "--mcode-base-url=http://127.0.0.1:9"), "no Ollama at http://127.0.0.1:9: start it with `ollama serve`"),
    "dist-mode": ((*GOLD, "-n2", "--dist=loadscope"), "--dist=loadscope hangs or loses items"),
    "no-docker": ((*GOLD, "--mcode-sandbox=docker", "-p", "no:xdist"), "start dockerd, set DOCKER_HOST, or take --mcode-sandbox=bubblewrap"),
    "no-database": (("--mcode-report", "--mcode-db=none.db"), "none.db does not exist: run a benchmark first"),
    "not-a-probability": ((*GOLD, "--mcode-alpha=5"), "--mcode-alpha='5' is not legal: it takes a number from 0.0001 to 0.4"),
    "drop-without-gate": ((*GOLD, "--mcode-max-drop=0.1"), "--mcode-max-drop is of a gate: give --mcode-gate=BASELINE too"),
    "unused-backend": ((*GOLD, "--mcode-backend=olama"), "unknown generator 'olama': did you mean 'ollama'"),
    "of-a-report": ((*GOLD, "--mcode-run=20260101-000000-aaaa"), "--mcode-run is for what is stored: run first, then --mcode-report"),
    "two-commands": (("--mcode-report", "--mcode-doctor"), "--mcode-report and --mcode-doctor are two commands: one at a time"),
    "a-command-runs-nothing": (("--mcode-report", "--mcode-resume"), "--mcode-report runs nothing: leave --mcode-resume out"),
    "a-file-of-nothing": (("--mcode-list", "--mcode-html=x.html"), "--mcode-list looks at nothing that is stored: give --mcode-html with --mcode-report"),
    "no-report": (("--mcode-compare=a,b",), "--mcode-compare needs --mcode-report, or a page to stand on"),
    "same-ids": (("--mcode-bench=tiny", "--mcode-model=replay:a/x.jsonl,replay:b/x.jsonl"), "share the id replay:x"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_one_line_that_names_the_cure(run, monkeypatch, name):
    """Every wrong option value, missing part or dead server: exit status 4 and one line."""
    args, line = CASES[name]
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    result = run(*args)
    assert result.ret == 4, result.stdout.str()
    (said,) = [text for text in result.errlines if text.strip()]
    assert line in said
    assert len(said) < 400


def test_a_corrupt_database_is_named_and_left_alone(run, pytester):
    """A file that is no database is refused before a model is asked."""
    path = pytester.path / "bad.db"
    path.write_text("no database")
    result = run(*GOLD, f"--mcode-db={path}")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*bad.db is no SQLite database*"])
    assert path.read_text() == "no database"


def test_environment_and_ini_are_named_in_the_message(run, pytester, monkeypatch):
    """A wrong value is reported under the name by which it was given."""
    monkeypatch.setenv("MCODE_SAMPLES", "many")
    run(*GOLD).stderr.fnmatch_lines(["*MCODE_SAMPLES='many' is not legal*"])
    monkeypatch.delenv("MCODE_SAMPLES")
    pytester.makeini("[pytest]\nmcode_samples = few\n")
    run(*GOLD).stderr.fnmatch_lines(["*ini mcode_samples='few' is not legal*"])
    monkeypatch.setenv("MCODE_SAMPELS", "5")
    run(*GOLD, "--mcode-samples=1").stderr.fnmatch_lines(["*MCODE_SAMPELS in the*MCODE_SAMPLES[?]"])


@pytest.mark.docker
def test_command_line_beats_environment_beats_ini(run, pytester, monkeypatch):
    """Precedence of the sources, shown by the number of samples in the ids."""
    pytester.makeini("[pytest]\nmcode_samples = 2\n")
    listing = (*GOLD, "--mcode-limit=1", "--collect-only", "-q")
    run(*listing).stdout.fnmatch_lines(["*gold-n2-d0*"])
    monkeypatch.setenv("MCODE_SAMPLES", "3")
    run(*listing).stdout.fnmatch_lines(["*gold-n3-d0*"])
    run(*listing, "--mcode-samples=4").stdout.fnmatch_lines(["*gold-n4-d0*"])


def test_a_report_on_a_run_that_is_not_there_names_one_that_is(run, database):
    """One line and exit status 4 instead of an empty report."""
    assert run("-q", "--mcode-bench=tiny", "--mcode-model=gold", "--mcode-limit=1").ret == 0
    ((known,),) = database.rows("SELECT run_id FROM runs")
    done = run("--mcode-report", f"--mcode-run={known[:-1]}")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([f"*--mcode-run={known[:-1]}: no such run in *: there is {known}"])
