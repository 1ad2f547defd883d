"""A hub on loopback: the part of the HuggingFace HTTP interface that `datasets` reads."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit


@contextmanager
def serve(files: Path, revision: str) -> Iterator[str]:
    """Serve the folder `files` as every data set of the hub, at one commit; yields the URL."""

    class Handler(_Hub):
        root = files
        commit = revision

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Hub(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    root: Path
    commit: str

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if "/resolve/" in path:
            self._file(path.split("/resolve/")[1].partition("/")[2])
        elif "/tree/" in path:
            self._tree(path.split("/tree/")[1].partition("/")[2])
        elif path.startswith("/api/datasets/"):
            siblings = [{"rfilename": str(p.relative_to(self.root))} for p in self.root.rglob("*")]
            self._say(200, json.dumps({"id": "x/y", "sha": self.commit, "siblings": siblings}))
        else:
            self._say(404)

    do_HEAD = do_GET

    def _file(self, name: str) -> None:
        path = self.root / name
        if not path.is_file():
            self._say(404, code="EntryNotFound")
            return
        content = path.read_bytes()
        self._say(200, content, ETag=f'"{hashlib.sha1(content).hexdigest()}"')

    def _tree(self, name: str) -> None:
        folder = self.root / name
        if not folder.is_dir():
            self._say(404, code="EntryNotFound")
            return
        entries = [
            {
                "type": "directory" if path.is_dir() else "file",
                "path": str(path.relative_to(self.root)),
                "size": path.stat().st_size,
                "oid": hashlib.sha1(str(path).encode()).hexdigest(),
            }
            for path in sorted(folder.iterdir())
        ]
        self._say(200, json.dumps(entries))

    def _say(self, status: int, body: str | bytes = b"", code: str = "", **headers: str) -> None:
        content = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("X-Repo-Commit", self.commit)
        if code:
            self.send_header("X-Error-Code", code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""
