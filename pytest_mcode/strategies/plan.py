"""Plan, then code: roles of their own, after MapCoder (Islam et al. 2024) in its smallest form."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_mcode.core.protocols import Workbench
from pytest_mcode.core.records import Attempt, Message, Messages, Task
from pytest_mcode.strategies.self_debug import chain
from pytest_mcode.strategies.together import together

ASK = (
    "Here is a programming task. Do not write code yet. Name the algorithm that solves it, then"
    " give a plan of at most eight short steps, edge cases included."
)

FOLLOW = "Follow this plan:"

MOST = 4000
"""Characters of a plan that the coder reads; the start of a longer one is kept."""


class Plan:
    """Per sample: a planner is asked, a coder follows its plan, and repairs see the plan too.

    One call of the role `planner` for each sample, then the chain of `self_debug`. Samples are
    independent: each has a plan of its own.
    """

    name = "plan"
    phases = True
    prose = True

    async def solve(self, bench: Workbench) -> Sequence[Attempt]:
        """All attempts of all chains."""
        chains = (self._sample(bench, i) for i in range(bench.variant.samples))
        return [attempt for made in await together(chains) for attempt in made]

    async def _sample(self, bench: Workbench, sample: int) -> list[Attempt]:
        opening = bench.opening()
        plan = await bench.ask("planner", (Message("user", _question(bench.task)),), sample)
        said = plan.text.strip()[:MOST]
        followed = added(opening, f"{FOLLOW}\n\n{said}") if said else opening
        return await chain(bench, sample, followed, bench.attempt)


def _question(task: Task) -> str:
    """The task as the coder's prompt shows it, without its demand for code."""
    shown = task.public_tests if task.shape == "text" else ()
    return "\n".join((ASK, "", task.prompt.strip(), *shown))


def added(messages: Messages, more: str) -> Messages:
    """The messages with a paragraph added to the last."""
    last = messages[-1]
    return (*messages[:-1], Message(last.role, f"{last.content}\n\n{more}"))
