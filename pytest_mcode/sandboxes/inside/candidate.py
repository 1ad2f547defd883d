"""The candidate as the judge meets it: names to call and objects by number, behind a socket."""

from __future__ import annotations

import builtins
import importlib
import marshal
from _socket import socket
from collections.abc import Callable
from contextlib import suppress
from itertools import islice

from endings import CandidateError, Fatal, Forged, Unforeseen
from frames import to_json
from remote import Remote, carrier, remote_kind, update
from values import builtin_name, decode, encode
from wire import SETS, UNREADABLE, Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MODULES = frozenset(
    (
        *("bisect", "cmath", "collections", "copy", "datetime", "decimal", "fractions"),
        *("functools", "heapq", "itertools", "json", "math", "operator", "random", "re"),
        *("statistics", "string", "sys"),
    )
)
"""Modules that the judge imports itself where the program imported them under that name."""
_MOST_ITEMS = 4096
_ONE_BY_ONE = 32
"""Items of an iterator that are fetched when they are wanted and not before: the next one after
those may take for ever, as the fifth perfect number does."""
_FINITE = 1 << 16


class Candidate(Wire):
    """One worker's other end, and what the judge remembers of the conversation."""

    def __init__(self, connection: socket, buffers: bool = False) -> None:
        super().__init__(connection, buffers)
        self.raised: BaseException | None = None
        self.report: dict[str, Any] = {}
        self.last: tuple[str, Any, Any] | None = None
        self.returned: Any = None
        self.answered = False
        self.objects: dict[int, Any] = {}
        self.kinds: dict[tuple[str, Any], Any] = {}
        self.ahead: dict[int, list[Any]] = {}
        self.functions: list[Callable[..., Any]] = []
        self.bound: list[Callable[..., Any]] = []
        self.proxies: dict[int, str] = {}

    # -- values -------------------------------------------------------------------------------

    def resolve(self, tagged: dict[str, Any]) -> Any:
        """The stand-in for an object of the worker, the same for the same object."""
        ((tag, (number, name, what)),) = tagged.items()
        if self.foreseen:  # they may have changed it already
            raise self.fail(Unforeseen())
        known = self.objects.get(number)
        if known is None and tag == "@o":
            kind = self.kinds.get((name, what))
            if kind is None:
                kind = self.kinds[name, what] = remote_kind(name, what)
            known = self.objects[int(number)] = kind(self, number)
        elif known is None and tag == "@p":
            kind = self.kinds.get((name, type(what)))
            if kind is None:
                kind = self.kinds[name, type(what)] = carrier(self, name, type(what))
            known = self.objects[int(number)] = kind(what)
            known._number = number
        elif known is None:
            raise ValueError(tag)
        return known

    def value(self, data: Any) -> Any:
        """A plain value from the worker."""
        try:
            return decode(data, self.resolve)
        except UNREADABLE:
            raise self.fail(Forged("a value that no worker writes")) from None

    def reference(self, value: Any, plain: Any = None) -> Any:
        """How an object of the tests is named to the worker."""
        if isinstance(value, Remote) or hasattr(type(value), "_carried"):
            return {"@r": value._number}
        if plain is not None:
            return plain
        name = self.proxies.get(id(value))
        if name is not None:
            return {"@n": name}
        name = builtin_name(value)
        if name:
            return {"@g": name}
        if hasattr(type(value), "__next__"):
            return {"@i": encode(list(islice(value, _FINITE)), self.reference)}
        if callable(value):
            self.functions.append(value)
            return {"@f": len(self.functions) - 1}
        raise TypeError(f"the tests' {type(value).__name__} cannot be given to the program")

    # -- conversation -------------------------------------------------------------------------

    def ask(self, *message: Any) -> Any:
        """Send a request by the exact format and take the value of its answer."""
        self.send(b"j" + to_json(encode(list(message), self.reference)).encode())
        return self.take(())

    def call(self, message: tuple[str, Any, tuple[Any, ...], dict[str, Any]]) -> Any:
        """Call a name or an object; arguments that were changed are changed here too."""
        _, _, args, kwargs = message
        if not (self.foreseen and self.is_foreseen(message)):
            self.send(self.packed(message))
        return self.take(args, kwargs)

    def packed(self, message: Any) -> bytes:
        """A call as it is sent."""
        payload = b""
        if not self.buffers:
            try:
                payload = b"m" + marshal.dumps(message)
            except ValueError:
                payload = b""
            if any(mark in payload for mark in SETS):
                payload = b""  # maybe a set, whose order marshal does not keep
        if not payload:
            return b"j" + to_json(encode(list(message), self.reference)).encode()
        if message[0] == "c" and self.sent == len(self.asked) + 1:  # and the program itself
            self.asked.append(payload[1:])
        return payload

    def answer(self) -> dict[str, Any]:
        """The next answer that is no exception; on the way, calls of the tests' own functions."""
        answer = self.receive()
        while "f" in answer:
            self.call_back(answer["f"])
            answer = self.receive()
        if "x" in answer:
            raise self.exception(answer)
        return answer

    def take(self, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Any:
        """The value of the next answer."""
        answer = self.answer()
        if "a" in answer:
            changed = self.value(answer["a"])
            try:
                for old, new in zip(args, changed[0], strict=True):
                    update(old, new)
                for name, new in changed[1].items():
                    update((kwargs or {})[name], new)
            except UNREADABLE:
                raise self.fail(Forged("arguments that were never given")) from None
        if "v" in answer:
            data = answer["v"]
            return self.value(data) if type(data) in (dict, list) else data
        if type(answer.get("p")) is int and 0 <= answer["p"] < len(args):
            return args[answer["p"]]
        raise self.fail(Forged("an answer without a value"))

    def call_back(self, request: Any) -> None:
        """Run a function of the tests for the worker and send it the result."""
        try:
            number, *given = request
            function = self.functions[number]
            args, kwargs = self.value(given)
        except UNREADABLE:
            raise self.fail(Forged("a call of a function that was never given")) from None
        try:
            reply: list[Any] = ["R", function(*args, **kwargs)]
        except Fatal:
            raise
        except BaseException as error:
            reply = ["X", type(error).__name__, list(error.args)]
        self.send(b"j" + to_json(encode(reply, self.reference)).encode())

    def next_item(self, number: int) -> Any:
        """The next item of an iterator; after the first ones fetched in growing portions."""
        state = self.ahead.setdefault(number, [iter(()), 0, None])
        for item in state[0]:
            return item
        if state[2] is not None:
            ended, state[2] = state[2], StopIteration()
            raise ended
        most = min(max(1, state[1] - _ONE_BY_ONE), _MOST_ITEMS)
        self.send(b"m" + marshal.dumps(("n", number, most)))
        answer = self.answer()
        items = self.value(answer.get("v"))
        if type(items) is not list or len(items) > most:
            raise self.fail(Forged("items that were not asked for"))
        state[0], state[1] = iter(items), state[1] + len(items)
        if "e" in answer or answer.get("z"):
            state[2] = self.exception(answer["e"]) if "e" in answer else StopIteration()
        elif not items:
            raise self.fail(Forged("an iterator that gives nothing"))
        return self.next_item(number)

    def exception(self, answer: Any) -> BaseException:
        """The builtin exception that stands for the program's."""
        if type(answer) is not dict:
            raise self.fail(Forged("an exception that is none"))
        self.report = answer
        kind = getattr(builtins, str(answer.get("x")), None)
        args = self.value(answer.get("args"))
        error: BaseException = CandidateError(str(answer.get("n")))
        if isinstance(kind, type) and issubclass(kind, BaseException):
            for given in (args, [answer.get("m")], []):
                if type(given) is not list:
                    continue
                try:
                    error = kind(*given)
                    break
                except (TypeError, ValueError, ArithmeticError):
                    pass
            else:
                with suppress(TypeError):  # of that kind at least, for who catches it
                    error = kind.__new__(kind)
        self.raised = error
        return error

    # -- names --------------------------------------------------------------------------------

    def bind(self, kinds: dict[str, Any], names: list[str], namespace: dict[str, Any]) -> None:
        """Put the program's names into the tests' namespace, and take out what it lacks."""
        for name in names:
            kind = kinds.get(name)
            module = str(kind.get("m")) if type(kind) is dict else ""
            if kind == "f":
                namespace[name] = self.proxy(name)
            elif module in MODULES:
                namespace[name] = importlib.import_module(module)
            elif kind is None or name in MODULES:  # an impostor is no module
                namespace.pop(name, None)
            elif type(kind) is dict and "v" in kind:
                namespace[name] = self.value(kind["v"])
            else:
                raise self.fail(Forged("a name that is nothing"))

    def proxy(self, name: str) -> Callable[..., Any]:
        """A function that calls the program's."""

        def candidate(*args: Any, **kwargs: Any) -> Any:
            self.last = (name, args, kwargs)
            self.answered = False
            self.returned = self.call(("c", name, args, kwargs))
            self.answered = True
            return self.returned

        candidate.__name__ = candidate.__qualname__ = name
        self.proxies[id(candidate)] = name
        self.bound.append(candidate)
        return candidate
