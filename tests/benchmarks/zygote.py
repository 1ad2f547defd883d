"""The forgeable verdict, all else equal: the sandbox's own first process without the split.

Started by `in_process.py` as `python3 -c SOURCE` in the sandbox's own container, and made of the
sandbox's own parts: the same warm fork, limits, captured output, clearing up and look at itself,
and a verdict with as much in it. But candidate and tests are one program in one process, which
says itself that it passed: `os.write` forges that.
"""

import sys

sys.path.insert(0, "/opt/mcode")

import json
import marshal
import os
import select
import time
from resource import RLIMIT_CPU, RLIMIT_NOFILE, setrlimit

import guard
import supervisor
from claims import CANDIDATE, describe_exception
from clearing import LIMITS, empty_tmp, new_output, reap, renew_output, state
from console import Console
from frames import framed, read_frame, to_json
from pages import settle
from warm import _EXERCISE, ROUNDS

LARGEST = 1 << 20


def define(source, room):
    """Run a program; what it says of itself."""
    console = sys.stdout = sys.stderr = Console(room)
    module = type(sys)("candidate")
    sys.modules["candidate"] = module
    try:
        exec(compile(source, CANDIDATE, "exec", 0, True), module.__dict__)
    except BaseException as error:  # noqa: BLE001 - whatever the program raises
        said = describe_exception(error)
    else:
        said = {"passed": True}
    return to_json(said | {"w": console.take()}).encode()


def live(writing, source, cpu_s, memory, room):
    """The child's life."""
    try:
        os.close(LIMITS)
        setrlimit(RLIMIT_NOFILE, (supervisor.OPEN_FILES, supervisor.OPEN_FILES))
        os.setsid()
        setrlimit(RLIMIT_CPU, (cpu_s, cpu_s + 1))
        os.write(writing, define(source, room))
    finally:
        os._exit(0)


def verify(job, score, usual, pristine):
    """Fork, wait no longer than the program may take, clear up: the verdict."""
    name, source, wall_s, cpu_s, memory, room = job
    started = time.perf_counter()
    reading, writing = os.pipe()
    pid = supervisor.fork_first_to_die(score, usual)
    if pid == 0:
        live(writing, source, cpu_s, memory, room)
    os.close(writing)
    in_time = select.select([reading], [], [], wall_s)[0]
    said = json.loads(os.read(reading, LARGEST) or "{}") if in_time else {}
    os.close(reading)
    status, peak, cpu_ms, others = reap(pid)
    clean = empty_tmp() and state() == pristine
    output = renew_output()
    return {
        "id": name,
        "status": "passed" if said.get("passed") else "error" if in_time else "timeout",
        "detail": f"{said.get('n')}: {said.get('m')}"[:300],
        "stdout": said.get("w", ""),
        "wall_s": time.perf_counter() - started,
        "report": [status, peak, cpu_ms, output, others],
        "clean": clean,
    }


def main():
    """Get ready as the supervisor does, then verify batch after batch."""
    guard.insist(first_process=True)  # it kills and wipes
    supervisor.preload()
    score, usual = supervisor.open_score()
    set_memory = supervisor.hide()
    supervisor.confine(int(sys.argv[1]))
    reading, answering = os.dup(0), os.dup(1)
    supervisor.redirect()
    kept = sys.stdout, sys.stderr
    for _ in range(ROUNDS):
        define(_EXERCISE, 64)
    sys.stdout, sys.stderr = kept
    settle(set_memory)
    new_output()
    pristine = state()
    os.write(answering, b"READY\n")
    while True:
        frame = read_frame(lambda size: os.read(reading, size))
        if not frame:
            os._exit(0)
        verdicts = [verify(job, score, usual, pristine) for job in marshal.loads(frame)]
        view = memoryview(framed(json.dumps(verdicts).encode()))
        while view:
            view = view[os.write(answering, view) :]


main()
