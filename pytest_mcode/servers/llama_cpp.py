"""llama.cpp's own HTTP server: any `llama-server` program, else that of the `xllamacpp` wheel."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.core.records import Json
from pytest_mcode.servers.kept import Kept, number, program, words
from pytest_mcode.servers.process import Process

MODELS = Path(__file__).with_name("models")
TINY = {"": "coder-q8_0.gguf", "short300": "short300-q8_0.gguf"}
CHILD = Path(__file__).with_name("llama_cpp_child.py")
CONNECTIONS = 64
PROGRAM = "llama-server"
INSTALL = "put llama-server of llama.cpp on PATH, or pip install xllamacpp"
MAGIC = b"GGUF"
ENDS = 1 << 20
"""Bytes at both ends of a model file that identify it: the first hold its metadata."""


class LlamaCpp(Kept):
    """Serves one GGUF file.

    `context` is the context window of each request in tokens, `parallel` the requests that are
    answered at once, `gpu_layers` the layers that go to a GPU, `threads` those of the CPU (0: the
    server decides), `binary` another program than the `llama-server` on PATH, `args` is added to
    its arguments.
    """

    kind = "llama_cpp"
    cure = "see its log; a model that does not fit needs fewer gpu_layers or less context"

    def __init__(
        self,
        file: str | Path,
        *,
        model: str = "",
        context: int = 8192,
        parallel: int = 4,
        gpu_layers: int = 0,
        threads: int = 0,
        args: Sequence[str] | str = (),
        binary: str = "",
        port: int = 0,
        together: bool = False,
    ) -> None:
        self._file = Path(file).expanduser().absolute()
        super().__init__(model or self._file.stem, port)
        self.context = number("context", context, 1)
        self.concurrency = self.parallel = number("parallel", parallel, 1)
        self.gpu_layers = gpu_layers
        self.threads = number("threads", threads, 0)
        self.together = together
        self._args = words(args)
        self._binary = binary

    @classmethod
    def require(cls) -> None:
        """Raise `ConfigError` where neither a program nor the wheel is installed."""
        if not shutil.which(PROGRAM) and find_spec("xllamacpp") is None:
            raise ConfigError(f"neither llama-server nor xllamacpp is installed: {INSTALL}")

    def check(self) -> None:
        """Raise `ConfigError`: no such file, nothing that serves it, arguments for the wheel."""
        if not self._file.is_file():
            raise ConfigError(f"{self._file}: no such model file")
        if _begins(self._file) != MAGIC:
            raise ConfigError(f"{self._file}: no model file, it is not in GGUF's format")
        if self._binary or shutil.which(PROGRAM):
            program(self._binary or PROGRAM, INSTALL)
            return
        self.require()
        if self._args:
            raise ConfigError(
                f"args {' '.join(self._args)!r} are for a llama-server program, and only the "
                "xllamacpp wheel is here: put llama-server on PATH or give `binary`"
            )

    def command(self, port: int) -> list[str]:
        """`llama-server` where there is one, else the wheel's child."""
        self.check()
        if not self._binary and not shutil.which(PROGRAM):
            # By path and with -P: this folder and the user's must not hide installed packages.
            return [sys.executable, "-P", str(CHILD), json.dumps(self._parameters(port))]
        found = [program(self._binary or PROGRAM, INSTALL), "--model", str(self._file)]
        found += ["--alias", self.model, "--host", "127.0.0.1", "--port", str(port)]
        found += ["--ctx-size", str(self.context * self.parallel), "--parallel", str(self.parallel)]
        found += ["--n-gpu-layers", str(self.gpu_layers), "--threads-http", str(self._connections)]
        if self.threads:
            found += ["--threads", str(self.threads)]
        return [*found, *self._args]

    def _parameters(self, port: int) -> dict[str, Json]:
        return {
            "file": str(self._file),
            "name": self.model,
            "port": port,
            "slots": self.parallel,
            "context": self.context,
            "gpu_layers": self.gpu_layers,
            "threads": self.threads,
            "connections": self._connections,
        }

    @property
    def _connections(self) -> int:
        """A thread for each connection that the workers of a run may keep open. llama.cpp itself
        has two more than slots, and whoever comes later waits until another has asked 100 times."""
        return CONNECTIONS + 2 * self.parallel

    def describe(self) -> Mapping[str, Json]:
        """The model file, the context and the layers on a GPU, whose sums differ a little."""
        return {
            "kind": self.kind,
            "file": _identity(self._file),
            "context": self.context,
            "parallel": self.parallel,
            "gpu_layers": self.gpu_layers,
            "args": self._args,
        }


class Tiny(LlamaCpp):
    """The packaged demonstration models: `tiny`, and the weaker `tiny:short300`.

    They know the ten tasks of the benchmark `tiny` and nothing else: a demonstration and a test
    instrument, never a measurement of anything. One thread, because on a busy machine two of them
    spin against each other and lose a factor of ten; one slot, because with more of them one
    answer in some hundreds differs for the same seed.
    """

    kind = "llama_cpp"
    cure = "reinstall it with pip install --force-reinstall xllamacpp, or name a served model"

    def __init__(self, argument: str = "", *, together: bool = True) -> None:
        if argument not in TINY:
            raise ConfigError(f"tiny:{argument}: choose tiny or tiny:short300")
        name = f"tiny:{argument}" if argument else "tiny"
        super().__init__(
            MODELS / TINY[argument],
            model=name,
            context=2048,
            parallel=1,
            threads=1,
            together=together,
        )
        self.concurrency = 0

    @classmethod
    def require(cls) -> None:
        """Raise `ConfigError` where the wheel is missing."""
        if find_spec("xllamacpp") is None:
            raise ConfigError("the tiny model needs llama.cpp: pip install pytest-mcode[tiny]")

    def check(self) -> None:
        """Raise `ConfigError` where the wheel is missing."""
        self.require()

    def start(self) -> str:
        """Start it, always with the wheel and on a port that it chooses itself."""
        if self._process is None:
            self.check()
            command = [sys.executable, "-P", str(CHILD), json.dumps(self._parameters(0))]
            self._process = Process("llama.cpp's server", command, self.cure)
        return f"{self._process.start(self.health_timeout_s)}/v1"

    def describe(self) -> Mapping[str, Json]:
        """It has one form only, which the name says."""
        return {}


def _begins(file: Path) -> bytes:
    """The first bytes of a model file. Raises `ConfigError` where nobody here may read it."""
    try:
        with file.open("rb") as stream:
            return stream.read(len(MAGIC))
    except OSError as error:
        raise ConfigError(f"{file}: cannot read the model file: {error.strerror}") from error


def _identity(file: Path) -> str:
    """Digest of a model file's size and both its ends: whole files are gigabytes."""
    found = hashlib.sha256()
    with file.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        found.update(f"{size} ".encode())
        for start in (0, max(0, size - ENDS)):
            stream.seek(start)
            found.update(stream.read(ENDS))
    return found.hexdigest()[:16]
