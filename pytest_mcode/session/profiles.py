"""Profiles: what is known of a model under a name of the user's own, and the server it needs."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.core.protocols import Server
from pytest_mcode.core.records import Json
from pytest_mcode.session import strangers

_TEXT, _WORDS = ((str,), "a text"), ((str, list), "a text or a list of texts")
TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "int": ((int,), "a whole number"),
    "bool": ((bool,), "true or false"),
    "str": _TEXT,
    "str | Path": _TEXT,
    "Sequence[str] | str": _WORDS,
}
"""Annotations of a server's options that are looked at before it is made -> what they take."""


@dataclass(frozen=True)
class Profile:
    """One model as `[tool.pytest-mcode.models.NAME]` describes it; empty is the run's own."""

    name: str
    where: str = ""
    """File and table, for messages."""
    backend: str = ""
    model: str = ""
    """What the server knows it by; empty: the name."""
    base_url: str = ""
    api_key_env: str = ""
    api_key: str = field(default="", repr=False)
    concurrency: int = 0
    request_timeout_s: float = 0.0
    sampling: Mapping[str, Json] = field(default_factory=dict)
    """Fields of `core.records.Sampling` that are the model's own."""
    price: tuple[float, float] | None = None
    """Currency units per million prompt tokens and completion tokens."""
    notes: str = ""
    server: Mapping[str, Json] = field(default_factory=dict)
    """`kind` and the options of the server that the run starts; empty: none."""

    def check(self) -> None:
        """Raise `ConfigError` where its key is not set: only whoever asks it needs one."""
        if self.api_key_env and not self.api_key:
            raise ConfigError(
                f"{self.where}: api_key_env names {self.api_key_env}, which is not set"
            )

    @property
    def summary(self) -> str:
        """Who serves what, in a few words."""
        kind = self.server.get("kind", "")
        by = f"{kind} server" if kind else self.backend or "the run's backend"
        where = f" at {self.base_url}" if self.base_url else ""
        what = self.model or Path(str(self.server.get("file", self.name))).name
        return f"{what}, {by}{where}"

    def to_json(self) -> dict[str, Json]:
        """What may move a number, for the fingerprint of a run."""
        found = {"backend": self.backend, "model": self.model, "sampling": dict(self.sampling)}
        return found | {"server": dict(self.server)}


def unknown(where: str, name: str, legal: Iterable[str]) -> ConfigError:
    """The error for a key that nobody reads, with the nearest one that is read."""
    choices = sorted(legal)
    near = difflib.get_close_matches(name, choices, 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return ConfigError(f"{where}: {name!r} is not known: {hint}known are {', '.join(choices)}")


def server(profile: Profile, factory: Callable[..., Any]) -> Server:
    """The server of a profile, not started. Raises `ConfigError` for options that it has not."""
    given = {name: value for name, value in profile.server.items() if name != "kind"}
    where = f"{profile.where}, server {profile.server['kind']!r}"
    legal = inspect.signature(factory).parameters
    for name, value in given.items():
        if name not in legal:
            raise unknown(where, name, legal)
        _check(f"{where}: {name}", value, legal[name].annotation)
    if "model" in legal:
        given.setdefault("model", profile.model or profile.name)
    if "context" in legal and "context_window" in profile.sampling:
        given.setdefault("context", profile.sampling["context_window"])
    missing = [name for name, parameter in legal.items() if _must(parameter) and name not in given]
    if missing:
        raise ConfigError(f"{where}: {missing[0]!r} is missing")
    kind = str(profile.server["kind"])
    try:
        made: Server = strangers.make("server", kind, factory, **given)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
    return made


def _must(parameter: inspect.Parameter) -> bool:
    varies = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    return parameter.default is parameter.empty and not varies


def _check(what: str, value: Json, annotation: Any) -> None:
    kinds, named = TYPES.get(getattr(annotation, "__name__", str(annotation)), ((), ""))
    if kinds and (
        type(value) not in kinds
        or (isinstance(value, list) and not {type(one) for one in value} <= {str, int, float})
    ):
        raise ConfigError(f"{what}={value!r} is not legal: it takes {named}")
