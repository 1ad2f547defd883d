"""Self-debugging: each failing sample is shown its real error and repaired (Chen et al. 2024)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pytest_mcode.core.protocols import Workbench
from pytest_mcode.core.records import Attempt


class SelfDebug:
    """`variant.samples` chains; each ends at its first pass or after `variant.debug_iters` repairs.

    With zero repairs it is best of n. Iteration 0 of every sample is drawn without feedback, so
    pass@k is read from it alone.
    """

    name = "self_debug"

    async def solve(self, bench: Workbench) -> Sequence[Attempt]:
        """All attempts of all chains; a failed chain waits for its siblings before it raises."""
        chains = await asyncio.gather(
            *(self._chain(bench, i) for i in range(bench.variant.samples)), return_exceptions=True
        )
        for chain in chains:
            if isinstance(chain, BaseException):
                raise chain
        return [a for chain in chains if isinstance(chain, list) for a in chain]

    async def _chain(self, bench: Workbench, sample: int) -> list[Attempt]:
        attempts = [await bench.attempt(sample, 0, bench.opening())]
        for iteration in range(1, bench.variant.debug_iters + 1):
            last = attempts[-1]
            if last.verdict.passed or last.answer.finish_reason == "no_repair":
                break
            attempts.append(await bench.attempt(sample, iteration, bench.repair(last)))
        return attempts
