"""Programs in front of the slots: who is next, together with whom, and who runs alone.

A program that ran out of time is doubted: it runs once more while no other program does, and that
verdict counts. It waits for a moment when nothing else does, but lets few others go first.

A program with a longer limit than others may take longer than all of them together (the reference
of one task of MBPP+ computes for 18 s). Such programs begin first, or they would be alone at the
end; but one slot is left to the others, because somebody waits for their verdicts in order.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field

from pytest_mcode.core.records import Program, Verdict

LARGEST_BATCH = 16
MOST_OVERTAKING = 256
"""Programs that may run before one that is doubted."""
SPREAD = 8
"""A batch of long programs is so many times as small a share of them."""
QUIET = 4
"""Slots per program that is run alone: where there are eight or more, two or more at a time, or the
endless loops of a weak model would leave a large machine idle."""


@dataclass(eq=False)
class Work:
    """One program on its way to a verdict."""

    program: Program
    future: Future[Verdict] = field(default_factory=Future)
    tries: int = 0
    alone: bool = False
    """It was in a batch that broke a slot: not to be run together with others again."""
    timeout: Verdict | None = None
    """It is doubted: its first run ended with this."""
    patience: float = 1.0
    """So many times its wall time is fair to it on a machine as busy as in its first run."""

    @property
    def limit_s(self) -> float:
        """Seconds that it may take."""
        return self.program.limits.wall_s


def _share(queue: deque[Work], parts: int) -> list[Work]:
    """The first of the queue, with others if they may be run together."""
    batch = [queue.popleft()]
    share = min(LARGEST_BATCH, 1 + len(queue) // parts)
    while not batch[0].alone and queue and not queue[0].alone and len(batch) < share:
        batch.append(queue.popleft())
    return batch


class Waiting:
    """What is to be run by so many slots; whoever calls holds the lock."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.usual: deque[Work] = deque()
        self.long: deque[Work] = deque()
        """The longest limits first."""
        self.doubted: deque[Work] = deque()
        self.overtaken = 0
        """Programs that were taken while others were doubted."""
        self.running: list[Work] = []
        """The first of each batch that is under way."""
        self.confirming = 0
        """Programs that are run alone."""
        self.shortest_s = math.inf
        """Of all limits since there was nothing to do; who has a longer one is long."""

    def add(self, work: Work) -> None:
        """At its place in the queue."""
        if work.limit_s <= self.shortest_s:
            self.shortest_s = work.limit_s
            self.usual.append(work)
            return
        shorter = (i for i, one in enumerate(self.long) if one.limit_s < work.limit_s)
        self.long.insert(next(shorter, len(self.long)), work)

    def again(self, undone: Iterable[Work]) -> None:
        """Back to the front of the queue; doubted work to its like."""
        for work in reversed(list(undone)):
            if not work.timeout:
                (self.long if work.limit_s > self.shortest_s else self.usual).appendleft(work)
            else:
                self.doubted.append(work)

    def take(self) -> list[Work]:
        """The next batch; empty where nothing may run now."""
        due = bool(self.doubted) and self.overtaken >= MOST_OVERTAKING
        queued = self.usual or (self.long and not due)
        urgent = due and not self._running_long()  # else all slots would wait for the long one
        if self.doubted and (urgent or not queued) and not self.running:
            if self.confirming >= max(1, self.slots // QUIET):
                return []
            self.confirming += 1
            return [self.doubted.popleft()]
        if not queued or urgent or self.confirming:
            return []
        batch = self._batch(due)
        self.running.append(batch[0])
        self.overtaken = self.overtaken + len(batch) if self.doubted else 0
        return batch

    def _batch(self, due: bool) -> list[Work]:
        """A share of the queue, of the long ones a smaller one; what must not be run with others,
        by itself. Nothing long begins where a doubted program is due."""
        if not due and self.long and (not self.usual or self._running_long() < self.slots - 1):
            return _share(self.long, SPREAD * self.slots)
        return _share(self.usual, self.slots)

    def _running_long(self) -> int:
        return sum(work.limit_s > self.shortest_s for work in self.running)

    def done(self, first: Work) -> None:
        """A batch that began with this is."""
        if first in self.running:
            self.running.remove(first)
        else:
            self.confirming -= 1
        if not (self.running or self.usual or self.long or self.doubted):
            self.shortest_s = math.inf

    def clear(self) -> list[Work]:
        """All that waits; nothing does afterwards."""
        left = [*self.long, *self.usual, *self.doubted]
        for queue in (self.long, self.usual, self.doubted):
            queue.clear()
        return left
