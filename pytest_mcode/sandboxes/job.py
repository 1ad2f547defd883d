"""The language between the host and a judge: a program as a job, an answer as a verdict."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import get_args

from pytest_mcode.core.records import Json, Program, Status, Verdict

VERDICT_VERSION = 7
"""Part of the fingerprint; raised whenever the same program could get another verdict."""
WALL_FACTOR = 3
"""The limit of a program is its CPU time, which a busy machine does not use up; its wall time may
be this many times as long, for programs that sleep or wait."""
MOST_PATIENCE = 8
"""A program that was kept waiting for a core may have so many times its wall time."""
_STATUSES = frozenset(get_args(Status))
NO_ANSWER = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError)
"""What reading an answer raises that no judge wrote."""
_CONTROLS = dict.fromkeys({*range(32), *range(127, 160)} - {9, 10}, "\ufffd")


def to_job(program: Program, number: int, patience: float = 1.0) -> Json:
    """What a judge needs to verify the program; `number` comes back with the answer."""
    limits = program.limits
    return {
        "id": number,
        "mode": program.mode,
        "candidate": program.candidate,
        "context": program.context,
        "tests": program.tests,
        "names": list(program.names),
        "cpu_s": math.ceil(limits.wall_s),
        "wall_s": wall_limit_s(program) * patience,
        "memory": limits.memory_mb << 20,
        "output": limits.output_kb << 10,
    }


def wall_limit_s(program: Program) -> float:
    """Seconds after which a program is stopped even if it has used little CPU time."""
    return program.limits.wall_s * WALL_FACTOR


def answer_limit_s(program: Program, patience: float = 1.0) -> float:
    """Seconds within which a judge must have answered: each case, or run, has the whole limit."""
    runs = {"split": 1, "stdin": program.checks, "in_process": 2}[program.mode]
    return wall_limit_s(program) * patience * runs


def patience(answer: Json) -> float:
    """How many times as much wall time is fair to a program that ran out of it: as if the time in
    which it had no core were none. A tenth of the limit is the unit, for the verdict says it."""
    wall_s, waited_s = float(answer["wall_s"]), float(answer["waited_s"])
    fair = wall_s / (wall_s - waited_s) if waited_s < wall_s else MOST_PATIENCE
    return math.ceil(10 * max(1.0, min(fair, MOST_PATIENCE)) - 0.5) / 10


def to_verdict(program: Program, answer: Json) -> Verdict:
    """The verdict for a judge's answer; a pass with too few checks is forged.

    Raises one of `NO_ANSWER` if the answer is not a judge's.
    """
    status, detail = str(answer["status"]), _text(answer["detail"])
    if status not in _STATUSES:
        raise ValueError(f"unknown status {status!r}")
    checks_run = int(answer["checks"])
    if status == "passed" and checks_run < program.checks:
        status, detail = "forged", f"only {checks_run} of {program.checks} checks ran"
    return Verdict(
        status=status,  # type: ignore[arg-type]
        detail=detail,
        feedback=_text(answer["feedback"]) or ("" if status == "passed" else detail),
        stdout=_text(answer["stdout"]),
        checks_run=checks_run,
        groups={str(name): bool(held) for name, held in answer.get("groups", {}).items()},
        mode="in_process" if program.mode == "in_process" else "split",
        wall_s=float(answer["wall_s"]),
        memory_mb=int(answer["peak_kb"]) / 1024,
    )


def lost(reason: str) -> Verdict:
    """The verdict on a program that broke its sandbox, and broke the next one too."""
    detail = f"the sandbox had to be replaced twice: {reason}"
    return Verdict(status="error", detail=detail, feedback=detail)


def twice(first: Verdict, second: Verdict) -> Verdict:
    """The verdict on a program that ran out of time, and did so again when it ran alone."""
    wall_s = first.wall_s + second.wall_s
    return replace(second, detail=f"{second.detail} (twice)", wall_s=wall_s)


def _text(value: object) -> str:
    """Text that every store and terminal can take: no lone surrogates, no control characters but
    tabs and line feeds, with which a program could rewrite the screen of whoever reads of it."""
    return str(value).encode("utf-8", "replace").decode().translate(_CONTROLS)
