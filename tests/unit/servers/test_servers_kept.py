"""Servers that are programs of their own: real processes, started, waited for and ended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from pytest_mcode.core import processes
from pytest_mcode.core.errors import ConfigError, InfraError
from pytest_mcode.servers import keeper, orphans, port, process
from pytest_mcode.servers.command import Command, Compose
from pytest_mcode.servers.kept import Kept
from pytest_mcode.servers.llama_cpp import MODELS, LlamaCpp
from pytest_mcode.servers.mlx import Mlx
from pytest_mcode.servers.ollama import Ollama
from pytest_mcode.servers.vllm import Vllm

ROOT = Path(__file__).parents[3]
PROGRAM = [sys.executable, "-m", "tests.plugin.model_program", "{port}"]
PATIENCE_S = 60.0


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def command(folder: Path, name: str = "m", **options: object) -> Command:
    """A server program of the tests, with its files in a folder."""
    made = Command(name, command=[*PROGRAM, name, str(folder)], **options)
    made.state = folder / "state"
    return made


def until(condition: Callable[[], bool]) -> bool:
    """Wait for it, a minute at most."""
    end = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def gone(pid: int) -> bool:
    return processes.started(pid) == ""


def keeper_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def names(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.iterdir()) if folder.exists() else []


def record(folder: Path) -> dict:
    (path,) = (folder / "state").glob("*.server")
    return json.loads(path.read_text())


def test_any_command_is_started_waited_for_and_stopped(tmp_path: Path) -> None:
    """It answers when `start` returns; after `close` neither process, log nor record is left."""
    server = command(tmp_path)
    url = server.start()
    try:
        assert port.models(url) == ["m"]
        assert server.start() == url
        pid = record(tmp_path)["pid"]
        assert names(tmp_path / "state") == [".log", ".server"]
    finally:
        server.close()
    server.close()
    assert gone(pid)
    assert port.models(url) is None
    assert names(tmp_path / "state") == []
    assert (tmp_path / "diary").read_text() == "up m\ndown m after 0\n"


def test_a_server_that_fails_shows_the_end_of_its_log(tmp_path: Path) -> None:
    """What went wrong and the cure in the first line, then at most thirty lines of its log."""
    noisy = "import sys\nfor n in range(99): print('line', n, flush=True)\nsys.exit('no memory')"
    server = Command("m", command=[sys.executable, "-c", noisy, "{port}"])
    with pytest.raises(InfraError) as error:
        server.start()
    first, *log = str(error.value).splitlines()
    assert first.startswith("command server of m ended with exit status 1 before it was healthy: ")
    assert len(log) == 30
    assert set(log) >= {"no memory", "line 98"}


def test_what_a_log_does_to_a_terminal_is_not_shown(tmp_path: Path) -> None:
    """Colours, bytes of no text and all but the last state of a progress bar are left out, and a
    line of a megabyte is cut."""
    noisy = (
        "import sys\nwrite = sys.stdout.buffer.write\n"
        "write(b'first' * 99999 + b'\\n\\x1b[31mred\\x1b[0m\\x00\\xff')\n"
        "write(b'x' * 1000000 + b'\\n')\n"
        "write(b''.join(b'\\r%d %%' % n for n in range(99)) + b'\\r\\nno memory\\n')\n"
        "write(b'\\x1b]0;title\\x07\\x1b[1mend\\x1b[0m')\nsys.exit(3)"
    )
    server = Command("m", command=[sys.executable, "-c", noisy, "{port}"])
    with pytest.raises(InfraError) as error:
        server.start()
    _, cut, *log = str(error.value).split("\n")
    assert log == ["98 %", "no memory", "end"]
    assert set(cut) == {"x"}
    assert len(cut) == process.LOG_WIDTH


def test_a_server_that_hangs_is_given_up_and_killed(tmp_path: Path) -> None:
    """After the time-out, which the message names, nothing of it is left but its log."""
    server = command(tmp_path, "slow")
    server.health_timeout_s = 3.0
    with pytest.raises(InfraError, match=r"was not healthy within 3 s \(--mcode-health-timeout\)"):
        server.start()
    assert names(tmp_path / "state") == [".log"]


def test_what_is_waited_for_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A status that is not 200, and a host that nobody has: seen without reading its log, whose
    place is said while it loads."""
    monkeypatch.setattr(process, "SILENCE_S", 0.1)
    with HTTPServer((port.HOST, 0), BaseHTTPRequestHandler) as refusing:
        Thread(target=refusing.serve_forever, daemon=True).start()
        other = command(tmp_path, health=f"http://{port.HOST}:{refusing.server_port}/ready")
        nobody = command(tmp_path, url="http://no-such-host.invalid:9/v1")
        for server, told in (
            (other, "/ready answers with status 501"),
            (nobody, "does not answer"),
        ):
            said: list[str] = []
            server.health_timeout_s, server.say = 0.3, said.append
            with pytest.raises(InfraError, match=told) as error:
                server.start()
            log = str(next((tmp_path / "state").glob("*.log")))
            assert log in str(error.value)
            assert said == [f"waiting for the command server of m, 0.3 s at most ({log})"]
        refusing.shutdown()


def test_a_server_that_runs_already_is_taken_and_left_running(tmp_path: Path) -> None:
    """The same model on the port: it is used, said, and alive after `close`."""
    first = command(tmp_path)
    url = first.start()
    said: list[str] = []
    second = command(tmp_path / "second", url=url)
    second.say = said.append
    try:
        assert second.start() == url
        second.close()
        assert said == [f"m: taking the server that runs at {url}; it is left running"]
        assert port.models(url) == ["m"]
        assert not (tmp_path / "second").exists()
    finally:
        first.close()


def test_a_port_of_another_program_is_told_in_a_line(tmp_path: Path) -> None:
    """Who has it, as far as it can be seen, and what to do; nothing is started."""
    other = command(tmp_path, "other")
    url = other.start()
    try:
        with pytest.raises(ConfigError, match=r"is taken by a server of other, and m is to be"):
            command(tmp_path, "m", url=url).start()
        with pytest.raises(ConfigError, match=r"is taken by a program that is no model server"):
            command(tmp_path, "m", url=url.replace("/v1", "/v2")).start()
    finally:
        other.close()


HOLDER = """
import sys, time
from pathlib import Path
from tests.unit.servers.test_servers_kept import command
server = command(Path(sys.argv[1]), sys.argv[2])
print(server.start(), flush=True)
time.sleep(300)
"""
FAMILY = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
print("child", child.pid, flush=True)
from tests.plugin import model_program
model_program.main(*sys.argv[1:])
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process whose server is up."""
    words = [sys.executable, "-c", HOLDER, str(tmp_path), "m"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        yield process
        process.kill()


def test_kill_9_of_the_run_ends_its_server(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    """The keeper sees that its parent is gone, and leaves neither process nor record."""
    pid = record(tmp_path)["pid"]
    holder.kill()
    assert until(lambda: gone(pid) and ".server" not in names(tmp_path / "state"))
    assert list(orphans.sweep(tmp_path / "state")) == []


def test_kill_9_of_run_and_keeper_ends_the_server_too(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    """The kernel kills the server; the next run takes the record away."""
    pid = record(tmp_path)["pid"]
    kept_by = keeper_of(pid)
    os.kill(holder.pid, signal.SIGSTOP)  # so that neither outlives the other by a moment
    os.kill(kept_by, signal.SIGKILL)
    holder.kill()
    assert until(lambda: gone(pid))
    holder.wait()
    list(orphans.sweep(tmp_path / "state"))
    assert ".server" not in names(tmp_path / "state")


def test_a_run_cleans_up_after_a_killed_one_and_after_nobody_else(tmp_path: Path) -> None:
    """An orphan's whole session is killed; what has a living owner, or is of elsewhere, stays."""
    sleep = [sys.executable, "-c", "import time; time.sleep(300)"]
    ours = subprocess.Popen(sleep, start_new_session=True)
    with subprocess.Popen(["true"]) as owner:
        dead = owner.pid
    keeper.write(tmp_path / "ours.server", ours.pid, os.getpid(), [])
    try:
        assert list(orphans.sweep(tmp_path)) == []
        assert not gone(ours.pid)
        note = json.loads((tmp_path / "ours.server").read_text())
        orphaned = {**note, "owner": dead, "owner_started": "1"}
        for elsewhere in ({"place": "another boot"}, {"started": "1"}):
            (tmp_path / "ours.server").write_text(json.dumps(orphaned | elsewhere))
            assert list(orphans.sweep(tmp_path)) == []
            assert not gone(ours.pid)
        (tmp_path / "torn.server").write_text('{"pid"')
        (tmp_path / "ours.server").write_text(json.dumps(orphaned))
        assert list(orphans.sweep(tmp_path)) == [
            "stopped a server that a killed run had left (ours)"
        ]
        assert until(lambda: gone(ours.pid))
        assert not (tmp_path / "ours.server").exists()
    finally:
        ours.kill()
        ours.wait()


def test_what_a_server_has_started_goes_with_it(tmp_path: Path) -> None:
    """Servers fork workers; a child in the server's session is gone after `close`."""
    script = tmp_path / "family.py"
    script.write_text(FAMILY)
    server = Command("m", command=[sys.executable, str(script), "{port}", "m", str(tmp_path)])
    server.state = tmp_path / "state"
    server.start()
    (log,) = (tmp_path / "state").glob("*.log")
    child = int(log.read_text().partition("child ")[2].split()[0])
    assert not gone(child)
    server.close()
    assert until(lambda: gone(child))


def test_a_server_that_dies_is_started_again_a_few_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed once, it answers again at its address and its record is true; killed more often than
    it is started again, it is gone. Both are said at the end, with the log."""
    monkeypatch.setattr(process, "RESTARTS", 1)
    server, said = command(tmp_path), list[str]()
    server.say = said.append
    url = server.start()
    try:
        first = record(tmp_path)["pid"]
        os.kill(first, signal.SIGKILL)
        assert until(lambda: gone(first) and port.models(url) == ["m"])
        second = record(tmp_path)["pid"]
        assert second != first
        assert processes.started(second) == record(tmp_path)["started"]
        server.close()
        (log,) = (tmp_path / "state").glob("*.log")
        told = "command server of m ended by itself once and was started again; its log is"
        assert said == [f"{told} {log}"]
        assert gone(second)

        assert server.start() != url
        os.kill(record(tmp_path)["pid"], signal.SIGKILL)
        assert until(lambda: (tmp_path / "diary").read_text().count("up m") == 4)
        last = record(tmp_path)["pid"]
        kept_by = keeper_of(last)
        os.kill(last, signal.SIGKILL)
        assert until(lambda: gone(kept_by))
    finally:
        server.close()
    assert "had ended by itself with exit status 137" in said[-1]


def test_a_command_without_its_port_is_refused() -> None:
    """`{port}` in the URL alone would be a port on which nobody listens."""
    with pytest.raises(ConfigError, match=r"\{port\} stands in url .* but not in its command"):
        Command("m", command="serve --now")
    with pytest.raises(ConfigError, match="url 'localhost' is not legal"):
        Command("m", command="serve", url="localhost")
    with pytest.raises(ConfigError, match="no-such-program is not installed"):
        Command("m", command="no-such-program {port}").check()


# Programs that are named, not given

SHIM = """#!{python}
import json, os, sys
sys.path.insert(0, {root!r})
given = sys.argv[1:]
json.dump({{"args": given, "env": dict(os.environ)}}, open({told!r}, "w"))
if "--port" in given:
    at = given[given.index("--port") + 1]
else:
    at = os.environ["OLLAMA_HOST"].rpartition(":")[2]
{serve}
"""
REAL = """
from pytest_mcode.servers import llama_cpp_child
value = lambda name: given[given.index(name) + 1]
slots = int(value("--parallel"))
kept = llama_cpp_child._serve({
    "file": value("--model"), "name": value("--alias"), "port": int(at), "slots": slots,
    "context": int(value("--ctx-size")) // slots, "threads": 1, "gpu_layers": 0,
    "connections": int(value("--threads-http")),
})
import threading; threading.Event().wait()
"""
SPEAKS_OPENAI = """
from tests.contracts.llm_servers import Server
class Healthy(Server):
    def get(self, path):
        return {"ok": True} if path == "/health" else super().get(path)
with Healthy(models=["m"], port=int(at)):
    import threading; threading.Event().wait()
"""
SPEAKS_OLLAMA = """
from tests.contracts.llm_servers import Ollama
class Healthy(Ollama):
    def get(self, path):
        return {"version": "1"} if path == "/api/version" else super().get(path)
with Healthy(models=["m"], port=int(at)):
    import threading; threading.Event().wait()
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """`install("vllm", code)` puts a program on PATH; gives the file of its arguments."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    def make(name: str, serve: str) -> Path:
        told = tmp_path / f"{name}.json"
        script = tmp_path / name
        script.write_text(
            SHIM.format(python=sys.executable, root=str(ROOT), told=str(told), serve=serve)
        )
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        return told

    return make


def served(server: Kept, told: Path) -> tuple[list[str], dict[str, str], str]:
    """Arguments and environment with which it was started, and its base URL."""
    try:
        url = server.start()
        said = json.loads(told.read_text())
        return said["args"], said["env"], url
    finally:
        server.close()


def test_a_llama_server_on_path_is_preferred_to_the_wheel(install, tmp_path: Path) -> None:
    """llama.cpp itself, behind a program with its arguments, serves the file under the name."""
    pytest.importorskip("xllamacpp")
    told = install("llama-server", REAL)
    file = MODELS / "coder-q8_0.gguf"
    server = LlamaCpp(
        file, model="m", context=512, parallel=2, gpu_layers=3, args="--flash-attn on"
    )
    url = server.start()
    try:
        assert port.models(url) == ["m"]
    finally:
        server.close()
    args = json.loads(told.read_text())["args"]
    assert args[:4] == ["--model", str(file), "--alias", "m"]
    assert args[8:] == [
        "--ctx-size",
        "1024",
        "--parallel",
        "2",
        "--n-gpu-layers",
        "3",
        "--threads-http",
        "68",
        "--flash-attn",
        "on",
    ]


def test_the_wheel_serves_where_there_is_no_program(monkeypatch, tmp_path: Path) -> None:
    """The same server from xllamacpp, with slots and context as asked; it takes no arguments."""
    pytest.importorskip("xllamacpp")
    if shutil.which("llama-server"):
        pytest.skip("a llama-server is on PATH")
    file = MODELS / "coder-q8_0.gguf"
    server = LlamaCpp(file, context=512, parallel=2)
    url = server.start()
    try:
        assert port.models(url) == ["coder-q8_0"]
        _, body = port.get(url.replace("/v1", "/slots"))
        assert [slot["n_ctx"] for slot in json.loads(body)] == [512, 512]
    finally:
        server.close()
    with pytest.raises(ConfigError, match="are for a llama-server program"):
        LlamaCpp(file, args="--mlock").check()


def test_model_files_are_told_apart(tmp_path: Path) -> None:
    """The fingerprint holds a digest of the file: equal for a copy, another for another model."""
    copy = tmp_path / "copy.gguf"
    shutil.copy(MODELS / "coder-q8_0.gguf", copy)
    found = [
        LlamaCpp(file).describe()["file"]
        for file in (MODELS / "coder-q8_0.gguf", copy, MODELS / "short300-q8_0.gguf")
    ]
    assert found[0] == found[1] != found[2]


def test_vllm_is_started_with_what_was_given(install) -> None:
    """Model, served name, context and further arguments reach `vllm serve`."""
    told = install("vllm", SPEAKS_OPENAI)
    server = Vllm("org/model", served_name="m", context=4096, args=["--dtype", "half"])
    args, _, url = served(server, told)
    assert url.endswith("/v1")
    assert args[:4] == ["serve", "org/model", "--served-model-name", "m"]
    assert args[8:] == ["--max-model-len", "4096", "--dtype", "half"]


def test_mlx_is_started_with_what_was_given(install) -> None:
    """Its server has no other name for the model than its own."""
    args, _, _ = served(
        Mlx("m", args="--trust-remote-code"), install("mlx_lm.server", SPEAKS_OPENAI)
    )
    assert args[:2] == ["--model", "m"]
    assert args[-1] == "--trust-remote-code"


def test_ollama_is_started_or_taken(install, tmp_path: Path) -> None:
    """Its settings go through the environment; an Ollama that is there already is used."""
    told = install("ollama", SPEAKS_OLLAMA)
    first = Ollama("m", port=port.free(), parallel=3)
    url = first.start()
    try:
        said = json.loads(told.read_text())
        assert said["args"] == ["serve"]
        assert said["env"]["OLLAMA_HOST"] == url.removeprefix("http://")
        assert said["env"]["OLLAMA_NUM_PARALLEL"] == "3"
        told.unlink()
        second = Ollama("another", port=int(url.rpartition(":")[2]))
        assert second.start() == url
        second.close()
        assert not told.exists()
        assert port.ollama_models(url) == ["m"]
    finally:
        first.close()


COMPOSE = """
services:
  model:
    image: {image}
    profiles: [small]
    network_mode: host
    user: "0"
    stop_signal: SIGKILL
    entrypoint: ["python3", "-c", "{code}"]
    environment: ["PORT=$MCODE_PORT"]
"""
SERVES = (
    "import http.server as h, os; "
    "h.BaseHTTPRequestHandler.do_GET = lambda s: (s.send_response(200), s.end_headers()); "
    "h.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), h.BaseHTTPRequestHandler).serve_forever()"
)


@pytest.mark.docker
def test_compose_services_come_and_go(tmp_path: Path) -> None:
    """The profile's services are up when `start` returns, and `close` leaves no container."""
    try:
        Compose.require()
    except ConfigError as error:
        pytest.skip(str(error))
    image = _image()
    file = tmp_path / "compose.yaml"
    file.write_text('version: "3.9"\n' + COMPOSE.format(image=image, code=SERVES))
    server = Compose("m.1", file=str(file), profiles="small", health="/")
    server.state = tmp_path / "state"
    url = server.start()
    project = server._project
    try:
        assert port.get(url)[0] == 200
        assert _containers(project)
    finally:
        server.close()
    assert port.get(url)[0] == 0
    assert not _containers(project)


def _image() -> str:
    done = subprocess.run(
        ["docker", "images", "-q", "pytest-mcode-sandbox"],
        capture_output=True,
        text=True,
        check=True,
    )
    if not done.stdout:
        pytest.skip("no image with Python is here")
    return done.stdout.split()[0]


def _containers(project: str) -> str:
    label = f"label=com.docker.compose.project={project}"
    command = ["docker", "ps", "-aq", "--filter", label]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_compose_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Before anything is started."""
    with pytest.raises(ConfigError, match=r"gone\.yaml: no such compose file"):
        Compose("m", file=str(tmp_path / "gone.yaml")).check()
