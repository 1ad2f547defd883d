"""The trusted side of a comparison: inputs, and what the reference makes of them."""

from __future__ import annotations

import hashlib
import marshal
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from frames import to_json
from outputs import DIGEST, output_text
from values import decode, encode
from wire import SETS, from_json

_KEPT_GROUPS = 48


class Inputs:
    """One group's argument lists, and what the reference makes of them, as far as it was asked."""

    def __init__(self, rows: list[Any], function: Callable[..., Any] | None) -> None:
        self.packed = [marshal.dumps(row) for row in rows]
        self.function = function
        self.requests: dict[tuple[int, int, float], bytes] = {}
        self.expected: dict[int, str] = {}
        """Texts that equal the worker's for equal values of equal types."""
        self.floats_from = len(rows)
        """Position of the first expected value that is a float or a row of floats."""
        self.seals: dict[tuple[int, int], str] = {}
        """Digests of the expected texts from one position to before another."""
        self.known = not rows or function is None
        """True once `floats_from` is settled: all inputs were answered, here or for the host."""

    def row(self, index: int) -> Any:
        """The arguments, a fresh copy."""
        return marshal.loads(self.packed[index])

    def request(self, name: str, start: int, end: int, each_s: float) -> bytes:
        """The message that asks for the outputs of these inputs, with the time for each."""
        known = self.requests.get((start, end, each_s))
        if known is None:
            rows = [self.row(index) for index in range(start, end)]
            known = b"m" + marshal.dumps(("m", name, rows, each_s))
            if any(mark in known for mark in SETS):  # marshal does not keep the order of a set
                known = b"j" + to_json(encode(["m", name, rows, each_s], opaque)).encode()
            self.requests[start, end, each_s] = known
        return known

    def expect(self, start: int, end: int) -> None:
        """Let the reference answer these inputs, and those before them if they decide anything."""
        for index in range(start if self.known else len(self.expected), end):
            if self.function is None or index in self.expected:
                continue
            value = self.function(*self.row(index))
            if is_floats(value):
                self.floats_from = min(self.floats_from, index)
            self.expected[index] = output_text(value, opaque)

    def agrees(self, start: int, end: int, texts: list[str]) -> bool:
        """Whether these outputs equal the expected ones as texts, and the digest of those is kept
        or can be; else the reference has answered, and each output must be looked at."""
        seal = self.seals.get((start, end))
        if seal is not None and seal == digest(texts):
            return True
        self.expect(start, end)
        if self.function is None or texts != [self.expected[i] for i in range(start, end)]:
            return False
        if not all(map(is_exact, texts)):
            return False
        self.seals[start, end] = digest(texts)
        return True

    def take(self, known: Any) -> None:
        """What an earlier judge has worked out of this group, as `told` gives it."""
        if not self.known:
            self.floats_from, self.known = int(known["floats"]), True
        self.seals |= {(start, end): text for start, end, text in known["seals"]}

    def told(self) -> Any:
        """What the host shall keep of this group, as plain JSON."""
        seals = [[start, end, text] for (start, end), text in self.seals.items()]
        return {"floats": self.floats_from, "seals": seals}

    def value(self, index: int) -> Any:
        """What the reference answered to an input; worked out again where only a digest was kept
        or where the value has no text."""
        text = self.expected[index]
        if self.function is None or (not text.startswith(DIGEST) and '{"@' not in text):
            return decode(from_json(text), opaque)
        return self.function(*self.row(index))


@lru_cache(_KEPT_GROUPS)
def prepared(reference: str, name: str, conversion: str, inputs: str) -> Inputs:
    """A group's inputs, ready to be sent; the same object for the same texts."""
    rows = from_json(inputs)
    if conversion:
        convert = eval(conversion, {})
        rows = [convert(row) for row in rows]
    namespace: dict[str, Any] = {"__name__": "__reference__"}
    if reference:
        exec(compile(reference, "<reference>", "exec", 0, True), namespace)
    return Inputs(rows, namespace.get(name))


def digest(texts: list[str]) -> str:
    """Of outputs: none of the expected texts holds the separator, so equal digests of as many
    texts are equal texts."""
    return hashlib.sha256("\n".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def is_exact(text: str) -> bool:
    """False for what equals nothing, not even itself: nan, and values that have no text."""
    return "NaN" not in text and '{"@' not in text


def opaque(value: Any, plain: Any = None) -> Any:
    """What cannot be written down equals no output of a program."""
    return plain if plain is not None else {"@": type(value).__name__}


def is_floats(value: Any) -> bool:
    """A float, or a list or tuple of nothing but floats."""
    if isinstance(value, (list, tuple)):
        return bool(value) and all(isinstance(item, float) for item in value)
    return isinstance(value, float)
