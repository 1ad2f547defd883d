"""A server as a child process: started, waited for, and gone when this process is gone."""

from __future__ import annotations

import http.client
import select
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from urllib.parse import urlsplit

from pytest_mcode.core.errors import InfraError

LOG_LINES = 30
"""How much of a failed server's log its error shows."""
GRACE_S = 2.0
"""How long a server that was told to exit may take before it is killed."""


class Process:
    """One server process that prints its base URL as its first line on standard output.

    Its standard input is a pipe that it must watch, and take the end of for an order to exit: so
    it also goes when this process is killed, however that happens.
    """

    def __init__(self, name: str, command: Sequence[str], cure: str) -> None:
        self.name = name
        self._command = list(command)
        self._cure = cure
        self._resources = ExitStack()
        self._url = ""

    def start(self, timeout_s: float) -> str:
        """Start, wait until `/health` answers, return the base URL; again: return it at once.

        Raises `InfraError` with the cure and the end of the log.
        """
        if self._url:
            return self._url
        log = self._resources.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - it is one
        # A session of its own: Ctrl-C must not stop the server before the run has wound up.
        child = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
        self._resources.callback(_stop, child)
        url, problem = _wait(child, time.monotonic() + timeout_s)
        if problem:
            log.seek(0)
            tail = log.read().decode(errors="replace").splitlines()[-LOG_LINES:]
            self.close()
            raise InfraError("\n".join([f"{self.name} {problem}: {self._cure}", *tail]))
        self._url = url
        return url

    def close(self) -> None:
        """Stop it; safe to call twice."""
        self._url = ""
        self._resources.close()


def _wait(child: subprocess.Popen[bytes], deadline: float) -> tuple[str, str]:
    """The URL once it is healthy; else what went wrong."""
    url = _first_line(child, deadline)
    while url and not _healthy(url):
        if child.poll() is not None:
            return url, f"ended with exit status {child.returncode} before it was healthy"
        if time.monotonic() > deadline:
            return url, "was not healthy in time"
        time.sleep(0.02)
    return url, "" if url else "did not say where it listens"


def _first_line(child: subprocess.Popen[bytes], deadline: float) -> str:
    """The URL; empty when the process ended or said nothing in time."""
    assert child.stdout is not None
    ready, _, _ = select.select([child.stdout], [], [], max(0.0, deadline - time.monotonic()))
    return child.stdout.readline().decode(errors="replace").strip() if ready else ""


def _healthy(url: str) -> bool:
    """Whether `/health` says ok. Not urllib: a proxy in the environment would take the request."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=1)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _stop(child: subprocess.Popen[bytes]) -> None:
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()
    try:
        child.wait(timeout=GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
