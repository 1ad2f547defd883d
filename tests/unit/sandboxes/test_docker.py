"""The Docker sandbox on the host: confinement as the daemon sees it, replacement, sweeping."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.processes import place, started
from pytest_mcode.core.records import Program, SandboxSpec
from pytest_mcode.sandboxes.daemon import connect, look
from pytest_mcode.sandboxes.docker import (
    LABEL_HOST,
    LABEL_PID,
    LABEL_RUN,
    LABEL_STARTED,
    Docker,
    sweep,
)

HONEST = Program("def f(): return 1", "assert f() == 1\n", ("f",))
SLEEPY = Program("import time\ndef f(): time.sleep(1.5); return 1", "assert f() == 1\n", ("f",))
pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """The daemon."""
    pytest.importorskip("docker")
    try:
        reached = connect()
    except InfraError as error:
        pytest.skip(str(error))
    yield reached
    reached.close()


@pytest.fixture
def label() -> str:
    """A run of our own, so that nobody else's containers are counted."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def warm(client: Any, label: str) -> Iterator[Docker]:
    """A sandbox with one container."""
    sandbox = Docker(SandboxSpec(slots=1, label=label))
    sandbox.start()
    yield sandbox
    sandbox.close()


def containers(client: Any, label: str) -> list[dict[str, Any]]:
    return client.api.containers(all=True, filters={"label": [f"{LABEL_RUN}={label}"]})


def wait_until(condition: Any, seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while not (held := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(held)


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # the docker library's own
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_without_a_daemon_one_line_names_the_cure(monkeypatch):
    """Start, DOCKER_HOST and the other sandbox are named; nothing hangs."""
    pytest.importorskip("docker")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    started = time.monotonic()
    with pytest.raises(InfraError) as caught:
        Docker(SandboxSpec()).start()
    assert time.monotonic() - started < 5
    said = str(caught.value)
    assert "\n" not in said
    for cure in ("start dockerd", "DOCKER_HOST", "--mcode-sandbox=bubblewrap"):
        assert cure in said
    del caught
    gc.collect()


def test_the_container_is_locked_down(client, warm, label):
    """What the daemon applied: every limit of the design, not only what we asked for."""
    (row,) = containers(client, label)
    seen = client.api.inspect_container(row["Id"])
    host, config = seen["HostConfig"], seen["Config"]
    assert host["NetworkMode"] == "none"
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert host["IpcMode"] == "none"
    assert host["Memory"] == host["MemorySwap"] == (512 + 512) << 20
    assert host["PidsLimit"] == 64
    assert host["LogConfig"]["Type"] == "none"
    assert host["AutoRemove"] is True
    assert not host["Privileged"]
    assert not host["Binds"]
    assert config["User"] == "65534:65534"
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert any(option.startswith("seccomp={") for option in host["SecurityOpt"])
    assert "nosuid" in host["Tmpfs"]["/tmp"]
    assert config["Labels"][LABEL_PID] == str(os.getpid())


def test_containers_are_pinned_to_cores_of_their_own(client, label, monkeypatch):
    """One per core; xdist's workers begin at different cores; more slots than cores are free."""
    cores = sorted(os.sched_getaffinity(0))
    daemon = look(client)
    whole = Docker(SandboxSpec(label=label))
    whole.daemon = daemon
    assert whole.containers == len(cores)
    assert whole._cpus() == cores
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw1")
    single = Docker(SandboxSpec(slots=1, label=label))
    single.daemon = daemon
    assert single._cpus() == [cores[1 % len(cores)]]
    many = Docker(SandboxSpec(slots=len(cores) + 1))
    many.daemon = daemon
    assert set(many._cpus()) == {None}
    for other in ({"here": False}, {"cores": max(cores)}, {"limits": ("memory", "processes")}):
        whole.daemon = replace(daemon, **other)  # another machine's, fewer, or not to be had
        assert set(whole._cpus()) == {None}


def test_close_removes_every_container(client, label):
    """Also those of a pool that is busy."""
    sandbox = Docker(SandboxSpec(slots=2, label=label))
    sandbox.start()
    assert len(containers(client, label)) == 2
    waiting = [sandbox.submit(SLEEPY) for _ in range(6)]
    time.sleep(0.3)
    sandbox.close()
    assert wait_until(lambda: not containers(client, label))
    for future in waiting:
        assert isinstance(future.exception(10), InfraError) or future.result().passed


def test_dropping_the_sandbox_removes_its_containers(client, label):
    """No close, no with: the last reference is enough."""
    sandbox = Docker(SandboxSpec(slots=1, label=label))
    sandbox.start()
    assert sandbox.run(HONEST).passed
    del sandbox
    assert wait_until(lambda: not containers(client, label))


def test_a_killed_run_leaves_no_container(client, label):
    """kill -9 of the host process: the judge's stream ends, and the container removes itself."""
    script = f"""
    import time
    from pytest_mcode.core.records import SandboxSpec
    from pytest_mcode.sandboxes.docker import Docker
    sandbox = Docker(SandboxSpec(slots=2, label={label!r}))
    sandbox.start()
    print("started", flush=True)
    time.sleep(100)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        assert len(containers(client, label)) == 2
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert wait_until(lambda: not containers(client, label))


def test_sweep_removes_what_dead_runs_left_and_nothing_else(client, warm, label):
    """The owner must be of this machine and gone, or its id be another's by now, or nobody have
    asked how it ended; living runs and other machines are let be."""
    gone, zombie = subprocess.Popen(["true"]), subprocess.Popen(["true"])
    gone.wait()
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    own = started(os.getpid())

    def leave(pid: int, host: str, since: str = "") -> str:
        labels = {"pytest-mcode": "1", LABEL_RUN: label, LABEL_PID: str(pid), LABEL_HOST: host}
        labels[LABEL_STARTED] = since
        made = client.api.create_container(warm.image.tag, ["python3", "-V"], labels=labels)
        return str(made["Id"])

    dead = {leave(gone.pid, place()), leave(zombie.pid, place())}
    dead.add(leave(os.getpid(), place(), f"{int(own) - 1}"))
    living, elsewhere = leave(os.getpid(), place(), own), leave(gone.pid, "another machine")
    older = leave(os.getpid(), place())
    stranger = client.api.create_container(warm.image.tag, ["python3", "-V"])["Id"]
    try:
        assert sweep(client) >= 3
        left = {row["Id"] for row in client.api.containers(all=True)}
        assert not dead & left
        assert {living, older, elsewhere, stranger} <= left
        assert warm.run(HONEST).passed
    finally:
        zombie.wait()
        for container in (living, older, elsewhere, stranger):
            client.api.remove_container(container, force=True)


def test_a_container_that_dies_is_replaced_and_the_program_runs_again(client, warm, label):
    """Somebody kills the container in the middle of a program: the verdict is the second run's."""
    waiting = warm.submit(SLEEPY)
    time.sleep(0.5)
    (row,) = containers(client, label)
    client.api.kill(row["Id"])
    assert waiting.result(60).passed
    assert warm.pool is not None
    assert warm.pool.replaced == 1
    assert containers(client, label)[0]["Id"] != row["Id"]


def test_what_cannot_be_cleaned_is_replaced(warm):
    """The program keeps its verdict, and the ones queued behind it run in a new container."""
    deep = """
    import os
    def f():
        for _ in range(2000):
            os.mkdir("d")
            os.chdir("d")
        return 1
    """
    program = Program(textwrap.dedent(deep), HONEST.tests, ("f",))
    futures = [warm.submit(one) for one in (HONEST, program, HONEST, HONEST)]
    assert [future.result(60).status for future in futures] == ["passed"] * 4
    assert warm.pool is not None
    assert warm.pool.replaced == 1


def test_a_silent_container_is_given_up(warm, monkeypatch):
    """A judge that never answers (here: tests stuck in C) is replaced after limit and margin."""
    monkeypatch.setattr("pytest_mcode.sandboxes.pool.MARGIN_S", 0.5)
    from pytest_mcode.core.records import Limits

    stuck = Program("def f(): return 1", "sum(range(10 ** 14))\n", ("f",), limits=Limits(0.5))
    started = time.monotonic()
    seen = warm.run(stuck)
    assert seen.status in ("error", "timeout")
    assert time.monotonic() - started < 20
    assert warm.run(HONEST).passed


def test_an_image_of_somebody_else_is_refused_with_a_hint(client, warm, label, monkeypatch):
    """A container whose programs are not ours ends the start with one line."""
    monkeypatch.setattr("pytest_mcode.sandboxes.container.INSIDE", "/nowhere")
    other = Docker(SandboxSpec(slots=1, label=label + "x"))
    with pytest.raises(InfraError, match="is the image one of pytest-mcode's"):
        other.start()
    assert wait_until(lambda: not containers(client, label + "x"))


def test_closing_while_others_submit_hangs_nobody(client, label):
    """Every future ends, with a verdict or an InfraError."""
    sandbox = Docker(SandboxSpec(slots=1, label=label))
    sandbox.start()
    ends: list[str] = []

    def ask() -> None:
        for _ in range(20):
            try:
                ends.append(sandbox.run(HONEST).status)
            except InfraError:
                ends.append("infra")

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    sandbox.close()
    for thread in threads:
        thread.join(30)
    assert len(ends) == 80
    assert set(ends) <= {"passed", "infra"}


GUARDED = {
    "network_mode": "none",
    "read_only": True,
    "tmpfs": {"/tmp": "rw,size=4m"},
    "user": "65534:65534",
    "stdin_open": False,
    "cap_drop": ["ALL"],
}


@pytest.mark.parametrize(
    "change",
    [{"read_only": False}, {"tmpfs": {}}, {"user": "0:0"}, {"init": True}],
    ids=["writable root", "no tmpfs", "root", "not the first process"],
)
def test_the_supervisor_refuses_any_other_container(client, warm, change):
    """One condition less, and it leaves with 99 before it has done anything."""
    import docker

    command = ["python3", "-I", "-S", "-B", "/opt/mcode/supervisor.py", "0", "65533"]
    with pytest.raises(docker.errors.ContainerError) as caught:
        client.containers.run(
            warm.image.tag, command, remove=True, stderr=True, **{**GUARDED, **change}
        )
    assert caught.value.exit_status == 99
