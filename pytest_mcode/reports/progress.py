"""How far a run is: outcomes and clock readings in, one line out."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pytest_mcode.core.records import Json, Variant
from pytest_mcode.core.words import counted
from pytest_mcode.reports.layout import rough
from pytest_mcode.stats.estimate import Estimate, estimate
from pytest_mcode.store.outcomes import numbers

RECENT = 200
"""Items by whose pace the time left is estimated: what the database held was done at once."""


@dataclass(frozen=True)
class Draws:
    """How the draws of one item went."""

    samples: int
    passed: int
    first_passed: bool


class _Rate:
    """pass@1 of one model on one benchmark, from the cell with most samples of each task."""

    def __init__(self) -> None:
        self._tasks: dict[str, Draws] = {}
        self._shares: Counter[float] = Counter()
        self._firsts: Counter[float] = Counter()
        self._short = False

    def add(self, task_id: str, draws: Draws, planned: int) -> None:
        known = self._tasks.get(task_id)
        if not draws.samples or (known is not None and draws.samples < known.samples):
            return
        if known is not None:
            self._count(known, -1)
        self._count(draws, 1)
        self._tasks[task_id] = draws
        self._short = self._short or draws.samples < planned

    def _count(self, draws: Draws, more: int) -> None:
        self._shares[draws.passed / draws.samples] += more
        self._firsts[float(draws.first_passed)] += more

    @property
    def estimate(self) -> Estimate | None:
        """Of first draws alone where a task has fewer than planned: it may have stopped early."""
        return estimate(self._firsts if self._short else self._shares) if self._tasks else None


@dataclass(frozen=True)
class Look:
    """What is known besides the outcomes."""

    now: float
    """Seconds, of the clock that `Progress` was begun with."""
    in_flight: int | None = None
    """Requests; None where other processes make them."""
    infra: int = 0
    """Items whose machinery failed."""
    tokens: int = 0
    """Completion tokens of answers whose items may not be finished; 0 if they are not counted."""


class Progress:
    """The outcomes of a run so far."""

    def __init__(self, planned: Iterable[Variant], now: float, *, rated: bool = True) -> None:
        """The variants of all planned items, and the time; not `rated`: nothing is verified."""
        every = list(planned)
        self.items, self.planned = 0, len(every)
        self.samples = 0
        self.samples_planned = sum(v.samples for v in every)
        self._cells = len(set(every))
        self._rated = rated
        self._rates: dict[tuple[str, str], _Rate] = {}
        self._shown: tuple[str, str] | None = None
        self._subjects = len({(v.benchmark, v.model, v.options) for v in every})
        self._seen: set[str] = set()
        self._tokens = 0
        self._begun = now
        self._recent: deque[tuple[float, int]] = deque([(now, 0)], maxlen=RECENT)

    def add(self, nodeid: str, outcome: Mapping[str, Json], now: float) -> None:
        """One item is finished, perhaps on a further try."""
        variant, found = outcome["variant"], numbers(outcome)
        if nodeid not in self._seen:
            self._seen.add(nodeid)
            self.items += 1
            self._recent.append((now, variant["samples"]))
        self._tokens += found.completion_tokens
        if outcome["infra"]:
            return
        passed = found.solved_by[0] if found.solved_by else 0
        draws = Draws(found.samples_generated, passed, found.first_passed)
        self._count(Variant(**variant), outcome["task_id"], draws)

    def earlier(self, variant: Variant, task_id: str, draws: Draws) -> None:
        """One item that was finished before the run was interrupted."""
        self.items += 1
        self._count(variant, task_id, draws)

    def _count(self, variant: Variant, task_id: str, draws: Draws) -> None:
        self.samples += draws.samples
        if not self._rated:
            return
        self._shown = (variant.benchmark, " ".join((variant.model, variant.options)).strip())
        self._rates.setdefault(self._shown, _Rate()).add(task_id, draws, variant.samples)

    def line(self, look: Look) -> str:
        """All of it, for a log."""
        return ", ".join(long for long, _ in self._parts(look) if long)

    def live(self, look: Look, width: int) -> str:
        """At most `width` columns: shorter words first, then the least of the parts are left."""
        parts = [pair for pair in self._parts(look) if pair[0]]
        found = [long for long, _ in parts]
        for position in reversed(range(len(parts))):
            if len("  ".join(found)) <= width:
                break
            found[position] = parts[position][1]
        while len(found) > 1 and len("  ".join(found)) > width:
            del found[-2 if len(found) > 2 else -1]  # the last is the time
        return "  ".join(found)[:width].encode("ascii", "replace").decode()

    def _parts(self, look: Look) -> Iterable[tuple[str, str]]:
        """Long and short words, the most important first, the time last."""
        noun = "task" if self._cells == 1 else "item"
        tasks = f"{self.items:,}/{counted(self.planned, noun)}"
        yield tasks, tasks
        if look.infra:
            yield f"{look.infra:,} infra", f"{look.infra:,} infra"
        yield self._rate()
        if self.samples_planned > self.planned:
            share = f"{self.samples:,}/{self.samples_planned:,}"
            yield f"{share} samples", share
        seconds = look.now - self._begun
        if tokens := max(self._tokens, look.tokens):
            speed = f"{tokens / seconds:,.0f}" if seconds > 0 else "0"
            yield f"{speed} tokens/s", f"{speed} tok/s"
        if look.in_flight is not None:
            yield f"{counted(look.in_flight, 'request')} in flight", f"{look.in_flight:,} req"
        left = self._left_s(look.now)
        if left is None:
            yield f"{rough(seconds)} so far", rough(seconds)
        else:
            yield f"about {rough(left)} left", f"~{rough(left)}"

    def _rate(self) -> tuple[str, str]:
        rate = self._rates[self._shown].estimate if self._shown else None
        if rate is None or self._shown is None:
            return "", ""
        whose = f"{self._shown[1]} " if self._subjects > 1 else ""
        value, low, high = (100 * x for x in (rate.value, rate.low, rate.high))
        return (
            f"{whose}pass@1 {value:.1f} % [{low:.1f}, {high:.1f}]",
            f"{whose}pass@1 {value:.0f} % [{low:.0f}, {high:.0f}]",
        )

    def _left_s(self, now: float) -> float | None:
        """By the pace of the recent items, in samples; None before there is a pace."""
        (begun, _), *recent = self._recent
        if len(recent) < 2 or now <= begun:
            return None
        left = self.samples_planned * (1 - self.items / self.planned)
        return (now - begun) / sum(samples for _, samples in recent) * left
