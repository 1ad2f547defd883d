"""Leases on model servers across processes: a lease is an open connection.

A worker that dies lets go of what it held, because its end of the socket closes.
"""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import threading
from pathlib import Path
from typing import Any

from pytest_mcode.core.errors import ConfigError, InfraError
from pytest_mcode.session import attempt
from pytest_mcode.session.serving import Lease, Leases


class Desk:
    """In the controller: hands out the leases of `leases` at a socket in the file system."""

    def __init__(self, leases: Leases, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._server = _Threads(str(path), _handler(leases))
        except OSError as error:
            raise ConfigError(
                f"no socket can be made at {path}: {error}; set TMPDIR to a shorter path"
            ) from error
        threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="mcode-leases", daemon=True
        ).start()

    def close(self) -> None:
        """Take no more questions."""
        self._server.shutdown()
        self._server.server_close()


class _Threads(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


def _handler(leases: Leases) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        """One lease: a line with the model comes in, a line with the address goes out."""

        def handle(self) -> None:
            """Hold the lease until the other end closes."""
            with contextlib.suppress(OSError, ValueError):
                model = json.loads(self.rfile.readline())
                try:
                    lease = leases.hold(model)
                except Exception as error:  # noqa: BLE001 - whoever asked is told why
                    self._answer({"error": attempt.reason(error)})
                    return
                try:
                    self._answer({"url": lease.url})
                    self.rfile.read()
                finally:
                    lease.release()

        def _answer(self, value: dict[str, Any]) -> None:
            self.wfile.write(f"{json.dumps(value)}\n".encode())

    return Handler


class Remote:
    """In a worker: asks the controller."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: set[socket.socket] = set()
        self._closed = False

    def hold(self, model: str) -> Lease:
        """Wait until the model is served. Raises `InfraError` where it cannot be."""
        link = socket.socket(socket.AF_UNIX)
        self._open.add(link)
        try:
            link.connect(str(self._path))
            with link.makefile("rw", encoding="utf-8") as lines:
                lines.write(f"{json.dumps(model)}\n")
                lines.flush()
                line = lines.readline()
            answer = json.loads(line) if line else {"error": "the controller has ended the run"}
        except (OSError, ValueError) as error:
            answer = {"error": f"the controller does not answer: {error}"}
        if "url" not in answer:
            self._drop(link)
            raise InfraError(answer["error"])
        return Lease(answer["url"], lambda: self._drop(link))

    def close(self) -> None:
        """Let go of everything; safe to call twice."""
        for link in list(self._open):
            self._drop(link)

    def _drop(self, link: socket.socket) -> None:
        self._open.discard(link)
        with contextlib.suppress(OSError):
            link.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits for its answer
        link.close()
