"""From an answer to the candidate's source. Any text is accepted; nothing is executed or raised."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import replace
from itertools import islice

from pytest_mcode.core.records import Answer, Json, Task
from pytest_mcode.generation import fences, source
from pytest_mcode.generation.fences import Block
from pytest_mcode.generation.prompts import STOP_SEQUENCES, Wording

VERSION = 3
"""Of the rules below: another version may find other code in the same answer."""

_JSON_KEYS = ("code", "solution", "completion", "answer", "python", "program")

_CHARS = 1_000_000
"""Most of an answer, without its thoughts, that is searched: more is a runaway."""

_BLOCKS = 64
"""Most fenced blocks that are looked at, the last ones."""

_STARTS = 8
"""Most lines at which unfenced code is looked for."""

_DEFINITION = re.compile(r"^(?:(?:async[ \t]+)?def|class)[ \t]+\w", re.MULTILINE)
_START = re.compile(
    r"^(?:from[ \t]+\S|import[ \t]+\S|@\w|(?:async[ \t]+)?def[ \t]+\w|class[ \t]+\w"
    r"|[A-Za-z_]\w*[ \t]*=[^=])",
    re.MULTILINE,
)
_CALL = re.compile(r"\b(?:print|input|main|open)\(|\bsys\.std(?:in|out)\b")
_BODY_START = re.compile(
    r"^[ \t]*(?:return\b|for\b.*:|while\b.*:|if\b.*:|try:|with\b.*:"
    r"|[A-Za-z_][\w.\[\], ]*[-+*/|&]?=[^=])",
    re.MULTILINE,
)


def version(wording: Wording = "") -> Json:
    """What of this module may move a number, for the fingerprint."""
    return f"{VERSION} without trials" if wording == "evalplus" else VERSION


def extract(answer: Answer, task: Task, wording: Wording = "") -> str:
    """The whole candidate, without the task's preamble; "" when the answer holds no code.

    What was cut off or is wrong is kept as it is: the verdict decides, not the extraction. An
    answer to EvalPlus's prompt keeps only what binds names, as its sanitizer does (0.3.1).
    """
    if answer.form == "program":
        return answer.text if answer.text.strip() else ""
    if task.shape == "program":
        return _program(answer.text)
    if answer.form == "continuation":
        code = _continued(answer.text, task) if answer.text.strip() else ""
    else:
        code = _from_chat(answer.text, task, answer.finish_reason == "length")
    return _without_trials(code, task.entry_point) if wording == "evalplus" else code


def _without_trials(code: str, name: str) -> str:
    """The code with top-level statements emptied that bind no name, such as its own asserts."""
    tree = source.parse(code)
    if tree is None or name not in source.defined(tree):
        return code
    lines = re.split("\r\n?|\n", code)  # as Python counts them
    kept = {n for node in tree.body if source.binds(node) for n in source.lines(node)}
    for node in tree.body:
        for number in set(source.lines(node)) - kept:
            lines[number - 1] = ""
    return "\n".join(lines)


def _program(text: str) -> str:
    """The last block of Python that is finished; a block without a label may be sample input."""
    blocks, prose = _split(text)
    programs = [b.code for b in blocks if b.python and (b.label or _CALL.search(b.code))]
    whole = [code for code in programs if source.parse(code) is not None]
    if programs:
        return _line((whole or programs)[-1])
    return _line(source.parsing_prefix(prose.strip())) if _CALL.search(prose) else ""


def _continued(text: str, task: Task) -> str:
    """`stub` and continuation, or the continuation alone if it defines the entry point itself.

    A continuation ends at the first of the classic stop sequences (Chen et al. 2021): recorded
    samples of base models run on into scripts and into functions that were never finished. It is
    left whole where the function goes on behind that place or needs what is defined there.
    """
    if not task.stub:
        return text
    tree = source.parse(text)
    if tree is not None and task.entry_point in source.defined(tree):
        return text
    whole = task.stub + text
    tree = source.parse(whole)
    first = text.lstrip("\r\n")
    at_margin = first[:1] not in (" ", "\t")
    if tree is None and at_margin and source.begins(text, task.entry_point) is not None:
        return text
    ends = [at for stop in STOP_SEQUENCES if (at := text.find(stop)) >= 0]
    cut = task.stub + text[: min(ends)] if ends else whole
    return whole if tree is not None and _loses(cut, tree, task.entry_point) else cut


def _loses(cut: str, whole: ast.Module, name: str) -> bool:
    """True if `cut` ends inside the function or lacks a name that it needs and `whole` defines."""
    tree = source.parse(cut)
    if tree is None:
        return True
    last = max((n.end_lineno or 0 for n in whole.body if getattr(n, "name", "") == name), default=0)
    missing = source.needed(tree) & source.defined(whole)
    return last > cut.rstrip().count("\n") + 1 or bool(missing)


def _from_chat(text: str, task: Task, cut: bool) -> str:
    blocks, prose = _split(text)
    blocks = [replace(b, code=source.unindented(b.code, task.entry_point)) for b in blocks]
    code = _from_blocks([b for b in blocks if _eligible(b, task)], task, cut)
    return code or _from_prose(prose, task)


def _split(text: str) -> tuple[list[Block], str]:
    """The answer's blocks, readable, and what stands outside of them, without its thoughts."""
    text = fences.without_thinking(text.replace("\r\n", "\n").replace("\r", "\n"))
    blocks, prose = fences.split(_unwrapped_json(text)[:_CHARS])
    return [_readable(b) for b in blocks if b.code.strip()][-_BLOCKS:], prose


def _unwrapped_json(text: str) -> str:
    """The code inside a JSON answer such as `{"code": "..."}`, else the text itself."""
    bare = text.strip()
    if not bare.startswith("{"):
        return text
    try:
        value, end = json.JSONDecoder(strict=False).raw_decode(bare)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, dict) and "```" not in bare[end:]:
        for key in _JSON_KEYS:
            if isinstance(value.get(key), str) and value[key].strip():
                return str(value[key])
    return text


def _readable(block: Block) -> Block:
    """The block without doctest prompts, and out of its JSON."""
    code = fences.without_prompts(block.code if block.label else fences.without_label(block.code))
    if block.label in ("", "json") and (inner := _unwrapped_json(code)) is not code:
        return Block("python", inner.replace("\r\n", "\n"), block.closed)
    return Block(block.label, code, block.closed)


def _eligible(block: Block, task: Task) -> bool:
    """Python by its label, or by what it is: a block of another language is no code."""
    if block.python:
        return True
    tree = source.parse(block.code)
    return tree is not None and task.entry_point in source.defined(tree)


def _from_blocks(blocks: list[Block], task: Task, cut: bool) -> str:
    """`cut`: the answer ended at the limit of its tokens, maybe in the middle of its last block."""
    name = task.entry_point
    entries = [b for b in blocks if source.defines(b.code, name)]
    whole = [b for b in entries if b.closed and not _is_placeholder(b, name)]
    chosen = _best(whole if cut and whole else entries, name) if entries else None
    if chosen is not None and not _is_placeholder(chosen, name):
        return _line(_joined(blocks, chosen, task))
    for block in sorted(blocks, key=lambda b: len(b.code), reverse=True):
        tree = source.parse(block.code)
        if block not in entries and (tree is None or source.is_body(tree)):
            body = source.completed(task.stub, block.code)
            if body:
                return _line(body)
    if chosen is not None:
        return _line(_joined(blocks, chosen, task))
    # Nothing defines the entry point: the verdict shall say so, of the longest piece of code.
    programs = [b.code for b in blocks if _says_something(b)]
    return _line(max(programs, key=len)) if programs else ""


def _says_something(block: Block) -> bool:
    """A block without a label may be a shell session or a table: only a labelled one is trusted."""
    tree = source.parse(block.code)
    return block.label != "" or (tree is not None and source.has_program(tree))


def _is_placeholder(block: Block, name: str) -> bool:
    tree = source.parse(_whole(block, name))
    return tree is not None and source.is_placeholder(tree, name)


def _best(entries: list[Block], name: str) -> Block:
    """The last block whose definition is finished; else the last that parses; else the longest."""
    if len(entries) == 1:
        return entries[0]
    trees = [(b, source.parse(_whole(b, name))) for b in entries]
    parsed = [(b, tree) for b, tree in trees if tree is not None]
    finished = [b for b, tree in parsed if not source.is_placeholder(tree, name)]
    if finished:
        return finished[-1]
    return parsed[-1][0] if parsed else max(entries, key=lambda b: len(b.code))


def _whole(block: Block, name: str) -> str:
    """The block; one that was cut off in a later statement ends before that statement."""
    if block.closed or source.parse(block.code) is not None:
        return block.code
    kept = source.parsing_prefix(block.code)
    return kept if source.defines(kept, name) else block.code


def _joined(blocks: list[Block], chosen: Block, task: Task) -> str:
    """The chosen block with those other blocks that define names which it or the tests need."""
    code = _whole(chosen, task.entry_point)
    tree = source.parse(code) if len(blocks) > 1 else None
    if tree is None:
        return code
    given = source.parse(task.preamble)
    provided = source.defined(given) if given is not None else set()
    trees: dict[int, ast.Module] = {
        i: t for i, b in enumerate(blocks) if b is not chosen and (t := source.parse(b.code))
    }
    at = next(i for i, b in enumerate(blocks) if b is chosen)
    taken = {at: tree}
    while True:
        have = set[str]().union(*(source.defined(t) for t in taken.values()), provided)
        open_ = set[str]().union(*(source.needed(t) for t in taken.values()), task.names) - have
        more = [i for i in trees if i not in taken and source.defined(trees[i]) & open_]
        # A later version of the entry point must not override the chosen one.
        more = [i for i in more if i < at or task.entry_point not in source.defined(trees[i])]
        if not more:
            break
        taken[max(more)] = trees[max(more)]
    return "\n\n\n".join(code if i == at else blocks[i].code for i in sorted(taken))


def _from_prose(text: str, task: Task) -> str:
    """Code without a fence: the whole text, a stretch of it, or the inside of the function."""
    if not text.strip():
        return ""
    text = fences.without_prompts(fences.without_label(text))
    text = source.unindented(text, task.entry_point)
    tree = source.parse(text)
    if tree is not None and task.entry_point in source.defined(tree):
        return _line(text)
    at = source.begins(text, task.entry_point)
    if at is not None:
        return _line(_stretch(text, at, task.entry_point))
    if tree is not None and source.defined(tree) and not source.is_body(tree):
        return _line(text)
    return _line(_bare_body(text, task) or _other_program(text))


def _stretch(text: str, at: int, name: str) -> str:
    """The unfenced code around the definition at offset `at`, without prose before and after."""
    for start in (*_offsets(_START, text, at), at):
        kept = source.parsing_prefix(text[start:])
        if kept and source.defines(kept, name):
            return kept
    return text[at:]


def _bare_body(text: str, task: Task) -> str:
    """The function's inside, as many chat models answer a completion prompt."""
    body = text.strip("\n")
    for start in dict.fromkeys((0, *_offsets(_BODY_START, body, len(body)))):
        code = source.completed(task.stub, body[start:], cuts=_STARTS)
        if code and "return" in code[len(task.stub) :]:
            return code
    return ""


def _other_program(text: str) -> str:
    """Unfenced source that defines something else: the verdict shall name what is missing."""
    for start in _offsets(_DEFINITION, text, len(text)):
        kept = source.parsing_prefix(text[start:])
        if kept:
            return kept
    return ""


def _offsets(pattern: re.Pattern[str], text: str, end: int) -> list[int]:
    """Where the first few matches begin."""
    return [m.start() for m in islice(pattern.finditer(text, 0, end), _STARTS)]


def _line(code: str) -> str:
    """`code` with one line end at its end."""
    return code.strip("\n") + "\n" if code.strip() else ""
