"""Model profiles, and servers that a run starts, one after another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_mcode.plugin.turns import dealt
from tests.contracts.llm_servers import Server

ROOT = Path(__file__).parents[2]
OPTIONS = ("--mcode-bench=tiny", "--mcode-sandbox=bubblewrap", "--mcode-limit=4")
PROFILE = """
[tool.pytest-mcode.models.{name}]
temperature = 0.5
[tool.pytest-mcode.models.{name}.server]
kind = "command"
command = ["{python}", "-m", "tests.plugin.model_program", "{{port}}", "{name}", "{folder}"]
"""


@pytest.fixture
def profiles(pytester, monkeypatch):
    """`profiles("a", "b", more="...")` writes a pyproject.toml with a server for each model."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def write(*names, more=""):
        tables = [
            PROFILE.format(name=name, python=sys.executable, folder=pytester.path) for name in names
        ]
        (pytester.path / "pyproject.toml").write_text("".join(tables) + more)

    return write


def diary(pytester):
    return (pytester.path / "diary").read_text().splitlines()


# Servers


@pytest.mark.bubblewrap
@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
def test_three_models_are_served_in_turn(run, database, profiles, pytester, workers):
    """Each server is started once, when the one before is gone, whoever runs the items."""
    profiles("a", "b", "c")
    result = run(*OPTIONS, "--mcode-model=a,b,c", "--mcode-samples=2", *workers)
    assert result.ret == 0, result.stdout.str()
    assert [line.partition(" after")[0] for line in diary(pytester)] == [
        f"{what} {name}" for name in "abc" for what in ("up", "down")
    ]
    states = "SELECT model_id, state, count(*) FROM items JOIN variants USING (variant_id)"
    found = database.rows(f"{states.replace('model_id', 'model')} GROUP BY 1, 2 ORDER BY 1")
    assert found == [(name, "done", 4) for name in "abc"]
    asked = "SELECT DISTINCT json_extract(options, '$.temperature') FROM attempts"
    assert database.rows(asked) == [(0.5,)]
    assert not list((pytester.path / ".mcode" / "servers").iterdir())


@pytest.mark.bubblewrap
def test_servers_take_turns_across_benchmarks(run, pytester, profiles):
    """With two benchmarks each model is started once: its items come before those of the next."""
    profiles("a", "b")
    line = (ROOT / "pytest_mcode/benchmarks/tiny.jsonl").read_text().splitlines(keepends=True)
    (pytester.path / "mine.jsonl").write_text("".join(line[:2]))
    result = run(*OPTIONS, "--mcode-bench=tiny,mine.jsonl", "--mcode-model=a,b")
    assert result.ret == 0, result.stdout.str()
    assert [line.split()[1] for line in diary(pytester) if line.startswith("up")] == ["a", "b"]


@pytest.mark.bubblewrap
def test_servers_may_be_up_together(run, pytester, profiles):
    """`together = true`: both are up before the first item, and nobody waits."""
    profiles("a", "b")
    file = pytester.path / "pyproject.toml"
    file.write_text(file.read_text().replace("kind =", "together = true\nkind ="))
    result = run(*OPTIONS, "--mcode-model=a,b")
    assert result.ret == 0, result.stdout.str()
    assert {line.split()[0] for line in diary(pytester)[:3]} == {"up", "CLASH"}


@pytest.mark.bubblewrap
@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
def test_a_server_that_does_not_come_up_is_infra_of_its_model_alone(
    run, database, profiles, workers
):
    """The first of them shows the log; the items of the other models are measured."""
    profiles("a", "broken", "c")
    result = run(*OPTIONS, "--mcode-model=a,broken,c", *workers)
    assert result.ret == 1
    states = "SELECT model, state, count(*) FROM items JOIN variants USING (variant_id)"
    found = database.rows(f"{states} GROUP BY 1, 2 ORDER BY 1")
    assert found == [("a", "done", 4), ("broken", "infra", 4), ("c", "done", 4)]
    said = [message for (message,) in database.rows("SELECT message FROM infra_errors")]
    assert sum("out of memory" in message for message in said) in (1, 1 + len(workers))
    first = "command server of broken ended with exit status 1 before it was healthy"
    assert all(message.startswith(first) for message in said)


@pytest.mark.bubblewrap
def test_the_first_server_is_started_before_anything_runs(run, profiles, pytester):
    """Where it fails, the run ends with status 4 and the end of the server's log."""
    profiles("broken", "a")
    result = run(*OPTIONS, "--mcode-model=broken,a")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    text = result.stderr.str()
    assert "mcode: command server of broken ended with exit status 1" in text
    assert "out of memory" in text
    assert diary(pytester) == []


def test_a_port_that_another_has_is_told_before_anything_runs(run, profiles, pytester):
    """Also that of a server whose turn comes later; and the list says so."""
    with Server(models=("other",)) as other:
        options = f"kind = 'command'\nurl = '{other.url}'\ncommand = '{sys.executable}'\n"
        profiles("a", more=f"[tool.pytest-mcode.models.b.server]\n{options}")
        result = run(*OPTIONS, "--mcode-model=a,b")
        listed = " ".join(run("--mcode-list").stdout.str().split())
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "is taken by a server of other, and b is to be served" in result.stderr.str()
    assert not (pytester.path / "diary").exists()
    assert "b missing 127.0.0.1" in listed


def test_the_time_to_get_healthy_is_an_option(run, profiles):
    """`--mcode-health-timeout` ends the waiting; the message names it."""
    profiles("slow")
    result = run(*OPTIONS, "--mcode-model=slow", "--mcode-health-timeout=2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "not healthy within 2 s (--mcode-health-timeout)" in result.stderr.str()


@pytest.mark.bubblewrap
@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
def test_a_run_that_is_killed_leaves_no_server_and_is_gone_on_with(
    run, database, profiles, pytester, workers
):
    """kill -9 of the controller in the turn of the second model; `--mcode-resume` ends the run."""
    profiles("a", "b", "c")
    options = (*OPTIONS, "--mcode-model=a,b,c", "--mcode-samples=2", *workers)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    with subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.DEVNULL) as process:
        end = time.monotonic() + 120
        while "up b" not in _diary(pytester) and time.monotonic() < end:
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    while _diary(pytester).count("up") != _diary(pytester).count("down"):
        assert time.monotonic() < end
        time.sleep(0.05)
    result = run(*options, "--mcode-resume")
    assert result.ret == 0, result.stdout.str()
    states = "SELECT model, state, count(*) FROM items JOIN variants USING (variant_id)"
    found = database.rows(f"{states} GROUP BY 1, 2 ORDER BY 1")
    assert found == [(name, "done", 4) for name in "abc"]
    assert "CLASH" not in diary(pytester)
    assert not list((pytester.path / ".mcode" / "servers").glob("*.server"))


def _diary(pytester):
    file = pytester.path / "diary"
    return file.read_text() if file.exists() else ""


@pytest.mark.parametrize("hands", [1, 2, 3, 7])
@pytest.mark.parametrize("sizes", [(10, 10, 10), (1, 9), (5, 0, 3), (2,)])
def test_every_worker_gets_its_share_of_every_model(hands, sizes):
    """The pieces that xdist cuts hold as many of each model as another's, give or take one."""
    groups = [[(model, n) for n in range(size)] for model, size in enumerate(sizes)]
    order = dealt(groups, hands)
    assert sorted(order) == [item for group in groups for item in group]
    left, pieces = list(order), []
    for hand in range(hands):
        size = len(left) // (hands - hand)
        pieces.append(left[:size])
        del left[:size]
    assert all(piece == sorted(piece) for piece in pieces)
    for model in range(len(sizes)):
        shares = [sum(item[0] == model for item in piece) for piece in pieces]
        assert max(shares) - min(shares) <= 1


# Profiles


def test_a_profile_says_what_its_model_is_asked_with(run, database, pytester):
    """Sampling of the profile beats the environment and loses to the command line; so does cost."""
    (pytester.path / "pyproject.toml").write_text(
        "[tool.pytest-mcode.models.small]\n"
        "server = 'tiny'\ntemperature = 0.3\nmax_tokens = 77\nprice = [1000, 2000]\n"
    )
    pytest.importorskip("xllamacpp")
    result = run(*OPTIONS, "--mcode-model=small,tiny", "--mcode-max-tokens=88")
    assert result.ret == 0, result.stderr.str() + result.stdout.str()
    asked = (
        "SELECT DISTINCT model, json_extract(a.options, '$.temperature'),"
        " json_extract(a.options, '$.max_tokens') FROM attempts a JOIN variants USING (variant_id)"
        " ORDER BY 1"
    )
    assert database.rows(asked) == [("small", 0.3, 88), ("tiny", 0.8, 88)]
    assert result.stdout.str().count("cost") == 1


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[m]\ntemprature = 1", r"[m]: 'temprature' is not known: did you mean 'temperature'?"),
        ("[m]\ntemperature = 9", "[m]: temperature=9 is not legal: it takes a number from 0 to 5"),
        ("[m]\nmax_tokens = '9'", "[m]: max_tokens='9' is not legal: it takes a whole number"),
        ("[m]\nprice = [1]", "[m]: price=[1] is not legal: it takes [IN, OUT]"),
        ("[m]\napi_key_env = 'NO_SUCH'", "[m]: api_key_env names NO_SUCH, which is not set"),
        ("[m]\nextra = {a = 2025-01-01}", "is not legal: it takes only what JSON has"),
        ("[m.5]\nbackend = 'openai'", 'write names with dots in quotes, ["m.5"]'),
        ("m = 1", "[m] must be a table"),
        ("[m", "cannot be read as TOML"),
        ("[m.server]\nport = 1", "[m]: the server has no `kind`"),
        ("[m]\nserver = 'vlm'", "unknown server 'vlm': did you mean 'vllm'?"),
        ("[m.server]\nkind = 'vllm'\nprot = 1", "'prot' is not known: did you mean 'port'?"),
        ("[m.server]\nkind = 'vllm'\nport = 'x'", "port='x' is not legal: it takes a whole number"),
        ("[m.server]\nkind = 'vllm'\nport = 70000", "port=70000 is not legal: it takes a whole"),
        ("[m.server]\nkind = 'vllm'\nargs = 5", "args=5 is not legal: it takes a text or a list"),
        ("[m.server]\nkind = 'vllm'\nargs = '\"'", "[m], server 'vllm': '\"' cannot be split"),
        ("[m.server]\nkind = 'command'\ncommand = ''", "[m], server 'command': command is empty"),
        ("[m.server]\nkind = 'llama_cpp'\nfile = 7", "file=7 is not legal: it takes a text"),
        ("[m.server]\nkind = 'llama_cpp'", "'file' is missing"),
        ("[m.server]\nkind = 'llama_cpp'\nfile = 'x.gguf'", "x.gguf: no such model file"),
        ("[m]\nbackend = 'opnai'", "unknown generator 'opnai': did you mean 'openai'?"),
    ],
)
def test_a_mistake_in_a_profile_is_told_in_a_line(run, pytester, toml, message):
    """File, table, key, and the nearest legal one; nothing is run."""
    (pytester.path / "my.toml").write_text(toml)
    result = run(*OPTIONS, "--mcode-models=my.toml", "--mcode-model=m")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.stderr.lines if line.strip()]
    assert message in line


def test_a_table_that_nobody_reads_is_told(run, pytester):
    """Else its models would be taken for names of the default backend."""
    (pytester.path / "pyproject.toml").write_text("[tool.pytest-mcode.model.m]\nserver = 'tiny'\n")
    result = run(*OPTIONS, "--mcode-model=m")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    told = "pyproject.toml: [tool.pytest-mcode]: 'model' is not known: did you mean 'models'?"
    assert told in result.stderr.str()


def test_a_key_is_needed_by_who_asks_its_model_alone(run, pytester):
    """Another model of the file runs without it; the list says what is missing."""
    (pytester.path / "pyproject.toml").write_text(
        "[tool.pytest-mcode.models.paid]\nbackend = 'openai'\napi_key_env = 'NO_SUCH'\n"
    )
    assert run("--mcode-bench=tiny", "--mcode-limit=1", "--mcode-model=gold").ret == 0
    listed = run("--mcode-list").stdout.str()
    assert "api_key_env names NO_SUCH, which is not set" in " ".join(listed.split())


def test_a_file_of_profiles_goes_before_pyproject(run, pytester):
    """Both are read; of two profiles with one name that of the file is taken."""
    (pytester.path / "pyproject.toml").write_text(
        "[tool.pytest-mcode.models.one]\nnotes = 'first'\nserver = 'tiny'\n"
        "[tool.pytest-mcode.models.two]\nnotes = 'second'\nserver = 'tiny'\n"
    )
    (pytester.path / "my.toml").write_text("[two]\nnotes = 'third'\nserver = 'tiny'\n")
    result = run("--mcode-list", "--mcode-models=my.toml")
    assert result.ret == 0
    text = result.stdout.str()
    assert "first" in text
    assert "third" in text
    assert "second" not in text
    missing = run("--mcode-list", "--mcode-models=gone.toml")
    assert missing.ret == pytest.ExitCode.USAGE_ERROR
    assert "gone.toml' does not exist: give a TOML file" in missing.stderr.str()


def test_a_model_that_only_a_profile_can_describe_is_told(run):
    """`command:x` has no command; the message names the page that shows how."""
    result = run(*OPTIONS, "--mcode-model=command:x")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "that only a profile can give" in result.stderr.str()
    assert "docs/models.md" in result.stderr.str()


def test_a_model_file_needs_no_profile(run, database):
    """`llama_cpp:FILE` serves the file; its id is the file's name."""
    pytest.importorskip("xllamacpp")
    file = ROOT / "pytest_mcode/servers/models/coder-q8_0.gguf"
    result = run(*OPTIONS, f"--mcode-model=llama_cpp:{file}", "--mcode-max-tokens=99")
    assert result.ret == 0, result.stderr.str() + result.stdout.str()
    assert database.rows("SELECT model FROM variants") == [("llama_cpp:coder-q8_0",)]


def test_the_list_says_what_is_ready(run, pytester, monkeypatch):
    """One entry for everything that can be named, within 80 columns, with the cure for the rest."""
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    (pytester.path / "pyproject.toml").write_text(
        "[tool.pytest-mcode.models.away]\nbackend = 'openai'\nbase_url = 'http://127.0.0.1:9/v1'\n"
    )
    result = run("--mcode-list")
    assert result.ret == 0
    lines = result.outlines
    assert max(map(len, lines)) <= 80
    heads = ("models", "benchmarks", "strategies", "sandboxes", "servers", "generators")
    assert [line for line in lines if line in heads] == list(heads)
    result.stdout.fnmatch_lines(
        [
            "  away *missing *no OpenAI-compatible server at*",
            "  gold *ready*",
            "  any other name *missing*",
            "  tiny *ready *10 tasks*",
            "  self_debug *here*",
            "  command *here *A command with the address*",
            "  ollama *missing *nobody answers at http://127.0.0.1:9",
            "  openai *here *",
        ]
    )
    with Server(models=["m"]) as server:
        result = run("--mcode-list", "--mcode-backend=openai", f"--mcode-base-url={server.url}")
    result.stdout.fnmatch_lines(
        [
            "  any other name *ready *openai: an OpenAI-compatible server at*",
            "generators",
            "  ollama *here *",
            "  openai *ready *an OpenAI-compatible server at*",
        ]
    )


def test_the_stop_sequences_of_a_profile_are_a_list(run, pytester):
    """Its key `stop` is --mcode-stop-sequences, not when draws end."""
    (pytester.path / "m.toml").write_text('[m]\nstop = ["\\ndef"]\n')
    given = ("--mcode-bench=tiny", "--mcode-model=m", "--mcode-models=m.toml", "--co", "-q")
    assert run(*given).ret == 0
    (pytester.path / "m.toml").write_text('[m]\nstop = "never"\n')
    run(*given).stderr.fnmatch_lines(["*stop='never' is not legal: it takes a list*"])
