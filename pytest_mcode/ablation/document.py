"""A YAML file as plain values that know their lines; duplicate keys are found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.core.records import Json


class NoStudy(ConfigError):  # noqa: N818 - the file may well be right for somebody else
    """A YAML file that is no study: nobody's mistake, unless it was named as one."""


@dataclass(frozen=True)
class Entry:
    """A key of a mapping with its value."""

    key: str
    value: Json
    """Plain values; a nested mapping is a tuple of `Entry`."""
    place: str
    """`FILE:LINE`, for messages."""


def entries(text: str, shown: str, marks: frozenset[str]) -> tuple[Entry, ...]:
    """The top level of a document that has the keys `marks`; of any other no value is read.

    Raises `NoStudy` where it has not, is no mapping, or no YAML.
    """
    import yaml

    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
    except yaml.YAMLError as error:
        raise NoStudy(f"{_where(error, shown)}: malformed YAML: {_reason(error)}") from error
    if not isinstance(node, yaml.MappingNode):
        raise NoStudy(f"{shown} holds no mapping of YAML")
    if not marks <= {str(key.value) for key, _ in node.value}:
        wanted = " and ".join(f"`{mark}`" for mark in sorted(marks))
        raise NoStudy(f"{shown} is no study: a study is a mapping with {wanted}")
    return _mapping(loader, node, shown)


def _mapping(loader: Any, node: Any, shown: str) -> tuple[Entry, ...]:
    found: dict[str, Entry] = {}
    for key_node, value_node in node.value:
        place = f"{shown}:{key_node.start_mark.line + 1}"
        key = str(key_node.value)
        if key in found:
            raise ConfigError(f"{place}: {key!r} stands there twice")
        found[key] = Entry(key, _value(loader, value_node, shown, place), place)
    return tuple(found.values())


def _value(loader: Any, node: Any, shown: str, place: str) -> Json:
    import yaml

    if isinstance(node, yaml.MappingNode):
        return _mapping(loader, node, shown)
    try:
        return loader.construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{place}: {_reason(error)}") from error


def _where(error: Any, shown: str) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"{shown}:{mark.line + 1}" if mark is not None else shown


def _reason(error: Exception) -> str:
    said = getattr(error, "problem", None) or str(error)
    return " ".join(str(said).partition(' in "<unicode')[0].split())
