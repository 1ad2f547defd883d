"""Tests by comparison: program and reference meet the same inputs, and their outputs must agree.

The reference is trusted as all tests are, and runs in the judge; the program is called in its
worker as always, but many times per message. What the judge has worked out once it keeps for the
next program with the same tests, and digests of it leave for the host (`notes`), which gives them
to every judge: a program whose outputs have the digests of the expected ones is right. Wherever
they differ the reference is asked, so that no digest can make a program fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from candidate import Candidate
from endings import CheckFailedError, Fatal, Forged
from notes import Notes
from outputs import DIGEST
from reference import Inputs, is_exact, prepared
from suite import call_text, raised_text, shown
from wire import from_json

FLOAT_ATOL = 1e-6
RTOL = 1e-7
MOST_AT_ONCE = 512
_INFINITE = float("inf")
_MACHINE = range(-(1 << 63), 1 << 64)
"""Whole numbers that an array of numbers can hold."""


class Differential:
    """The comparison that the tests of a task ask for.

    Outputs must equal the reference's. Where `atol` is not 0, or the reference has given floats in
    the same group, numbers in lists and tuples of the same shape may differ by `atol` (else 1e-6)
    plus 1e-7 of the expected magnitude. `same(output, expected)` takes the place of equality,
    `also(output, *arguments)` accepts further outputs, and `holds(output, *arguments)` decides
    alone, without a reference. `most` failing inputs of each group are looked for, 0: all. One
    input may take the part `each` of the time that it usually may.
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
        most: int = 1,
        each: float = 1,
    ) -> None:
        self.candidate, self.name, self.atol = candidate, name, atol
        self.reference, self.conversion = "" if holds else reference, conversion
        self.same, self.also, self.holds = same, also, holds
        self.most, self.each, self.each_s = most, each, 0.0

    def verify(
        self, passed: dict[str, bool], groups: Mapping[str, str], notes: Notes | None = None
    ) -> None:
        """Note in `passed` how each group of inputs went up to its first failure, or to as many as
        are asked for; then raise the first failure of all. Groups that a dying program never
        reached are not noted."""
        first: BaseException | None = None
        told: tuple[Any, Any, Any] = (None, {}, None)
        story, notes = "", notes or Notes({}, 0)
        self.each_s = notes.each_s = notes.each_s * self.each
        for group, text in groups.items():
            passed[group], failing = False, 0
            inputs = self.inputs(group, text, notes)
            for index, error in self.failures(group, inputs):
                failing += 1
                if first is None:
                    failed = isinstance(error, CheckFailedError)
                    first = CheckFailedError(f"{story}{error}") if failed else error
                    told = self.candidate.raised, self.candidate.report, self.candidate.last
                if self.most != 1:
                    notes.list(group, index, len(inputs.packed), self.words(error))
                if failing == self.most:
                    break
            passed[group] = not failing
            story += "" if failing else f"{group} passed; "
            if inputs.known and len(inputs.seals) > len(
                notes.known.get(group, {}).get("seals", ())
            ):
                notes.learned[group] = inputs.told()
        if first is not None:
            self.candidate.raised, self.candidate.report, self.candidate.last = told
            raise first

    def inputs(self, group: str, text: str, notes: Notes) -> Inputs:
        """A group's inputs, with what is known of their outputs."""
        inputs = prepared(self.reference, self.name, self.conversion, text)
        if group in notes.known:
            inputs.take(notes.known[group])
        return inputs

    def failures(self, group: str, inputs: Inputs) -> Iterator[tuple[int, BaseException]]:
        """Each input of the group that the program fails, and how; what ends the comparison itself
        stands last, without a position."""
        try:
            yield from self.compare(group, inputs)
        except (Fatal, GeneratorExit):
            raise
        except BaseException as error:
            yield -1, error

    def compare(self, group: str, inputs: Inputs) -> Iterator[tuple[int, BaseException]]:
        """Ask in growing portions, and object."""
        total, start, size = len(inputs.packed), 0, 1
        while start < total:
            texts, claim = self.ask(inputs, start, min(total, start + size))
            for index, objection in self.objections(inputs, start, texts):
                words = f"{group} failed at input {index + 1} of {total}: {objection}"
                yield index, CheckFailedError(words)
            start += len(texts)
            if claim is not None:
                self.candidate.last = self.name, inputs.row(start), {}
                yield start, self.candidate.exception(claim)
                start += 1
            size = min(MOST_AT_ONCE, 2 * size)
        inputs.expect(total, total)
        inputs.known = True

    def words(self, error: BaseException) -> str:
        """One failing input among others."""
        if isinstance(error, CheckFailedError):
            return str(error).partition(": ")[2]
        last = self.candidate.last
        called = call_text(last) if last is not None else self.name
        return f"{called} raised {raised_text(self.candidate.report)}"

    def ask(self, inputs: Inputs, start: int, end: int) -> tuple[list[str], Any]:
        """The program's outputs for these inputs, as texts, and the claim that ended them early.

        While the program computes, the reference does, unless a digest may do instead.
        """
        candidate, count = self.candidate, end - start
        some = f"one of {count} calls beginning with " if count > 1 else ""
        candidate.last, candidate.answered = (some + self.name, inputs.row(start), {}), False
        candidate.send(inputs.request(self.name, start, end, self.each_s))
        if (start, end) not in inputs.seals:
            inputs.expect(start, end)
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

    def objections(self, inputs: Inputs, start: int, texts: list[str]) -> Iterator[tuple[int, str]]:
        """Positions of wrong outputs among those from `start` on, and why they are wrong."""
        end = start + len(texts)
        if inputs.agrees(start, end, texts):
            return
        for index, text in enumerate(texts, start):
            objection = self.objection(inputs, index, text)
            if objection:
                yield index, objection

    def objection(self, inputs: Inputs, index: int, text: str) -> str:
        """Why an output is wrong, in words; empty when it is right."""
        if not self.holds and text == inputs.expected[index] and is_exact(text):
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
    most = atol + RTOL * abs(expected)
    return bool(output == expected or abs(output - expected) <= most < _INFINITE)
