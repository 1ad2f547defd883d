"""`--mcode-doctor`: what is ready on this machine, and what to type where it is not."""

from __future__ import annotations

import http.client
import json
import os
import platform
import textwrap
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_mcode.core.errors import McodeError
from pytest_mcode.core.protocols import Sandbox
from pytest_mcode.core.words import counted
from pytest_mcode.sandboxes import readiness
from pytest_mcode.sandboxes.readiness import Finding

if TYPE_CHECKING:
    from pytest_mcode.session.lifecycle import Session

_WIDTH = 80
_OLLAMA = "http://127.0.0.1:11434"
_PATIENCE_S = 2.0


def lines(finding: Finding) -> list[str]:
    """A finding in at most 80 columns; the cure on lines of its own, ready to be copied."""
    head = f"{'ok' if finding.ok else 'missing':8}{finding.topic:18}"
    rows = textwrap.wrap(
        f"{head} {finding.text}",
        _WIDTH,
        subsequent_indent=27 * " ",
        break_on_hyphens=False,
        break_long_words=False,
    )
    if finding.cure:
        rows += textwrap.wrap(
            finding.cure,
            _WIDTH,
            initial_indent=f"{24 * ' '}-> ",
            subsequent_indent=27 * " ",
            break_on_hyphens=False,
            break_long_words=False,
        )
    return rows


class Doctor:
    """Looks at one thing after the other; nothing it looks at can end it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.works = False
        """Whether programs can be verified in at least one sandbox."""

    def findings(self) -> Iterator[Finding]:
        """Everything, in the order in which a run needs it."""
        from pytest_mcode import __version__

        spec = self.session.settings.sandbox_spec
        cores = len(os.sched_getaffinity(0))
        python = f"Python {platform.python_version()}, {cores} cores"
        yield Finding("pytest-mcode", f"{__version__}, {python}")
        yield readiness.library(spec, self.session.say)
        for name, look in (("docker", readiness.docker), ("bubblewrap", readiness.bubblewrap)):
            last = None
            for last in look(spec):
                yield last
            if last is not None and (last.ok or last.topic == "bubblewrap limits"):
                yield self._measured(name)
        yield from self.data()
        yield self.server()
        yield self._demonstration()
        yield self._database()

    def _measured(self, name: str) -> Finding:
        from pytest_mcode.benchmarks.tiny import Tiny

        tiny, limits = Tiny(), self.session.settings.limits
        tasks = tiny.load(None).tasks
        programs = [tiny.program(task, task.reference, limits) for task in tasks]
        spec = self.session.settings.sandbox_spec
        sandbox: Sandbox = self.session.registry.make("sandbox", name, spec)
        found = readiness.measure(sandbox, programs)
        self.works = self.works or found.ok
        return found

    def data(self) -> Iterator[Finding]:
        """Which benchmarks' data sets are here; nothing is pulled."""
        names = self.session.settings.benches or self.session.registry.names("benchmark")
        for bench in names:
            try:
                with _offline():
                    dataset = self.session.dataset(bench)
            except McodeError as error:
                text = str(error).removeprefix(f"{bench}: ")
                cure = ""
                if "OFFLINE is set" in text:
                    text = "not here; the first use of it pulls it from the hub"
                    cure = f"pytest --mcode-self-check --mcode-bench={bench}, or --mcode-data=DIR"
                yield Finding(f"data {bench}", text, cure, ok=False)
            else:
                yield Finding(
                    f"data {bench}", f"{counted(len(dataset.tasks), 'task')}, {dataset.origin}"
                )

    def server(self) -> Finding:
        """Who answers where models are asked for unless a profile says otherwise."""
        named = self.session.settings.base_url or os.environ.get("OLLAMA_HOST") or _OLLAMA
        url = (named if "://" in named else f"http://{named}").rstrip("/").removesuffix("/v1")
        for path, count in (("/api/tags", "models"), ("/v1/models", "data")):
            try:
                with urllib.request.urlopen(url + path, timeout=_PATIENCE_S) as answer:
                    models = json.load(answer)[count]
            except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
                continue
            kind = "Ollama" if count == "models" else "an OpenAI-compatible server"
            return Finding("model server", f"{kind} at {url}, {counted(len(models), 'model')}")
        return Finding.missing(
            "model server",
            f"nobody answers at {url}",
            "ollama serve   (or --mcode-base-url=URL; gold, garbage and replay need none)",
        )

    def _demonstration(self) -> Finding:
        if find_spec("xllamacpp") is not None:
            return Finding("model tiny", "ready, without server and network: --mcode-model=tiny")
        cure = "pip install 'pytest-mcode[tiny]'"
        return Finding.missing("model tiny", "the demonstration model needs xllamacpp", cure)

    def _database(self) -> Finding:
        file = self.session.settings.db
        there = next((path for path in (file, *file.parents) if path.exists()), Path("/"))
        if os.access(there, os.W_OK):
            state = f"{file.stat().st_size >> 10} KB" if file.exists() else "new"
            return Finding("database", f"{file} ({state})")
        return Finding.missing("database", f"{there} cannot be written", "--mcode-db=FILE")


@contextmanager
def _offline() -> Iterator[None]:
    """Nothing is pulled meanwhile."""
    before = os.environ.get("HF_HUB_OFFLINE")
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["HF_HUB_OFFLINE"]
        else:
            os.environ["HF_HUB_OFFLINE"] = before
