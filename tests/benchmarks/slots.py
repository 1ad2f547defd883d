"""What a slot costs: seconds until it is ready, memory, seconds until a broken one is replaced."""

from __future__ import annotations

import os
import signal
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_mcode.core.records import SandboxSpec

from .contenders import RUN, verify
from .processes import find_program, group_mb, pids_of, pss_mb
from .workloads import Sample, fresh

Make = Callable[[SandboxSpec], Any]


@dataclass(frozen=True)
class Slot:
    """Medians of one kind of sandbox; None where it could not be measured."""

    name: str
    ready_s: float
    """From nothing to a warm slot."""
    start_s: float
    """`start` of a sandbox with a slot per core."""
    idle_mb: float
    """A slot at rest (proportional set size of its processes)."""
    peak_mb: float
    """The most seen in one slot while it ran HumanEval's references."""
    group_mb: float | None
    """What `docker stats` shows for a slot at rest."""
    recycle_s: float | None
    """From the death of the judge to the verdict of the next program, in a new slot."""


def measure(name: str, make: Make, samples: Sequence[Sample], times: int) -> Slot:
    """Make, fill, break and remove slots. Raises `InfraError` where the sandbox cannot run."""
    sandbox = make(SandboxSpec(label=RUN))
    started = time.perf_counter()
    sandbox.start()
    start_s = time.perf_counter() - started
    sandbox.close()
    alone = make(SandboxSpec(label=RUN, slots=1))
    alone.start()
    try:
        ready = statistics.median(_ready(alone) for _ in range(times))
        verify(alone, fresh(samples))
        slot = alone.pool.slots[0]
        pids = pids_of(alone, slot)
        idle, group = pss_mb(pids), group_mb(alone, slot)
        peak = _peak(alone, samples)
        recycled = [_recycle(alone, samples[0]) for _ in range(times)]
    finally:
        alone.close()
    known = [one for one in recycled if one is not None]
    recycle = statistics.median(known) if known else None
    return Slot(name, ready, start_s, idle, peak, group, recycle)


def _ready(sandbox: Any) -> float:
    started = time.perf_counter()
    slot = sandbox.pool.make(0)
    seconds = time.perf_counter() - started
    slot.close()
    return seconds


def _peak(sandbox: Any, samples: Sequence[Sample]) -> float:
    """The most memory of the slot's processes, looked at 20 times a second while it works."""
    done = threading.Event()
    work = threading.Thread(target=lambda: (verify(sandbox, fresh(samples)), done.set()))
    work.start()
    most = 0.0
    while not done.wait(0.05) and work.is_alive():
        most = max(most, pss_mb(pids_of(sandbox, sandbox.pool.slots[0])))
    work.join()
    return most


def _recycle(sandbox: Any, sample: Sample) -> float | None:
    """Kill the judge, ask for a verdict; None where this user may not kill it."""
    judge = find_program(pids_of(sandbox, sandbox.pool.slots[0]), "judge.py")
    if judge is None:
        return None
    started = time.perf_counter()
    try:
        os.kill(judge, signal.SIGKILL)
    except PermissionError:
        return None
    sample.check(sandbox.run(fresh([sample])[0].program))
    return time.perf_counter() - started
