"""What is stored of single items and attempts, texts included, for those who look at one task."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pytest_mcode.core.records import Json
from pytest_mcode.store.reader import Reader


@dataclass(frozen=True)
class Item:
    """One task of one variant."""

    item_id: int
    variant_id: int
    task_id: str
    state: str
    """`planned`, `done` or `infra`."""
    solved: bool
    samples: int
    """Draws that were made."""
    solved_by: tuple[int, ...]
    """Element j: samples solved by iteration j."""
    attempts: int
    prompt_tokens: int
    completion_tokens: int
    """Of what its run has drawn, as all sums below."""
    request_s: float
    check_s: float
    cached: int
    flaky: int
    reused: int
    chosen: bool | None
    """Whether the attempt passed that the strategy chose; None where it chose none."""
    error: str
    verdicts: frozenset[str] = frozenset()
    """Of its attempts, and `in_process` if one was."""


@dataclass(frozen=True)
class Head:
    """One attempt without its texts."""

    sample: int
    iteration: int
    verdict: str
    flaky: bool
    chosen: bool


@dataclass(frozen=True)
class Asked:
    """What was sent and what came back."""

    sample: int
    prompt: str
    """JSON list of messages."""
    answer: str
    thinking: str
    prompt_tokens: int
    completion_tokens: int
    finish_reason: str
    queue_s: float
    request_s: float
    calls: int
    reused: bool | int
    thinking_tokens: int | None
    """Among those of the completion; None if the server did not tell them."""


@dataclass(frozen=True)
class Attempt(Asked):
    """One attempt with its texts."""

    iteration: int
    verdict: str
    mode: str
    detail: str
    feedback: str
    code: str
    stdout: str
    checks_run: int
    check_s: float
    memory_mb: float
    flaky: str
    cached: bool
    notes: Json


@dataclass(frozen=True)
class Call(Asked):
    """A request of a strategy that is no attempt."""

    role: str
    number: int


_ASKED = (
    "sample, prompt, answer, thinking, prompt_tokens, completion_tokens, finish_reason, queue_s,"
    " request_s, calls, reused, thinking_tokens"
)


def items(reader: Reader, variant_ids: Sequence[int]) -> list[Item]:
    """All items of the variants, planned ones too, in the order of the plan."""
    marks = ", ".join("?" * len(variant_ids))
    given: defaultdict[int, set[str]] = defaultdict(set)
    for item_id, verdict, inside in reader.rows(
        "SELECT item_id, verdict, mode = 'in_process' FROM attempts"
        f" WHERE variant_id IN ({marks}) GROUP BY 1, 2, 3",
        variant_ids,
    ):
        given[item_id] |= {verdict, "in_process"} if inside else {verdict}
    found = reader.rows(
        "SELECT item_id, variant_id, task_id, state, coalesce(solved, 0), samples_generated,"
        " solved_by, attempts, prompt_tokens, completion_tokens, request_s, check_s, cached,"
        f" flaky, reused, chosen, error FROM items WHERE variant_id IN ({marks}) ORDER BY item_id",
        variant_ids,
    )
    return [_item(row, given.get(row[0], set())) for row in found]


def _item(row: Sequence[Json], verdicts: set[str]) -> Item:
    values = list(row)
    values[4] = bool(row[4])
    values[6] = tuple(json.loads(row[6]))
    values[15] = None if row[15] is None else bool(row[15])
    return Item(*[*values, frozenset(verdicts)])


def heads(reader: Reader, item_id: int) -> list[Head]:
    """All attempts of an item, by sample and iteration."""
    found = reader.rows(
        "SELECT sample, iteration, verdict, flaky <> '', json_extract(notes, '$.chosen')"
        " FROM attempts WHERE item_id = ? ORDER BY sample, iteration",
        (item_id,),
    )
    return [
        Head(s, j, verdict, bool(flaky), bool(chosen)) for s, j, verdict, flaky, chosen in found
    ]


def attempt(reader: Reader, item_id: int, sample: int, iteration: int) -> Attempt:
    """One attempt of `heads`."""
    (row,) = reader.rows(
        f"SELECT {_ASKED}, iteration, verdict, mode, detail, feedback, code, stdout, checks_run,"
        " check_s, memory_mb, flaky, cached, notes FROM attempts"
        " WHERE item_id = ? AND sample = ? AND iteration = ?",
        (item_id, sample, iteration),
    )
    values = list(row)
    values[10], values[23], values[24] = bool(row[10]), bool(row[23]), json.loads(row[24])
    return Attempt(*values)


def calls(reader: Reader, item_id: int, samples: Collection[int]) -> list[Call]:
    """What a strategy asked besides its attempts, of some samples of an item."""
    found = reader.rows(
        f"SELECT {_ASKED}, role, number FROM calls WHERE item_id = ? ORDER BY sample, rowid",
        (item_id,),
    )
    return [Call(*row) for row in found if row[0] in samples]
