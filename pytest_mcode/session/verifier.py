"""Identical programs are verified once, or as often as was asked for to find flaky verdicts.

Identical is what has the same digest: candidate, tests, context, names, number of checks, limits,
and all by which the sandbox describes itself. A failure of the machinery is never remembered.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import asdict, replace
from hashlib import sha256
from typing import Any, Self

from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.protocols import Sandbox
from pytest_mcode.core.records import Json, Program, Verdict
from pytest_mcode.session import strangers, wellformed
from pytest_mcode.session.engine import Engine
from pytest_mcode.session.settings import Settings
from pytest_mcode.session.together import Together

CAPACITY = 1 << 26
"""Characters of verdicts that are kept in memory; the least recently used go first."""
OVERHEAD = 1000
"""Characters that stand for what a verdict needs besides its texts."""

Find = Callable[[str], Verdict | None]
"""The verdict that was stored with a digest, by whatever process."""


def _queue_of(sandbox: Any) -> Callable[[Program], Future[Verdict]] | None:
    """Its `submit`; None where it has none, or where a subclass has changed `run` alone."""
    for kind in type(sandbox).__mro__:
        if "submit" in vars(kind):
            found: Callable[[Program], Future[Verdict]] = sandbox.submit
            return found
        if "run" in vars(kind):
            return None
    return None


class Verifier:
    """Lives on the engine's loop, and so needs no lock."""

    def __init__(
        self,
        sandbox: Sandbox,
        engine: Engine,
        *,
        times: int = 1,
        share: bool = True,
        find: Find | None = None,
        close: Callable[[], None] = lambda: None,
        capacity: int = CAPACITY,
    ) -> None:
        from pytest_mcode import __version__

        self._times = times
        self._share = share
        self.close = close
        """Let go of the database; safe to call twice."""
        self._capacity = capacity
        made_by = f"{type(sandbox).__module__}:{type(sandbox).__qualname__}"
        self._place = _hash([__version__, made_by, dict(sandbox.describe()), times])
        self._known: OrderedDict[str, Verdict] = OrderedDict()
        self._size = 0
        self._running: dict[str, asyncio.Future[Verdict]] = {}
        submit = _queue_of(sandbox)
        # All that are wanted are offered at once: a sandbox with a queue forms batches of them.
        self._run = (
            (lambda p: engine.awaited(submit(p)))
            if submit
            else engine.blocking(sandbox.run, sandbox.slots)
        )
        self._look = Together(find) if find else None

    @classmethod
    def of(cls, settings: Settings, sandbox: Sandbox, engine: Engine) -> Self:
        """As the options say. Verdicts of earlier runs are taken where nothing of a stranger's
        decided them: only the code of what ships has a version."""
        from pytest_mcode.store.verdicts import Remembered

        ships = strangers.ships(sandbox)
        once = settings.verify_times == 1
        share = settings.verdict_cache != "off"
        if settings.verdict_cache != "store" or not once or not ships:
            return cls(sandbox, engine, times=settings.verify_times, share=share)
        known = Remembered(settings.db)
        return cls(sandbox, engine, find=known.find, close=known.close)

    async def verify(self, program: Program) -> Verdict:
        """The verdict; on the engine's loop. Raises `InfraError`, each caller its own."""
        key = self.key(program)
        if not self._share:
            return await self._measured(key, program)
        while True:
            if key in self._known:
                self._known.move_to_end(key)
                return replace(self._known[key], cached=True)
            running = self._running.get(key)
            if running is None:
                running = self._running[key] = asyncio.ensure_future(self._measured(key, program))
                running.add_done_callback(lambda done: self._finished(key, done))
                return await asyncio.shield(running)
            with contextlib.suppress(InfraError):
                return replace(await asyncio.shield(running), cached=True)

    def _finished(self, key: str, done: asyncio.Future[Verdict]) -> None:
        del self._running[key]
        if done.cancelled() or done.exception() is not None:
            return
        verdict = self._known[key] = done.result()
        self._size += _weight(verdict)
        while self._size > self._capacity:
            self._size -= _weight(self._known.popitem(last=False)[1])

    def key(self, program: Program) -> str:
        """128 bits of a hash over all that could lead to another verdict."""
        parts = asdict(program)
        trusted = _trusted(parts.pop("context"), parts.pop("tests"))
        return _hash([self._place, trusted, parts])[:32]

    async def _measured(self, key: str, program: Program) -> Verdict:
        """Look it up, or run it."""
        found = await self._look(key) if self._look else None
        with contextlib.suppress(InfraError):  # a row that somebody has edited
            if found is not None:
                return replace(wellformed.verdict(found), cached=True)
        seen = [wellformed.verdict(await self._run(program)) for _ in range(self._times)]
        return replace(agreed(seen), program=key, cached=False)


def agreed(verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict for several runs of a program; where they differ it is flaky and no pass.

    `wall_s` is the sum of all runs.
    """
    wall_s = sum(verdict.wall_s for verdict in verdicts)
    counts = Counter(verdict.status for verdict in verdicts)
    if len(counts) == 1:
        return replace(verdicts[0], wall_s=wall_s)
    shown = next((v for v in verdicts if not v.passed), verdicts[0])
    named = "passed" if counts["passed"] else shown.status
    others = ", ".join(sorted(set(counts) - {named}))
    flaky = f"{named} {counts[named]} of {len(verdicts)}, else {others}"
    met = max((verdict.groups for verdict in verdicts), key=len)
    groups = {name: all(verdict.groups.get(name) for verdict in verdicts) for name in met}
    detail = f"flaky, {flaky}: {shown.detail}"
    return replace(shown, detail=detail, flaky=flaky, wall_s=wall_s, groups=groups)


@functools.lru_cache(maxsize=256)
def _trusted(context: str, tests: str) -> str:
    """Tests may be megabytes; the samples of a task share them and come close together."""
    return _hash([context, tests])


def _hash(value: Json) -> str:
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _weight(verdict: Verdict) -> int:
    return OVERHEAD + len(verdict.stdout) + len(verdict.feedback) + len(verdict.detail)
