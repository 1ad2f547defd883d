"""What the fixtures hand out: the parts of the instrument, for the suite and for users' tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.fingerprint import seed_for
from pytest_mcode.core.records import (
    Answer,
    Attempt,
    Message,
    Messages,
    Outcome,
    Request,
    Verdict,
)
from pytest_mcode.plugin import phase
from pytest_mcode.plugin import state as states

if TYPE_CHECKING:
    import pytest

    from pytest_mcode.session.cells import Cell


class Unsolved(AssertionError):  # noqa: N818 - a result, not an error
    """No attempt passed. Shown as `u`, without a traceback of ours."""


class Result:
    """What `mcode_attempt()` returns: the outcome, and the assertion on it."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome

    @property
    def solved(self) -> bool:
        """True if an attempt passed that counts (`Outcome.handed_in`)."""
        return self.outcome.solved

    def check(self) -> None:
        """Raise `Unsolved` unless an attempt passed."""
        __tracebackhide__ = True
        if not self.outcome.solved:
            raise Unsolved(_last_words(self.outcome))


def _last_words(outcome: Outcome) -> str:
    if not outcome.attempts:
        return "no attempt was made"
    verdict = outcome.handed_in[-1].verdict
    tail = verdict.feedback.strip().splitlines()[-3:]
    lines = [f"{verdict.status}: {verdict.detail}", *(t for t in tail if t != verdict.detail)]
    return "\n".join(lines)


class Model:
    """The generator of the item's model, asked one question at a time."""

    def __init__(self, cell: Cell, config: pytest.Config) -> None:
        self._cell = cell
        self._session = states.of(config).session

    def ask(self, prompt: str | Messages, sample: int = 0, iteration: int = 0) -> Answer:
        """One answer to a user message, or to a whole chat. Raises `InfraError`."""
        messages = (Message("user", prompt),) if isinstance(prompt, str) else prompt
        sampling = self._session.settings.of(self._cell.variant).sampling
        seed = seed_for(sampling.seed, self._cell.task.task_id, sample, iteration)
        request = Request(
            self._cell.task, messages, sample, iteration, replace(sampling, seed=seed)
        )
        generator = self._session.generator(self._cell.variant)
        asking = self._session.pool.traffic.ask(generator, request)
        return self._session.engine.submit(asking).result()


class Box:
    """The sandbox, bound to the item's task. What it verifies is recorded with the item."""

    def __init__(self, cell: Cell, request: pytest.FixtureRequest) -> None:
        self._cell = cell
        self._session = states.of(request.config).session
        self.attempts: list[Attempt] = []
        request.node.stash[states.BOX] = self

    def verify(self, answer: Answer | str) -> Verdict:
        """Verify an answer, or source code, against the task's tests. Raises `InfraError`."""
        code, verdict = self._session.verify(self._cell.task, answer)
        kept = Answer(answer, form="program", calls=0) if isinstance(answer, str) else answer
        # A test may have used the first verdict for its next question, so only the first counts
        # as a draw.
        self.attempts.append(Attempt(0, len(self.attempts), kept, code, verdict))
        return verdict


def attempt(cell: Cell, request: pytest.FixtureRequest) -> Callable[[], Result]:
    """The callable behind the fixture `mcode_attempt`."""
    state = states.of(request.config)
    node = request.node

    def call() -> Result:
        __tracebackhide__ = True
        outcome = state.lookahead.take(node.nodeid, cell)
        node.stash[states.OUTCOME] = outcome.to_json()
        if outcome.infra:
            raise InfraError(outcome.infra)
        phase.only_drawn(state)
        return Result(outcome)

    return call
