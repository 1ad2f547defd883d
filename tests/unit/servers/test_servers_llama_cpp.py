"""llama.cpp's own server with the packaged models: real processes, real requests."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pytest_mcode.core.errors import ConfigError, InfraError
from pytest_mcode.servers.llama_cpp import LlamaCpp, Tiny
from pytest_mcode.servers.process import Process

ROOT = Path(__file__).parents[3]
PROMPT = 'def count_peaks(levels):\n    """Count the inner elements of levels."""\n'


def request(url: str, path: str, body: object = None) -> dict:
    """One request to the server, past any proxy of the environment."""
    with contextlib.closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)) as link:
        link.request(
            "GET" if body is None else "POST",
            path,
            None if body is None else json.dumps(body),
            {"Content-Type": "application/json"},
        )
        response = link.getresponse()
        assert response.status == 200
        return json.loads(response.read())


def ask(url: str, seed: int) -> str:
    body = {
        "messages": [{"role": "user", "content": PROMPT}],
        "temperature": 0.8,
        "seed": seed,
        "max_tokens": 200,
    }
    return request(url, "/v1/chat/completions", body)["choices"][0]["message"]["content"]


def gone(pid: int) -> bool:
    """Whether the process has ended; a zombie waiting for its parent has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].startswith("Z")
    except FileNotFoundError:
        return True


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(word) for task in tasks for word in task.read_text().split()]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    pytest.importorskip("xllamacpp")
    server = Tiny()
    yield server.start()
    server.close()


def test_it_serves_under_its_own_name(url: str) -> None:
    """`model` is the name that the server reports; the URL is loopback and ends in /v1."""
    assert url.startswith("http://127.0.0.1:")
    assert url.endswith("/v1")
    assert [model["id"] for model in request(url, "/v1/models")["data"]] == [Tiny().model]


def test_the_one_slot_has_the_whole_context(url: str) -> None:
    """One request at a time, with the 2,048 tokens that the model was trained with."""
    slots = request(url, "/slots")
    assert [slot["n_ctx"] for slot in slots] == [2048]


def test_the_same_seed_gives_the_same_text_whatever_else_runs(url: str) -> None:
    """Seeds decide the text: alone or beside others, and different seeds differ."""
    alone = [ask(url, seed) for seed in range(12)]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda seed: ask(url, seed), range(12)))
    assert together == alone
    assert len(set(alone)) > 1


def test_start_and_close_may_be_called_twice() -> None:
    """A second start returns the same URL, a second close does nothing, and it can start anew."""
    pytest.importorskip("xllamacpp")
    server = Tiny("short300")
    first = server.start()
    try:
        assert server.start() == first
        assert request(first, "/v1/models")["data"][0]["id"] == server.model == "tiny:short300"
    finally:
        server.close()
    server.close()
    with pytest.raises(OSError, match="refused"):
        request(first, "/health")
    again = server.start()
    assert request(again, "/health") == {"status": "ok"}
    server.close()


HOLDER = """
import os, sys, time
from pytest_mcode.servers.llama_cpp import Tiny
server = Tiny()
print(server.start(), flush=True)
if "fork" in sys.argv and os.fork() == 0:
    os.close(1)
    time.sleep(3)
    os._exit(0)
time.sleep(60)
"""


@pytest.mark.parametrize("how", ["plain", "fork"])
def test_killing_the_parent_leaves_nothing(how: str) -> None:
    """kill -9 of the run ends its server within seconds, also when a fork holds the pipe open."""
    pytest.importorskip("xllamacpp")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, how], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        found = [pid for pid in children(parent.pid) if _is_server(pid)]
        assert request(url, "/health") == {"status": "ok"}
        os.kill(parent.pid, signal.SIGKILL)
    (pid,) = found
    deadline = time.monotonic() + 60
    while not gone(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert gone(pid)


def _is_server(pid: int) -> bool:
    return b"llama_cpp_child" in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_file_that_is_no_model_shows_cure_and_log(tmp_path: Path) -> None:
    """A server that cannot start is an InfraError: what to do, then the end of its log."""
    pytest.importorskip("xllamacpp")
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF no model")
    server = LlamaCpp(broken)
    with pytest.raises(InfraError, match="needs fewer gpu_layers or less context") as error:
        server.start()
    lines = str(error.value).splitlines()
    assert lines[0].startswith("llama_cpp server of broken ended with exit status ")
    assert 1 < len(lines) <= 31
    server.close()


def test_wrong_names_are_refused_with_the_choices(tmp_path: Path) -> None:
    """An unknown model or a missing file is a ConfigError before anything starts."""
    with pytest.raises(ConfigError, match="choose tiny or tiny:short300"):
        Tiny("huge")
    with pytest.raises(ConfigError, match=r"gone\.gguf: no such model file"):
        LlamaCpp(tmp_path / "gone.gguf").start()
    pointer = tmp_path / "pointer.gguf"
    pointer.write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(ConfigError, match=r"pointer\.gguf: no model file, it is not in GGUF's"):
        LlamaCpp(pointer).check()


def test_without_the_wheel_one_line_says_what_to_install() -> None:
    """Where xllamacpp is not installed, the error is the pip line."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pytest_mcode.servers.llama_cpp import Tiny\n"
        "from pytest_mcode.core.errors import ConfigError\n"
        "try: Tiny().start()\n"
        "except ConfigError as error: print(error)\n"
    )
    # -S: no site-packages, as on a machine without the extra.
    command = [sys.executable, "-S", "-c", code, str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == "the tiny model needs llama.cpp: pip install pytest-mcode[tiny]\n"


@pytest.mark.parametrize(
    ("code", "seconds", "problem"),
    [
        ("import sys; sys.exit('no luck')", 60, "did not say where it listens"),
        ("import time; time.sleep(30)", 1, "did not say where it listens"),
        ("print('http://127.0.0.1:1', flush=True); input()", 3, "was not healthy within 3 s"),
        ("print('http://127.0.0.1:1')", 60, "ended with exit status 0 before it was healthy"),
    ],
    ids=["dies", "silent", "deaf", "dies after its line"],
)
def test_a_process_that_never_serves_is_given_up(
    code: str, seconds: float, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a server does instead of serving, the wait ends, with the cure, and it is gone."""
    monkeypatch.setattr("pytest_mcode.servers.process.GRACE_S", 1.0)  # else 20 s for the silent one
    process = Process("it", [sys.executable, "-c", code], "do this")
    before = set(children(os.getpid()))
    with pytest.raises(InfraError, match=f"^it {problem}.*: do this"):
        process.start(timeout_s=seconds)
    assert set(children(os.getpid())) == before
    process.close()
