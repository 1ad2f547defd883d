"""Mellea's own pattern: instruct, validate, repair, with the library's prompts and loop."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_mcode.core.protocols import Workbench
from pytest_mcode.core.records import Attempt
from pytest_mcode.strategies.together import together


class Mellea:
    """Each sample is a run of Mellea's own loop: one answer and as many more as repairs.

    The requirement is that the tests pass, validated in the sandbox. A repair of Mellea's
    (`RepairTemplateStrategy`) repeats the instruction with what failed and without the code that
    did; `self_debug` shows both.
    """

    name = "mellea"
    prose = True

    async def solve(self, bench: Workbench) -> Sequence[Attempt]:
        """All attempts of all loops."""
        tries = 1 + bench.variant.debug_iters
        loops = (bench.instruct(i, tries) for i in range(bench.variant.samples))
        return [attempt for made in await together(loops) for attempt in made]
