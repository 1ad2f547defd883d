"""Objects of the candidate as the tests hold them.

Comparison, hashing and arithmetic never leave the judge: a `Remote` equals itself alone. What a
test does with an object (attributes, calls, iteration, length, items, text) asks the worker.
"""

from __future__ import annotations

from collections.abc import Callable

from values import CARRIED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from candidate import Candidate


class Remote:
    """An object of the candidate. Methods for what it can do are added per class of skills."""

    __slots__ = ("_candidate", "_number")

    def __init__(self, candidate: Candidate, number: int) -> None:
        object.__setattr__(self, "_candidate", candidate)
        object.__setattr__(self, "_number", number)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__name__":
            raise AttributeError(name)
        return self._candidate.ask("g", self._number, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._candidate.ask("s", self._number, name, value)

    def __str__(self) -> str:
        return str(self._candidate.ask("d", self._number, "__str__", []))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object>"


def carrier(candidate: Candidate, name: str, base: type) -> type:
    """The judge's kind of a subclass of a plain type: compares as that type does, and asks the
    worker for what the type does not have (the fields of a named tuple)."""
    if base not in CARRIED:
        raise ValueError(base.__name__)

    def attribute(self: Any, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return candidate.ask("g", self._number, name)

    return type(name, (base,), {"__getattr__": attribute, "_carried": True})


def _call(self: Remote, *args: Any, **kwargs: Any) -> Any:
    return self._candidate.call(("h", self._number, args, kwargs))


def _next(self: Remote) -> Any:
    return self._candidate.next_item(self._number)


def _iter(self: Remote) -> Any:
    """The iterator itself, or a new one, as the interpreter would have it."""
    return self._candidate.ask("d", self._number, "__iter__", [])


def iter_self(self: Remote) -> Any:
    """An iterator iterates over itself."""
    return self


def _getitem(self: Remote, key: Any) -> Any:
    return self._candidate.ask("d", self._number, "__getitem__", [key])


def _len(self: Remote) -> Any:
    return self._candidate.ask("d", self._number, "__len__", [])


def _bool(self: Remote) -> Any:
    return self._candidate.ask("d", self._number, "__bool__", [])


SKILLS: dict[str, tuple[str, Callable[..., Any]]] = {
    "c": ("__call__", _call),
    "i": ("__iter__", _iter),
    "n": ("__next__", _next),
    "g": ("__getitem__", _getitem),
    "l": ("__len__", _len),
    "b": ("__bool__", _bool),
}


def remote_kind(name: str, skills: str) -> type[Remote]:
    """A class with the name and the abilities of the worker's."""
    methods: dict[str, Any] = dict(SKILLS[letter] for letter in skills)
    if "n" in skills:
        methods["__iter__"] = iter_self
    methods["__slots__"] = ()
    return type(name, (Remote,), methods)


def update(old: Any, new: Any) -> Any:
    """Give `old` the contents of `new`, keeping identities down to where they differ in kind."""
    kind = type(old)
    if kind is not type(new) or isinstance(old, Remote):
        return new
    if kind is list:
        old[:] = [update(a, b) for a, b in zip(old, new, strict=False)] + new[len(old) :]
    elif kind is tuple:
        return tuple(map(update, old, new)) if len(old) == len(new) else new
    elif isinstance(old, dict):
        merged = [(key, update(old[key], new[key]) if key in old else new[key]) for key in new]
        old.clear()
        old.update(merged)
    elif isinstance(old, set):
        old.clear()
        old.update(new)
    elif hasattr(old, "popleft"):
        old.clear()
        old.extend(new)
    elif kind is bytearray or kind.__name__ == "array":
        old[:] = new
    elif kind.__name__ == "ndarray" and (old.shape, old.dtype) == (new.shape, new.dtype):
        old[...] = new
    else:
        return new
    return old
