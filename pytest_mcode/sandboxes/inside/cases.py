"""In the judge: a program that reads standard input, one fresh process for each case.

The worker gets the input alone; outputs are compared here, by line and without the blanks at the
ends of lines. The first case that does not pass decides.
"""

from __future__ import annotations

import json
import marshal
import math
import os
from typing import TYPE_CHECKING, Any

from candidate import Candidate
from endings import Forged
from runners import runner
from suite import raised_text, trace_text
from verification import FILE_SIZE, Verification, missing, precompiled, seed_of

if TYPE_CHECKING:
    from judge import Judge

_SHOWN = 400


class Case(Verification):
    """One input."""

    def __init__(self, judge: Judge, job: dict[str, Any], given: str, expected: str) -> None:
        super().__init__(judge.suite, Candidate(judge.worker), job)
        self.given, self.expected = given, expected
        self.tolerance = 0.0
        self.program: tuple[bytes, tuple[str, bytes, int]] = (b"", ("", b"", 0))
        self.said: dict[str, Any] = {}

    def run(self) -> None:
        """Send program and input, take the output."""
        limits = (self.job["cpu_s"], self.job["memory"])
        given = self.given.encode("utf-8", "surrogatepass")
        self.candidate.send(b"!" + marshal.dumps((*self.program, given, limits)))
        said = self.said = self.candidate.receive()
        kinds = {"status": int, "cpu_ms": int, "size": int, "output": str, "claim": str}
        if any(type(said.get(name)) is not kind for name, kind in kinds.items()):
            raise self.candidate.fail(Forged("an end of the program that is none"))
        if not self.candidate.is_silent():
            raise self.candidate.fail(Forged("more answers than questions"))
        self.stdout = said["output"]

    def died(self) -> bool:
        """True where the kernel may have killed it for its memory."""
        return super().died() or os.WIFSIGNALED(self.said.get("status", 0))

    def outcome(self, report: list[int]) -> tuple[str, str, str]:
        """Status, one line and feedback, which shows the input."""
        status, detail, feedback = self.ending(report)
        if status in ("passed", "forged"):
            return status, detail, feedback
        return status, detail, f"Input:\n{shown(self.given)}\n{feedback or detail}"

    def ending(self, report: list[int]) -> tuple[str, str, str]:
        """Without the input."""
        if self.candidate.fatal is not None:
            return super().outcome(report)
        said = self.said
        if said["size"] >= FILE_SIZE:
            return "output_limit", f"more than {FILE_SIZE >> 20} MB of output", ""
        if said["claim"] and said["status"]:
            return self.excepted(said["claim"])
        if said["status"]:
            status, detail, more = self.gone(
                [said["status"], 0, said["cpu_ms"], 0, 1, report[5], 0]
            )
            return status, detail.removesuffix(" before the tests finished"), more
        wrong = difference(self.expected, said["output"], self.tolerance)
        if not wrong:
            return "passed", "", ""
        expected, got = shown(self.expected), shown(said["output"])
        return "failed", wrong, f"Expected output:\n{expected}\nYour output:\n{got}\n({wrong})"

    def excepted(self, text: str) -> tuple[str, str, str]:
        """An exception that nobody caught."""
        try:
            claim = json.loads(text)
        except ValueError:
            claim = None
        if type(claim) is not dict:
            claim = {}
        status = "memory" if claim.get("x") == "MemoryError" else "error"
        frames = trace_text(claim, self.job["candidate"])
        return status, raised_text(claim) + missing(claim), frames


def shown(text: str) -> str:
    """The beginning of an input or output."""
    text = text.rstrip("\n")
    return text if len(text) <= _SHOWN else text[:_SHOWN] + f"... ({len(text)} characters)"


def lines_of(text: str) -> list[str]:
    """Lines without blanks at their end, and without empty lines at the end of all."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def difference(expected: str, got: str, tolerance: float) -> str:
    """The first line that differs, in words; empty if none does."""
    wanted, found = lines_of(expected), lines_of(got)
    for number, (a, b) in enumerate(zip(wanted, found, strict=False), 1):
        if a != b and not (tolerance and close(a, b, tolerance)):
            return f"line {number}: expected {a[:80]!r}, got {b[:80]!r}"
    if len(wanted) == len(found):
        return ""
    return f"expected {len(wanted)} lines of output, got {len(found)}"


def close(a: str, b: str, tolerance: float) -> bool:
    """Equal words, but for numbers that differ by at most `tolerance`, absolute or relative."""
    left, right = a.split(), b.split()
    if len(left) != len(right):
        return False
    for x, y in zip(left, right, strict=True):
        if x == y:
            continue
        try:
            if not math.isclose(float(x), float(y), rel_tol=tolerance, abs_tol=tolerance):
                return False
        except ValueError:
            return False
    return True


def examine(judge: Judge, job: dict[str, Any]) -> dict[str, Any]:
    """All cases until one does not pass, and the verdict on them."""
    cases = json.loads(job["tests"])
    source = job["candidate"]
    try:
        code = precompiled(source)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        code = b""  # the worker meets the same error, and says where
    program = (runner("script"), (source, code, seed_of(source)))
    answer: dict[str, Any] = {}
    wall_s, peak = 0.0, 0
    count = len(cases["inputs"])
    for number, pair in enumerate(zip(cases["inputs"], cases["outputs"], strict=True)):
        case = Case(judge, job, *pair)
        case.program, case.tolerance = program, float(cases.get("tolerance", 0))
        wall_s += judge.attend(case)
        peak = max(peak, judge.report[1])
        answer = case.answer(wall_s, judge.report)
        passed = answer["status"] == "passed"
        answer.update(peak_kb=peak, checks=number + passed)
        if not passed:
            answer["detail"] = f"case {number + 1} of {count}: {answer['detail']}"[:300]
        elif not answer["clean"] and number + 1 < count:
            answer.update(status="error", detail="it left behind what cannot be removed")
        if answer["status"] != "passed":
            break
    return answer
