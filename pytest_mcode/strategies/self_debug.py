"""Self-debugging: each failing sample is shown its real error and repaired (Chen et al. 2024)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from pytest_mcode.core.protocols import Workbench
from pytest_mcode.core.records import Attempt, Messages
from pytest_mcode.strategies.together import together, until

Draw = Callable[[int, int, Messages], Awaitable[Attempt]]
"""Sample, iteration and messages -> the attempt."""


class SelfDebug:
    """Each sample is a chain that ends at its first pass or after the last repair.

    With zero repairs it is best of n. Iteration 0 of every sample is drawn without feedback, so
    pass@k is read from it alone. What a pass is, the variant's feedback says: of the hidden tests,
    or of the public ones alone.
    """

    name = "self_debug"
    phases = True
    stops = True

    async def solve(self, bench: Workbench) -> Sequence[Attempt]:
        """All attempts of all chains; a failed chain waits for its siblings before it raises.

        Where the variant stops early, one chain after the other, up to the first that passes.
        """
        opening = bench.opening()
        chains = (chain(bench, i, opening, bench.attempt) for i in range(bench.variant.samples))
        made = await (until(_solved, chains) if bench.variant.stops_early else together(chains))
        return [attempt for attempts in made for attempt in attempts]


def _solved(attempts: Sequence[Attempt]) -> bool:
    return attempts[-1].verdict.passed


async def chain(bench: Workbench, sample: int, opening: Messages, draw: Draw) -> list[Attempt]:
    """One sample and its repairs, each drawn by `draw`."""
    attempts = [await draw(sample, 0, opening)]
    for iteration in range(1, bench.variant.debug_iters + 1):
        last = attempts[-1]
        if last.verdict.passed or last.answer.finish_reason == "no_repair":
            break
        attempts.append(await draw(sample, iteration, bench.repair(last)))
    return attempts
