"""Best of n: n independent samples, no feedback (Chen et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_mcode.core.protocols import Workbench
from pytest_mcode.core.records import Attempt
from pytest_mcode.strategies.together import together, until


class BestOfN:
    """Independent draws, none repaired."""

    name = "best_of_n"
    phases = True
    stops = True
    repairs = False

    async def solve(self, bench: Workbench) -> Sequence[Attempt]:
        """All n attempts at iteration 0, in sample order; a failed draw waits for its siblings.

        Where the variant stops early, one after the other, up to the first that passes.
        """
        if not bench.variant.stops_early:
            return await draws(bench)
        opening = bench.opening()
        drawn = (bench.attempt(i, 0, opening) for i in range(bench.variant.samples))
        return await until(lambda attempt: attempt.verdict.passed, drawn)


async def draws(bench: Workbench) -> list[Attempt]:
    """The n attempts at iteration 0, in sample order."""
    opening = bench.opening()
    return await together(bench.attempt(i, 0, opening) for i in range(bench.variant.samples))
