"""One warm cell: supervisor and judge, each under a bubblewrap of its own, joined by a socket.

Two sandboxes instead of Docker's two users: the candidate shares no namespace with the judge, so
that it cannot signal, trace or see it.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.records import Json
from pytest_mcode.sandboxes.calibration import loop_time
from pytest_mcode.sandboxes.cgroup import Group, group_name
from pytest_mcode.sandboxes.confinement import Blueprint, Handles, accounts, arguments
from pytest_mcode.sandboxes.container import JUDGE_MB, PROCESSES, START_S, Stream
from pytest_mcode.sandboxes.pool import SlotLostError
from pytest_mcode.sandboxes.seccomp import compiled

Launch = Callable[..., "subprocess.Popen[bytes]"]
"""Starts a process from a thread that lives as long as the cell: the kernel takes the death of
the thread that started a process for the death of its parent."""
_STOP_S = 5.0


class Plain(Stream):
    """A judge's output as it comes, without the Docker daemon's packaging."""

    def _read(self) -> None:
        data = self.socket.recv(1 << 16)
        if not data:
            raise EOFError
        self.output += data


def memory_file(content: bytes = b"") -> int:
    """A descriptor of an anonymous file that holds `content`, read from its start."""
    descriptor = os.memfd_create("pytest-mcode")
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


class Confined:
    """One program under bubblewrap."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.first = -1
        """A pidfd of the sandbox's first process: when it is reaped, the sandbox is empty."""

    def close(self) -> None:
        """Kill all of it and wait until it is gone; safe to call twice."""
        if self.first >= 0:
            with suppress(OSError):
                signal.pidfd_send_signal(self.first, signal.SIGKILL)
            os.close(self.first)
            self.first = -1
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_STOP_S)
        self.process.kill()
        self.process.wait()


def read_first(told: int) -> int:
    """The id of the sandbox's first process, as bubblewrap tells it. Raises `InfraError`."""
    text, deadline = b"", time.monotonic() + START_S
    while select.select([told], [], [], max(0.0, deadline - time.monotonic()))[0]:
        part = os.read(told, 4096)
        text += part
        with suppress(ValueError):
            return int(json.loads(text)["child-pid"])
        if not part:
            break
    raise InfraError("bubblewrap made no sandbox")


class Cell:
    """A slot: satisfies `pool.Slot`. Raises `InfraError` with what the programs said."""

    def __init__(self, blueprint: Blueprint, number: int, cpu: int | None, launch: Launch) -> None:
        self.blueprint, self.number, self.cpu, self.launch = blueprint, number, cpu, launch
        self.parts: list[Confined] = []
        self.group: Group | None = None
        self.errors = memory_file()
        ours, theirs = socket.socketpair()
        self.judge = Plain(ours)
        try:
            self._start(theirs)
        except InfraError as error:
            said = " ".join(self._said().split())[-300:]
            self.close()
            raise InfraError(f"{error}: {said}" if said else str(error)) from None
        except BaseException:
            self.close()
            raise
        finally:
            theirs.close()

    def _start(self, host: socket.socket) -> None:
        if self.blueprint.hierarchy is not None:
            memory = (self.blueprint.memory_mb + JUDGE_MB) << 20
            name = group_name(self.number)
            try:
                self.group = Group(self.blueprint.hierarchy, name, memory, PROCESSES)
            except OSError as error:
                raise InfraError(f"the control group {name} cannot be made ({error})") from error
        left, right = socket.socketpair()
        with left, right:
            memory_bytes = str(self.blueprint.memory_mb << 20)
            user = self.blueprint.user(2 * self.number)
            supervisor = ("supervisor.py", memory_bytes, str(user))
            self._run(supervisor, user, left, subprocess.DEVNULL, self.group)
            self._run(("judge.py",), user + 1, right, host, None)
        host.close()  # or a judge that dies would not be noticed
        self.judge.socket.settimeout(START_S)
        try:
            self.loop_s = loop_time(self.judge.frame())
        except (OSError, EOFError, ValueError):
            raise InfraError("the programs in the bubblewrap sandbox did not start") from None

    def _run(
        self,
        program: Sequence[str],
        user: int,
        channel: socket.socket,
        stream: socket.socket | int,
        group: Group | None,
    ) -> None:
        """Start one program; it is held back until it is where it belongs."""
        (told, tell), (held, release) = os.pipe(), os.pipe()
        files = {name: memory_file(text) for name, text in accounts(user).items()}
        handles = Handles(tell, held, memory_file(compiled()), files)
        theirs = handles.all()
        program = [*program, "--socket-fd", str(channel.fileno())]
        try:
            part = Confined(
                self.launch(
                    list(arguments(self.blueprint, user, handles, group, program)),
                    stdin=stream,
                    stdout=stream,
                    stderr=self.errors,
                    pass_fds=[channel.fileno(), *theirs],
                    env={},
                )
            )
            self.parts.append(part)
            while theirs:
                os.close(theirs.pop())
            self._place(part, read_first(told), group)
            os.write(release, b"x")
        finally:
            for descriptor in (*theirs, told):
                os.close(descriptor)
            os.close(release)

    def _place(self, part: Confined, pid: int, group: Group | None) -> None:
        """Take hold of a sandbox's first process, pin it and limit it."""
        try:
            part.first = os.pidfd_open(pid)
            if self.cpu is not None:
                os.sched_setaffinity(pid, {self.cpu})
            if group is not None:
                group.add(pid)
        except OSError as error:
            part.process.kill()
            raise InfraError(f"a bubblewrap sandbox cannot be taken hold of ({error})") from error

    def _said(self) -> str:
        """What the programs and bubblewrap wrote to standard error."""
        return os.pread(self.errors, 1 << 16, 0).decode(errors="replace")

    def send(self, jobs: Sequence[Json]) -> None:
        """Hand over jobs in one frame."""
        payload = json.dumps(list(jobs)).encode()
        try:
            self.judge.socket.settimeout(START_S)
            self.judge.socket.sendall(len(payload).to_bytes(4, "little") + payload)
        except OSError as error:
            raise SlotLostError(f"it did not take the program ({error})") from None

    def receive(self, timeout_s: float) -> Json:
        """The next answer."""
        try:
            self.judge.socket.settimeout(timeout_s)
            return self.judge.frame()
        except TimeoutError:
            raise SlotLostError(f"no answer for {timeout_s:.0f} s") from None
        except (OSError, EOFError, ValueError) as error:
            raise SlotLostError(f"it broke ({type(error).__name__})") from None

    def memory_mb(self) -> float:
        """Memory that its programs hold now, in MB; 0 without a control group."""
        return self.group.memory_mb() if self.group is not None else 0.0

    def close(self) -> None:
        """Kill what runs and remove its control group; safe to call twice."""
        self.judge.socket.close()
        while self.parts:
            self.parts.pop().close()
        if self.group is not None:
            self.group.close()
            self.group = None
        if self.errors >= 0:
            os.close(self.errors)
            self.errors = -1
