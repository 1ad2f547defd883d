"""Killed processes: nothing finished is lost, nothing is counted twice, nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.docker, pytest.mark.slow]
CONFTEST = """
import asyncio
from pathlib import Path
from pytest_mcode.core.records import Answer

class Held:
    concurrency = 4
    def __init__(self, spec): self.answered = 0
    def describe(self): return {}
    async def preflight(self): pass
    async def aclose(self): pass
    async def generate(self, request):
        self.answered += 1
        while self.answered > 100 and not Path(__file__).with_name("go").exists():
            await asyncio.sleep(0.02)
        return Answer(request.task.reference, form="program")

def pytest_mcode_generators():
    return {"held": Held}
"""
"""Right answers, of which each process gets 100 before there is a file `go`: no run ends before
the test has done to it what it is about."""
HELD = (
    "--mcode-bench=humaneval",
    "--mcode-model=held:m",
    "--mcode-samples=4",
    "-p",
    "no:cacheprovider",
)


class Started:
    """A run of pytest in the background."""

    def __init__(self, folder: Path, *args: str) -> None:
        self.database = folder / ".mcode" / "results.db"
        self.output = folder / "output.txt"
        self._go = folder / "go"
        (folder / "conftest.py").write_text(CONFTEST)
        command = [sys.executable, "-m", "pytest", *HELD, *args]
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                command, cwd=folder, stdout=output, stderr=subprocess.STDOUT
            )

    def workers(self) -> list[int]:
        """xdist's worker processes."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [pid for pid in map(int, children.split()) if b"exec(eval(" in _command(pid)]

    def go(self) -> None:
        """Give it the rest of its answers."""
        self._go.touch()

    def end(self) -> str:
        """What it printed, once it has ended."""
        self.process.wait(timeout=240)
        return self.output.read_text()


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def eventually(what: Callable[[], bool], seconds: float = 120) -> bool:
    """Whether something comes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return False


def done(started: Started, database: type) -> int:
    """Items measured so far."""
    if not started.database.exists():
        return 0
    try:
        found = database(started.database).rows("SELECT count(*) FROM items WHERE state = 'done'")
    except Exception:  # noqa: BLE001 - the file is being created
        return 0
    return found[0][0]


def containers(run_id: str) -> list[str]:
    """Containers of a run that still exist."""
    label = f"label=pytest-mcode-run={run_id}"
    found = subprocess.run(
        ["docker", "ps", "-aq", "--filter", label], capture_output=True, text=True, check=True
    )
    return found.stdout.split()


@pytest.fixture
def folder(data: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder, and the environment of the runs in it."""
    monkeypatch.setenv("MCODE_DATA", str(data))
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    return pytester.path


def test_a_killed_worker_loses_no_item(folder, database):
    """kill -9 of a worker: its item is run by another one, all 164 rows are there, none twice."""
    started = Started(folder, "-n2")
    assert eventually(lambda: done(started, type(database)) > 5), started.end()
    os.kill(started.workers()[0], signal.SIGKILL)
    started.go()
    output = started.end()
    assert database.rows("SELECT state, count(*) FROM items GROUP BY state") == [("done", 164)], (
        output
    )
    assert database.rows("SELECT count(*), count(DISTINCT task_id || sample) FROM attempts") == [
        (656, 656)
    ]
    assert database.rows("SELECT sum(solved) FROM items") == [(164,)]
    assert started.process.returncode == 0, output
    (run_id,) = database.rows("SELECT run_id FROM runs")[0]
    assert eventually(lambda: not containers(run_id))


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
def test_a_killed_controller_keeps_what_was_finished(folder, database, workers):
    """kill -9 of the controller: finished items stay, the run shows as unfinished, no container."""
    started = Started(folder, *workers)
    assert eventually(lambda: done(started, type(database)) > 5), started.end()
    os.kill(started.process.pid, signal.SIGKILL)
    started.process.wait()
    started.go()
    kept = done(started, type(database))
    assert 5 < kept < 164
    assert database.rows("SELECT count(*) FROM runs WHERE finished IS NULL") == [(1,)]
    assert database.rows("PRAGMA integrity_check") == [("ok",)]
    assert database.rows("SELECT sum(solved) FROM items WHERE state = 'done'") == [(kept,)]
    (run_id,) = database.rows("SELECT run_id FROM runs")[0]
    assert eventually(lambda: not containers(run_id)), containers(run_id)


def test_ctrl_c_leaves_nothing_behind(folder, database):
    """SIGINT: exit status 2, finished rows kept, summary printed, no container, no thread hangs."""
    started = Started(folder)
    assert eventually(lambda: done(started, type(database)) > 5), started.end()
    os.kill(started.process.pid, signal.SIGINT)
    output = started.end()
    assert started.process.returncode == 2, output
    assert "INCOMPLETE" in output
    (run_id,) = database.rows("SELECT run_id FROM runs")[0]
    assert eventually(lambda: not containers(run_id))


def test_a_database_that_refuses_rows_ends_the_run_red(folder, database):
    """A database damaged mid-run: the run stops, says what was lost, and is not green."""
    started = Started(folder)
    assert eventually(lambda: done(started, type(database)) > 5), started.end()
    import sqlite3

    with sqlite3.connect(started.database, timeout=30) as connection:
        connection.execute("DROP TABLE attempts")
    started.go()
    output = started.end()
    assert started.process.returncode == 1, output
    assert "RESULTS WERE LOST" in output
