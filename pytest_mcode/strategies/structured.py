"""Structured answers: decoding is constrained to a JSON object that holds the code.

The grammar rules out prose and forgotten fences; what it costs in quality is the question (Tam et
al. 2024, "Let Me Speak Freely?").
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence

from pytest_mcode.core.protocols import Workbench
from pytest_mcode.core.records import Attempt, Json, Messages
from pytest_mcode.strategies.plan import added
from pytest_mcode.strategies.self_debug import chain
from pytest_mcode.strategies.together import together

SCHEMA: dict[str, Json] = {
    "type": "object",
    "properties": {"code": {"type": "string"}},
    "required": ["code"],
    "additionalProperties": False,
}

ASK = (
    'Write your answer as a JSON object with one key, "code", whose value is the code as a string.'
)


class Structured:
    """The chains of `self_debug`, every answer under the schema `{"code": string}`.

    A server may ignore the schema: its answer is read like any other, and the attempt's note
    `schema` says `followed` or `ignored`.
    """

    name = "structured"
    phases = True
    prose = True

    async def solve(self, bench: Workbench) -> Sequence[Attempt]:
        """All attempts of all chains."""
        opening, draw = bench.opening(), functools.partial(_draw, bench)
        chains = (chain(bench, i, opening, draw) for i in range(bench.variant.samples))
        return [attempt for made in await together(chains) for attempt in made]


async def _draw(bench: Workbench, sample: int, iteration: int, messages: Messages) -> Attempt:
    asked = added(messages, ASK)  # a repair's too: it would ask for a block of code alone
    attempt = await bench.attempt(sample, iteration, asked, format=SCHEMA)
    bench.note(attempt, schema="followed" if is_followed(attempt.answer.text) else "ignored")
    return attempt


def is_followed(text: str) -> bool:
    """Whether an answer is such an object and nothing else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.keys() == {"code"} and isinstance(value["code"], str)
