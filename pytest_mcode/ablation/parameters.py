"""What a study may vary or fix, under the names of its file and of the options."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.core.records import Json

Kind = Literal["whole", "number", "text", "switch", "texts"]

KINDS: dict[str, str] = {
    "whole": "a whole number",
    "number": "a number",
    "text": "a text",
    "switch": "a text, true or false",
    "texts": "a text or a list of texts",
}


@dataclass(frozen=True)
class Parameter:
    """One setting; `name` is that of its option, with underscores."""

    name: str
    kind: Kind
    aliases: tuple[str, ...] = ()
    """Further names in a file, the predecessor's among them."""
    varied: bool = True
    """Whether it may stand under `vary`."""

    @property
    def option(self) -> str:
        """Its option, without `--mcode-`."""
        return self.name.replace("_", "-")


PARAMETERS = (
    Parameter("samples", "whole"),
    Parameter("debug_iters", "whole", ("max_debug_iterations",)),
    Parameter("model", "text", ("model_id",)),
    Parameter("bench", "text", ("benchmark",)),
    Parameter("strategy", "text"),
    Parameter("feedback", "text"),
    Parameter("temperature", "number"),
    Parameter("top_p", "number"),
    Parameter("max_tokens", "whole"),
    Parameter("seed", "whole"),
    Parameter("thinking", "switch"),
    Parameter("prompt_style", "text"),
    Parameter("timeout", "number"),
    Parameter("memory", "whole"),
    Parameter("retrieval", "switch"),
    Parameter("limit", "whole", varied=False),
    Parameter("tasks", "texts", varied=False),
)

NAMED = {name: p for p in PARAMETERS for name in (p.name, *p.aliases)}


def parameter(name: str, section: str, place: str) -> Parameter:
    """The parameter of a name under `vary` or `fixed`. Raises `ConfigError` with the nearest."""
    found = NAMED.get(name)
    if found is None:
        known = [p.name for p in PARAMETERS if p.varied or section == "fixed"]
        raise ConfigError(f"{place}: unknown parameter {name!r}{nearest(name, list(NAMED), known)}")
    if section == "vary" and not found.varied:
        raise ConfigError(f"{place}: {name} cannot be varied: write it under `fixed`")
    return found


def nearest(name: str, names: list[str], known: list[str]) -> str:
    """`: did you mean 'x'? known are x, y`."""
    close = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f": {hint}known are {', '.join(known)}"


def plain(found: Parameter, value: Json) -> str | None:
    """A value as its option takes it; None where YAML gave another type."""
    if isinstance(value, bool):
        return str(value).lower() if found.kind == "switch" else None
    if isinstance(value, str):
        return value if found.kind in ("text", "switch", "texts") and value.strip() else None
    if isinstance(value, int):
        return str(value) if found.kind in ("whole", "number") else None
    if isinstance(value, float):
        return repr(value) if found.kind == "number" else None
    return None
