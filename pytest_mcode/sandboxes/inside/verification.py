"""One job in the judge: what ran, what held, how it ended, and that in words."""

from __future__ import annotations

import marshal
import os
import re
import signal
import sys
import zlib
from collections.abc import Callable

from candidate import Candidate
from endings import CheckFailedError, Forged, Gone, TimeUp, Unforeseen
from notes import Notes
from suite import (
    GROUPS,
    HELD,
    NOTES,
    PROGRAM,
    Suite,
    call_text,
    frames_of,
    raised_text,
    shown,
    trace_text,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MOST_FINALLY = 4
"""A `finally` clause is compiled twice, each nested one twice as often: 20 levels take minutes in
which the compiler listens to no signal. Beyond this the worker compiles, within its limits."""
SMALL_FINALLY = 4 << 10
"""Characters of a source with such a clause: it is also compiled once for each `return` before it,
which takes a gigabyte for sixty thousand characters."""
SMALL_SOURCE = 64 << 10
"""Characters up to which the judge compiles for the worker: its pages are warm, a fresh child
pays 0.4 ms of copy-on-write faults for it, and no code of the candidate runs in compile()."""
FILE_SIZE = 8 << 20
_MOST_FEEDBACK = 1500
_MOST_DETAIL = 300
LATE = 8
"""The supervisor's bit for a program whose time is over."""
_TICKS = 0.5
"""Of the limit: the kernel counts ticks against it, but reports the time that truly ran, which is
less where other processes share the core."""
_ONE_INPUT = 0.1
"""Share of the time of a program that one of many inputs may take."""
_MISSING = re.compile(r"No module named '(\w+)")


def precompiled(source: str) -> bytes:
    """The program as marshalled code; empty where the worker must compile. Raises SyntaxError."""
    clauses = source.count("finally")
    if len(source) <= (SMALL_FINALLY if clauses else SMALL_SOURCE) and clauses <= MOST_FINALLY:
        return marshal.dumps(compile(source, "<candidate>", "exec", 0, True))
    return b""


def seed_of(source: str) -> int:
    """Seed of a program that draws numbers, so that its verdict is always the same; else 0."""
    return 1 + zlib.crc32(source.encode("utf-8", "surrogatepass")) if "random" in source else 0


class Verification:
    """One job: what ran, what held and how it ended."""

    needs = 0
    """What its worker imports, in the bits that the supervisor reads."""

    def __init__(
        self, find: Callable[[str, str], Suite], candidate: Candidate, job: dict[str, Any]
    ) -> None:
        self.find = find
        self.candidate = candidate
        self.job = job
        self.held: list[bool] = []
        self.suite: Suite | None = None
        self.error: BaseException | None = None
        self.stdout = ""
        self.groups: dict[str, bool] = {}
        """Which groups of its tests held, where a task tells them apart."""
        self.notes = Notes(job.get("expected") or {}, job["cpu_s"] * _ONE_INPUT)

    def run(self) -> None:
        """Define the candidate, run the tests; `error` stays None if both went through."""
        try:
            suite = self.suite = self.find(self.job["context"], self.job["tests"])
            self.held[:] = [False] * suite.checks
            exec(suite.code, self.define(suite))
            if self.candidate.foreseen:
                self.candidate.fail(Unforeseen())
            elif not self.candidate.is_silent():
                self.candidate.fail(Forged("more answers than questions"))
            else:
                suite.learn(self.candidate.asked)
        except BaseException as error:
            self.error = error
        if self.candidate.fatal is None:
            self.stdout = "".join(self.candidate.printed)

    def define(self, suite: Suite) -> dict[str, Any]:
        """Send the program, meanwhile run the context; the namespace with the names bound."""
        job = self.job
        source = job["candidate"]
        code = precompiled(source)
        program = ("" if code else source, code, tuple(job["names"]), seed_of(source), job["cpu_s"])
        self.candidate.buffers = suite.buffers
        self.candidate.send(marshal.dumps((*program, job["memory"], job["output"], suite.foreseen)))
        self.candidate.foreseen = suite.calls[::-1]
        namespace: dict[str, Any] = {"__name__": "__tests__", HELD: self.held}
        namespace |= {PROGRAM: self.candidate, GROUPS: self.groups, NOTES: self.notes}
        if suite.random:
            import random

            random.seed(0)
        if suite.context is not None:
            exec(suite.context, namespace)
        answer = self.candidate.receive()
        if "x" in answer:
            raise self.candidate.exception(answer)
        kinds = answer.get("k")
        if type(kinds) is not dict:
            raise self.candidate.fail(Forged("a definition that is none"))
        self.candidate.bind(kinds, job["names"], namespace)
        return namespace

    def is_unforeseen(self) -> bool:
        """True if its tests asked otherwise than before: it must run again, call by call."""
        if not isinstance(self.candidate.fatal, Unforeseen) or self.suite is None:
            return False
        self.suite.forget()
        return True

    def died(self) -> bool:
        """True if the worker ended by itself."""
        return isinstance(self.candidate.fatal, Gone)

    def told(self) -> int:
        """What its worker's supervisor is told of the end, in bits."""
        late = isinstance(self.candidate.fatal, TimeUp)
        return self.died() | self.needs | (LATE if late else 0)

    # -- in words -----------------------------------------------------------------------------

    def answer(self, wall_s: float, report: list[int]) -> dict[str, Any]:
        """The verdict as JSON: status, one line, feedback, output, figures."""
        try:
            status, detail, feedback = self.outcome(report)
        except Exception as error:  # whatever a hostile exception or value does to its description
            status, detail, feedback = "error", f"no words for it: {type(error).__name__}", ""
        said, listed = (feedback or detail)[-_MOST_FEEDBACK:], self.notes.text()
        said = f"{said}\n\n{listed}" if listed else said
        return {
            "id": self.job["id"],
            "status": status,
            "detail": " ".join(detail.split())[:_MOST_DETAIL],
            "feedback": said if status != "passed" else "",
            "stdout": self.stdout[: self.job["output"]],
            "checks": sum(self.held),
            "groups": self.groups,
            "expected": self.notes.learned,
            "wall_s": wall_s,
            "peak_kb": report[1],
            "clean": bool(report[4]),
            "waited_s": report[6] / 1000,
        }

    def outcome(self, report: list[int]) -> tuple[str, str, str]:  # noqa: PLR0911 - a table
        """Status, one line and feedback."""
        fatal, error = self.candidate.fatal, self.error
        if isinstance(fatal, TimeUp):
            return self.time_up(str(fatal) or f"{self.job['wall_s']:g} s of wall time")
        if isinstance(fatal, Forged):
            return "forged", f"the program's process sent {fatal}", ""
        if isinstance(fatal, Gone):
            return self.gone(report)
        if error is None:
            return "passed", "", ""
        if self.suite is None:
            return "error", f"the tests do not compile: {error}", ""
        if error is self.candidate.raised:
            return self.raised(report)
        if isinstance(error, MemoryError):
            return "memory", "MemoryError: the tests cannot hold this program or its result", ""
        return self.tests_raised(error)

    def time_up(self, limit: str) -> tuple[str, str, str]:
        """CPU or wall time is over."""
        detail = f"no end within {limit}"
        last = self.candidate.last
        if last is not None and not self.candidate.answered:
            return "timeout", detail, f"Time limit: {call_text(last)} did not return; {detail}"
        return "timeout", detail, f"Time limit: {detail}"

    def gone(self, report: list[int]) -> tuple[str, str, str]:
        """The worker ended before the tests did."""
        status, _, cpu_ms, output, _, starved, _ = report
        if output >= FILE_SIZE:
            return "output_limit", f"more than {FILE_SIZE >> 20} MB of raw output", ""
        if starved and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            return "memory", "killed by the kernel for want of memory", ""
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            used_up = cpu_ms >= _TICKS * 1000 * self.job["cpu_s"]
            if number in (signal.SIGXCPU, signal.SIGKILL) and used_up:
                return self.time_up(f"{self.job['cpu_s']} s of CPU time")
            each_s = self.notes.each_s
            if number == signal.SIGPROF and cpu_ms >= _TICKS * 1000 * each_s:
                return self.time_up(f"{each_s:g} s of CPU time for one input")
            known = number in set(signal.Signals)
            name = signal.Signals(number).name if known else f"signal {number}"
            return "error", f"the program died by {name} before the tests finished", ""
        code = os.WEXITSTATUS(status)
        return "error", f"the program exited with status {code} before the tests finished", ""

    def raised(self, report: list[int]) -> tuple[str, str, str]:
        """The candidate's own exception reached the end of the tests."""
        claim = self.candidate.report
        status = "memory" if isinstance(self.error, MemoryError) else "error"
        if isinstance(self.error, OSError) and report[3] >= FILE_SIZE:
            status = "output_limit"
        trace = trace_text(claim, self.job["candidate"])
        frames = frames_of(claim)
        where = f" (line {frames[-1][0]})" if frames else ""
        last = self.candidate.last
        called = f"{call_text(last)} raised:\n" if last is not None else ""
        room = _MOST_FEEDBACK - len(called)
        return status, raised_text(claim) + where + missing(claim), called + trace[-room:]

    def tests_raised(self, error: BaseException) -> tuple[str, str, str]:
        """An assertion did not hold, or the tests could not go on."""
        if isinstance(error, CheckFailedError):
            return "failed", str(error), ""
        statement = self.suite.statement(error) if self.suite is not None else ""
        import traceback

        text = "".join(traceback.format_exception_only(error)).strip()
        last = self.candidate.last
        if isinstance(error, AssertionError):
            if last is not None and self.candidate.answered:
                got = f"{call_text(last)} returned {shown(self.candidate.returned)}"
                text = f"{text}: {got}" if text == "AssertionError" else f"{text}\n{got}"
            return "failed", f"{statement}: {text}", f"{statement}\n{text}"
        return "error", text.splitlines()[-1], f"{statement}\n{text}".strip()


def missing(claim: dict[str, Any]) -> str:
    """Says so where a program failed for want of a library, which is the sandbox's lack."""
    found = _MISSING.match(str(claim.get("m"))) if claim.get("x") == "ModuleNotFoundError" else None
    if found is None or found[1] in sys.stdlib_module_names:
        return ""
    return f"; needs {found[1]}, which the sandbox does not have (--mcode-image takes one that has)"
