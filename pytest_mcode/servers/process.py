"""A server as a child process: started, waited for, and gone when this process is gone."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from typing import IO

from pytest_mcode.core.errors import InfraError
from pytest_mcode.servers import port
from pytest_mcode.servers.orphans import STOP_S

LOG_LINES, LOG_WIDTH = 30, 500
"""How much of a failed server's log its error shows, in lines and in characters of a line."""
LOG_BYTES = 1 << 18
"""How much of its end is looked at: a log may be larger than memory."""
_COLOURS = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")
"""Escape sequences: colours, moves of the cursor, titles of windows."""
GRACE_S = 10.0
"""How long a server that was told to exit may take before it is killed."""
SILENCE_S = 5.0
"""How long a server is waited for without a word: large models load for minutes."""
RESTARTS = 3
"""How often a server that was healthy and ends by itself is started again."""
KEEPER = Path(__file__).with_name("keeper.py")


class Process:
    """One server process.

    Either it prints its base URL as its first line on standard output, and watches its standard
    input, a pipe whose end it takes for an order to exit; or `url` says where it will listen, and
    a keeper does the watching. Both ways it also goes when this process is killed, however that
    happens.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        cure: str,
        *,
        url: str = "",
        health: str = "/health",
        environment: Mapping[str, str] | None = None,
        stop: Sequence[str] = (),
        files: Path | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.name = name
        self._say = say
        self._cure = cure
        self._resources = ExitStack()
        self._url = ""
        self._known_url = url
        self._health = health
        """Path, or a whole URL, that answers 200 as soon as the server can be asked."""
        self._environment = {**os.environ, **(environment or {})}
        self._command = list(command)
        self._stop = list(stop)
        """A command that is run when the server has ended."""
        self._files = files
        """Log and record of the server, without their suffixes; None keeps neither."""
        self._child: subprocess.Popen[bytes] | None = None

    def start(self, timeout_s: float) -> str:
        """Start, wait until it is healthy, return the base URL; again: return it at once.

        Raises `InfraError` with the cure and the end of the log.
        """
        if self._url:
            return self._url
        log = self._resources.enter_context(self._log())
        # A session of its own: Ctrl-C must not stop the server before the run has wound up.
        child = self._child = subprocess.Popen(
            self._kept() if self._known_url else self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=self._environment,
            start_new_session=True,
        )
        self._resources.callback(_stop, child, 2 * GRACE_S + (STOP_S if self._stop else 0))
        problem = self._wait(child, time.monotonic() + timeout_s, timeout_s)
        if problem:
            tail = _tail(log)
            self.close()
            raise InfraError(
                "\n".join([f"{self.name} {problem}: {self._cure}{self._where}", *tail])
            )
        return self._url

    def ended(self) -> int | None:
        """The exit status of a server that has ended by itself."""
        return self._child.poll() if self._child is not None else None

    def close(self) -> None:
        """Stop it; safe to call twice, and while another thread waits in `start`."""
        self._url = ""
        self._resources.close()
        self._child = None

    @property
    def _where(self) -> str:
        return f" ({self._files}.log)" if self._files else ""

    def _log(self) -> IO[bytes]:
        if self._files is None:
            return tempfile.TemporaryFile()
        self._files.parent.mkdir(parents=True, exist_ok=True)
        return Path(f"{self._files}.log").open("w+b")

    def _kept(self) -> list[str]:
        record = f"{self._files}.server" if self._files else ""
        told = {
            "command": self._command,
            "stop": self._stop,
            "record": record,
            "grace_s": GRACE_S,
            "restarts": RESTARTS,
        }
        # -S, -E and -P: what the user has installed or set must not decide how servers end.
        return [sys.executable, "-S", "-E", "-P", str(KEEPER), json.dumps(told)]

    def _wait(self, child: subprocess.Popen[bytes], deadline: float, timeout_s: float) -> str:
        """What went wrong; empty once it is healthy."""
        url = self._known_url or _first_line(child, deadline)
        if not url:
            return "did not say where it listens"
        health = self._health if "://" in self._health else url + self._health
        pause_s, silent = 0.02, True
        while (status := port.get(health, timeout_s=2)[0]) != HTTPStatus.OK:
            if child.poll() is not None:
                return f"ended with exit status {child.returncode} before it was healthy"
            if time.monotonic() > deadline:
                last = f"answers with status {status}" if status else "does not answer"
                within = f"within {timeout_s:g} s (--mcode-health-timeout)"
                return f"was not healthy {within}, {health} {last}"
            if silent and time.monotonic() > deadline - timeout_s + SILENCE_S:
                silent = False
                self._say(f"waiting for the {self.name}, {timeout_s:g} s at most{self._where}")
            time.sleep(pause_s)
            pause_s = min(1.0, 1.2 * pause_s)
        if child.poll() is not None:
            return f"ended with exit status {child.returncode}, and another program answers there"
        self._url = url
        if self._known_url and child.stdin is not None:
            with contextlib.suppress(OSError):  # it has ended meanwhile
                child.stdin.write(b"+")
                child.stdin.flush()
        return ""


def _first_line(child: subprocess.Popen[bytes], deadline: float) -> str:
    """The URL; empty when the process ended or said nothing in time."""
    assert child.stdout is not None
    ready, _, _ = select.select([child.stdout], [], [], max(0.0, deadline - time.monotonic()))
    return child.stdout.readline().decode(errors="replace").strip() if ready else ""


def _tail(log: IO[bytes]) -> list[str]:
    """The last lines of a log as text that a terminal may show, of a progress bar its last state"""
    log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_BYTES))
    lines = log.read().decode(errors="replace").split("\n")
    last = [_COLOURS.sub("", line.rstrip("\r").rpartition("\r")[2]).rstrip() for line in lines]
    shown = ["".join(c if c.isprintable() else " " for c in line.expandtabs()) for line in last]
    return [line[:LOG_WIDTH] for line in shown if line][-LOG_LINES:]


def _stop(child: subprocess.Popen[bytes], patience_s: float) -> None:
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()
    try:
        child.wait(timeout=patience_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
