"""Tests by comparison: program and reference meet the same inputs, and their outputs must agree.

The reference is trusted as all tests are, and runs in the judge; the program is called in its
worker as always, but many times per message. What the judge has worked out once it keeps for the
next program with the same tests.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from candidate import Candidate, from_json
from endings import CheckFailedError, Fatal, Forged
from frames import to_json
from outputs import DIGEST, output_text
from suite import call_text, shown
from values import decode, encode

FLOAT_ATOL = 1e-6
RTOL = 1e-7
MOST_AT_ONCE = 512
_KEPT_GROUPS = 48
_SETS = (b"<", b">", b"\xbc", b"\xbe")
"""How marshal marks sets; in a text the same byte costs only the slower format."""
_MACHINE = range(-(1 << 63), 1 << 64)
"""Whole numbers that an array of numbers can hold."""


class Inputs:
    """One group's argument lists, and what the reference makes of them, as far as it was asked."""

    def __init__(self, rows: list[Any], function: Callable[..., Any] | None) -> None:
        self.packed = [marshal.dumps(row) for row in rows]
        self.function = function
        self.requests: dict[tuple[int, int], bytes] = {}
        self.expected: list[str] = []
        """Texts that equal the worker's for equal values of equal types."""
        self.floats_from = len(rows)
        """Position of the first expected value that is a float or a row of floats."""

    def row(self, index: int) -> Any:
        """The arguments, a fresh copy."""
        return marshal.loads(self.packed[index])

    def request(self, name: str, start: int, end: int) -> bytes:
        """The message that asks for the outputs of these inputs."""
        known = self.requests.get((start, end))
        if known is None:
            rows = [self.row(index) for index in range(start, end)]
            known = b"m" + marshal.dumps(("m", name, rows))
            if any(mark in known for mark in _SETS):  # marshal does not keep the order of a set
                known = b"j" + to_json(encode(["m", name, rows], _opaque)).encode()
            self.requests[start, end] = known
        return known

    def expect(self, end: int) -> None:
        """Let the reference answer all inputs before `end`."""
        while self.function is not None and len(self.expected) < end:
            index = len(self.expected)
            value = self.function(*self.row(index))
            if _is_floats(value):
                self.floats_from = min(self.floats_from, index)
            self.expected.append(output_text(value, _opaque))

    def value(self, index: int) -> Any:
        """What the reference answered to an input; worked out again where only a digest was kept
        or where the value has no text."""
        text = self.expected[index]
        if self.function is None or (not text.startswith(DIGEST) and '{"@' not in text):
            return decode(from_json(text), _opaque)
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


class Differential:
    """The comparison that the tests of a task ask for.

    Outputs must equal the reference's. Where `atol` is not 0, or the reference has given floats in
    the same group, numbers in lists and tuples of the same shape may differ by `atol` (else 1e-6)
    plus 1e-7 of the expected magnitude. `same(output, expected)` takes the place of equality,
    `also(output, *arguments)` accepts further outputs, and `holds(output, *arguments)` decides
    alone, without a reference.
    """

    def __init__(
        self,
        candidate: Candidate,
        name: str,
        reference: str,
        *,
        conversion: str = "",
        atol: float = 0,
        same: Callable[[Any, Any], bool] | None = None,
        also: Callable[..., bool] | None = None,
        holds: Callable[..., bool] | None = None,
    ) -> None:
        self.candidate, self.name, self.atol = candidate, name, atol
        self.reference, self.conversion = "" if holds else reference, conversion
        self.same, self.also, self.holds = same, also, holds

    def verify(self, passed: dict[str, bool], groups: Mapping[str, str]) -> None:
        """Note in `passed` how each group of inputs went up to its first failure; then raise the
        first failure of all. Groups that a dying program never reached are not noted."""
        first: BaseException | None = None
        told: tuple[Any, Any, Any] = (None, {}, None)
        story = ""
        for group, inputs in groups.items():
            passed[group] = False
            try:
                self.compare(group, prepared(self.reference, self.name, self.conversion, inputs))
            except Fatal:
                raise
            except BaseException as error:
                if first is None:
                    failed = isinstance(error, CheckFailedError)
                    first = CheckFailedError(f"{story}{error}") if failed else error
                    told = self.candidate.raised, self.candidate.report, self.candidate.last
            else:
                passed[group] = True
                story += f"{group} passed; "
        if first is not None:
            self.candidate.raised, self.candidate.report, self.candidate.last = told
            raise first

    def compare(self, group: str, inputs: Inputs) -> None:
        """Raise at the first input of the group that the program fails."""
        total, start, size = len(inputs.packed), 0, 1
        while start < total:
            texts, claim = self.ask(inputs, start, min(total, start + size))
            for index, text in enumerate(texts, start):
                objection = self.objection(inputs, index, text)
                if objection:
                    raise CheckFailedError(
                        f"{group} failed at input {index + 1} of {total}: {objection}"
                    )
            start += len(texts)
            if claim is not None:
                self.candidate.last = self.name, inputs.row(start), {}
                raise self.candidate.exception(claim)
            size = min(MOST_AT_ONCE, 2 * size)

    def ask(self, inputs: Inputs, start: int, end: int) -> tuple[list[str], Any]:
        """The program's outputs for these inputs, as texts, and the claim that ended them early.

        While the program computes, the reference does.
        """
        candidate, count = self.candidate, end - start
        some = f"one of {count} calls beginning with " if count > 1 else ""
        candidate.last, candidate.answered = (some + self.name, inputs.row(start), {}), False
        candidate.send(inputs.request(self.name, start, end))
        inputs.expect(end)
        answer = candidate.receive()
        candidate.answered = True
        if "x" in answer:
            return [], answer
        texts, claim = answer.get("t"), answer.get("e")
        if type(texts) is not list or not set(map(type, texts)) <= {str} or len(texts) > count:
            raise candidate.fail(Forged("outputs that are none"))
        if not texts if claim is None else type(claim) is not dict or len(texts) == count:
            raise candidate.fail(Forged("outputs without an end"))
        return texts, claim

    def objection(self, inputs: Inputs, index: int, text: str) -> str:
        """Why an output is wrong, in words; empty when it is right."""
        if not self.holds and text == inputs.expected[index] and "NaN" not in text:
            return ""
        args = inputs.row(index)
        output = self.output(text, inputs.row(index))
        expected = None if self.holds else inputs.value(index)
        try:
            if self.holds:
                right = self.holds(output, *args)
            else:
                right = self.same(output, expected) if self.same else output == expected
                right = bool(right) or bool(self.also and self.also(output, *args))
                right = right or _close(output, expected, self.tolerance(inputs, index))
        except Exception:  # such as `set(output)` of what has no items
            right = False
        if right:
            return ""
        wanted = "" if self.holds else f", expected {shown(expected)}"
        return f"{call_text((self.name, args, {}))} returned {shown(output)}{wanted}"

    def output(self, text: str, args: Any) -> Any:
        """The value that the program returned; asked for again where only its digest came."""
        if text.startswith(DIGEST):
            return self.candidate.call(("c", self.name, args, {}))
        try:
            data = from_json(text)
        except (ValueError, RecursionError):
            raise self.candidate.fail(Forged("an output that is none")) from None
        return self.candidate.value(data)

    def tolerance(self, inputs: Inputs, index: int) -> float:
        """Absolute, for one input; 0 asks for equality."""
        return self.atol or (FLOAT_ATOL if index >= inputs.floats_from else 0)


def _opaque(value: Any, plain: Any = None) -> Any:
    """What cannot be written down equals no output of a program."""
    return plain if plain is not None else {"@": type(value).__name__}


def _is_floats(value: Any) -> bool:
    """A float, or a list or tuple of nothing but floats."""
    if isinstance(value, (list, tuple)):
        return bool(value) and all(isinstance(item, float) for item in value)
    return isinstance(value, float)


def _close(output: Any, expected: Any, atol: float) -> bool:
    if not atol or type(output) is not type(expected):
        return False
    return _near(output, expected, atol)


def _near(output: Any, expected: Any, atol: float) -> bool:
    if isinstance(expected, (list, tuple)) and isinstance(output, (list, tuple)):
        pairs = zip(output, expected, strict=False)
        return len(output) == len(expected) and all(_near(a, b, atol) for a, b in pairs)
    for value in (output, expected):
        if not isinstance(value, (int, float, complex)):
            return False
        if isinstance(value, int) and value not in _MACHINE:
            return False
    return bool(output == expected or abs(output - expected) <= atol + RTOL * abs(expected))
