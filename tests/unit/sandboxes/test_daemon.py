"""Daemons near and far, Docker's and Podman's: reached, or refused in one line with the cure."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.records import Program, SandboxSpec
from pytest_mcode.sandboxes.daemon import DEFAULT_SOCKET, Daemon, connect, look
from pytest_mcode.sandboxes.docker import LABEL_RUN, Docker

HONEST = Program("def f(): return 1", "assert f() == 1\n", ("f",))
PLAIN = Daemon(
    client=None,
    address="unix:///var/run/docker.sock",
    version="27.1",
    podman=False,
    rootless=False,
    runtimes=("runc", "runsc"),
    default_runtime="runc",
    cgroup="2",
    storage="overlay2",
    cores=8,
    here=True,
    limits=("memory", "processes", "cores"),
)


def one_line(caught: pytest.ExceptionInfo[InfraError]) -> str:
    said = str(caught.value)
    assert "\n" not in said
    return said


@pytest.mark.parametrize(
    ("address", "cure"),
    [
        ("tcp://127.0.0.1", "write tcp://HOST:PORT"),
        ("ssh://me@far", "`ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock me@far &`"),
        ("far:2375", "write unix://PATH or tcp://HOST:PORT"),
        ("unix:///nowhere/docker.sock", "start dockerd, set DOCKER_HOST, or take"),
    ],
)
def test_an_address_that_leads_nowhere_is_one_line(monkeypatch, address, cure):
    """Each wrong kind of address names its own cure, and docker's library is not asked."""
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(InfraError) as caught:
        connect()
    assert cure in one_line(caught)


def test_a_user_without_rights_is_not_told_to_start_the_daemon(monkeypatch, tmp_path):
    """It runs: what lacks is the right to speak to it, and the line says how to get it."""
    path, user = tmp_path / "docker.sock", os.geteuid()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.bind(str(path))
        daemon.listen()
        path.chmod(0)
        os.seteuid(user or 65534)  # root may do everything
        try:
            with pytest.raises(InfraError) as caught:
                connect()
        finally:
            os.seteuid(user)
    assert "usermod -aG docker" in one_line(caught)


def test_an_unknown_runtime_names_those_there_are():
    """Before anything is built: the known ones, where yours belongs, and the way without."""
    PLAIN.insist("runsc")
    with pytest.raises(InfraError) as caught:
        PLAIN.insist("kata")
    said = one_line(caught)
    assert "--mcode-docker-runtime=kata" in said
    assert "runc, runsc" in said
    assert "/etc/docker/daemon.json" in said


@pytest.mark.parametrize(
    ("daemon", "cure"),
    [
        (replace(PLAIN, limits=(), rootless=True), "Delegate=yes"),
        (replace(PLAIN, limits=("memory",)), "cannot limit processes"),
        (replace(PLAIN, storage="vfs"), "install fuse-overlayfs"),
        (replace(PLAIN, podman=True, address="tcp://far:8080"), "DOCKER_HOST=unix://SOCKET"),
    ],
)
def test_a_daemon_that_cannot_confine_is_refused(daemon, cure):
    """A rootless one without delegated control groups, one that stores no layers, and a Podman
    that is elsewhere."""
    with pytest.raises(InfraError) as caught:
        daemon.insist("")
    assert cure in one_line(caught)
    whole = replace(daemon, limits=PLAIN.limits, address=PLAIN.address, storage=PLAIN.storage)
    whole.insist("")


@pytest.mark.docker
def test_the_runtime_is_refused_before_anything_is_built():
    """A sandbox with an unknown runtime has no image, no container, and says why."""
    sandbox = Docker(SandboxSpec(slots=1, runtime="nobody-knows-it"))
    try:
        connect().close()
    except InfraError as error:
        pytest.skip(str(error))
    with pytest.raises(InfraError, match="nobody-knows-it is unknown to the daemon"):
        sandbox.start()
    assert sandbox.image is None
    sandbox.close()


@pytest.fixture
def forwarded() -> Iterator[str]:
    """The machine's daemon behind a TCP port, as a remote one would be."""
    if os.environ.get("DOCKER_HOST") or not Path(DEFAULT_SOCKET).exists():
        pytest.skip("no Docker daemon at its usual socket")

    def copy(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(1 << 16):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve() -> None:
        while True:
            try:
                near, _ = door.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(DEFAULT_SOCKET)
            ends.extend((near, far))
            for pair in ((near, far), (far, near)):
                threading.Thread(target=copy, args=pair, daemon=True).start()

    ends: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=serve, daemon=True).start()
        yield f"tcp://127.0.0.1:{door.getsockname()[1]}"
        door.shutdown(socket.SHUT_RDWR)
    for end in ends:
        end.close()


@pytest.mark.docker
def test_a_daemon_behind_tcp_verifies(forwarded, monkeypatch):
    """Nothing of this machine's disk is mounted, so that a daemon elsewhere does as well."""
    monkeypatch.setenv("DOCKER_HOST", forwarded)
    label = f"test-{uuid.uuid4().hex[:12]}"
    sandbox = Docker(SandboxSpec(slots=1, label=label))
    try:
        sandbox.start()
        assert sandbox.run(HONEST).passed
        api = sandbox.client.api
        (row,) = api.containers(filters={"label": [f"{LABEL_RUN}={label}"]})
        seen = api.inspect_container(row["Id"])
        assert not seen["HostConfig"]["Binds"]
        assert not seen["Mounts"]
    finally:
        sandbox.close()


@pytest.fixture
def podman(tmp_path, monkeypatch) -> Iterator[str]:
    """Podman's service on a socket of its own."""
    if shutil.which("podman") is None or os.geteuid() != 0:
        pytest.skip("needs podman, as root")
    settings = tmp_path / "containers.conf"
    settings.write_text('[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n')
    address = f"unix://{tmp_path}/podman.sock"
    service = subprocess.Popen(
        ["podman", "system", "service", "--time=0", address],
        env={**os.environ, "CONTAINERS_CONF": str(settings)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 30
        while not (tmp_path / "podman.sock").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        monkeypatch.setenv("DOCKER_HOST", address)
        yield address
    finally:
        service.kill()
        service.wait()


def test_podman_verifies(podman):
    """It is told apart, given the list of system calls by path, and confines as Docker does."""
    client = connect()
    daemon = look(client)
    client.close()
    assert daemon.podman
    assert daemon.name.startswith("Podman ")
    sandbox = Docker(SandboxSpec(slots=1, label="test-podman"))
    try:
        sandbox.start()
        assert sandbox.run(HONEST).passed
        status = "def f(): return open('/proc/self/status').read()"
        tests = "s = f()\nassert 'Seccomp:\\t2' in s\nassert 'NoNewPrivs:\\t1' in s\n"
        tests += "assert 'CapEff:\\t0000000000000000' in s\n"
        seen = sandbox.run(Program(status, tests, ("f",), checks=3))
        assert seen.passed, seen.detail
    finally:
        sandbox.close()
