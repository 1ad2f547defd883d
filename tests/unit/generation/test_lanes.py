"""Connections of our own: every way in which a server may answer, end or refuse."""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
import time

import pytest

from pytest_mcode.core.records import Message, ModelSpec, Request, Sampling, Task
from pytest_mcode.generation import faults, lanes
from pytest_mcode.generation.mellea import Mellea

TASK = Task("demo", "demo/1", "p", "text", "f", "", "")
CHOICE = {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
ANSWER = {"choices": [CHOICE], "usage": {"prompt_tokens": 7, "completion_tokens": 5}}
BODY = json.dumps(ANSWER).encode()
PACKED = gzip.compress(BODY)
OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
CHUNKS = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (BODY[:9], BODY[9:], b""))
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n" + CHUNKS
UNBOUNDED = OK + b"connection: close\r\n\r\n" + BODY


def whole(body=BODY, head=b"", start=OK):
    """An answer of a given length."""
    return start + head + b"content-length: %d\r\n\r\n%b" % (len(body), body)


class Scripted(socketserver.ThreadingTCPServer):
    """Answers the n-th POST with the n-th script, and counts connections.

    A script is what is sent, in parts; after an ellipsis the server hangs up.
    """

    def __init__(self, scripts, secure=None):
        super().__init__(("127.0.0.1", 0), Handler)
        if secure is not None:
            self.socket = secure.wrap_socket(self.socket, server_side=True)
        scheme = "http" if secure is None else "https"
        self.url = f"{scheme}://localhost:{self.server_address[1]}/v1"
        self.scripts = list(scripts)
        self.posted, self.connections = [], 0

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.01,)).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def handle_error(self, *_):
        """A client that is gone is no matter."""


class Handler(socketserver.StreamRequestHandler):
    """One connection."""

    def handle(self):
        self.server.connections += 1
        while head := self._head():
            length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
            body = self.rfile.read(int(length or b"0"))
            if head.startswith(b"GET"):
                self.wfile.write(whole(b'{"data": []}'))
                continue
            self.server.posted.append((head, body))
            script = self.server.scripts.pop(0)
            for part in [script] if isinstance(script, bytes) else script:
                if part is ...:
                    return
                self.wfile.write(part)
                time.sleep(0.001)

    def _head(self):
        """A request's first line and headers; empty when the client has hung up."""
        lines = [b""]
        while lines[-1] != b"\r\n":
            lines.append(self.rfile.readline())
            if not lines[-1]:
                return b""
        return b"".join(lines)


def post(*scripts, requests=1, pause_s=0.0):
    """Replies to requests one after the other, and the server that gave them."""

    async def story(url):
        own = lanes.to(url, {})
        replies = []
        for _ in range(requests):
            replies.append(await own.post("/x", b"{}"))
            await asyncio.sleep(pause_s)
        await own.aclose()
        return replies

    with Scripted(scripts) as server:
        return asyncio.run(story(server.url)), server


async def post_once(url):
    """One request on connections of its own."""
    own = lanes.to(url, {})
    try:
        return await own.post("/chat/completions", b"{}")
    finally:
        await own.aclose()


def draw(*scripts, secure=None):
    """An answer by way of Mellea, and the server that gave it."""

    async def story(url):
        made = Mellea(ModelSpec("m", "openai", "m", base_url=url))
        try:
            return await made.generate(Request(TASK, (Message("user", "x"),), 0, 0, Sampling()))
        finally:
            await made.aclose()

    with Scripted(scripts, secure) as server:
        return asyncio.run(story(server.url)), server


@pytest.mark.parametrize(
    "script",
    [
        whole(),
        [bytes([byte]) for byte in whole()[:80]] + [whole()[80:]],
        CHUNKED,
        [CHUNKED[:120], CHUNKED[120:]],
        [UNBOUNDED, ...],
        b"HTTP/1.1 102 Processing\r\n\r\n" + whole(),
    ],
    ids=["length", "bytes", "chunked", "parts", "until-closed", "102"],
)
def test_every_form_of_an_answer_is_read(script):
    """By its length, in chunks, until the end, after word of progress."""
    (reply,), _ = post(script)
    assert (reply.status, reply.body, reply.is_plain) == (200, BODY, True)


@pytest.mark.parametrize(
    "script",
    [
        whole(PACKED, b"content-encoding: gzip\r\n"),
        whole(start=OK.replace(b"200 OK", b"201 Created")),
    ],
    ids=["gzip", "201"],
)
def test_what_is_rare_is_read_by_the_library(script):
    """A body that is compressed, though nobody asked for it; another kind of success."""
    answer, _ = draw(script)
    assert (answer.text, answer.completion_tokens, answer.calls) == ("hello", 5, 1)


def test_what_cannot_be_unpacked_is_asked_again():
    """It is a fault of the server's, and no error of ours."""
    answer, _ = draw(whole(b"\x1f\x8bjunk", b"content-encoding: gzip\r\n"), whole())
    assert (answer.text, answer.calls) == ("hello", 2)


@pytest.mark.parametrize(
    ("first", "connections"),
    [
        (whole(), 1),
        (CHUNKED, 1),
        ([whole(head=b"connection: close\r\n"), ...], 2),
        ([whole(), ...], 2),
        ([whole(start=OK.replace(b"1.1", b"1.0")), ...], 2),
    ],
    ids=["length", "chunked", "told", "untold", "http-1.0"],
)
def test_a_connection_is_used_again_while_the_server_keeps_it(first, connections):
    """One that the server has closed, announced or not, is not asked: no call is lost on it."""
    replies, server = post(first, whole(), requests=2, pause_s=0.05)
    assert [reply.body for reply in replies] == [BODY] * 2
    assert server.connections == connections


def test_a_connection_that_was_idle_for_long_is_not_used(monkeypatch):
    """The server may be about to close it."""
    monkeypatch.setattr(lanes, "_IDLE_S", 0.0)
    _, server = post(whole(), whole(), requests=2)
    assert server.connections == 2


@pytest.mark.parametrize(
    "script",
    [[...], [whole()[:-9], ...], [CHUNKED[:-9], ...], b"SSH-2.0-OpenSSH_9.2\r\n\r\n"],
    ids=["silence", "cut", "cut-chunks", "no-http"],
)
def test_half_an_answer_is_none(script):
    """It is an error of the connection, in words."""

    with Scripted([script]) as server, pytest.raises(ConnectionError, match="the server"):
        asyncio.run(post_once(server.url))


def test_a_redirect_is_followed():
    """By the library, with the whole request."""
    moved = b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /v2\r\ncontent-length: 0\r\n\r\n"
    answer, server = draw(moved, moved, whole())
    assert (answer.text, answer.calls) == ("hello", 1)
    paths = [head.split()[1] for head, _ in server.posted]
    assert paths == [b"/v1/chat/completions", b"/v1/chat/completions", b"/v2"]
    assert len({str(json.loads(body)) for _, body in server.posted}) == 1


def test_nobody_there_is_told_as_such():
    """A name with two addresses, both refused, is a refused connection, which is waited for."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]  # which nobody else gets meanwhile
        with pytest.raises(
            ConnectionRefusedError, match=f"no connection to localhost:{port}"
        ) as caught:
            asyncio.run(post_once(f"http://localhost:{port}/v1"))
    assert faults.fault_of(caught.value).absent


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_server_is_asked_over_tls_where_its_certificate_is_trusted(tmp_path, monkeypatch):
    """SSL_CERT_FILE names whom to trust, as for the library; without it the server is refused."""
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    made = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost"
    )
    made += f" -addext subjectAltName=DNS:localhost -keyout {key} -out {certificate}"
    subprocess.run(made.split(), check=True, capture_output=True)
    secure = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    secure.load_cert_chain(certificate, key)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    refused = pytest.raises(ConnectionRefusedError, match="certificate")
    with Scripted([], secure) as server, refused:
        asyncio.run(post_once(server.url))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    answer, _ = draw(whole(), secure=secure)
    assert answer.text == "hello"


def test_a_proxy_of_the_environment_is_left_to_the_library(monkeypatch):
    """Our own connections go straight to the server: not behind a proxy that is meant for it."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    local = "http://127.0.0.1:8000/v1"
    assert lanes.to(local, {}) is not None
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    assert lanes.to(local, {}) is not None
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert lanes.to(local, {}) is None
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    assert lanes.to(local, {}) is not None
    assert lanes.to("http://user:word@127.0.0.1:8000/v1", {}) is None
