"""Judge: the model itself says which of its samples meets the task (Zheng et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_mcode.core.protocols import Workbench
from pytest_mcode.core.records import Attempt
from pytest_mcode.strategies.best_of_n import draws
from pytest_mcode.strategies.together import together


class Judge:
    """Hands in the first sample that the model accepts, else the first.

    One call of the role `judge` for each sample that holds code: Mellea's validation of a
    requirement. The note `judge` keeps the opinion, null where it was neither yes nor no. All
    samples are judged, also behind the one that is handed in, so that reports can tell how often
    judge and tests agree.
    """

    name = "judge"
    phases = True
    repairs = False
    prose = True
    reports = frozenset({"chosen", "agreement"})

    async def solve(self, bench: Workbench) -> Sequence[Attempt]:
        """All n attempts, judged."""
        drawn = await draws(bench)
        opinions = await together(_opinion(bench, attempt) for attempt in drawn)
        for attempt, opinion in zip(drawn, opinions, strict=True):
            bench.note(attempt, judge=opinion)
        accepted = [a for a, opinion in zip(drawn, opinions, strict=True) if opinion]
        bench.note((accepted or drawn)[0], chosen=True)
        return drawn


async def _opinion(bench: Workbench, attempt: Attempt) -> bool | None:
    return await bench.judge(attempt) if attempt.code else None
