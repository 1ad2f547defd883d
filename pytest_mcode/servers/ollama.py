"""`ollama serve`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from pytest_mcode.core.records import Json
from pytest_mcode.servers import port as ports
from pytest_mcode.servers.kept import Kept, number, program

PORT = 11434


class Ollama(Kept):
    """Serves one of the models that `ollama pull` has fetched.

    `parallel` is the number of requests that are answered at once. Any Ollama that listens on the
    port already is taken as it is; the context window comes with each request.
    """

    kind = "ollama"
    backend = "ollama"
    health = "/api/version"
    base = ""
    cure = "see its log"

    def __init__(
        self, model: str, *, parallel: int = 4, port: int = -1, together: bool = False
    ) -> None:
        super().__init__(model, _port() if port < 0 else port)
        self.concurrency = self.parallel = number("parallel", parallel, 1)
        self.together = together

    def is_running(self, url: str) -> bool:
        """Any Ollama will do: whether it has the model is found out by asking for it."""
        have = ports.ollama_models(url)
        return have is not None or ports.is_served(url, self.model, have)

    @classmethod
    def require(cls) -> None:
        """Raise `ConfigError` where Ollama is not installed."""
        _ollama()

    def command(self, port: int) -> Sequence[str]:
        """`ollama serve`."""
        return [_ollama(), "serve"]

    def environment(self, port: int) -> Mapping[str, str]:
        """Ollama takes its settings from the environment."""
        return {
            "OLLAMA_HOST": f"{ports.HOST}:{port}",
            "OLLAMA_NUM_PARALLEL": str(self.parallel),
        }

    def describe(self) -> Mapping[str, Json]:
        """Nothing: a server that runs already gives the same numbers."""
        return {}


def _port() -> int:
    """That of OLLAMA_HOST where it names this machine, else Ollama's own."""
    host = os.environ.get("OLLAMA_HOST", "")
    try:
        return urlsplit(host if "://" in host else f"//{host}").port or PORT
    except ValueError:
        return PORT


def _ollama() -> str:
    return program("ollama", "get it from ollama.com")
