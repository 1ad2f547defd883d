"""Runs, the server that they ask, and what can happen to both; see `faults`."""

from __future__ import annotations

import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from .processes import below
from .workloads import ROOT

GRID = ("--mcode-samples=1,5", "--mcode-debug-iters=1", "--mcode-concurrency=4")
LATENCY_S = 0.1
ROWS = (
    "SELECT i.nodeid, i.state, i.solved, i.solved_by, i.samples_generated, i.error, a.sample,"
    " a.iteration, a.verdict, a.answer, a.prompt, a.options, a.prompt_tokens, a.completion_tokens,"
    " a.draw, a.code FROM items i LEFT JOIN attempts a USING (item_id) WHERE i.run_id = ?"
    " ORDER BY 1, 7, 8"
)
"""All that must not depend on whether the run was interrupted; times and calls may."""
Rows = dict[str, list[tuple[Any, ...]]]
"""By node id."""


class AbsentError(Exception):
    """This machine cannot make such a fault."""


class Server:
    """The model server, a process that can be killed and started again on its port."""

    def __init__(self, kind: str = "500", share: float = 0.0, seed: int = 0) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.given = [str(LATENCY_S), kind, str(share), str(seed)]
        self.process: subprocess.Popen[str] | None = None
        self.faults = 0
        """That it has made by itself."""

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.fault_server", str(self.port)]
        self.process = subprocess.Popen(
            [*command, *self.given],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        if not self.process.stdout.readline():
            raise AbsentError("the model server did not start")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.faults += self.process.communicate()[0].count("fault")
            self.process = None

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


class Case:
    """A folder with a database, and the runs that go into it."""

    def __init__(self, folder: Path, server: Server, *more: str) -> None:
        self.folder, self.server, self.more = folder, server, more
        self.database = folder / "db" / "results.db"
        self.database.parent.mkdir(parents=True)
        self.output = folder / "output.txt"

    def start(self, *more: str) -> subprocess.Popen[bytes]:
        """pytest in the background."""
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir=."]
        command += ["--mcode-bench=tiny", "--mcode-model=m", "--mcode-backend=openai"]
        command += [f"--mcode-base-url=http://127.0.0.1:{self.server.port}/v1", "-q"]
        command += ["--mcode-sandbox=bubblewrap", f"--mcode-db={self.database}"]
        environment = {
            k: v for k, v in os.environ.items() if not k.startswith(("MCODE_", "PYTEST_"))
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        with self.output.open("a") as output:
            return subprocess.Popen(
                [*command, *GRID, *self.more, *more],
                cwd=self.folder, env=environment, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def ask(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the database as it is now; none while it is being made."""
        if not self.database.exists():
            return []
        with suppress(sqlite3.Error):
            connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)
            try:
                return connection.execute(sql, values).fetchall()
            finally:
                connection.close()
        return []

    def runs(self) -> list[str]:
        return [run for (run,) in self.ask("SELECT run_id FROM runs ORDER BY started")]

    def rows(self, run: str) -> Rows:
        found: Rows = {}
        for row in self.ask(ROWS, run):
            found.setdefault(row[0], []).append(row)
        return found

    def reached(self, items: int, process: subprocess.Popen[bytes]) -> bool:
        """Wait until so many items are done; whether the run goes on."""
        while process.poll() is None:
            if (
                sum(n for (n,) in self.ask("SELECT count(*) FROM items WHERE state = 'done'"))
                >= items
            ):
                return process.poll() is None
            time.sleep(0.02)
        return False


Story = Callable[[Case, random.Random, float], Iterator[int]]
"""Starts a run whose first item is done after about so many seconds, and does to it what it is
about: yields once the run has ended, and how many faults have met it."""


def struck(
    case: Case, process: subprocess.Popen[bytes], dice: random.Random, first_s: float
) -> bool:
    """Wait for any moment of a run, one in five before its first item; whether it still goes."""
    items = dice.randrange(-4, 16)
    if items >= 0 and not case.reached(items, process):
        return False
    with suppress(subprocess.TimeoutExpired):
        process.wait(dice.uniform(0.0, first_s if items < 0 else 0.3))
    return process.poll() is None


def ended(process: subprocess.Popen[bytes]) -> None:
    """Wait for a run that nobody will disturb any more."""
    process.wait(timeout=300)


def unharmed(case: Case, dice: random.Random, first_s: float) -> Iterator[int]:
    """The faults are the server's own."""
    ended(case.start())
    yield 0


def server_restarted(case: Case, dice: random.Random, first_s: float) -> Iterator[int]:
    """Killed and started again, up to twice in a run."""
    process, kills = case.start(), 0
    for _ in range(2):
        if struck(case, process, dice, first_s):
            case.server.kill()
            kills += 1
            time.sleep(dice.uniform(0.1, 1.5))
            case.server.start()
    ended(process)
    yield kills


def server_gone(case: Case, dice: random.Random, first_s: float) -> Iterator[int]:
    """Killed, and back only when the run has given up."""
    process = case.start("--mcode-patience=0.5")
    hit = struck(case, process, dice, first_s)
    case.server.kill()
    ended(process)
    case.server.start()
    yield int(hit)


def worker_killed(case: Case, dice: random.Random, first_s: float) -> Iterator[int]:
    """kill -9 of one of two workers of pytest-xdist."""
    process = case.start("-n2")
    hit = struck(case, process, dice, first_s)
    workers = [pid for pid in below(process.pid) if b"exec(eval(" in _command(pid)]
    if hit and workers:
        with suppress(ProcessLookupError):
            os.kill(dice.choice(workers), signal.SIGKILL)
    ended(process)
    yield int(hit and bool(workers))


def controller_killed(case: Case, dice: random.Random, first_s: float) -> Iterator[int]:
    """kill -9 of pytest itself, every second time with two workers."""
    process = case.start(*dice.choice([(), ("-n2",)]))
    hit = struck(case, process, dice, first_s)
    process.kill()
    ended(process)
    yield int(hit)


def disk_full(case: Case, dice: random.Random, first_s: float) -> Iterator[int]:
    """The database lies on a file system that is too small, and then is given more room."""
    folder, size = case.database.parent, dice.randrange(150, 700)
    if os.geteuid() != 0:
        raise AbsentError("mounting a small file system needs root")
    options = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(folder)]
    if (made := subprocess.run(options, capture_output=True, text=True, check=False)).returncode:
        raise AbsentError(f"no small file system can be mounted: {made.stderr.strip()}")
    try:
        process = case.start()
        ended(process)
        more = ["mount", "-o", "remount,size=64m", str(folder)]
        subprocess.run(more, capture_output=True, check=True)
        yield int(process.returncode != 0)
    finally:
        subprocess.run(["umount", str(folder)], capture_output=True, check=False)


def two_runs(case: Case, dice: random.Random, first_s: float) -> Iterator[int]:
    """Two runs of the same options into one database, begun within a second."""
    first = case.start()
    time.sleep(dice.uniform(0.0, 1.0))
    second = case.start()
    ended(first)
    ended(second)
    yield 1


def _command(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""
