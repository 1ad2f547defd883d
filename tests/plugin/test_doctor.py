"""`--mcode-doctor`: what is ready here, and what to type where it is not."""

from __future__ import annotations

import http.server
import json
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def no_docker(monkeypatch):
    """Nobody listens where the daemon is looked for."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/nowhere")


@pytest.fixture
def no_bubblewrap(monkeypatch):
    """A PATH on which nothing but the interpreter's own folder is."""
    folder = str(Path(sys.executable).parent)
    if shutil.which("bwrap", path=folder):
        pytest.skip("bwrap lies beside the interpreter")
    monkeypatch.setenv("PATH", folder)


@pytest.fixture
def ollama() -> Iterator[str]:
    """A server that lists one model."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"models": [{"name": "m"}]}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_without_any_sandbox_the_status_is_1_and_cures_are_named(
    run, no_docker, no_bubblewrap, tmp_path
):
    """Each missing thing has the command that cures it on a line of its own, in 80 columns."""
    result = run("--mcode-doctor", "-q", f"--mcode-data={tmp_path}", "--mcode-bench=tiny")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "ok      pytest-mcode *Python *",
            "missing docker * no Docker daemon answers*",
            "*-> start dockerd, set DOCKER_HOST*",
            "missing bubblewrap * not installed",
            "*-> apt-get install bubblewrap*",
            "ok      data tiny * 10 tasks*",
            "no sandbox works here: nothing can be verified",
        ]
    )
    wide = [line for line in result.outlines if len(line) > 80 and " " in line.strip()[27:]]
    assert wide == []


@pytest.mark.bubblewrap
def test_one_sandbox_is_enough(run, no_docker, pytester):
    """Bubblewrap is measured with real programs, and a run is left nothing to stumble on."""
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    result = run("--mcode-doctor", "--mcode-bench=tiny")
    if result.ret:
        pytest.skip("bubblewrap does not work here")
    result.stdout.fnmatch_lines(
        ["ok      bubblewrap *", "ok      bubblewrap speed * ms a program (*/s), ready in *"]
    )
    assert not (pytester.path / ".mcode").exists()


@pytest.mark.docker
def test_docker_and_its_image_are_described(run):
    """Daemon, limits, runtimes, image with its packages, and a measured speed."""
    result = run("--mcode-doctor", "--mcode-bench=tiny")
    if "missing docker " in result.stdout.str():
        pytest.skip("no Docker daemon")
    result.stdout.fnmatch_lines(
        [
            "ok      docker * at *",
            "ok      docker runtimes *",
            "ok      docker image *",
            "ok      docker speed * ms a program (*",
        ]
    )
    assert result.ret == 0


@pytest.mark.usefixtures("no_docker", "no_bubblewrap")
def test_data_and_servers_are_looked_for_without_a_pull(run, ollama, tmp_path, monkeypatch):
    """A set that would be pulled is missing, one that is there is counted; a server is named."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    result = run(
        "--mcode-doctor", "--mcode-bench=humaneval,tiny", f"--mcode-data={tmp_path}",
        f"--mcode-base-url={ollama}/v1",
    )  # fmt: skip
    result.stdout.fnmatch_lines(
        [
            "missing packages *",
            "missing data humaneval *the first use of it pulls it*",
            "*-> pytest --mcode-self-check --mcode-bench=humaneval, or*",
            "ok      data tiny *",
            f"ok      model server *Ollama at {ollama}, 1 model",
        ]
    )
