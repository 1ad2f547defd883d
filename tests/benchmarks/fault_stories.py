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

GRID = ("--mcode-samples=1,3", "--mcode-debug-iters=1", "--mcode-concurrency=4")
LATENCY_S = 0.15
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
            self.process.communicate()
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
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MCODE_")}
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

    def wait_until(self, moment: float, process: subprocess.Popen[bytes]) -> bool:
        """Sleep until that time of the monotonic clock; whether the process is still there."""
        while time.monotonic() < moment and process.poll() is None:
            time.sleep(0.01)
        return process.poll() is None


Story = Callable[[Case, random.Random, float], Iterator[bool]]
"""Starts a run that takes about so many seconds and does to it what it is about: yields once the
run has ended, and whether it was hit."""


def ended(process: subprocess.Popen[bytes]) -> None:
    """Wait for a run that nobody will disturb any more."""
    process.wait(timeout=300)


def unharmed(case: Case, dice: random.Random, seconds: float) -> Iterator[bool]:
    """The fault is the server's own."""
    ended(case.start())
    yield True


def server_restarted(case: Case, dice: random.Random, seconds: float) -> Iterator[bool]:
    """Killed and started again, up to three times in a run."""
    process, hit, begun = case.start(), False, time.monotonic()
    for moment in sorted(dice.uniform(0.3, 1.0) * seconds for _ in range(3)):
        if case.wait_until(begun + moment, process):
            case.server.kill()
            hit = True
            time.sleep(dice.uniform(0.1, 1.5))
            case.server.start()
    ended(process)
    yield hit


def server_gone(case: Case, dice: random.Random, seconds: float) -> Iterator[bool]:
    """Killed, and back only when the run has given up."""
    process, begun = case.start("--mcode-patience=0.5"), time.monotonic()
    hit = case.wait_until(begun + dice.uniform(0.4, 1.0) * seconds, process)
    case.server.kill()
    ended(process)
    case.server.start()
    yield hit


def worker_killed(case: Case, dice: random.Random, seconds: float) -> Iterator[bool]:
    """kill -9 of one of two workers of pytest-xdist."""
    process, begun = case.start("-n2"), time.monotonic()
    hit = case.wait_until(begun + dice.uniform(0.3, 1.0) * (seconds + 2), process)
    workers = [pid for pid in below(process.pid) if b"exec(eval(" in _command(pid)]
    if hit and workers:
        with suppress(ProcessLookupError):
            os.kill(dice.choice(workers), signal.SIGKILL)
    ended(process)
    yield hit and bool(workers)


def controller_killed(case: Case, dice: random.Random, seconds: float) -> Iterator[bool]:
    """kill -9 of pytest itself, now and then with two workers."""
    workers = dice.choice([(), ("-n2",)])
    process, begun = case.start(*workers), time.monotonic()
    hit = case.wait_until(begun + dice.uniform(0.2, 1.0) * seconds, process)
    process.kill()
    ended(process)
    yield hit


def disk_full(case: Case, dice: random.Random, seconds: float) -> Iterator[bool]:
    """The database lies on a file system that is too small, and then is given more room."""
    folder = case.database.parent
    size = dice.randrange(150, 700)
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
        yield process.returncode != 0
    finally:
        subprocess.run(["umount", str(folder)], capture_output=True, check=False)


def two_runs(case: Case, dice: random.Random, seconds: float) -> Iterator[bool]:
    """Two runs of the same options into one database, begun within a second."""
    first = case.start()
    time.sleep(dice.uniform(0.0, 1.0))
    second = case.start()
    ended(first)
    ended(second)
    yield True


def _command(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""
