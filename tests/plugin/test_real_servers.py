"""Real llama.cpp servers, started in each way there is, that are killed in their turn."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from pytest_mcode.core import processes
from pytest_mcode.servers import port
from pytest_mcode.servers.llama_cpp import CHILD, MODELS, TINY, LlamaCpp

pytestmark = pytest.mark.bubblewrap

BINARY = """#!{python}
# As llama-server: of its arguments the five that matter, else the wheel's server in its stead. It
# runs in a process of its own, which outlives this one should it be killed.
import json, subprocess, sys
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
slots = int(given["--parallel"])
told = dict(file=given["--model"], name=given["--alias"], port=int(given["--port"]), slots=slots,
            context=int(given["--ctx-size"]) // slots, gpu_layers=0, threads=1,
            connections=int(given["--threads-http"]))
wheel = [sys.executable, "-P", {child!r}, json.dumps(told)]
command = [{real!r}, *sys.argv[1:]] if {real!r} else wheel
shell = ["sh", "-c", '"$@"; exit $?', "sh", *command]
sys.exit(subprocess.run(shell).returncode)
"""
"""The program of `kind = "llama_cpp", binary = ...`: the real `llama-server` where there is one."""
PROFILES = """
[tool.pytest-mcode.models.wheel]
server = {{ kind = "llama_cpp", file = "{one}", context = 2048, parallel = 1, threads = 1 }}
[tool.pytest-mcode.models.binary.server]
kind = "llama_cpp"
file = "{two}"
binary = "{binary}"
context = 2048
parallel = 1
threads = 1
[tool.pytest-mcode.models.command]
server = {{ kind = "command", command = ["{python}", "-P", "{child}", '{parameters}'] }}
"""
ROWS = (
    "SELECT i.nodeid, i.state, i.solved, a.sample, a.verdict, a.code, a.answer, a.prompt,"
    " a.completion_tokens, a.draw, v.fingerprint FROM items i JOIN variants v USING (variant_id)"
    " LEFT JOIN attempts a USING (item_id) ORDER BY 1, 4"
)


def until(what: Callable[[], bool]) -> bool:
    """Whether something comes true within two minutes."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        with suppress(Exception):  # the database is being created
            if what():
                return True
        time.sleep(0.02)
    return False


def session(leader: int) -> list[int]:
    """The living processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError, IndexError, ValueError):
            words = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(words[3]) == leader and words[0] not in "ZX":
                found.append(int(entry.name))
    return found


@pytest.fixture
def options(pytester: pytest.Pytester) -> tuple[str, ...]:
    """Options of a run of three profiles, each served by llama.cpp in another way."""
    pytest.importorskip("xllamacpp")
    binary, real = pytester.path / "my-llama-server", shutil.which("llama-server") or ""
    binary.write_text(BINARY.format(python=sys.executable, child=str(CHILD), real=real))
    binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
    one, two = (MODELS / TINY[name] for name in ("", "short300"))
    told = {"file": str(one), "name": "command", "port": 0, "slots": 1, "context": 2048}
    told |= {"gpu_layers": 0, "threads": 1, "connections": 66}
    parameters = json.dumps(told).replace('"port": 0', '"port": {port}')
    (pytester.path / "pyproject.toml").write_text(
        PROFILES.format(
            one=one,
            two=two,
            binary=binary,
            python=sys.executable,
            child=CHILD,
            parameters=parameters,
        )
    )
    grid = ("--mcode-model=wheel,binary,command", "--mcode-limit=5", "--mcode-samples=2")
    tokens = ("--mcode-max-tokens=150", "--mcode-temperature=0")
    return "--mcode-bench=tiny", "--mcode-sandbox=bubblewrap", *grid, *tokens, "-n2"


@pytest.mark.slow
def test_three_real_servers_in_turn_killed_and_gone_on_with(run, pytester, database, options):
    """The wheel's server, a `llama-server` program and a command, each in its turn, two workers.
    In the second turn the run gets kill -9, and the server's keeper too: the next run ends what is
    left of the server, and not the same program of somebody else. In the third turn the server
    itself is killed: it is started again. The rows are those of an undisturbed run."""
    assert run(*options, "--mcode-db=whole.db").ret == 0
    whole = type(database)(pytester.path / "whole.db").rows(ROWS)
    assert {row[1] for row in whole} == {"done"}
    somebody = LlamaCpp(MODELS / TINY["short300"], model="binary", context=2048, threads=1)
    url = somebody.start()
    try:
        orphan = _killed_in_the_second_turn(pytester, database, options)
        assert session(orphan)
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
        with subprocess.Popen(
            [*command, "--mcode-resume"], cwd=pytester.path, stdout=subprocess.PIPE, text=True
        ) as going:
            assert until(lambda: _done(database, "command") > 0)
            victim = _noted(pytester, "command")["pid"]
            for pid in session(victim):
                os.kill(pid, signal.SIGKILL)
            said, _ = going.communicate(timeout=240)
        assert going.returncode == 0, said
        assert "stopped a server that a killed run had left (binary-" in said
        assert "command server of command ended by itself once and was started again" in said
        assert session(orphan) == []
        assert port.models(url) == ["binary"]
    finally:
        somebody.close()
    assert database.rows(ROWS) == whole


def _killed_in_the_second_turn(pytester, database, options) -> int:
    """Run, and kill controller and keeper when some items of the second model are done; the number
    of its server."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    with subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.DEVNULL) as process:
        assert until(lambda: _done(database, "binary") > 0)
        server = int(_noted(pytester, "binary")["pid"])
        kept_by = int(Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()[1])
        process.send_signal(signal.SIGSTOP)  # so that neither outlives the other by a moment
        os.kill(kept_by, signal.SIGKILL)
        process.kill()
    assert until(lambda: processes.started(server) == "")
    assert _done(database, "binary") < 5
    return server


def _noted(pytester, name: str) -> dict:
    (record,) = (pytester.path / ".mcode" / "servers").glob(f"{name}-*.server")
    return json.loads(record.read_text())


def _done(database, model: str) -> int:
    sql = "SELECT count(*) FROM items JOIN variants USING (variant_id) WHERE state = 'done'"
    return database.rows(f"{sql} AND model = '{model}'")[0][0]
