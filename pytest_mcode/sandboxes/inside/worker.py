"""Runs one candidate: defines it, then answers the judge's calls.

Everything here shares a process with hostile code and is believed in nothing but "the function
returned this plain value". Requests come from the judge (marshal, or JSON where a value needs
it); answers go back as JSON, which the judge can read without running anything.

An answer is an object: `v` the value, or `p` the position of the argument that was returned
itself; `a` the arguments after the call, where they may have changed; `w` what was printed since
the last one. Or `x` and its companions: an exception. Or `f`: a call of a function of the tests.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import islice
from json.decoder import JSONDecoder
from marshal import dumps, loads
from resource import RLIM_INFINITY, RLIMIT_AS, RLIMIT_CPU, getrlimit, setrlimit
from signal import ITIMER_PROF, setitimer
from typing import Any

from claims import CANDIDATE, describe_exception
from console import Console
from frames import MAX_RESULT, framed, read_frame, to_json
from outputs import output_text
from values import decode, encode

_ATOMS = frozenset({int, float, bool, str, bytes, complex, type(None)})
_OWN = {name: sys.modules[name] for name in ("claims", "console", "frames")}
from_json = JSONDecoder().decode


class ThrownError(Exception):
    """A function of the tests, called by the program, raised this."""


class Worker:
    """One program and the objects of it that the judge knows by number."""

    def __init__(self) -> None:
        self.read: Callable[[int], bytes] = bytes
        self.send: Callable[[bytes], Any] = len
        self.module = type(sys)("candidate")
        self.names: dict[str, Any] = self.module.__dict__
        self.objects: list[Any] = []
        self.numbers: dict[int, int] = {}
        self.console = Console(0)
        self.memory = getrlimit(RLIMIT_AS)[1]

    # -- values -------------------------------------------------------------------------------

    def reference(self, value: Any, plain: Any = None) -> dict[str, Any]:
        """A number for an object that cannot cross, its type's name and what it can do; or, for a
        subclass of a plain type, the plain value below it."""
        number = self.numbers.get(id(value))
        if number is None:
            number = self.numbers[id(value)] = len(self.objects)
            self.objects.append(value)
        kind = type(value)
        if plain is not None:
            return {"@p": [number, kind.__name__[:100], plain]}
        skills = "c" if callable(value) else ""
        for letter, method in (
            *(("i", "__iter__"), ("n", "__next__"), ("l", "__len__")),
            *(("g", "__getitem__"), ("b", "__bool__")),
        ):
            skills += letter if hasattr(kind, method) else ""
        return {"@o": [number, kind.__name__[:100], skills]}

    def value(self, value: Any) -> dict[str, Any]:
        """An answer that holds a value."""
        return {"v": encode(value, self.reference)}

    def resolve(self, tagged: dict[str, Any]) -> Any:
        """What a reference of the judge means here."""
        ((tag, item),) = tagged.items()
        if tag == "@r":
            return self.objects[item]
        if tag == "@g":
            return getattr(sys.modules["builtins"], item)
        if tag == "@n":
            return self.names[item]
        if tag == "@i":
            return iter(decode(item, self.resolve))
        if tag == "@f":
            return self.foreign(item)
        raise ValueError(tag)

    def foreign(self, number: int) -> Callable[..., Any]:
        """A function of the tests: calling it asks the judge."""

        def function(*args: Any, **kwargs: Any) -> Any:
            self.answer({"f": [number, *encode([list(args), kwargs], self.reference)]})
            return self.listen()

        return function

    # -- operations ---------------------------------------------------------------------------

    def call(self, name: str, args: Any, kwargs: dict[str, Any], *, plain: bool) -> Any:
        """Call a name of the program; give changed arguments back."""
        return self.invoke(self.names[name], args, kwargs, plain)

    def call_object(self, number: int, args: Any, kwargs: dict[str, Any], *, plain: bool) -> Any:
        """Call an object of the program."""
        return self.invoke(self.objects[number], args, kwargs, plain)

    def call_many(self, name: str, rows: list[Any], each_s: float) -> Any:
        """Call a name of the program with each of these arguments, none for longer than `each_s`:
        texts of its outputs `t`, up to the first exception `e`, or as many as fit in an answer."""
        function, room = self.names[name], MAX_RESULT // 16
        texts: list[str] = []
        for row in rows:
            setitimer(ITIMER_PROF, each_s)
            try:
                texts.append(output_text(function(*row), self.reference))
            except BaseException as error:
                return {"t": texts, "e": describe_exception(error)}
            finally:
                setitimer(ITIMER_PROF, 0)
            room -= len(texts[-1])
            if room < 0:
                break
        return {"t": texts}

    def invoke(self, function: Any, args: Any, kwargs: dict[str, Any], plain: bool) -> Any:
        """Call, and tell whether an argument came back itself or was changed."""
        if not kwargs and _ATOMS.issuperset(map(type, args)):
            return self.value(function(*args))
        before = self.snapshot(args, kwargs, plain)
        result = function(*args, **kwargs)
        answer: dict[str, Any] = {}
        for position, argument in enumerate(args):
            if argument is result and type(argument) not in _ATOMS:
                answer["p"] = position
                break
        else:
            answer["v"] = encode(result, self.reference)
        if self.snapshot(args, kwargs, plain) != before:
            answer["a"] = encode([list(args), kwargs], self.reference)
        return answer

    def snapshot(self, args: Any, kwargs: dict[str, Any], plain: bool) -> Any:
        """Bytes that differ where the arguments differ; None never equals an earlier one."""
        if not plain:
            return to_json(encode([list(args), kwargs], self.reference))
        try:
            return dumps((args, kwargs))
        except ValueError:
            return None

    def call_special(self, number: int, name: str, args: list[Any]) -> Any:
        """A special method, looked up as the interpreter does: on the type."""
        thing = self.objects[number]
        if name == "__str__":
            return self.value(str(thing))
        if name == "__iter__":
            return self.value(iter(thing))
        return self.value(getattr(type(thing), name)(thing, *args))

    def set_attribute(self, number: int, name: str, value: Any) -> Any:
        """Set an attribute of an object of the program."""
        setattr(self.objects[number], name, value)
        return {"v": None}

    def take_items(self, number: int, most: int) -> Any:
        """Up to `most` items of an iterator; `z` says that it is exhausted, `e` that it raised."""
        items: list[Any] = []
        answer: dict[str, Any] = {}
        try:
            items.extend(islice(self.objects[number], most))
            answer["z"] = len(items) < most
        except BaseException as error:
            answer["e"] = describe_exception(error)
        answer["v"] = encode(items, self.reference)
        return answer

    # -- conversation -------------------------------------------------------------------------

    def answer(self, answer: dict[str, Any]) -> None:
        """Send one answer; what cannot be sent becomes the exception that says why."""
        said = {"w": self.console.take()} if self.console.parts else {}
        try:
            data = to_json(answer | said).encode()
            if len(data) > MAX_RESULT:
                raise MemoryError("the result is too large to be returned")
        except (ValueError, TypeError, RecursionError, MemoryError) as error:
            data = to_json(describe_exception(error) | said).encode()
        self.send(framed(data))

    def listen(self, ahead: bytes = b"") -> Any:
        """Answer the requests that came along with the program, if any, then others until the
        stream ends or the call of a test's function returns."""
        foreseen = iter(loads(ahead) if ahead else ())
        while True:
            message, plain = next(foreseen, None), True
            if message is None:
                frame = read_frame(self.read)
                if not frame:
                    return None
                plain = frame[:1] == b"m"
                message = loads(frame[1:]) if plain else from_json(frame[1:].decode())
                message = message if plain else decode(message, self.resolve)
            operation = message[0]
            if operation == "R":
                return message[1]
            if operation == "X":
                kind = getattr(sys.modules["builtins"], message[1], ThrownError)
                raise kind(*message[2])
            try:
                handler = OPERATIONS[operation]
                if operation in "ch":
                    answer = handler(self, *message[1:], plain=plain)
                else:
                    answer = handler(self, *message[1:])
            except BaseException as error:
                answer = describe_exception(error)
            self.answer(answer)

    def limit(self, cpu_s: int, memory: int) -> None:
        """Lower this process's own limits to the program's."""
        setrlimit(RLIMIT_CPU, (cpu_s, cpu_s + 1))
        if memory and (self.memory == RLIM_INFINITY or memory < self.memory):
            setrlimit(RLIMIT_AS, (memory, memory))

    def define(self, source: str, code: bytes, seed: int, name: str = "candidate") -> None:
        """Execute the program in a fresh module."""
        if name != self.module.__name__:
            self.module = type(sys)(name)
            self.module.__file__ = f"{name}.py"
            self.names = self.module.__dict__
            sys.modules[name] = self.module
        if seed and "random" in sys.modules:
            sys.modules["random"].seed(seed)
        whole = loads(code) if code else compile(source, CANDIDATE, "exec", 0, True)
        exec(whole, self.names)

    def kinds(self, wanted: tuple[str, ...]) -> dict[str, Any]:
        """What each wanted name is: `f` a function, `m` a module, `v` a value; or not there."""
        found: dict[str, Any] = {}
        for name in filter(self.names.__contains__, wanted):
            thing = self.names[name]
            if type(thing) is type(sys):
                found[name] = {"m": thing.__name__, **self.value(thing)}
            elif callable(thing) and not isinstance(thing, type):
                found[name] = "f"
            else:
                found[name] = self.value(thing)
        return found


OPERATIONS: dict[str, Callable[..., Any]] = {
    "c": Worker.call,
    "h": Worker.call_object,
    "m": Worker.call_many,
    "g": lambda worker, number, name: worker.value(getattr(worker.objects[number], name)),
    "s": Worker.set_attribute,
    "d": Worker.call_special,
    "n": Worker.take_items,
}
"""What the judge may ask for, by the letter that it sends."""


def lodge(worker: Worker, request: bytes) -> None:
    """Another way to run a program: the judge sends its module (`beside`, `script`) along."""
    code, *job = loads(request)
    runner: dict[str, Any] = {"__name__": "runner"}
    sys.modules.update(_OWN)
    exec(loads(code), runner)
    for name in _OWN:
        del sys.modules[name]
    runner["serve"](worker, *job)


def serve(
    worker: Worker, read: Callable[[int], bytes], send: Callable[[bytes], Any], limited: bool = True
) -> None:
    """A worker's life: one definition, then calls until the judge hangs up."""
    worker.read, worker.send = read, send
    frame = read_frame(read)
    if not frame:
        return
    if frame[:1] == b"!":
        lodge(worker, frame[1:])
        return
    source, code, names, seed, cpu_s, memory, room, ahead = loads(frame)
    worker.console.room = room
    sys.stdout = sys.stderr = worker.console
    try:
        if limited:
            worker.limit(cpu_s, memory)
        worker.define(source, code, seed)
        answer = {"k": worker.kinds(names)}
    except BaseException as error:
        worker.answer(describe_exception(error))
        return
    worker.answer(answer)
    worker.listen(ahead)
