"""Best of n: n independent samples, no feedback (Chen et al. 2021)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pytest_mcode.core.protocols import Workbench
from pytest_mcode.core.records import Attempt


class BestOfN:
    """Draws `variant.samples` samples at once and repairs none."""

    name = "best_of_n"

    async def solve(self, bench: Workbench) -> Sequence[Attempt]:
        """All n attempts at iteration 0, in sample order; a failed draw waits for its siblings."""
        opening = bench.opening()
        drawn = await asyncio.gather(
            *(bench.attempt(i, 0, opening) for i in range(bench.variant.samples)),
            return_exceptions=True,
        )
        for result in drawn:
            if isinstance(result, BaseException):
                raise result
        return [result for result in drawn if isinstance(result, Attempt)]
