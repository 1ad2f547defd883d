"""Programs in, verdicts out: warm slots behind one queue, and broken slots replaced.

Shared by every sandbox whose slots speak the judge's frames. Each slot has a thread that takes
programs from the queue, several at once when there is a backlog, because a message costs the
Docker daemon as much as a small program costs the slot.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol

from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.records import Json, Program, Verdict
from pytest_mcode.sandboxes.calibration import host_factor
from pytest_mcode.sandboxes.expected import Expected
from pytest_mcode.sandboxes.job import (
    NO_ANSWER,
    answer_limit_s,
    lost,
    patience,
    to_job,
    to_verdict,
    twice,
)
from pytest_mcode.sandboxes.waiting import Waiting, Work

MARGIN_S = 5.0
"""Seconds beyond a program's own limit after which a silent slot is given up."""
MOST_TRIES = 2


class SlotLostError(Exception):
    """A slot went silent, hung up or said nonsense; the message tells which, in a few words."""


class Slot(Protocol):
    """One warm sandbox: a supervisor with its judge."""

    loop_s: float
    """CPU seconds of the loop that tells how fast it computes; see `calibration`."""

    def send(self, jobs: Sequence[Json]) -> None:
        """Hand over jobs, to be run one after the other. Raises `SlotLostError`."""
        ...

    def receive(self, timeout_s: float) -> Json:
        """The next answer. Raises `SlotLostError` after `timeout_s` seconds of silence."""
        ...

    def close(self) -> None:
        """Remove the slot and all that runs in it; safe to call twice."""
        ...


def close_all(slots: Sequence[Slot]) -> None:
    """Close all at once: each takes a daemon or a dying process tree its time."""
    closing = []
    for slot in slots:
        thread = threading.Thread(target=slot.close)
        try:
            thread.start()
        except RuntimeError:  # Python 3.12 starts no threads once the run is at its end
            slot.close()
        else:
            closing.append(thread)
    for thread in closing:
        thread.join()


class Pool:
    """A fixed number of slots made by `make(index)`, which raises `InfraError` if it cannot.

    `factor` lengthens every time limit; 0 takes what `calibrate` makes of the slots' loops.
    `expected` is what judges have worked out of references before.
    """

    def __init__(
        self,
        slots: int,
        make: Callable[[int], Slot],
        factor: int = 0,
        expected: Expected | None = None,
        calibrate: Callable[[Iterable[float]], int] = host_factor,
    ) -> None:
        self.make = make
        self.calibrate = calibrate
        self.factor = factor
        self.expected = expected or Expected()
        self.slots: list[Slot | None] = [None] * slots
        self.waiting = Waiting(slots)
        self.ready = threading.Condition()
        self.closed = False
        self.replaced = 0
        """Slots that had to be made anew, for whatever reason."""
        self.spared = 0
        """Time-outs that were the machine's doing: the run alone ended otherwise."""
        self.threads: list[threading.Thread] = []

    def start(self) -> None:
        """Make all slots at once and begin to serve. Raises `InfraError`; then nothing is left."""
        count = len(self.slots)
        with ThreadPoolExecutor(count) as executor:
            pending = [executor.submit(self.make, index) for index in range(count)]
        errors = [error for one in pending if (error := one.exception()) is not None]
        self.slots = [one.result() if one.exception() is None else None for one in pending]
        if errors:
            self.close()
            raise errors[0]
        self.factor = self.factor or self.calibrate(slot.loop_s for slot in self.slots if slot)
        for index in range(count):
            thread = threading.Thread(target=self._serve, args=(index,), daemon=True)
            thread.name = f"mcode-slot-{index}"
            self.threads.append(thread)
            thread.start()

    def submit(self, program: Program) -> Future[Verdict]:
        """Queue a program. The future raises `InfraError` where the machinery failed."""
        limits = replace(program.limits, wall_s=program.limits.wall_s * self.factor)
        work = Work(program if self.factor == 1 else replace(program, limits=limits))
        with self.ready:
            if self.closed:
                raise InfraError("the sandbox is closed")
            self.waiting.add(work)
            self.ready.notify()
        return work.future

    def close(self) -> None:
        """Stop serving, fail what is queued, remove all slots; safe to call twice."""
        with self.ready:
            self.closed = True
            left = self.waiting.clear()
            self.ready.notify_all()
        for work in left:
            work.future.set_exception(InfraError("the sandbox was closed before the program ran"))
        close_all([slot for slot in self.slots if slot is not None])
        for thread in self.threads:
            if thread is not threading.current_thread():
                thread.join(MARGIN_S)

    def _take(self) -> list[Work]:
        """The next batch; empty when the pool is closed."""
        with self.ready:
            while not self.closed:
                if batch := self.waiting.take():
                    return batch
                self.ready.wait()
            return []

    def _done(self, first: Work) -> None:
        """The slot is idle again."""
        with self.ready:
            self.waiting.done(first)
            self.ready.notify_all()

    def _serve(self, index: int) -> None:
        """A slot's thread."""
        while batch := self._take():
            first = batch[0]
            try:
                self._run(index, batch)
            except InfraError as error:
                self._fail(batch, error)
            except Exception as error:  # noqa: BLE001 - whoever waits would wait for ever
                self._fail(batch, InfraError(f"the sandbox failed ({error!r})"))
                self._drop(index)
            finally:
                self._done(first)

    def _fail(self, batch: list[Work], error: InfraError) -> None:
        for work in batch:
            if not work.future.done():
                work.future.set_exception(error)

    def _slot(self, index: int) -> Slot:
        """The slot, made anew if it was dropped."""
        slot = self.slots[index]
        if slot is None:
            try:
                slot = self.make(index)
            except InfraError:  # it did start here before: a busy machine may need another try
                slot = self.make(index)
            with self.ready:
                self.slots[index] = slot
                closed = self.closed
            if closed:
                slot.close()
                raise InfraError("the sandbox was closed before the program ran")
        return slot

    def _drop(self, index: int) -> None:
        slot, self.slots[index] = self.slots[index], None
        self.replaced += 1
        if slot is not None:
            slot.close()

    def _run(self, index: int, batch: list[Work]) -> None:
        """Run a batch; what a lost slot left undone goes back to the front of the queue."""
        slot = self._slot(index)
        waiting = deque(batch)
        try:
            slot.send([self._job(work, number) for number, work in enumerate(batch)])
            clean = True
            while waiting and clean:
                clean = self._receive(slot, waiting)
        except SlotLostError as error:
            self._drop(index)
            self._blame(waiting, str(error))
            self._again(waiting)
        else:
            if not clean:
                self._drop(index)
                self._again(waiting)

    def _job(self, work: Work, number: int) -> Json:
        job = to_job(work.program, number, work.patience)
        return {**job, "expected": self.expected.find(work.program)}

    def _receive(self, slot: Slot, waiting: deque[Work]) -> bool:
        """Resolve the next program; False if it left something behind that cannot be removed."""
        work = waiting[0]
        answer = slot.receive(answer_limit_s(work.program, work.patience) + MARGIN_S)
        try:
            verdict, clean = to_verdict(work.program, answer), bool(answer["clean"])
            fair = patience(answer) if verdict.status == "timeout" else 1.0
        except NO_ANSWER as error:
            raise SlotLostError(f"an answer that is none ({error!r})") from None
        self.expected.note(work.program, answer.get("expected"))
        waiting.popleft()
        if verdict.status != "timeout":
            self.spared += work.timeout is not None
            work.future.set_result(verdict)
        elif work.timeout is not None:
            work.future.set_result(twice(work.timeout, verdict))
        else:
            work.timeout, work.patience = verdict, fair
            self._again([work])
        return clean

    def _blame(self, waiting: deque[Work], reason: str) -> None:
        """The first unanswered program is the suspect; its second loss is its verdict."""
        for work in waiting:
            work.alone = True
        waiting[0].tries += 1
        if waiting[0].tries >= MOST_TRIES:
            waiting.popleft().future.set_result(lost(reason))

    def _again(self, waiting: Sequence[Work]) -> None:
        """Put undone work back to the front of the queue, doubted work with its like."""
        with self.ready:
            if not self.closed:
                self.waiting.again(waiting)
                self.ready.notify_all()
                return
        for work in waiting:
            work.future.set_exception(InfraError("the sandbox was closed before the program ran"))
