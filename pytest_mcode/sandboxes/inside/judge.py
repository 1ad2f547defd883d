"""Runs the tests: holds them and the expected values, and meets the candidate through a socket.

    judge.py [--socket-fd N]

Jobs arrive on standard input and verdicts leave on standard output, as length-prefixed JSON. The
supervisor is met on its abstract socket, or on the inherited descriptor N. Another user (Docker)
or another sandbox (bubblewrap) than the candidate's: nothing of the candidate runs here.
"""

from __future__ import annotations

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import gc
import json
import resource
import signal
import time
import warnings
from _socket import AF_UNIX, CMSG_LEN, SOCK_STREAM, socket  # without socket's 0.3 MB of enums

import guard
import pace
import packages
from candidate import Candidate
from console import Console
from delay import opened, waited_ms
from endings import Fatal, TimeUp
from frames import framed
from memory import Memory
from suite import Suite
from verification import LATE, Verification

TYPE_CHECKING = False  # as in all that the judge imports: typing's would cost it half a megabyte
if TYPE_CHECKING:
    from typing import Any

    from classes import Script

RENDEZVOUS = "\0mcode-judge"
OWN_MEMORY = 1 << 30
_MOST_TEXT = 8 << 20
_PATIENCE_S = 10.0
_AGAIN_S = 0.2
_GRACE_S = 1.0
_PROMPT_S = 0.02
"""How long a verdict may wait for the next one, to leave with it in one write."""


class Pipe:
    """Frames over the two descriptors to the host."""

    def __init__(self, reading: int, writing: int) -> None:
        self.reading, self.writing = reading, writing
        self.buffer = b""
        self.ready: list[bytes] = []

    def receive(self) -> Any:
        """The next frame; None at the end of the stream."""
        buffer = self.buffer
        while len(buffer) < 4 or len(buffer) < 4 + int.from_bytes(buffer[:4], "little"):
            data = os.read(self.reading, 1 << 20)
            if not data:
                return None
            buffer += data
        end = 4 + int.from_bytes(buffer[:4], "little")
        self.buffer = buffer[end:]
        return json.loads(buffer[4:end])

    def put(self, value: Any) -> None:
        """One frame, kept back until `flush`: every write costs the Docker daemon 0.3 ms."""
        self.ready.append(framed(json.dumps(value).encode()))

    def flush(self) -> None:
        """Write what is ready, whole."""
        ready, self.ready = self.ready, []
        view = memoryview(b"".join(ready))
        while view:
            view = view[os.write(self.writing, view) :]


class Judge:
    """Verifies one job after the other, each against a fresh worker."""

    def __init__(self, supervisor: socket, pipe: Pipe) -> None:
        self.supervisor = supervisor
        self.suites: dict[tuple[str, str], Suite] = {}
        self.scripts: dict[tuple[str, tuple[str, ...]], Script] = {}
        self.size = 0
        self.armed = False
        self.deadline = self.own_deadline = 0.0
        self.pipe = pipe
        self.candidate: Candidate | None = None
        self.report = [0] * 7
        self.schedstat = opened("self")
        self.worker = self.next_worker()
        signal.signal(signal.SIGALRM, self.on_alarm)

    def on_alarm(self, *_: object) -> None:
        """The program takes long: let go of what is ready. Or its time is over."""
        if not self.armed or self.candidate is None:
            return
        left = self.deadline - time.perf_counter()
        if left <= 0:
            raise self.candidate.fail(TimeUp())
        if time.process_time() > self.own_deadline:
            raise self.candidate.fail(TimeUp("the CPU time of the tests themselves"))
        self.pipe.flush()
        signal.setitimer(signal.ITIMER_REAL, min(left, _AGAIN_S), _AGAIN_S)

    def next_worker(self) -> socket:
        """A connection to the next worker, with the report on the last."""
        message, attached, _, _ = self.supervisor.recvmsg(256, CMSG_LEN(4))
        if not message:
            os._exit(3)
        if message != b"first":
            self.report = [int(word) for word in message.split()]
        number = int.from_bytes(attached[0][2], sys.byteorder)
        return socket(AF_UNIX, SOCK_STREAM, 0, number)  # told what it is, it need not ask

    def suite(self, context: str, tests: str) -> Suite:
        """The tests, compiled once."""
        known = self.suites.get((context, tests))
        if known is None:
            self.make_room(len(tests) + len(context))
            known = self.suites[context, tests] = Suite(context, tests)
        return known

    def script(self, tests: str, names: tuple[str, ...]) -> Script:
        """The unittest classes, read and turned once. Raises SyntaxError."""
        known = self.scripts.get((tests, names))
        if known is None:
            from classes import Script

            self.make_room(len(tests))
            known = self.scripts[tests, names] = Script(tests, names)
        return known

    def make_room(self, size: int) -> None:
        """Before tests of that many characters are kept."""
        if self.size + size > _MOST_TEXT:
            self.forget_suites()
        self.size += size

    def forget_suites(self) -> None:
        """Let go of what is kept of earlier tests; it is worked out again where it is needed."""
        self.suites.clear()
        self.scripts.clear()
        self.size = 0
        if "reference" in sys.modules:
            sys.modules["reference"].prepared.cache_clear()

    def run_batch(self, memory: Memory) -> bool:
        """Verify what the host sends next; False where nothing more must come after it."""
        jobs = self.pipe.receive()
        if jobs is None:
            return False
        sys.stdout = Console(0)
        while jobs:
            answer = self.run(jobs.pop(0))
            if not jobs and not memory.is_returned():
                answer["clean"] = False
            self.pipe.put(answer)
            if not answer["clean"]:
                jobs = None  # the host makes a new sandbox for the rest
        self.pipe.flush()
        return jobs is not None

    def run(self, job: dict[str, Any]) -> dict[str, Any]:
        """Verify one job; the answer is plain JSON."""
        if job["mode"] == "split":
            verdict = Verification(self.suite, Candidate(self.worker), job)
            wall_s = self.attend(verdict)
            if verdict.is_unforeseen():
                verdict = Verification(self.suite, Candidate(self.worker), job)
                wall_s = self.attend(verdict)
            return verdict.answer(wall_s, self.report)
        if job["mode"] == "stdin":
            import cases

            return cases.examine(self, job)
        import exam

        return exam.examine(self, job)

    def attend(self, verdict: Verification) -> float:
        """Run it against the waiting worker and get the next; the seconds that it took."""
        started, waited = time.perf_counter(), waited_ms(self.schedstat)
        job = verdict.job
        self.candidate = verdict.candidate
        self.deadline = started + job["wall_s"]
        self.own_deadline = time.process_time() + job["cpu_s"]
        self.armed = True
        signal.setitimer(signal.ITIMER_VIRTUAL, job["cpu_s"] + _GRACE_S)
        signal.setitimer(signal.ITIMER_REAL, min(_PROMPT_S, job["wall_s"]), _AGAIN_S)
        try:
            try:
                verdict.run()
            finally:
                self.armed = False
        except Fatal:
            self.armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        wall_s = time.perf_counter() - started
        self.candidate = None
        self.worker.close()
        word = verdict.told()
        self.supervisor.sendall(bytes((word,)))
        forget(verdict.candidate.fatal)
        self.worker = self.next_worker()
        if word & LATE and self.report[6] >= 0:
            self.report[6] += waited_ms(self.schedstat) - waited
        return wall_s


def forget(error: BaseException | None) -> None:
    """Let go of the frames behind it: they hold what the program sent, up to megabytes."""
    while error is not None:
        error.__traceback__ = None
        error = error.__context__


def find_supervisor(arguments: list[str]) -> socket:
    """The inherited descriptor, or a connection to the abstract socket."""
    if arguments[:1] == ["--socket-fd"]:
        return socket(fileno=int(arguments[1]))
    supervisor = socket(AF_UNIX, SOCK_STREAM)
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            supervisor.connect(RENDEZVOUS)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return supervisor


def end_when_stuck() -> None:
    """Let SIGVTALRM end this process, even inside a C function (`sum` of an endless range).

    No handler of Python's runs there, and the first process of a pid namespace ignores the default
    action; so the handler is the C library's `_exit`.
    """
    import ctypes

    libc = ctypes.CDLL(None)
    libc.signal(signal.SIGVTALRM, ctypes.cast(libc._exit, ctypes.c_void_p))


def take_streams() -> Pipe:
    """Keep the host's streams for frames; tests that read or print get nothing and a bound."""
    pipe = Pipe(os.dup(0), os.dup(1))
    nowhere = os.open("/dev/null", os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    return pipe


def main(arguments: list[str]) -> None:
    """Meet the supervisor, then judge until the host hangs up."""
    guard.insist(first_process=False)
    packages.offer()
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    most = resource.getrlimit(resource.RLIMIT_AS)[1] if guard.in_gvisor() else OWN_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))  # gVisor hands on the supervisor's
    supervisor = find_supervisor(arguments)
    pipe = take_streams()
    end_when_stuck()
    judge = Judge(supervisor, pipe)
    pipe.put({"ready": 1, "loop_s": pace.loop_s()})
    pipe.flush()
    gc.collect()
    gc.freeze()
    memory = Memory(judge.forget_suites)
    while judge.run_batch(memory):
        pass
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
