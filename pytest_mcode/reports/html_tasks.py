"""The drill-down of the page: every task, and of its attempts as many as a page can hold.

Every attempt is there with its verdict. Texts are kept of as many attempts as an item's share of
`KEPT` and `BUDGET` allows; what is left out is said where it is missing.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from pytest_mcode.core.records import Json
from pytest_mcode.core.words import counted
from pytest_mcode.reports.html_texts import LONGEST, Highlighter, cut, visible
from pytest_mcode.reports.layout import duration
from pytest_mcode.store import drilldown
from pytest_mcode.store.drilldown import Asked, Attempt, Call, Head, Item
from pytest_mcode.store.queries import VariantRow
from pytest_mcode.store.reader import Reader

KEPT = 6_000
"""Attempts with their texts, shared out fairly among items."""
FEWEST = 3
"""Of them that an item may have, however many items there are."""
BUDGET = 24_000_000
"""Characters of all texts; equal texts of a task count once."""
LEAST = 4_000
"""Of them that an item may have."""
LONGEST_TITLE = 90
"""Letters of what a task asks for, in the list."""
SHORTEST = 0.005
"""Seconds that are told."""

LETTERS = {
    "passed": "p",
    "failed": "f",
    "error": "e",
    "timeout": "t",
    "memory": "m",
    "output_limit": "o",
    "no_code": "n",
    "forged": "x",
}
"""Verdict -> its letter in the page's data; `?` for one of a later version."""
MARKS = {"flaky": "y", "in_process": "i", "cached": "c", "reused": "r"}
"""What else one can filter by."""


class Drilldown:
    """Reads the tasks of some variants once, from the first to the last."""

    def __init__(self, reader: Reader, rows: Sequence[VariantRow]) -> None:
        self._reader = reader
        self._highlighter = Highlighter()
        self._place = {row.variant_id: i for i, row in enumerate(rows)}
        bench = {row.variant_id: row.variant.benchmark for row in rows}
        self._tasks: defaultdict[tuple[str, str], list[Item]] = defaultdict(list)
        found = drilldown.items(reader, list(self._place))
        order = list(bench.values())
        for item in sorted(found, key=lambda i: order.index(bench[i.variant_id])):
            self._tasks[bench[item.variant_id], item.task_id].append(item)
        self._share = max(LEAST, BUDGET // max(1, len(found)))
        self.most = max(FEWEST, fair([item.attempts for item in found], KEPT))
        """Attempts of an item whose texts are kept."""
        self._titles: list[str] = []
        self.tasks = len(self._tasks)
        self.attempts = sum(item.attempts for item in found)
        self.kept = 0
        """Attempts whose texts `payloads` has given."""

    def payloads(self) -> Iterator[dict[str, Json]]:
        """Of each task what is shown when it is opened."""
        for items in self._tasks.values():
            texts = _Texts(self._highlighter, min(LONGEST, self._share))
            variants = [self._item(item, texts) for item in items]
            self._titles.append(texts.title)
            yield {"variants": variants, "texts": texts.texts, "runs": texts.runs}

    def index(self) -> list[Json]:
        """Of each task what its line shows and filters look at; after all `payloads`."""
        return [
            {
                "bench": visible(bench),
                "id": visible(task),
                "title": title,
                "cells": {self._place[item.variant_id]: _cell(item) for item in items},
            }
            for ((bench, task), items), title in zip(self._tasks.items(), self._titles, strict=True)
        ]

    def _item(self, item: Item, texts: _Texts) -> dict[str, Json]:
        heads = drilldown.heads(self._reader, item.item_id)
        kept = self._kept(item, heads, texts)
        self.kept += len(kept)
        calls = drilldown.calls(self._reader, item.item_id, {a["sample"] for a in kept})
        return {
            "variant": self._place[item.variant_id],
            "said": said(item),
            "error": visible(cut(item.error)) if item.state == "infra" else "",
            "strip": strip(heads),
            "attempts": kept,
            "calls": [_call(call, texts) for call in calls],
        }

    def _kept(self, item: Item, heads: Sequence[Head], texts: _Texts) -> list[dict[str, Json]]:
        kept: list[dict[str, Json]] = []
        end = texts.size + self._share
        for head in preferred(heads)[: self.most]:
            if kept and texts.size >= end:
                break
            found = drilldown.attempt(self._reader, item.item_id, head.sample, head.iteration)
            kept.append(_attempt(found, texts))
        return sorted(kept, key=lambda a: (a["sample"], a["iteration"]))


class _Texts:
    """The texts of one task, each kept once."""

    def __init__(self, highlighter: Highlighter, longest: int) -> None:
        self._highlighter = highlighter
        self._longest = longest
        self._numbers: dict[str, int] = {}
        self.texts: list[str] = []
        self.runs: dict[int, str] = {}
        self.size = 0
        self.title = ""

    def number(self, text: str, *, code: bool = False) -> int:
        """Where it stands in `texts`; -1 for an empty one."""
        if not text:
            return -1
        shown = visible(cut(text, self._longest))
        number = self._numbers.setdefault(shown, len(self.texts))
        if number == len(self.texts):
            self.texts.append(shown)
            self.size += len(shown)
        if code and number not in self.runs and (runs := self._highlighter.runs(shown)):
            self.runs[number] = runs
        return number

    def messages(self, prompt: str) -> list[Json]:
        """Role and text of each message."""
        found = json.loads(prompt)
        if found and not self.title:
            self.title = title(str(found[-1]["content"]))
        return [[m["role"], self.number(str(m["content"]))] for m in found]


def fair(counts: Sequence[int], total: int) -> int:
    """The largest share so that all, none taking more than it has, take no more than `total`."""
    ordered = sorted(counts)
    for i, count in enumerate(ordered):
        share = total // (len(ordered) - i)
        if count > share:
            return share
        total -= count
    return max(counts, default=0)


def preferred(heads: Sequence[Head]) -> list[Head]:
    """First pass and what led to it, the chosen one, one of each verdict, a flaky one, the rest."""
    ordered: dict[tuple[int, int], Head] = {}
    first = next((h for h in heads if h.verdict == "passed"), None)
    firsts = {h.verdict: h for h in reversed(heads)}
    rest = [
        h for h in heads if first and h.sample == first.sample and h.iteration < first.iteration
    ]
    marked = [h for h in heads if h.chosen or h.flaky][:2]
    for head in (*([first] if first else ()), *marked, *firsts.values(), *rest, *heads):
        ordered.setdefault((head.sample, head.iteration), head)
    return list(ordered.values())


def strip(heads: Sequence[Head]) -> str:
    """The verdicts of all attempts: a word for each sample, a letter for each iteration."""
    chains: defaultdict[int, str] = defaultdict(str)
    for head in heads:
        chains[head.sample] += LETTERS.get(head.verdict, "?")
    return " ".join(chains.values())


def title(prompt: str) -> str:
    """The function that a prompt asks for, else its first line."""
    functions = re.findall(r"^\s*def (\w{1,60})\(", prompt, re.M)
    if functions:
        return f"{functions[-1]}()"
    line = next((line.strip() for line in prompt.splitlines() if line.strip()), "")
    asked = line.rpartition("your task: ")[2].partition(" Your code should pass")[0]
    return visible(asked if len(asked) <= LONGEST_TITLE else f"{asked[: LONGEST_TITLE - 3]}...")


def said(item: Item) -> str:
    """How an item went, in words."""
    if item.state != "done":
        return {"infra": "infra: not the model's failure, in no rate"}.get(
            item.state, "not measured"
        )
    reached = item.solved_by
    parts = ["solved" if item.solved else "unsolved"]
    if reached:
        parts.append(f"{reached[0]} of {counted(item.samples, 'draw')} passed")
    if len(reached) > 1:
        parts.append(f"{reached[-1]} solved by iteration {len(reached) - 1}")
    if item.chosen is not None:
        parts.append("the chosen attempt " + ("passed" if item.chosen else "did not pass"))
    if item.completion_tokens:
        parts.append(
            f"{item.prompt_tokens:,} prompt and {item.completion_tokens:,} completion tokens"
        )
    if item.request_s:
        parts.append(f"{duration(item.request_s)} generating")
    if item.check_s >= SHORTEST:
        parts.append(f"{duration(item.check_s)} checking")
    if item.reused:
        parts.append(f"{counted(item.reused, 'answer')} from the database")
    if item.flaky:
        parts.append(counted(item.flaky, "flaky verdict"))
    if item.cached:
        parts.append(f"{counted(item.cached, 'verdict')} from the cache")
    return ", ".join(parts)


def _cell(item: Item) -> list[Json]:
    """State, what stands in the mark, letters to filter by, tokens and seconds to sort by."""
    state = {"infra": "i", "planned": "w"}.get(item.state, "s" if item.solved else "u")
    reached = item.solved_by
    mark = f"{reached[-1]}/{item.samples}" if item.state == "done" and reached else ""
    letters = "".join(letter for v, letter in (LETTERS | MARKS).items() if v in item.verdicts)
    for name in ("flaky", "cached", "reused"):
        letters += MARKS[name] if getattr(item, name) else ""
    return [state, mark, letters, item.completion_tokens, round(item.request_s + item.check_s, 3)]


def _asked(asked: Asked, texts: _Texts) -> dict[str, Json]:
    return {
        "sample": asked.sample,
        "messages": texts.messages(asked.prompt),
        "answer": texts.number(asked.answer),
        "thinking": texts.number(asked.thinking),
    }


def _attempt(found: Attempt, texts: _Texts) -> dict[str, Json]:
    marks = [f"flaky: {visible(found.flaky)}"] if found.flaky else []
    marks += ["in_process"] if found.mode == "in_process" else []
    marks += ["cached"] if found.cached else []
    marks += ["reused"] if found.reused else []
    marks += ["chosen"] if found.notes.get("chosen") else []
    notes = {key: value for key, value in found.notes.items() if key != "chosen"}
    return _asked(found, texts) | {
        "iteration": found.iteration,
        "verdict": found.verdict,
        "detail": visible(cut(found.detail, 400)),
        "code": texts.number(found.code, code=True),
        "feedback": texts.number(found.feedback),
        "stdout": texts.number(found.stdout),
        "notes": texts.number(json.dumps(notes, ensure_ascii=False, indent=1)) if notes else -1,
        "facts": _facts(found),
        "marks": marks,
    }


def _call(call: Call, texts: _Texts) -> dict[str, Json]:
    return _asked(call, texts) | {"role": visible(call.role), "facts": _facts(call)}


def _facts(asked: Asked) -> str:
    """Tokens, times and sizes, as far as they are known."""
    parts = []
    if asked.prompt_tokens or asked.completion_tokens:
        thought = f" ({asked.thinking_tokens:,} thinking)" if asked.thinking_tokens else ""
        parts.append(f"{asked.prompt_tokens:,} + {asked.completion_tokens:,} tokens{thought}")
    if asked.finish_reason:
        parts.append(f"finish reason {visible(asked.finish_reason)}")
    if asked.request_s:
        parts.append(f"{duration(asked.request_s)} generating")
    if asked.queue_s >= SHORTEST:
        parts.append(f"{duration(asked.queue_s)} queueing")
    if isinstance(asked, Attempt):
        parts += [f"{duration(asked.check_s)} checking"] if asked.check_s >= SHORTEST else []
        parts += [f"{asked.memory_mb:,.0f} MB"] if asked.memory_mb else []
        parts.append(f"checks run: {asked.checks_run:,}")
    parts += [f"{asked.calls:,} calls"] if asked.calls > 1 else []
    return ", ".join(parts)
