"""A study: one question, the settings that it varies, and the full product of their values."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_mcode.ablation.document import Entry, entries
from pytest_mcode.ablation.parameters import KINDS, Parameter, nearest, parameter, plain
from pytest_mcode.core.errors import ConfigError
from pytest_mcode.core.records import Json

KEYS = ("name", "benchmark", "model_id", "vary", "fixed")
MARKS = frozenset({"vary", "benchmark"})
"""A mapping with these keys is a study; any other YAML file is somebody else's."""

Legal = Callable[[str, str], Json]
"""Option and text -> value; raises `ValueError` with the legal form."""


@dataclass(frozen=True)
class Study:
    """One study as its file says it; parameters under the names of their options, `debug_iters`."""

    name: str
    question: str
    """The comment in the first line; empty if there is none."""
    vary: tuple[tuple[str, tuple[Json, ...]], ...]
    """Parameter -> its values, in the order of the file."""
    fixed: tuple[tuple[str, Json], ...]

    def values(self, name: str) -> tuple[Json, ...]:
        """What a parameter takes: its levels, its one fixed value, or nothing."""
        varied = dict(self.vary).get(name)
        if varied is not None:
            return varied
        given = dict(self.fixed).get(name, ())
        return given if isinstance(given, tuple) else (given,)

    def cells(self) -> Iterator[Mapping[str, Json]]:
        """The full product: parameter -> value, the last parameter of the file runs fastest."""
        names = [name for name, _ in self.vary]
        for chosen in itertools.product(*(values for _, values in self.vary)):
            yield dict(zip(names, chosen, strict=True))

    @property
    def size(self) -> int:
        """Number of cells on each benchmark and model."""
        outer = ("bench", "model")
        return math.prod(len(values) for name, values in self.vary if name not in outer)


def read(text: str, shown: str, legal: Legal) -> Study:
    """The study in a YAML text; `shown` is the file's name in messages.

    Raises `NoStudy` for a file that is none, `ConfigError` with file and line for a mistake in one.
    """
    top = {entry.key: entry for entry in entries(text, shown, MARKS)}
    for entry in top.values():
        if entry.key not in KEYS:
            raise ConfigError(
                f"{entry.place}: unknown key {entry.key!r}{nearest(entry.key, [*KEYS], [*KEYS])}"
            )
    vary = _section(top["vary"], legal)
    fixed = _section(top["fixed"], legal) if "fixed" in top else {}
    for key in ("benchmark", "model_id"):
        if key in top:
            given = _levels(top[key], parameter(key, "vary", top[key].place), legal)
            _add(fixed, parameter(key, "vary", top[key].place).name, given, top[key])
    for name in fixed.keys() & vary.keys():
        raise ConfigError(f"{top['vary'].place}: {name} is both varied and given beside `vary`")
    lists = ("bench", "model", "tasks")
    return Study(
        _name(top.get("name"), shown),
        question(text),
        tuple((name, values) for name, values in vary.items() if name != "retrieval"),
        tuple(
            (name, values if name in lists else values[0])
            for name, values in fixed.items()
            if name != "retrieval"
        ),
    )


def question(text: str) -> str:
    """What the first line asks: `# Where do returns of more samples diminish?`."""
    first = text.lstrip("\ufeff").partition("\n")[0].strip()
    return first.lstrip("#").strip() if first.startswith("#") else ""


def _name(entry: Entry | None, shown: str) -> str:
    given = entry.value if entry else None
    if not isinstance(given, str) or not re.fullmatch(r"[A-Za-z0-9][\w.-]*", given):
        place = entry.place if entry else shown
        raise ConfigError(f"{place}: a study needs a `name` of letters, digits, _ . and -")
    return given


def _section(entry: Entry, legal: Legal) -> dict[str, tuple[Json, ...]]:
    """Parameter -> values of `vary`, or of `fixed`, where each has one."""
    if not isinstance(entry.value, tuple):
        raise ConfigError(f"{entry.place}: `{entry.key}` is a mapping of parameters")
    found: dict[str, tuple[Json, ...]] = {}
    for inner in entry.value:
        known = parameter(inner.key, entry.key, inner.place)
        if entry.key == "vary" and not isinstance(inner.value, list):
            raise ConfigError(f"{inner.place}: {inner.key} takes a list of values")
        if entry.key == "fixed" and isinstance(inner.value, list) and known.kind != "texts":
            raise ConfigError(f"{inner.place}: {inner.key} takes one value; lists go under `vary`")
        _add(found, known.name, _levels(inner, known, legal), inner)
    if entry.key == "vary" and not found:
        raise ConfigError(f"{entry.place}: `vary` is empty: name a parameter and its values")
    return found


def _add(
    found: dict[str, tuple[Json, ...]], name: str, values: tuple[Json, ...], entry: Entry
) -> None:
    if name in found:
        raise ConfigError(f"{entry.place}: {entry.key!r} is given a second time, as {name}")
    found[name] = values


def _levels(entry: Entry, known: Parameter, legal: Legal) -> tuple[Json, ...]:
    given = entry.value if isinstance(entry.value, list) else [entry.value]
    if not given:
        raise ConfigError(f"{entry.place}: {entry.key} has no values: there would be no cells")
    values = tuple(_value(entry, known, value, legal) for value in given)
    twice = next((v for i, v in enumerate(values) if v in values[:i]), None)
    if twice is not None:
        raise ConfigError(f"{entry.place}: {entry.key} has {twice!r} twice")
    return values


def _value(entry: Entry, known: Parameter, value: Json, legal: Legal) -> Json:
    text = plain(known, value)
    wrong = f"{entry.place}: {entry.key}: {_shown(value)} is not legal: it takes"
    if text is None:
        raise ConfigError(f"{wrong} {KINDS[known.kind]}")
    if known.name == "retrieval":
        if text != "false":
            raise ConfigError(f"{entry.place}: retrieval is not built yet: say false or nothing")
        return text
    try:
        return _single(legal(known.option, text))
    except ValueError as error:
        raise ConfigError(f"{wrong} {error}") from None


def _single(found: Json) -> Json:
    """Of an option that takes a comma list: the one value that stood there."""
    if not isinstance(found, Sequence) or isinstance(found, str):
        return found
    if len(found) != 1:
        raise ValueError("one name at each place of the list")
    return found[0]


def _shown(value: Json) -> str:
    return "a mapping" if isinstance(value, tuple) else repr(value)
