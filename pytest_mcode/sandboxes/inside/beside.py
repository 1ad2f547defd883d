"""In the worker: a program and its unittest classes in one process.

The judge sends this module along with the job. What it reports is believed only as far as the
judge's second run, with wrong expectations, contradicts it; nothing here knows which run it is.

Frames: `k` the program is defined; `s` a method starts, `b` something did not hold (number of the
assertion, or -1, and the exception), `e` the method ended (`o` how, `h` the numbers of the
assertions that held at least once); `z` the end, with the output.
"""

from __future__ import annotations

import marshal
import sys
import unittest
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from claims import describe_exception
from console import Console
from frames import read_frame

if TYPE_CHECKING:
    from types import TracebackType

    from worker import Worker

MODULE = "__test__"
unittest.case.difflib = SimpleNamespace(ndiff=lambda *sides: ())  # type: ignore[attr-defined]
"""A failed comparison of two long lists takes minutes to show what differs."""
TESTS = "<tests>"


class Recorder(unittest.TestResult):
    """Tells the judge what happens, as it happens."""

    def __init__(self, answer: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self.answer = answer
        self.current = self.outcome = ""
        self.held: set[int] = set()
        self.broken: set[int] = set()

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self.outcome, self.broken = "", set()
        self.current = f"{type(test).__name__}.{test._testMethodName}"
        self.answer({"s": self.current})

    def stopTest(self, test: unittest.TestCase) -> None:
        super().stopTest(test)
        held, self.held = self.held, set()
        name = f"{type(test).__name__}.{test._testMethodName}"
        if name != self.current:  # Python 3.12.1 does not start what is skipped
            self.answer({"s": name})
        self.answer({"e": name, "o": self.outcome, "h": sorted(held)})

    def complain(self, number: int, error: BaseException) -> None:
        """Something did not hold."""
        if number in self.broken:
            return
        self.broken.add(number)
        trace, line = error.__traceback__, 0
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == TESTS:
                line = trace.tb_lineno
            trace = trace.tb_next
        self.answer({"b": number, "l": line, "c": describe_exception(error)})

    def addSuccess(self, test: unittest.TestCase) -> None:
        self.outcome = self.outcome or "passed"

    def addError(self, test: unittest.TestCase, err: Any) -> None:
        self.outcome = "error"
        self.complain(-1, err[1])

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        self.addError(test, err)

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:
        if err is not None:
            self.addError(test, err)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        self.outcome = "skipped"

    def addExpectedFailure(self, test: unittest.TestCase, err: Any) -> None:
        self.outcome = "expected failure"

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        self.outcome = "error"
        self.complain(-1, AssertionError("the method is marked as an expected failure, and passed"))


class Check:
    """One assertion: says whether it held, and goes on."""

    def __init__(self, recorder: Recorder, number: int) -> None:
        self.recorder, self.number = recorder, number

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: object, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None:
            self.recorder.held.add(self.number)
            return False
        self.recorder.complain(self.number, error)
        return not isinstance(error, GeneratorExit)


def serve(worker: Worker, source: str, seed: int, limits: tuple[int, int, int]) -> None:
    """Define the program, then its tests beside it, and run them."""
    cpu_s, memory, room = limits
    sys.stdout = sys.stderr = worker.console = Console(room)
    try:
        worker.limit(cpu_s, memory)
        worker.define(source, b"", seed, MODULE)
    except BaseException as error:
        worker.answer(describe_exception(error))
        return
    worker.answer({"k": 1})
    tests, check, classes = marshal.loads(read_frame(worker.read))
    recorder = Recorder(worker.answer)
    worker.names[check] = lambda number: Check(recorder, number)
    try:
        exec(marshal.loads(tests), worker.names)
        loader, suite = unittest.TestLoader(), unittest.TestSuite()
        for name in classes:
            suite.addTests(loader.loadTestsFromTestCase(worker.names[name]))
        suite.run(recorder)
    except BaseException as error:
        recorder.complain(-1, error)
    worker.answer({"z": "".join(worker.console.parts)})
