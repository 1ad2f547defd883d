"""llama.cpp's own HTTP server, from the `xllamacpp` wheel, with a model file of one's own."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.servers.process import Process

MODELS = Path(__file__).with_name("models")
TINY = {"": "coder-q8_0.gguf", "short300": "short300-q8_0.gguf"}
START_TIMEOUT_S = 60.0
CURE = "reinstall it with pip install --force-reinstall xllamacpp, or name a served model"


class LlamaCpp:
    """Serves one GGUF file on a free port of 127.0.0.1, with one thread and one slot.

    One thread, because on a busy machine two of them spin against each other and lose a factor of
    ten; the same prompt and seed give the same text.
    """

    def __init__(self, file: Path, model: str) -> None:
        self.model = model
        self._file = file
        self._process: Process | None = None

    def start(self) -> str:
        """Start, wait until healthy, return the base URL; a second call returns it again.

        Raises `ConfigError` (no such file, `xllamacpp` not installed) or `InfraError` (it did not
        come up; with the end of its log).
        """
        if self._process is None:
            if not self._file.is_file():
                raise ConfigError(f"{self._file}: no such model file")
            if find_spec("xllamacpp") is None:
                raise ConfigError("the tiny model needs llama.cpp: pip install pytest-mcode[tiny]")
            child = Path(__file__).with_name("llama_cpp_child.py")
            # By path and with -P: this folder and the user's must not hide installed packages.
            command = [sys.executable, "-P", str(child), str(self._file), self.model]
            self._process = Process("llama.cpp's server", command, CURE)
        return f"{self._process.start(START_TIMEOUT_S)}/v1"

    def close(self) -> None:
        """Stop it; safe to call twice."""
        if self._process is not None:
            self._process.close()


class Tiny(LlamaCpp):
    """The packaged demonstration models: `tiny`, and the weaker `tiny:short300`.

    They know the ten tasks of the benchmark `tiny` and nothing else: a demonstration and a test
    instrument, never a measurement of anything.
    """

    def __init__(self, argument: str = "") -> None:
        if argument not in TINY:
            raise ConfigError(f"tiny:{argument}: choose tiny or tiny:short300")
        super().__init__(MODELS / TINY[argument], f"tiny:{argument}" if argument else "tiny")
