"""Any command that serves a model, and `docker compose` for those that need several."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.core.records import Json
from pytest_mcode.servers.kept import Kept, number, program, words

PORT = "{port}"
EXAMPLE = "http://127.0.0.1:{port}/v1"


class Command(Kept):
    """A command with the address at which its server listens.

    `{port}` in `command` and `url` stands for a free port; without it the URL names one. `health`
    is a path or URL that answers 200 as soon as requests may come (default: the list of models).
    """

    kind = "command"
    cure = "see its log, and whether `url` and `health` are right"

    def __init__(
        self,
        model: str,
        *,
        command: Sequence[str] | str,
        url: str = EXAMPLE,
        health: str = "",
        together: bool = False,
        concurrency: int = 0,
    ) -> None:
        self._template = words(command)
        self._at = _address(url)
        super().__init__(model, 0 if PORT in url else urlsplit(self._at).port or 80)
        self._given = url.rstrip("/")
        self.base = urlsplit(self._at).path.rstrip("/")
        self.health = health or f"{self.base}/models"
        self.together = together
        self.concurrency = number("concurrency", concurrency, 0)
        if not self._template:
            raise ConfigError(
                "command is empty: give the command of the server as you would type it"
            )
        if PORT in url and not any(PORT in word for word in self._template):
            raise ConfigError(
                f"{PORT} stands in url {url!r} but not in its command: add it "
                "there, or give the port that the command listens on"
            )

    def address(self, port: int) -> str:
        """Scheme, host and port of the URL that was given."""
        parts = urlsplit(self._given.replace(PORT, str(port)))
        return f"{parts.scheme}://{parts.netloc}"

    def command(self, port: int) -> Sequence[str]:
        """The command, with the port in its place. Its program must exist."""
        first, *rest = (word.replace(PORT, str(port)) for word in self._template)
        return [program(first, "give the command of the server as you would type it"), *rest]

    def describe(self) -> Mapping[str, Json]:
        """The command as it was given."""
        return {"kind": self.kind, "command": self._template}


class Compose(Command):
    """The services of a compose file, or those of some of its profiles.

    The port is set in the environment as MCODE_PORT, for `ports: ["127.0.0.1:${MCODE_PORT}:8000"]`;
    without it in the file, `url` names the port.
    """

    kind = "compose"
    cure = "see its log; `docker compose up` in the folder of the file shows more"

    def __init__(
        self,
        model: str,
        *,
        file: str,
        profiles: Sequence[str] | str = (),
        url: str = EXAMPLE,
        health: str = "",
        together: bool = False,
        concurrency: int = 0,
    ) -> None:
        self._compose_file = Path(file).expanduser().absolute()
        self._profiles = words(profiles)
        super().__init__(
            model,
            command=["docker", PORT],
            url=url,
            health=health,
            together=together,
            concurrency=concurrency,
        )
        name = re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")
        self._project = f"mcode-{name}-{os.getpid()}"

    @classmethod
    def require(cls) -> None:
        """Raise `ConfigError` where there is no docker compose."""
        _compose()

    def check(self) -> None:
        """Raise `ConfigError`: no such file, or no docker compose."""
        if not self._compose_file.is_file():
            raise ConfigError(f"{self._compose_file}: no such compose file")
        _compose()

    def command(self, port: int) -> Sequence[str]:
        """`docker compose up`, in the foreground: its output is the log."""
        self.check()
        return [*self._prefix(), "up", "--abort-on-container-exit"]

    def environment(self, port: int) -> Mapping[str, str]:
        """The port, for the compose file."""
        return {"MCODE_PORT": str(port)}

    def stop_command(self) -> Sequence[str]:
        """`docker compose down`: containers outlive the command that started them."""
        return [*self._prefix(), "down", "--timeout", "5"]

    def describe(self) -> Mapping[str, Json]:
        """The text of the compose file and the profiles taken."""
        from pytest_mcode.core.fingerprint import digest

        text = self._compose_file.read_text() if self._compose_file.is_file() else ""
        return {"kind": self.kind, "file": digest(text), "profiles": self._profiles}

    def _prefix(self) -> list[str]:
        found = [*_compose(), "-p", self._project, "-f", str(self._compose_file)]
        return found + [word for name in self._profiles for word in ("--profile", name)]


def _compose() -> list[str]:
    """`docker compose`, or the older `docker-compose`. Raises `ConfigError`."""
    docker = shutil.which("docker")
    if docker is not None:
        asked = [docker, "compose", "version"]
        if subprocess.run(asked, capture_output=True, check=False).returncode == 0:
            return [docker, "compose"]
    return [program("docker-compose", "apt-get install docker-compose-plugin, or docker-compose")]


def _address(url: str) -> str:
    found = url.replace(PORT, "1")
    try:
        parts = urlsplit(found)
        good = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 80)
    except ValueError:
        good = False
    if not good:
        raise ConfigError(f"url {url!r} is not legal: it looks like {EXAMPLE!r}")
    return found
