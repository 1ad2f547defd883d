"""One pool of samples: a draw is made once, whatever cells, workers and runs ask for it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from hashlib import sha256
from json import dumps
from typing import Any, Literal, Self, TypeVar

from pytest_mcode.core.protocols import Generator
from pytest_mcode.core.records import (
    Answer,
    Dataset,
    Json,
    Messages,
    Request,
    Sampling,
    Task,
)
from pytest_mcode.generation import extraction, prompts, wire
from pytest_mcode.session import strangers
from pytest_mcode.session.keeping import Keeping
from pytest_mcode.session.settings import Settings
from pytest_mcode.session.together import Together
from pytest_mcode.session.traffic import Traffic
from pytest_mcode.store.draws import OWN, REFUSED, Drawn
from pytest_mcode.store.early import Early

RECORDED = frozenset({"gold", "garbage", "replay"})
"""Generators that ship and draw nothing: their answers are quicker to give than to look up."""

T = TypeVar("T")

Kept = Literal["", "own", "all"]
"""Who may find draws of a generator in the database: nobody, the run that drew them, every run."""

Find = Callable[[str], Answer | None]
"""The answer that was stored with a draw's digest, by whatever process."""


class Pool:
    """What this process has drawn, and answers that are in the database; on one event loop."""

    def __init__(
        self,
        *,
        share: bool = True,
        find: Find | None = None,
        keeping: Keeping | None = None,
        close: Callable[[], None] = lambda: None,
        capacity: int = 20_000,
    ) -> None:
        self._made: OrderedDict[str, asyncio.Task[Any]] = OrderedDict()
        self._share = share
        self._find = Together(find) if find else None
        self._keeping = keeping
        self._capacity = capacity
        self._close = close
        self.traffic = Traffic()
        """What is being drawn."""

    @classmethod
    def of(cls, settings: Settings, run_id: str) -> Self:
        """As the options say."""
        if settings.pool == "off":
            return cls(share=False)
        own = settings.fresh or settings.pool == "run" or settings.phase == "verify"
        known = Drawn(settings.db, run_id, others=not own)
        return cls(find=known.find, keeping=Keeping(settings.db, run_id), close=known.close)

    async def get(self, key: str, make: Callable[[], Awaitable[T]]) -> T:
        """The attempt or answer under `key`, made at most once; a failure is not kept."""
        if not self._share:
            return await make()
        task: asyncio.Task[T] | None = self._made.get(key)
        if task is None:
            task = self._made[key] = asyncio.ensure_future(make())
            if len(self._made) > self._capacity:
                self._made.popitem(last=False)
        try:
            return await asyncio.shield(task)
        except BaseException:
            if task.done() and self._made.get(key) is task:
                del self._made[key]
            raise

    async def stored(self, draw: str) -> Answer | None:
        """The answer of an earlier draw; in a thread, because the disk may be slow."""
        if self._find is None or not draw:
            return None
        return await self._find(draw)

    def keep(self, nodeid: str, request: Request, answer: Answer) -> None:
        """Have an answer written before its item is reported, if anybody may find it again."""
        if self._keeping is not None and answer.draw and answer.finish_reason != REFUSED:
            place = request.sample, request.role, request.iteration
            self._keeping.add(Early(nodeid, *place, answer))

    def close(self) -> None:
        """Let go of the database; safe to call twice."""
        if self._keeping is not None:
            self._keeping.close()
        self._close()


def source(generator: Generator, dataset: Dataset, sampling: Sampling) -> str:
    """Digest of what all draws of a generator on a data set share, with such sampling."""
    return _digest(
        [
            dict(generator.describe()),
            wire.described(sampling),
            prompts.VERSION,
            extraction.VERSION,
            dataset.sha256,
        ]
    )


def digest(
    source: str, task: Task, messages: Messages, sample: int, iteration: int, *besides: Json
) -> str:
    """Digest of all that decides one draw, 128 bits; `besides`: format and role, where it has."""
    said = [(m.role, m.content) for m in messages]
    more = list(besides) if any(besides) else []
    return _digest([source, task.task_id, said, sample, iteration, *more])


def known_as(draw: str, kept: Kept) -> str:
    """The digest of a draw as those see it who may find it; empty where nobody may."""
    return {"": "", "own": OWN + draw, "all": draw}[kept]


def is_kept(generator: Generator) -> bool:
    """Whether its answers are found again by later runs.

    Only the code of what ships has a version; the description of a stranger's must give one.
    """
    described = generator.describe()
    if strangers.ships(generator):
        return described.get("backend") not in RECORDED
    return "version" in described


def _digest(value: Json) -> str:
    return sha256(dumps(value, sort_keys=True).encode()).hexdigest()[:32]
