"""Names to components: short name, `name:argument` or dotted path `package.module:Class`."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.session import strangers

Factory = Callable[..., Any] | str
"""A callable, or `module:attribute` to be imported when first used."""

KINDS = ("benchmark", "strategy", "generator", "sandbox", "server")
"""The interchangeable parts; each has a hook `pytest_mcode_<plural>`."""

HOOKS = {
    "benchmark": "pytest_mcode_benchmarks",
    "strategy": "pytest_mcode_strategies",
    "generator": "pytest_mcode_generators",
    "sandbox": "pytest_mcode_sandboxes",
    "server": "pytest_mcode_servers",
}


@dataclass(frozen=True)
class Registry:
    """Everything that can be named on the command line."""

    components: Mapping[str, Mapping[str, Factory]] = field(default_factory=dict)
    """kind -> name -> factory."""

    @classmethod
    def from_hooks(cls, call: Callable[[str], Iterable[Mapping[str, Factory]]]) -> Registry:
        """Ask every hook once; of two components with one name the later registered wins.

        `call` takes a hook's name and returns what the plug-ins said, last registered first.
        """
        components = {}
        for kind in KINDS:
            merged: dict[str, Factory] = {}
            with strangers.told(f"hook {HOOKS[kind]}", ConfigError):
                said = list(call(HOOKS[kind]))
            for mapping in reversed(said):
                if not isinstance(mapping, Mapping):
                    raise ConfigError(
                        f"hook {HOOKS[kind]} returned a {type(mapping).__name__}: "
                        "it takes a mapping of names to factories"
                    )
                merged.update(mapping)
            components[kind] = merged
        return cls(components)

    def names(self, kind: str) -> list[str]:
        """Registered short names of a kind, sorted."""
        return sorted(self.components.get(kind, {}))

    def factory(self, kind: str, name: str) -> Callable[..., Any]:
        """The factory behind a short name or dotted path; `ConfigError` lists choices and cure."""
        found: Factory | None = self.components.get(kind, {}).get(name)
        if found is None and ":" in name and "." in name.split(":", maxsplit=1)[0]:
            found = name
        if found is None:
            raise ConfigError(self._unknown(kind, name))
        return _load(kind, name, found) if isinstance(found, str) else found

    def make(self, kind: str, name: str, *args: Any) -> Any:
        """The component under a name. Raises `ConfigError`."""
        return strangers.make(kind, name, self.factory(kind, name), *args)

    def reports(self, strategy: str) -> dict[str, list[str]]:
        """What a strategy says of its rates (`reports`); empty where it says nothing.

        `NAME@TEST` is NAME in a test of the user's; one without any strategy says nothing.
        """
        name = strategy.partition("@")[0]
        if name.startswith("user:"):
            return {}
        said = getattr(self.make("strategy", name), "reports", None)
        return {} if said is None else {"reports": sorted(map(str, said))}

    def _unknown(self, kind: str, name: str) -> str:
        names = self.names(kind)
        near = difflib.get_close_matches(name, names, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        return (
            f"unknown {kind} {name!r}: {hint}known are {', '.join(names)}; "
            f"add your own with the hook {HOOKS[kind]} or name it as package.module:Class"
        )


def _load(kind: str, name: str, path: str) -> Callable[..., Any]:
    module, _, attribute = path.partition(":")
    with strangers.told(f"{kind} {name!r}: import of {module}", ConfigError):
        try:
            found = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                f"{kind} {name!r} cannot be imported from {path!r}: {error}"
            ) from error
    if not callable(found):
        raise ConfigError(f"{kind} {name!r}: {path!r} is not callable")
    factory: Callable[..., Any] = found
    return factory
