"""Model profiles: `[tool.pytest-mcode.models.NAME]` in pyproject.toml, or `--mcode-models=FILE`."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.plugin.option_table import OPTIONS

if TYPE_CHECKING:
    from pytest_mcode.core.records import Json
    from pytest_mcode.session.profiles import Profile

SAMPLING = {
    "temperature": float,
    "top_p": float,
    "max_tokens": int,
    "stop": list,
    "context_window": int,
    "thinking": str,
    "prompt_style": str,
    "extra": dict,
}
"""Keys that are options too, with the type that TOML gives; their values obey the same rules."""
TEXTS = ("backend", "model", "base_url", "api_key_env", "notes")
KEYS = (*TEXTS, *SAMPLING, "concurrency", "request_timeout", "price", "server")
NAMED = {float: "a number", int: "a whole number", list: "a list", dict: "a table", str: "a text"}
PATHS = ("file",)
"""Options of servers that are paths, relative to the file of the profile."""


def read(root: Path, file: Path | None, fixed: Callable[[str], bool]) -> dict[str, Profile]:
    """The profiles of pyproject.toml in `root`, and those of `file`, which win.

    `fixed` tells which options stand on the command line: they hold for every model. Raises
    `ConfigError` naming file, table and key.
    """
    found: dict[str, Profile] = {}
    pyproject = root / "pyproject.toml"
    if pyproject.is_file():
        found |= _profiles(pyproject, _models(pyproject), "tool.pytest-mcode.models.", fixed)
    if file is not None:
        if not file.is_file():
            what = "is a folder" if file.is_dir() else "does not exist"
            raise ConfigError(f"--mcode-models={str(file)!r} {what}: give a TOML file")
        found |= _profiles(file, _parsed(file), "", fixed)
    return found


def _models(pyproject: Path) -> Any:
    """What stands below `tool.pytest-mcode.models`, the one key that is read of ours."""
    from pytest_mcode.session import profiles

    tool = _parsed(pyproject).get("tool", {})
    ours = tool.get("pytest-mcode", {}) if isinstance(tool, dict) else {}
    if not isinstance(ours, dict):
        raise ConfigError(f"{pyproject.name}: [tool.pytest-mcode] must be a table")
    for key in ours.keys() - {"models"}:
        raise profiles.unknown(f"{pyproject.name}: [tool.pytest-mcode]", key, ["models"])
    return ours.get("models", {})


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path.name} cannot be read as TOML: {error}") from error


def _profiles(
    path: Path, tables: Any, prefix: str, fixed: Callable[[str], bool]
) -> dict[str, Profile]:
    from pytest_mcode.session.settings import label

    if not isinstance(tables, dict):
        raise ConfigError(f"{path.name}: {prefix.rstrip('.')} must be a table of models")
    found = {}
    for name, table in tables.items():
        where = f"{path.name}: [{prefix}{name}]"
        if label(name) != name or not re.fullmatch(r"\w[\w.+:-]*", name) or "," in name:
            raise ConfigError(f"{where}: a name of letters, digits and . + : - is needed")
        if not isinstance(table, dict):
            raise ConfigError(f"{where} must be a table: write [{prefix}NAME]")
        found[name] = _profile(name, table, where, path.parent, fixed)
    return found


def _profile(
    name: str, table: Mapping[str, Any], where: str, folder: Path, fixed: Callable[[str], bool]
) -> Profile:
    from pytest_mcode.session import profiles

    for key, value in table.items():
        if key in KEYS:
            continue
        if isinstance(value, dict) and set(value) <= set(KEYS):
            raise ConfigError(f'{where}: write names with dots in quotes, ["{name}.{key}"]')
        raise profiles.unknown(where, key, KEYS)
    texts = {key: _text(where, key, table[key]) for key in TEXTS if key in table}
    sampling = {
        key: _option(where, key, table[key], SAMPLING[key]) for key in SAMPLING if key in table
    }
    return profiles.Profile(
        name=name,
        where=where,
        **texts,
        api_key=os.environ.get(texts.get("api_key_env", ""), ""),
        concurrency=_option(where, "concurrency", table.get("concurrency", 0), int),
        request_timeout_s=_timeout(where, table),
        sampling={key: v for key, v in sampling.items() if not fixed(_named(key))},
        price=_price(where, table.get("price")),
        server=_server(where, table.get("server", {}), folder),
    )


def _text(where: str, key: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise _illegal(where, key, value, "a text")
    return value


def _timeout(where: str, table: Mapping[str, Any]) -> float:
    if "request_timeout" not in table:
        return 0.0
    found: float = _option(where, "request_timeout", table["request_timeout"], float)
    return found


def _option(where: str, key: str, value: Any, kind: type) -> Any:
    """A value under the rules of the option of the same name."""
    if key == "thinking" and isinstance(value, bool):
        value = str(value).lower()
    number = kind is float and type(value) is int
    if type(value) is not kind and not number:
        raise _illegal(where, key, value, NAMED[kind])
    convert = next(o.kind for o in OPTIONS if o.name == _named(key))
    try:
        return convert(json.dumps(value) if kind in (list, dict) else str(value))
    except ValueError as error:
        raise _illegal(where, key, value, str(error)) from None
    except TypeError:  # a date, say
        raise _illegal(where, key, value, "only what JSON has") from None


def _named(key: str) -> str:
    """The option that a key stands for."""
    return "stop-sequences" if key == "stop" else key.replace("_", "-")


def _price(where: str, value: Any) -> tuple[float, float] | None:
    if value is None:
        return None
    good = isinstance(value, list) and len(value) == 2
    if not good or not all(type(x) in (int, float) and 0 <= x < float("inf") for x in value):
        raise _illegal(where, "price", value, "[IN, OUT] in currency units per million tokens")
    return float(value[0]), float(value[1])


def _server(where: str, value: Any, folder: Path) -> dict[str, Json]:
    if isinstance(value, str):
        value = {"kind": value}
    if not isinstance(value, dict):
        raise _illegal(where, "server", value, "a kind, or a table with `kind` and its options")
    if value and not isinstance(value.get("kind"), str):
        raise ConfigError(f"{where}: the server has no `kind`: llama_cpp, vllm, command, ...")
    found = dict(value)
    for key in PATHS:
        if isinstance(found.get(key), str):
            found[key] = str(folder / Path(found[key]).expanduser())
    return found


def _illegal(where: str, key: str, value: Any, legal: str) -> ConfigError:
    return ConfigError(f"{where}: {key}={value!r} is not legal: it takes {legal}")
