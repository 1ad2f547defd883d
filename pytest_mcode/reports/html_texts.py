"""Texts of models for a page: bounded, every character visible, unable to become markup.

They stand in the page as JSON and are shown as text nodes, so that nothing in them is ever parsed
as HTML, CSS or a script.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from pytest_mcode.core.records import Json

LONGEST = 20_000
"""Characters of one text; of a longer one the middle is left out."""

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff\ufff0-\uffff\U000e0000-\U000e0fff]"
)
"""Controls, surrogates, and what changes the direction of a text or cannot be seen
(Boucher and Anderson 2021, "Trojan Source", arXiv 2111.00169)."""


def visible(text: str) -> str:
    """Name each character that would be invisible or move others: `<U+202E>` in angle quotes."""
    text = text.replace("\r\n", "\n")
    return _HIDDEN.sub(lambda found: f"\u2039U+{ord(found.group()):04X}\u203a", text)


def cut(text: str, longest: int = LONGEST) -> str:
    """The beginning and the end of a text that is too long, with what is missing between them."""
    if len(text) <= longest:
        return text
    half = longest // 2
    left_out = len(text) - 2 * half
    return f"{text[:half]}\n[... {left_out:,} characters are left out here ...]\n{text[-half:]}"


def shown(text: str) -> str:
    """A text of a model as a page shows it."""
    return visible(cut(text))


def script_json(value: Json) -> str:
    """JSON that cannot end the `script` element it stands in, in ASCII, on one line."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


class Highlighter:
    """Python code as runs of one kind each: `k3 6 f9`: 3 letters of a keyword, 6 of no kind, ...

    Kinds: k keyword, s string, n number, c comment, f name of what is defined, b builtin,
    o operator, e error. Lengths are in UTF-16 units, as scripts count. After `budget` characters
    nothing is highlighted any more.
    """

    def __init__(self, budget: int = 2_000_000) -> None:
        from pygments.lexers.python import PythonLexer

        self._lexer = PythonLexer(stripnl=False, ensurenl=False)
        self._budget = budget

    def runs(self, code: str) -> str:
        """The runs of a text as `shown` gave it; empty when the budget is spent."""
        self._budget -= len(code)
        return " ".join(self._runs(code)) if code and self._budget >= 0 else ""

    def _runs(self, code: str) -> Iterator[str]:
        current, length = "", 0
        for token, text in self._lexer.get_tokens(code):
            kind = _kind(str(token))
            if kind != current:
                if length:
                    yield f"{current}{length}"
                current, length = kind, 0
            length += len(text.encode("utf-16-le", "surrogatepass")) // 2
        if length:
            yield f"{current}{length}"


_KINDS = (
    ("Token.Keyword", "k"),
    ("Token.Operator.Word", "k"),
    ("Token.Literal.String", "s"),
    ("Token.Literal.Number", "n"),
    ("Token.Comment", "c"),
    ("Token.Name.Function", "f"),
    ("Token.Name.Class", "f"),
    ("Token.Name.Decorator", "f"),
    ("Token.Name.Builtin", "b"),
    ("Token.Name.Exception", "b"),
    ("Token.Error", "e"),
)


def _kind(token: str) -> str:
    return next((kind for prefix, kind in _KINDS if token.startswith(prefix)), "")
