"""What all servers have in common that are programs of their own."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.core.records import Json
from pytest_mcode.servers import port as ports
from pytest_mcode.servers.keeper import AGAIN
from pytest_mcode.servers.process import Process


class Kept:
    """One server program on a port of 127.0.0.1, kept by a keeper.

    A kind says which program is run; this class finds the port, tells a server that is running
    already from another program on it, starts, waits and stops. A port of 0 is a free one.
    """

    kind = ""
    backend = "openai"
    """The generator that speaks to it."""
    concurrency = 0
    """Requests that it answers at once; 0: as many as the generator likes."""
    together = False
    """Whether it may be up beside the servers of other models."""
    health = "/health"
    """Path that answers 200 as soon as the server can be asked."""
    base = "/v1"
    """What follows the address in the URL that requests are sent to."""
    cure = "see its log"
    health_timeout_s = 600.0
    state: Path | None = None
    """Folder for logs and records; None keeps neither."""
    say: Callable[[str], None] = staticmethod(lambda line: None)

    def __init__(self, model: str, port: int) -> None:
        self.model = model
        self._port = number("port", port, 0, 65535)
        self._process: Process | None = None

    @classmethod
    def require(cls) -> None:
        """Raise `ConfigError` with the cure where its program is not installed."""

    def check(self) -> None:
        """Raise `ConfigError` with the cure where it could not be started here."""
        self.command(self._port)

    def look(self) -> bool:
        """Whether it runs already. Raises `ConfigError` where another program has its port."""
        return bool(self._port) and self.is_running(self.address(self._port))

    def command(self, port: int) -> Sequence[str]:
        """The program and its arguments."""
        raise NotImplementedError

    def environment(self, port: int) -> Mapping[str, str]:
        """What is added to the environment of the program."""
        return {}

    def stop_command(self) -> Sequence[str]:
        """What is run when the program has ended."""
        return ()

    def describe(self) -> Mapping[str, Json]:
        """What of the server may move a number; the rest of the fingerprint names the model."""
        return {"kind": self.kind}

    def is_running(self, url: str) -> bool:
        """Whether somebody serves the model at `url` already. Raises `ConfigError`."""
        base = f"{url}{self.base}"
        return ports.is_served(base, self.model, ports.models(base))

    def address(self, port: int) -> str:
        """The URL of the server, without a path."""
        return f"http://{ports.HOST}:{port}"

    def start(self) -> str:
        """Start, wait until healthy, return the base URL; a second call returns it again.

        A healthy server of the same model on the port is taken as it is, and not stopped at the
        end. Raises `ConfigError` (a program that is missing, a port that another has) or
        `InfraError` (not healthy in time; with the end of its log).
        """
        if self._process is not None:
            return f"{self._process.start(self.health_timeout_s)}{self.base}"
        if self.look():
            url = f"{self.address(self._port)}{self.base}"
            self.say(f"{self.model}: taking the server that runs at {url}; it is left running")
            return url
        port = self._port or ports.free()
        process = self._process = Process(
            f"{self.kind} server of {self.model}",
            self.command(port),
            self.cure,
            url=self.address(port),
            health=self.health,
            environment=self.environment(port),
            stop=self.stop_command(),
            files=self._files(),
            say=self.say,
        )
        return f"{process.start(self.health_timeout_s)}{self.base}"

    def close(self) -> None:
        """Stop it if it was started here; safe to call twice."""
        process, self._process = self._process, None
        if process is None:
            return
        status = process.ended()
        process.close()
        log = Path(f"{files}.log") if (files := self._files()) else None
        where = f"; its log is {log}" if log else ""
        if status is not None:
            self.say(f"{process.name} had ended by itself with exit status {status}{where}")
        elif log is not None and (times := _restarts(log)):
            often = "once" if times == 1 else f"{times} times"
            self.say(f"{process.name} ended by itself {often} and was started again{where}")
        elif log is not None:
            log.unlink(missing_ok=True)

    def _files(self) -> Path | None:
        name = re.sub(r"[^\w.+-]+", "-", self.model).lstrip(".")
        return self.state / f"{name}-{os.getpid()}" if self.state is not None else None


def _restarts(log: Path) -> int:
    try:
        with log.open("rb") as lines:
            return sum(line.startswith(AGAIN.encode()) for line in lines)
    except OSError:
        return 0


def program(name: str, cure: str) -> str:
    """A program on PATH or beside this interpreter, or a path to one. Raises `ConfigError`."""
    beside = Path(sys.executable).parent
    found = shutil.which(name) or shutil.which(name, path=str(beside))
    if found is None:
        raise ConfigError(f"{name} is not installed: {cure}")
    return found


def number(name: str, value: int, least: int, most: int = 1 << 31) -> int:
    """An option of a server that is within its bounds. Raises `ConfigError`."""
    if not least <= value <= most:
        bounds = f"{least} to {most}" if most < 1 << 31 else f"{least} or more"
        raise ConfigError(f"{name}={value!r} is not legal: it takes a whole number, {bounds}")
    return value


def words(given: Sequence[str] | str) -> list[str]:
    """Further arguments of a program, as a list or as a shell would split them. Raises
    `ConfigError`."""
    import shlex

    try:
        return shlex.split(given) if isinstance(given, str) else list(map(str, given))
    except ValueError as error:
        raise ConfigError(f"{given!r} cannot be split as a shell would: {error}") from error
