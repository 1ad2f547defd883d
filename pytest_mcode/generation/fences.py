"""The surface of a chat answer: thoughts, Markdown fences, doctest prompts. One pass, any input."""

from __future__ import annotations

import re
from dataclasses import dataclass

_THOUGHTS = (
    *((f"<{name}>", f"</{name}>") for name in ("think", "thinking", "thought", "reasoning")),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
)
"""Of DeepSeek, Qwen and others, Seed-OSS, Magistral, OpenThinker."""
_ANALYSIS, _FINAL = "<|channel|>analysis", "<|channel|>final<|message|>"
"""Of gpt-oss, where a server does not read them."""
_NAME = re.compile(r"\s*(?:python3?|py)[ \t]*\n", re.IGNORECASE)
_QUOTES = re.compile(r'"""|\'\'\'')
_PYTHON = frozenset({"", "ipython", "pycon", "sage", "code"})


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    label: str
    """The first word after the fence, in lower case; empty when there was none."""
    code: str
    closed: bool
    """False when the answer ended inside the block."""

    @property
    def python(self) -> bool:
        """True if the label says Python or says nothing."""
        return self.label in _PYTHON or self.label.startswith("py")


def without_thinking(text: str) -> str:
    """`text` without `<think>...</think>` and its spellings.

    A thought that never ends takes the rest. A closing tag without an opening one (the chat
    template had opened it) drops all before it.
    """
    _, final, said = text.rpartition(_FINAL)
    if final or text.startswith(_ANALYSIS):
        text = said if final else ""
    for opening, closing in _THOUGHTS:
        if closing in text or opening in text:
            text = _without(text, opening, closing)
    return text


def _without(text: str, opening: str, closing: str) -> str:
    first, end = text.find(opening), text.find(closing)
    if end >= 0 and not 0 <= first < end:
        text = text[end + len(closing) :]
    kept: list[str] = []
    at = 0
    while (start := text.find(opening, at)) >= 0:
        before = text[at:start]
        line = before[before.rfind("\n") + 1 :]
        if line.strip():  # in the middle of a line: somebody writes about the tag
            kept.append(text[at : start + len(opening)])
            at = start + len(opening)
            continue
        kept.append(before)
        stop = text.find(closing, start)
        if stop < 0:
            return "".join(kept)
        at = stop + len(closing)
    kept.append(text[at:])
    return "".join(kept)


def split(text: str) -> tuple[list[Block], str]:
    """The fenced blocks in order, and the prose that is left without them."""
    blocks: list[Block] = []
    prose: list[str] = []
    held: list[str] = []
    fence: _Fence | None = None
    quoted = False  # a docstring is open
    for line in text.split("\n"):
        if fence is None:
            (fence, before), quoted = _opened(line), False
            prose.append(before)
            if fence is not None and fence.inline is not None:
                blocks.append(Block(fence.label, fence.inline, True))
                fence = None
            continue
        text_of_it = quoted and fence.is_left_of(line)
        closed, rest = (False, "") if text_of_it else fence.closed_by(line)
        if closed:
            blocks.append(fence.block([*held, rest] if rest.strip() else held, True))
            held, fence = [], None
        elif not text_of_it and (again := _opened(line)[0]) and again.restarts(fence, line):
            blocks.append(fence.block(held, True))
            held, fence, quoted = [], again, False
        else:
            held.append(line)
            quoted ^= len(_QUOTES.findall(line)) % 2 == 1
    if fence is not None:
        blocks.append(fence.block(held, False))
    return blocks, "\n".join(prose)


def without_label(code: str) -> str:
    """Source without the name of its language on a line before it."""
    return _NAME.sub("", code, 1) if _NAME.match(code) else code


def without_prompts(code: str) -> str:
    """Source without doctest prompts (`>>> `, `... `) and without the output between them."""
    first = code.lstrip("\n").lstrip(" ")
    if not first.startswith(">>> "):
        return code
    lines = (
        line.strip(" ") if line.lstrip().startswith(">>>") else line.lstrip(" ")
        for line in code.split("\n")
    )
    return "\n".join(
        line[4:] for line in lines if line.startswith((">>> ", "... ")) or line == "..."
    )


@dataclass(frozen=True)
class _Fence:
    char: str
    width: int
    indent: int
    label: str
    inline: str | None = None

    def closed_by(self, line: str) -> tuple[bool, str]:
        """Whether `line` ends the block, and the code that stands before the fence on it."""
        bare = line.rstrip()
        run = len(bare) - len(bare.rstrip(self.char))
        if run < self.width:
            return False, ""
        rest = bare[: len(bare) - run]
        return self.char not in rest, rest

    def is_left_of(self, line: str) -> bool:
        """Whether a line is indented by so much more that in Markdown it could not end the block"""
        return len(line) - len(line.lstrip(" ")) >= self.indent + 4

    def restarts(self, open_: _Fence, line: str) -> bool:
        """True for a labelled Python fence within a block whose end was forgotten."""
        at_margin = line.lstrip().startswith(self.char)
        return at_margin and self.char == open_.char and self.label.startswith("py")

    def block(self, lines: list[str], closed: bool) -> Block:
        cut = [_dedented(line, self.indent) for line in lines]
        return Block(self.label, "\n".join(cut), closed)


def _dedented(line: str, indent: int) -> str:
    lead = len(line) - len(line.lstrip(" "))
    return line[min(indent, lead) :]


def _opened(line: str) -> tuple[_Fence | None, str]:
    """The fence that `line` opens, if any, and the prose before it."""
    for char in ("`", "~"):
        at = line.find(char * 3)
        if at < 0:
            continue
        before, rest = line[:at], line[at:]
        if char == "~" and before.strip(" >\t"):
            continue  # tildes in the middle of prose
        info = rest.lstrip(char)
        width = len(rest) - len(info)
        words = info.split(maxsplit=1)
        label = words[0].strip("{}.:").lower() if words else ""
        if char in info:
            inline = _inline(info, char)
            return (_Fence(char, width, 0, inline[0], inline[1]) if inline else None), before
        if before.strip(" >\t-*0123456789.") and len(words) > 1:
            continue  # prose that mentions a fence
        return _Fence(char, width, len(before) - len(before.lstrip(" ")), label), before
    return None, line


def _inline(info: str, char: str) -> tuple[str, str] | None:
    """Label and code of a block that opens and closes on one line."""
    bare = info.rstrip()
    code = bare.rstrip(char)
    if char in code or len(bare) - len(code) < 3:
        return None
    label, _, rest = code.strip().partition(" ")
    if label.lower() in ("python", "py", "python3"):
        return label.lower(), rest.strip()
    return "", code.strip()
