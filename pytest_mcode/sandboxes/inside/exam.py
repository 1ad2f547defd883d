"""In the judge: programs that cannot be separated from their tests, verified twice.

Once with the tests as they are, once with wrong expectations (`canary`), in an order that nobody
knows and each in a fresh worker. It passes if the first run held everything that the source of the
tests promises, and the second refuted it. This detects cheating; it cannot exclude it.
"""

from __future__ import annotations

import marshal
import os
from typing import TYPE_CHECKING, Any

from candidate import Candidate
from classes import CHECK
from endings import Forged
from runners import runner
from suite import frames_of, raised_text, trace_text
from verification import Verification, missing, seed_of

if TYPE_CHECKING:
    from classes import Script
    from judge import Judge

UNITTEST, MOCK = 2, 4
"""As in `supervisor`, which the judge does not import: it would preload what programs need."""
_ENDS = frozenset(("passed", "skipped", "expected failure", "error"))


class Run(Verification):
    """One of the two runs, in one worker."""

    def __init__(self, judge: Judge, job: dict[str, Any], script: Script, turned: bool) -> None:
        super().__init__(judge.suite, Candidate(judge.worker), job)
        self.script, self.turned = script, turned
        self.needs = UNITTEST | (MOCK if "mock" in job["tests"] else 0)
        self.current = ""
        self.ends: dict[str, str] = {}
        self.passed: dict[str, set[int]] = {}
        """Method -> the assertions that held in it; those outside of methods under ''."""
        self.broken: dict[str, dict[int, dict[str, Any]]] = {}
        self.report: list[int] = [0] * 7

    def run(self) -> None:
        """Send the program, then the tests; hear what became of them."""
        job, source = self.job, self.job["candidate"]
        limits = (job["cpu_s"], job["memory"], job["output"])
        program = (runner("beside"), source, seed_of(source), limits)
        try:
            self.candidate.send(b"!" + marshal.dumps(program))
            answer = self.candidate.receive()
            if "x" in answer:
                raise self.candidate.exception(answer)
            tests = self.script.code(self.turned)
            self.candidate.send(marshal.dumps((tests, CHECK, self.script.classes)))
            while self.hear(self.candidate.receive()):
                pass
        except BaseException as error:
            self.error = error

    def hear(self, said: dict[str, Any]) -> bool:
        """Note one frame; False after the last, and after the first failure of the true tests."""
        if "z" in said:
            self.stdout = str(said["z"])
            return False
        name = said.get("s", said.get("e", self.current))
        if type(name) is not str:
            raise self.candidate.fail(Forged("a method without a name"))
        if "b" in said:
            if type(said["b"]) is not int or type(said.get("c")) is not dict:
                raise self.candidate.fail(Forged("a failure that is none"))
            self.broken.setdefault(name, {}).setdefault(said["b"], said)
            return self.turned
        if "s" in said:
            if self.current or name in self.ends or name not in self.script.methods:
                raise self.candidate.fail(Forged("a test method that is none of these tests"))
            self.current = name
        elif "e" in said:
            held, end = said.get("h"), said.get("o")
            if name != self.current or type(held) is not list or end not in _ENDS:
                raise self.candidate.fail(Forged("an end of no test method"))
            places = range(len(self.script.places))
            if any(type(number) is not int or number not in places for number in held):
                raise self.candidate.fail(Forged("an assertion that is none of these tests"))
            self.passed[name] = set(held)
            self.ends[name], self.current = end, ""
        return True

    # -- the verdict --------------------------------------------------------------------------

    def outcome(self, report: list[int]) -> tuple[str, str, str]:
        """Of the true tests, before the canary is looked at."""
        if self.candidate.fatal is not None:
            return super().outcome(report)
        for name, complaints in self.broken.items():
            for said in complaints.values():
                return self.failure(name, said)
        if self.error is not None:
            own = self.error is self.candidate.raised
            return self.raised(report) if own else self.tests_raised(self.error)
        flaw = self.flaw()
        return ("forged", flaw, "") if flaw else ("passed", "", "")

    def time_up(self, limit: str) -> tuple[str, str, str]:
        """With the method that did not end."""
        status, detail, feedback = super().time_up(limit)
        running = f" ({self.current} did not end)" if self.current else ""
        return status, detail + running, feedback + running

    def failure(self, name: str, said: dict[str, Any]) -> tuple[str, str, str]:
        """What did not hold, in words. The claim is the worker's."""
        claim, number, line = said["c"], said["b"], said.get("l")
        statement = ""
        if 0 <= number < len(self.script.places):
            place = self.script.places[number]
            statement = self.script.statement(place.first, place.last)
        elif type(line) is int and line > 0:
            statement = self.script.statement(line, line)
        raised = raised_text(claim)
        where = name or "outside of the test methods"
        feedback = f"{where}: {statement}\n{raised}"
        if frames_of(claim):
            feedback = f"{where}: {statement}\n{trace_text(claim, self.job['candidate'])}"
        status = "failed" if claim.get("x") == "AssertionError" else "error"
        if claim.get("x") == "MemoryError":
            status = "memory"
        first = raised.splitlines()[0] if raised else ""
        return status, f"{where}: {statement}: {first}{missing(claim)}", feedback

    def flaw(self) -> str:
        """Why a run without a failure is no pass; empty where it is one."""
        for name, method in self.script.methods.items():
            end = self.ends.get(name)
            if end is None and not method.may_skip:
                return f"{name} did not run"
            if end == "skipped" and not method.may_skip:
                return f"{name} was skipped, which the tests do not ask for"
            if end == "expected failure" and not method.must_fail:
                return f"{name} ended as an expected failure, which the tests do not ask for"
            if end == "passed" and self.script.must_hold(name) and not self.passed[name]:
                return f"{name} passed, but none of its assertions ran"
        return "" if any(self.passed.values()) else "no assertion ran"

    def betrayed(self, true: Run) -> str:
        """What held here although the expectation was wrong; empty where all was refuted."""
        if self.candidate.fatal is not None or self.error is not None:
            return f"with wrong expectations the run broke off ({self.super_outcome()})"
        for name, held in true.passed.items():
            if name not in self.ends:
                return f"{name}: it did not run with wrong expectations"
            survived = held & self.passed.get(name, set())
            for number in sorted(survived):
                place = self.script.places[number]
                return f"{name}: holds with a wrong expectation too: " + self.script.statement(
                    place.first, place.last
                )
            if held and not held & set(self.broken.get(name, ())):
                return f"{name}: none of its assertions failed with wrong expectations"
        return ""

    def super_outcome(self) -> str:
        """The line for an end that is not the tests' own."""
        return super().outcome(self.report)[1]


def unreadable(job: dict[str, Any], error: SyntaxError) -> dict[str, Any]:
    """The answer where the tests are no Python."""
    detail = f"the tests do not compile: {error}"
    words = {"status": "error", "detail": detail, "feedback": "", "stdout": ""}
    return {**words, "id": job["id"], "checks": 0, "wall_s": 0.0, "peak_kb": 0, "clean": True}


def examine(judge: Judge, job: dict[str, Any]) -> dict[str, Any]:
    """Both runs, and the verdict on them."""
    try:
        script = judge.script(job["tests"], tuple(job["names"]))
    except SyntaxError as error:
        return unreadable(job, error)
    first = bool(os.urandom(1)[0] & 1)
    runs: dict[bool, Run] = {}
    wall_s, peak, clean = 0.0, 0, True
    for turned in (first, not first):
        run = runs[turned] = Run(judge, job, script, turned)
        wall_s += judge.attend(run)
        run.report = judge.report
        peak, clean = max(peak, judge.report[1]), bool(judge.report[4])
        if not clean or (not turned and run.outcome(run.report)[0] != "passed"):
            break
    true = runs.get(False)
    answer = (true or runs[True]).answer(wall_s, (true or runs[True]).report)
    answer.update(peak_kb=peak, clean=clean)
    if true is None:
        answer.update(status="error", detail="it left behind what cannot be removed", checks=0)
        return answer
    answer["checks"] = sum(end in ("passed", "expected failure") for end in true.ends.values())
    if answer["status"] == "passed":
        why = runs[True].betrayed(true) if True in runs else "the second run was not possible"
        if why:
            answer.update(status="forged", detail=" ".join(why.split())[:300], feedback="")
    return answer
