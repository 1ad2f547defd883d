"""`--mcode-list`: what can be named on the command line, and whether it is ready here."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_mcode.core.errors import ConfigError, McodeError
from pytest_mcode.generation import preflight
from pytest_mcode.sandboxes import readiness
from pytest_mcode.session.doctor import Doctor

if TYPE_CHECKING:
    from pytest_mcode.session.lifecycle import Session

WIDTH = 80
READY, HERE, MISSING = "ready", "here", "missing"
"""Asked, or read, a moment ago; installed, which says nothing of a server; not."""
_NAME, _STATE = 16, 8
_OWN = {
    "gold": "the reference solutions: no model",
    "garbage": "wrong programs: no model",
    "replay:FILE": "the completions of a file: no model",
}
"""What needs no server and no profile."""


@dataclass(frozen=True)
class Entry:
    """One thing that can be named."""

    name: str
    text: str
    ready: bool = True
    asked: bool = True
    """Somebody was asked, or data were read; else it is only installed."""

    def lines(self) -> list[str]:
        """In at most 80 columns."""
        word = (READY if self.asked else HERE) if self.ready else MISSING
        head = f"  {self.name:{_NAME}} {word:{_STATE}}"
        return textwrap.wrap(
            f"{head} {self.text}",
            WIDTH,
            subsequent_indent=" " * (_NAME + _STATE + 4),
            break_long_words=False,
            break_on_hyphens=False,
        )


def listing(session: Session) -> Iterator[tuple[str, list[Entry]]]:
    """Kind -> everything of it, in the order in which a command line names it."""
    asked = Doctor(session).server()
    yield "models", list(_models(session, asked))
    yield "benchmarks", list(_benchmarks(session))
    yield "strategies", list(_described(session, "strategy"))
    yield "sandboxes", list(_sandboxes(session))
    yield "servers", list(_described(session, "server"))
    yield "generators", list(_generators(session, asked))


def _models(session: Session, asked: readiness.Finding) -> Iterator[Entry]:
    profiles = session.settings.profiles
    for name, profile in profiles.items():
        problem = session.models.problem(name)
        yield Entry(name, problem or profile.notes or profile.summary, not problem)
    for name, text in _OWN.items():
        yield Entry(name, text)
    if "tiny" in session.registry.names("server"):
        problem = session.models.problem("tiny")
        yield Entry("tiny", problem or "the packaged demonstration model", not problem)
    yield Entry("any other name", f"{session.settings.backend}: {asked.text}", asked.ok)


def _benchmarks(session: Session) -> Iterator[Entry]:
    for finding in Doctor(session).data():
        tasks, _, origin = finding.text.partition(", ")
        text = f"{tasks}, {Path(origin).name}" if finding.ok else finding.text
        yield Entry(finding.topic.removeprefix("data "), text, finding.ok)


def _sandboxes(session: Session) -> Iterator[Entry]:
    looks = {"docker": readiness.docker, "bubblewrap": readiness.bubblewrap}
    for name in session.registry.names("sandbox"):
        if name not in looks:
            yield from _described(session, "sandbox", only=name)
            continue
        found = list(looks[name](session.settings.sandbox_spec))
        worst = next((finding for finding in found if not finding.ok), found[0])
        yield Entry(name, worst.text, worst.ok)


def _described(session: Session, kind: str, only: str = "") -> Iterator[Entry]:
    """In the words of its documentation, or of what hinders it."""
    for name in [only] if only else session.registry.names(kind):
        try:
            factory = session.registry.factory(kind, name)
            _require(kind, name, factory)
        except McodeError as error:
            yield Entry(name, str(error), ready=False)
        else:
            yield Entry(name, _first_sentence(factory), asked=False)


def _generators(session: Session, asked: readiness.Finding) -> Iterator[Entry]:
    """The one that the run would ask has been asked; of the others only libraries are known."""
    for entry in _described(session, "generator"):
        own = entry.ready and entry.name == session.settings.backend
        known = own and entry.name in ("ollama", "openai")
        yield Entry(entry.name, asked.text, asked.ok) if known else entry


def _require(kind: str, name: str, factory: Callable[..., Any]) -> None:
    """Raise `ConfigError` with the cure where it cannot work here."""
    if kind == "server" and hasattr(factory, "require"):
        factory.require()
    missing = preflight.missing(name) if kind == "generator" else ""
    if missing:
        raise ConfigError(missing)


def _first_sentence(factory: Callable[..., Any]) -> str:
    said = " ".join((inspect.getdoc(factory) or "").partition("\n\n")[0].split())
    return said.partition(". ")[0].rstrip(".").replace("`", "")
