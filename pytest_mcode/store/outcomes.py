"""An outcome, as it crosses processes in plain JSON, becomes rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_mcode.core.records import Json
from pytest_mcode.store.draws import OWN, REFUSED, WRITTEN


def text(value: str) -> str:
    """The text as UTF-8 can hold it: a lone surrogate becomes its six characters `\\udXXX`.

    Everything else, NUL included, is kept as it is. Storing raw surrogates would be reversible but
    no other reader (Datasette, `sqlite3`) could open the row.
    """
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def to_json(value: Json) -> str:
    """Readable JSON; a lone surrogate turns into its JSON escape and comes back unchanged."""
    return text(json.dumps(value, ensure_ascii=False, sort_keys=True))


@dataclass(frozen=True)
class Numbers:
    """What all reports need of one item."""

    solved: bool
    """An attempt that counts passed (`Outcome.handed_in`)."""
    chosen: bool | None
    """Whether the attempt passed that the strategy chose; None where it chose none."""
    samples_generated: int
    """Draws, that is attempts at iteration 0."""
    iterations_used: int
    """Repair iteration of the first passing attempt; unsolved: the highest that was tried."""
    first_passed: bool
    """The draw of sample 0 passed."""
    solved_by: tuple[int, ...]
    """Element j: samples that passed at an iteration <= j; after repairs that public tests drove,
    samples whose last attempt up to j passed. Element 0 counts passing draws."""
    group_draws: tuple[tuple[str, int], ...]
    """Group of tests, and draws in which it and all groups before it held."""
    attempts: int
    prompt_tokens: int
    completion_tokens: int
    thinking_tokens: int | None
    """Among those of the completions; None if the server did not tell them of each."""
    calls: int
    queue_s: float
    request_s: float
    check_s: float
    """Of verifications; a verdict from the cache took none."""
    wall_s: float
    cached: int
    """Attempts whose verdict was taken from an earlier verification."""
    flaky: int
    """Attempts of which runs of the same program ended differently."""
    reused: int
    """Attempts whose answer was taken from the database: in no sum of tokens, calls or seconds."""
    asked: bool
    """A model was asked, in this run or, for an answer that was found here, in an earlier one."""
    unreported: bool
    """The server told no tokens of one of the answers (`is_unreported`)."""
    reused_prompt_tokens: int
    reused_completion_tokens: int
    """Of the answers that were taken from the database."""
    error: str
    """Infra message, or status and detail of the last attempt of an unsolved item."""


def numbers(outcome: Mapping[str, Json]) -> Numbers:
    """Count what happened. `outcome` is `core.records.Outcome.to_json()`."""
    attempts: Sequence[Mapping[str, Json]] = outcome["attempts"]
    asked = [*attempts, *outcome["calls"]]
    answers = [a["answer"] for a in asked if not a["answer"]["reused"]]
    reused = [a["answer"] for a in asked if a["answer"]["reused"]]
    counting = [attempts[i] for i in outcome["counts"]]
    passing = [a for a in counting if a["verdict"]["status"] == "passed"]
    reached = [a["iteration"] for a in (passing[:1] or attempts)]
    draws = [a for a in attempts if a["iteration"] == 0]
    return Numbers(
        solved=bool(passing) and not outcome["infra"],
        chosen=_chosen(counting),
        samples_generated=len({a["sample"] for a in draws}),
        iterations_used=max(reached, default=0),
        first_passed=any(a["sample"] == 0 and _passed(a) for a in draws),
        solved_by=_solved_by(attempts, outcome["variant"]["feedback"] == "public"),
        group_draws=_group_draws(attempts),
        attempts=len(attempts),
        prompt_tokens=sum(a["prompt_tokens"] for a in answers),
        completion_tokens=sum(a["completion_tokens"] for a in answers),
        thinking_tokens=_thinking_tokens(answers),
        calls=sum(a["calls"] for a in answers),
        queue_s=sum(a["queue_s"] for a in answers),
        request_s=sum(a["request_s"] for a in answers),
        check_s=sum(map(_check_s, attempts)),
        wall_s=outcome["wall_s"],
        cached=sum(a["verdict"]["cached"] for a in attempts),
        flaky=sum(bool(a["verdict"]["flaky"]) for a in attempts),
        reused=sum(a["answer"]["reused"] for a in attempts),
        asked=bool(reused) or any(a["calls"] for a in answers),
        unreported=is_unreported(outcome),
        reused_prompt_tokens=sum(a["prompt_tokens"] for a in reused),
        reused_completion_tokens=sum(a["completion_tokens"] for a in reused),
        error=_error(outcome, counting, bool(passing)),
    )


def is_unreported(outcome: Mapping[str, Json]) -> bool:
    """Whether a server told no tokens of an answer; `outcome` is `Outcome.to_json()`."""
    answers = [asked["answer"] for asked in (*outcome["attempts"], *outcome["calls"])]
    return any(
        (a["calls"] or a["reused"])
        and not a["prompt_tokens"] + a["completion_tokens"]
        and a["finish_reason"] != REFUSED
        for a in answers
    )


def _thinking_tokens(answers: Sequence[Mapping[str, Json]]) -> int | None:
    asked = [a for a in answers if a["calls"] and a["finish_reason"] != REFUSED]
    told = [a["thinking_tokens"] for a in asked if a["thinking_tokens"] is not None]
    return sum(told) if len(told) == len(asked) else None


def _passed(attempt: Mapping[str, Json]) -> bool:
    return bool(attempt["verdict"]["status"] == "passed")


def _chosen(counting: Sequence[Mapping[str, Json]]) -> bool | None:
    chosen = [_passed(a) for a in counting if a["notes"].get("chosen")]
    return any(chosen) if chosen else None


def _check_s(attempt: Mapping[str, Json]) -> float:
    """Seconds of its verification and of those that its notes tell of."""
    verdict = attempt["verdict"]
    besides = (n["check_s"] for n in attempt["notes"].values() if _has_time(n))
    return float(sum(besides, 0.0 if verdict["cached"] else verdict["wall_s"]))


def _has_time(note: Json) -> bool:
    return isinstance(note, Mapping) and isinstance(note.get("check_s"), float)


def _solved_by(attempts: Sequence[Mapping[str, Json]], last_counts: bool) -> tuple[int, ...]:
    """Samples solved by each iteration; a pass stays one, unless only the last attempt counts."""
    last = max((a["iteration"] for a in attempts), default=0)
    found = []
    for j in range(last + 1):
        state: dict[int, bool] = {}
        for a in attempts:
            if a["iteration"] <= j:
                earlier = not last_counts and state.get(a["sample"], False)
                state[a["sample"]] = earlier or _passed(a)
        found.append(sum(state.values()))
    return tuple(found)


def _group_draws(attempts: Sequence[Mapping[str, Json]]) -> tuple[tuple[str, int], ...]:
    draws: dict[str, int] = {}
    for attempt in attempts:
        if attempt["iteration"] == 0:
            so_far = True
            for name, held in attempt["verdict"]["groups"].items():
                so_far = so_far and held
                draws[name] = draws.get(name, 0) + so_far
    return tuple(draws.items())


def _error(
    outcome: Mapping[str, Json], attempts: Sequence[Mapping[str, Json]], solved: bool
) -> str:
    if outcome["infra"]:
        return str(outcome["infra"])
    if solved or not attempts:
        return ""
    verdict = attempts[-1]["verdict"]
    return f"{verdict['status']}: {verdict['detail']}".removesuffix(": ")


def attempt_row(attempt: Mapping[str, Json]) -> dict[str, Json]:
    """Columns of `attempts`, apart from the keys of the item."""
    verdict = attempt["verdict"]
    return {
        "sample": attempt["sample"],
        "iteration": attempt["iteration"],
        "verdict": verdict["status"],
        "mode": verdict["mode"],
        "checks_run": verdict["checks_run"],
        "check_s": verdict["wall_s"],
        "memory_mb": verdict["memory_mb"],
        "detail": text(verdict["detail"]),
        "feedback": text(verdict["feedback"]),
        "code": text(attempt["code"]),
        "stdout": text(verdict["stdout"]),
        "flaky": text(verdict["flaky"]),
        "cached": int(verdict["cached"]),
        "program": text(verdict["program"]),
        "groups": text(json.dumps(verdict["groups"], ensure_ascii=False)),  # in their order
        "notes": to_json(attempt["notes"]),
        **_answer_row(attempt["answer"]),
    }


def call_row(call: Mapping[str, Json]) -> dict[str, Json]:
    """Columns of `calls`, apart from the keys of the item."""
    place = {"sample": call["sample"], "role": text(call["role"]), "number": call["number"]}
    return place | _answer_row(call["answer"])


def draw_rows(outcome: Mapping[str, Json]) -> list[dict[str, Json]]:
    """Rows of `draws`: every answer of an outcome whose attempts are not verified."""
    placed = [(a["sample"], "", a["iteration"], a["answer"]) for a in outcome["attempts"]]
    placed += [(c["sample"], c["role"], c["number"], c["answer"]) for c in outcome["calls"]]
    return [draw_row(*place) for place in placed]


def draw_row(sample: int, role: str, number: int, answer: Mapping[str, Json]) -> dict[str, Json]:
    """Columns of `draws`, apart from the keys of the item.

    Its text stands there as JSON, so that whatever it holds comes back unchanged.
    """
    return (
        {"sample": sample, "role": text(role), "number": number}
        | _answer_row(answer)
        | {name: to_json(answer[field]) for field, name in WRITTEN.items()}
        | {"draw": answer["draw"]}
    )


def _answer_row(answer: Mapping[str, Json]) -> dict[str, Json]:
    return {
        "prompt_tokens": answer["prompt_tokens"],
        "completion_tokens": answer["completion_tokens"],
        "thinking_tokens": answer["thinking_tokens"],
        "finish_reason": text(answer["finish_reason"]),
        "queue_s": answer["queue_s"],
        "request_s": answer["request_s"],
        "calls": answer["calls"],
        "form": answer["form"],
        "prompt": to_json(answer["messages"]),
        "options": to_json(answer["options"]),
        "answer": text(answer["text"]),
        "thinking": text(answer["thinking"]),
        "draw": answer["draw"] if _is_kept(answer) else "",
        "reused": int(answer["reused"]),
    }


def _is_kept(answer: Mapping[str, Json]) -> bool:
    """Whether other runs may find it, and its columns give it back as it was."""
    if answer["draw"].startswith(OWN):
        return False
    columns = ("text", "thinking", "finish_reason")
    return all(text(answer[name]) == answer[name] for name in columns)
