"""The sandbox's first process: forks one worker per program, and leaves nothing of it behind.

    supervisor.py MEMORY_BYTES JUDGE_UID [--socket-fd N]

It never sees a test. The judge is met on an abstract socket where both share a network namespace
(Docker; only JUDGE_UID is let in), or on an inherited, connected descriptor N (bubblewrap, where
the two sit in separate sandboxes). For every program the judge is sent the end of a socket whose
other end is a fresh worker's, together with the report on the worker before. One byte back means
"done with it": everything this user runs is killed, /tmp is emptied, and the supervisor looks
whether it is still itself.

Lean on purpose. A fork shares all pages; each one that either side then writes to, be it only to
count a reference, is copied: 2 microseconds a page, a third of what a program costs. Hence `pages`,
functions by name instead of by module and attribute (four pages less each), one worker made before
the first fork, and few objects per round. `perf record -e page-faults -c 1 -d` shows them.
"""

from __future__ import annotations

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import _socket
import resource
import signal
from _socket import SCM_RIGHTS, SOL_SOCKET, socketpair
from os import _exit, close, fork, pwrite, setsid
from resource import RLIMIT_NOFILE, setrlimit
from typing import Any, NoReturn

import guard
import packages
from clearing import (
    LIMITS,
    empty_tmp,
    new_output,
    oom_kills,
    reap,
    renew_output,
    state,
)
from delay import waited_by
from pages import SetMemory, settle

PRELOADED = (
    *("typing", "math", "re", "collections", "heapq", "itertools", "functools", "copy"),
    *("string", "bisect", "operator", "random"),
)
"""What programs import most; each module more makes every fork dearer."""
RENDEZVOUS = b"\0mcode-judge"
DIED, UNITTEST, MOCK, LATE = 1, 2, 4, 8
"""Bits of the judge's word: the worker hung up by itself; the program brought unittest classes, and
these mocks: the next one will, too; its time is over."""
FILE_SIZE = 8 << 20
OPEN_FILES = 256
PR_SET_DUMPABLE = 4


def preload() -> None:
    """Import what programs need, without the hooks that run at every fork.

    random's reseeding and threading's locks cost 100-300 microseconds per fork; the worker seeds
    random itself.
    """
    register = os.register_at_fork
    os.register_at_fork = lambda **hooks: None
    for name in PRELOADED:
        __import__(name)
    os.register_at_fork = register


def confine(memory: int) -> None:
    """Limits and signal dispositions that every worker inherits.

    But for open files: this process keeps all it may have, because the kernel counts the
    descriptors in flight by user, and all slots are one user's. A program that holds as many as
    it may must not keep another slot's supervisor from handing over its own.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_SIZE, FILE_SIZE))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if memory:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    os.chdir("/tmp")
    sys.argv = [""]


def hide() -> SetMemory:
    """Not dumpable: workers of the same user can neither trace this process nor open its files.

    Returns what `settle` needs of the C library, which is forgotten afterwards.
    """
    import ctypes

    set_memory = ctypes.memset
    if ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError("prctl(PR_SET_DUMPABLE) failed")
    for name in [name for name in sys.modules if "ctypes" in name]:
        del sys.modules[name]
    return set_memory


def meet_judge(judge_uid: int) -> _socket.socket:
    """Wait on the abstract socket until the judge's user connects."""
    listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    listener.bind(RENDEZVOUS)
    listener.listen(1)
    os.write(1, b"READY\n")
    while True:
        number, _ = listener._accept()  # type: ignore[attr-defined]
        peer = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, number)
        credentials = peer.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
        pid, uid = (int.from_bytes(credentials[i : i + 4], sys.byteorder) for i in (0, 4))
        if uid == judge_uid or pid == os.getpid():  # gVisor tells whoever asks of himself
            listener.close()
            return peer
        peer.close()


def redirect() -> None:
    """Standard input from nowhere."""
    nowhere = os.open("/dev/null", os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)


def open_score() -> tuple[int, bytes]:
    """How readily the kernel takes this process when memory is short, to be written and as it is;
    opened before `hide`, after which nobody but root may. No descriptor where it is not ours."""
    try:
        score = os.open("/proc/self/oom_score_adj", os.O_RDWR)
        usual = os.read(score, 16)
        os.pwrite(score, usual, 0)
    except OSError:
        return -1, b""
    return score, usual


def fork_first_to_die(score: int, usual: bytes) -> int:
    """Fork a child that the kernel takes first when memory is short, whoever seems to hold it:
    files in memory belong to no process, and supervisor or judge would die for them."""
    if score < 0:
        pid = fork()
    else:
        pwrite(score, b"1000", 0)
        pid = fork()
        if pid:
            pwrite(score, usual, 0)
        else:
            close(score)
    return pid


def forget_own_modules() -> None:
    """A program that imports `worker` shall find what it would find anywhere: nothing."""
    folder = sys.path.pop(0)
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(folder) and name != "__main__":
            del sys.modules[name]


def live(serve: Any, worker: Any, connection: _socket.socket, *others: _socket.socket) -> NoReturn:
    """A worker's life, in the child: not with the descriptors of `others`."""
    try:
        for other in others:
            close(other.fileno())
        close(LIMITS)
        setrlimit(RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
        setsid()
        serve(worker, connection.recv, connection.sendall)
    finally:
        _exit(0)


def take_in(word: int, set_memory: SetMemory) -> None:
    """Have ready from now on what such tests import: it takes each worker 20 ms, twice that with
    mocks, but each fork is a little dearer for it, so that only slots that need it have it.

    With the hooks of threading, which is among it: a program may fork, too.
    """
    wanted = {"unittest": UNITTEST, "unittest.mock": MOCK}
    names = [name for name, bit in wanted.items() if word & bit and name not in sys.modules]
    for name in names:
        __import__(name)
    if names:
        settle(set_memory)


def supervise(judge: _socket.socket, score: int, usual: bytes, set_memory: SetMemory) -> None:
    """Fork, hand over, wait for the byte, clear up; until the judge is gone."""
    guard.insist(first_process=True)  # again: whoever calls this, it kills and wipes
    from warm import warm_up
    from worker import Worker, serve

    forget_own_modules()
    warm_up()
    worker = Worker()  # each child has a copy of its own; made once, its pages stay as they are
    sys.modules["candidate"] = worker.module
    settle(set_memory)
    new_output()
    pristine, killed, report = state(), oom_kills(), b"first"
    while True:
        ours, theirs = socketpair()
        pid = fork_first_to_die(score, usual)
        if pid == 0:
            live(serve, worker, theirs, ours, judge)
        theirs.close()
        judge.sendmsg(
            [report], [(SOL_SOCKET, SCM_RIGHTS, ours.fileno().to_bytes(4, sys.byteorder))]
        )
        ours.close()
        word = judge.recv(1)
        if not word:
            _exit(0)
        waited = waited_by(pid) if word[0] & LATE else 0
        status, peak, cpu_ms, others = reap(pid)
        clean = empty_tmp() and state() == pristine
        output = renew_output()
        starved = 0
        if word[0] & DIED or others:  # its children's deaths are not the next program's
            starved, killed = oom_kills() - killed, oom_kills()
        waited = -1 if others else waited  # perhaps it was kept waiting by its own children
        report = b"%d %d %d %d %d %d %d" % (status, peak, cpu_ms, output, clean, starved, waited)
        take_in(word[0], set_memory)


def main(arguments: list[str]) -> None:
    """Refuse or read the arguments, meet the judge, supervise."""
    guard.insist(first_process=True)
    packages.offer()
    memory, judge_uid = int(arguments[0]), int(arguments[1])
    preload()
    score, usual = open_score()
    set_memory = hide()
    confine(memory)
    if arguments[2:3] == ["--socket-fd"]:
        judge = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, int(arguments[3]))
        os.write(1, b"READY\n")
    else:
        judge = meet_judge(judge_uid)
    redirect()
    supervise(judge, score, usual, set_memory)


if __name__ == "__main__":
    main(sys.argv[1:])
