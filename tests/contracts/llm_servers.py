"""Real HTTP servers that speak OpenAI's and Ollama's protocols, keep what they were asked and fail
when they are told to."""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Asked:
    """One request as it came over the wire."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    at: float
    port: int
    """The client's end of the connection."""


@dataclass
class Fault:
    """What a server does instead of answering."""

    status: int = 0
    text: str = "scripted fault"
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    """Close the connection without a word."""
    hang: bool = False
    """Answer nothing until the client is gone."""
    raw: bytes = b""
    """Status 200 with this body."""


class Server:
    """A server on a free port of 127.0.0.1; `with` starts and stops it."""

    kind = "openai"

    def __init__(self, models=("m",), text="hello", faults=(), latency=0.0, port=0):
        self.models, self.text, self.faults, self.latency = (
            list(models),
            text,
            list(faults),
            latency,
        )
        self.asked: list[Asked] = []
        self.usage: dict[str, Any] = {}  # told besides the usual counts
        self.active = 0
        self.most_active = 0
        self.lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def root(self):
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def url(self):
        return f"{self.root}/v1"

    @property
    def calls(self):
        """Requests for generation."""
        return [a for a in self.asked if a.path in GENERATION]

    def wait_idle(self, seconds=60.0):
        """True when no request is being worked on, waited for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.active:
                return True
            time.sleep(0.01)
        return False

    def leave(self):
        """Refuse every further connection, and cut those that are open when they ask."""
        self.faults = [Fault(cut=True)] * 100
        self._http.shutdown()
        self._http.server_close()

    def fault(self, body):
        """What is done instead of answering this request: the next of the script."""
        return self.faults.pop(0) if self.faults else None

    def get(self, path):
        if path == "/v1/models":
            return {"object": "list", "data": [{"id": m, "object": "model"} for m in self.models]}
        return None

    def post(self, path, body):
        return {"/v1/chat/completions": self._chat, "/v1/completions": self._text}[path](body)

    def said(self, body):
        """The text of the answer; requests are answered side by side, each in its own thread."""
        return self.text

    def _chat(self, body):
        message = {"role": "assistant", "content": self.said(body), "reasoning_content": "hmm"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"object": "chat.completion", "choices": [choice]} | self._facts(body)

    def _text(self, body):
        choice = {"index": 0, "text": self.text, "finish_reason": "length", "logprobs": None}
        return {"object": "text_completion", "choices": [choice]} | self._facts(body)

    def _facts(self, body):
        usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12} | self.usage
        return {"id": "x", "created": 1, "model": body["model"], "usage": usage}


class Ollama(Server):
    """The part of Ollama's API that is used here."""

    kind = "ollama"

    @property
    def url(self):
        return self.root

    def get(self, path):
        if path == "/api/tags":
            return {"models": [{"model": m, "name": m} for m in self.models]}
        return {"models": []} if path == "/api/ps" else None

    def post(self, path, body):
        counts = {"prompt_eval_count": 7, "eval_count": 5, "done": True, "done_reason": "stop"}
        if path == "/api/chat":
            message = {"role": "assistant", "content": self.text, "thinking": "hmm"}
            return {"model": body["model"], "message": message} | counts
        if path == "/api/generate":
            return {"model": body["model"], "response": self.text} | counts
        return {"status": "success"}


GENERATION = ("/v1/chat/completions", "/v1/completions", "/api/chat", "/api/generate")


def _handler(server: Server):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            """Keep stderr clean."""

        def do_GET(self):
            server.asked.append(
                Asked(self.path, self.headers, {}, time.monotonic(), self.client_address[1])
            )
            value = server.get(self.path)
            self._send(404 if value is None else 200, json.dumps(value or {"error": "no"}).encode())

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
            with server.lock:
                server.asked.append(
                    Asked(self.path, self.headers, body, time.monotonic(), self.client_address[1])
                )
                server.active += 1
                self.working = True
                server.most_active = max(server.most_active, server.active)
                fault = server.fault(body)
            try:
                self._answer(body, fault)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True
            finally:
                self._rest()

        def _rest(self):
            """Work no more, before the client that reads the answer can ask the next."""
            with server.lock:
                server.active -= self.working
                self.working = False

        def _answer(self, body, fault):
            if fault is None:
                time.sleep(server.latency)
                answer = json.dumps(server.post(self.path, body)).encode()
                self._rest()
                self._send(200, answer)
            elif fault.hang or fault.cut:
                if fault.hang:
                    self._until_gone()
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
            elif fault.raw:
                self._send(200, fault.raw)
            else:
                error = {"error": {"message": fault.text, "type": "scripted"}}
                if server.kind == "ollama":
                    error = {"error": fault.text}
                self._send(fault.status, json.dumps(error).encode(), fault.headers)

        def _until_gone(self):
            """Wait for the client to close its end, a minute at most."""
            end = time.monotonic() + 60
            while time.monotonic() < end:
                ready, _, _ = select.select([self.connection], [], [], 0.02)
                if ready and not self.connection.recv(1, socket.MSG_PEEK):
                    return

        def _send(self, status, body, headers=()):
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            for name, value in dict(headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    return Handler
