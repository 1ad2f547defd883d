"""What `@pytest.mark.mcode(...)` says of the grid of one test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.plugin import study

if TYPE_CHECKING:
    from pytest_mcode.session.settings import Settings

FIELDS = ("bench", "limit", "tasks", "model", "samples", "debug_iters")


def narrowed(settings: Settings, given: Mapping[str, Any]) -> Settings:
    """The settings as the mark's fields change them. Raises `ConfigError` naming the field."""
    unknown = sorted(set(given) - set(FIELDS))
    if unknown:
        raise ConfigError(
            f"mark mcode({unknown[0]}=...) is not known: it takes {', '.join(FIELDS)}"
        )
    plural = {"model": "models", "tasks": "tasks", "samples": "samples"}
    changes: dict[str, Any] = {"limit": given.get("limit", settings.limit)}
    for name, field in {**plural, "debug_iters": "debug_iters"}.items():
        if name in given:
            value = given[name]
            listed = tuple(value) if isinstance(value, list | tuple) else (value,)
            changes[field] = tuple(map(str, listed)) if name == "tasks" else listed
    for name, value in {"bench": given["bench"], "model": changes.get("models", ())}.items():
        _require_texts(name, value)
    for field in ("limit", "samples", "debug_iters"):
        _require_whole(field, changes.get(field, ()))
    return replace(settings, **changes)


def _require_texts(field: str, value: Any) -> None:
    for text in value if isinstance(value, tuple) else (value,):
        if not isinstance(text, str):
            raise ConfigError(f"mark mcode({field}={text!r}) is not legal: it takes a text")


def _require_whole(field: str, value: Any) -> None:
    """Within the bounds of the option."""
    for number in value if isinstance(value, tuple) else (value,):
        try:
            study.legal(field.replace("_", "-"), str(number) if type(number) is int else "")
        except ValueError as error:
            raise ConfigError(
                f"mark mcode({field}={number!r}) is not legal: it takes {error}"
            ) from error
