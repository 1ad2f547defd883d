"""Majority: n samples vote by what they do; nothing is verified before the choice.

Self-consistency (Wang et al. 2023) for code: programs agree if they give the same results on the
same inputs (Shi et al. 2022; Li et al. 2022, section 4.5).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pytest_mcode.core.protocols import Workbench
from pytest_mcode.core.records import Attempt
from pytest_mcode.strategies.best_of_n import draws
from pytest_mcode.strategies.together import together


class Majority:
    """Hands in the first sample of the largest group of samples that behave alike.

    The note `vote` names the group: by results on the inputs that the prompt shows, or by the shape
    of the source where it shows none. Code that does not run has no vote.
    """

    name = "majority"
    phases = True
    repairs = False
    reports = frozenset({"maj@k"})

    async def solve(self, bench: Workbench) -> Sequence[Attempt]:
        """All n attempts, voted on."""
        drawn = await draws(bench)
        votes = await together(bench.behaviour(attempt) for attempt in drawn)
        for attempt, vote in zip(drawn, votes, strict=True):
            bench.note(attempt, vote=vote)
        bench.note(drawn[elected(votes)], chosen=True)
        return drawn


def elected(votes: Sequence[str]) -> int:
    """Place of the first voter of the largest group, of several the one that came first."""
    counts = Counter(vote for vote in votes if vote)
    return votes.index(max(counts, key=lambda vote: counts[vote])) if counts else 0
