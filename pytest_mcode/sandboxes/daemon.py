"""The Docker daemon, or Podman's service behind the same interface: reached, and known for what
it can do before anything is built on it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_mcode.core.errors import InfraError

DEFAULT_SOCKET = "/var/run/docker.sock"
_CURE = "start dockerd, set DOCKER_HOST, or take --mcode-sandbox=bubblewrap"
_NO_RIGHTS = (
    "join its group (`sudo usermod -aG docker $USER`, then log in again), "
    "or take --mcode-sandbox=bubblewrap"
)
_PATIENCE_S = 10
_LIMITS = (("memory", "MemoryLimit"), ("processes", "PidsLimit"), ("cores", "CPUSet"))
_CONTROLLERS = {"memory": "memory", "processes": "pids", "cores": "cpuset"}


@dataclass(frozen=True)
class Daemon:
    """A daemon that answers, and what it says of itself."""

    client: Any
    address: str
    """As in DOCKER_HOST: `unix:///var/run/docker.sock`."""
    version: str
    podman: bool
    rootless: bool
    runtimes: tuple[str, ...]
    default_runtime: str
    cgroup: str
    """Version of the control groups: `1` or `2`."""
    storage: str
    cores: int
    """Processors of the machine on which containers run."""
    here: bool
    """Its processors are ours to count: the daemon runs on this machine, as far as can be told."""
    limits: tuple[str, ...]
    """Which of `memory`, `processes`, `cores` and `system calls` it can limit."""

    @property
    def name(self) -> str:
        """`Docker 27.1` or `Podman 5.2`, with `rootless` where it is."""
        kind = "Podman" if self.podman else "Docker"
        return f"{kind} {self.version}{' (rootless)' if self.rootless else ''}"

    def pins(self, cores: set[int]) -> bool:
        """Whether a container may be tied to any of these processors of ours."""
        return self.here and "cores" in self.limits and max(cores) < self.cores

    def insist(self, runtime: str) -> None:
        """Raise `InfraError` with the cure where programs could not be confined as they must."""
        if runtime and runtime not in self.runtimes:
            raise InfraError(
                f"--mcode-docker-runtime={runtime} is unknown to the daemon, which knows "
                f"{', '.join(self.runtimes)}: name it under runtimes in /etc/docker/daemon.json "
                "and let dockerd read it (SIGHUP), or leave the option out"
            )
        missing = [limit for limit in ("memory", "processes") if limit not in self.limits]
        if missing:
            cure = (
                "rootless containers need control groups v2 with `memory pids cpuset` delegated "
                "(with systemd, Delegate=yes for user@.service)"
                if self.rootless
                else "mount the control groups on its machine"
            )
            raise InfraError(
                f"{self.name} cannot limit {' and '.join(missing)} of a container: {cure}, "
                "or take --mcode-sandbox=bubblewrap"
            )
        if self.storage == "vfs":
            raise InfraError(
                f"{self.name} keeps images as plain folders (vfs), which the programs inside "
                "cannot tell from a bare machine: install fuse-overlayfs or set the storage driver "
                "to overlay, or take --mcode-sandbox=bubblewrap"
            )
        if self.podman and not self.address.startswith("unix:"):
            raise InfraError(
                "Podman reads the list of allowed system calls from its own disk, so it must run "
                f"on this machine: DOCKER_HOST=unix://SOCKET instead of {self.address}"
            )


def address() -> str:
    """Where the daemon is looked for."""
    return os.environ.get("DOCKER_HOST") or f"unix://{DEFAULT_SOCKET}"


def connect() -> Any:
    """A client of the daemon. Raises `InfraError` with the cure."""
    where = address()
    try:
        _knock(where)
    except OSError as error:
        reason = error.strerror or error
        cure = _NO_RIGHTS if isinstance(error, PermissionError) else _CURE
        raise InfraError(f"no Docker daemon answers ({reason}): {_elsewhere()}{cure}") from None
    import docker  # a quarter of a second: not before somebody is there

    try:
        client = docker.from_env(timeout=60)
        client.ping()
    except (docker.errors.DockerException, OSError) as error:
        raise InfraError(f"no Docker daemon answers ({error}): {_CURE}") from None
    return client


def look(client: Any) -> Daemon:
    """What the daemon says of itself."""
    with daemon_trouble("the Docker daemon does not tell what it is"):
        info = client.info()
        headers = client.api.get(f"{client.api.base_url}/_ping").headers
        able = [limit for limit, key in _LIMITS if info.get(key)]
        podman = "Libpod-API-Version" in headers
        if podman and info.get("Rootless"):
            able = _able_rootless(client)
    options = info.get("SecurityOptions") or ()
    if any("name=seccomp" in option for option in options):
        able.append("system calls")
    where = address()
    this = (socket.gethostname(), os.uname().release)
    return Daemon(
        client=client,
        address=where,
        version=str(info.get("ServerVersion", "?")),
        podman=podman,
        rootless=bool(info.get("Rootless")) or any("name=rootless" in o for o in options),
        runtimes=tuple(sorted(info.get("Runtimes") or ())),
        default_runtime=str(info.get("DefaultRuntime", "?")),
        cgroup=str(info.get("CgroupVersion", "?")),
        storage=str(info.get("Driver", "?")),
        cores=int(info.get("NCPU", 0)),
        here=where.startswith("unix:") or (info.get("Name"), info.get("KernelVersion")) == this,
        limits=tuple(able),
    )


def _able_rootless(client: Any) -> list[str]:
    """What a rootless Podman can limit; asked in Docker's words, it says that it can everything."""
    host = client.api.get(f"{client.api.base_url}/v4.0.0/libpod/info").json()["host"]
    handed = host.get("cgroupControllers") or ()
    return [limit for limit, _ in _LIMITS if _CONTROLLERS[limit] in handed]


def _knock(where: str) -> None:
    """Raise OSError if nobody listens (docker-py would leave its socket open), and `InfraError`
    where nobody can be spoken to."""
    scheme, _, rest = where.partition("://")
    if scheme == "unix":
        with socket.socket(socket.AF_UNIX) as door:
            door.connect(rest)
    elif scheme == "tcp":
        host, _, port = rest.partition("/")[0].rpartition(":")
        if not host or not port.isdigit():
            raise InfraError(f"DOCKER_HOST={where} has no port: write tcp://HOST:PORT")
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE_S).close()
    elif scheme == "ssh":
        raise InfraError(
            f"DOCKER_HOST={where} gives no stream to a container: forward its socket with "
            f"`ssh -nNT -L /tmp/docker.sock:{DEFAULT_SOCKET} {rest} &` and set "
            "DOCKER_HOST=unix:///tmp/docker.sock"
        )
    elif scheme not in ("http", "https"):
        raise InfraError(f"DOCKER_HOST={where}: write unix://PATH or tcp://HOST:PORT")


def other_sockets() -> list[str]:
    """Sockets of daemons that are not where we look, such as a rootless one's."""
    run = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    docker = (run / "docker.sock", Path.home() / ".docker/run/docker.sock")
    places = (*docker, run / "podman/podman.sock", Path("/run/podman/podman.sock"))
    return [f"unix://{path}" for path in places if _is_open(path)]


def _is_open(path: Path) -> bool:
    try:
        _knock(f"unix://{path}")
    except OSError:
        return False
    return True


def _elsewhere() -> str:
    found = other_sockets()
    return f"one answers at DOCKER_HOST={found[0]}; " if found else ""


@contextmanager
def daemon_trouble(doing: str) -> Iterator[None]:
    """Whatever the Docker daemon or the way to it throws becomes one line of `InfraError`."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        yield
    except (DockerException, RequestException, OSError) as error:
        text = " ".join(str(error).split())[:300]
        raise InfraError(f"{doing}: {text}") from error
