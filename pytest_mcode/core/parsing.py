"""Python's parser, for one thread at a time.

CPython counts the depth of a tree under construction once for all threads, so that two of them at
once fail now and then (`SystemError: AST constructor recursion depth mismatch`, 3.11, gh-106905).
Answers are parsed in the engine's thread while pytest parses source for its reports.
"""

from __future__ import annotations

import ast
import threading

ALONE = threading.RLock()
"""Held by whoever parses, or lets others parse, while the engine may run."""


def tree(source: str) -> ast.Module:
    """The syntax tree of `source`. Raises as `ast.parse` does."""
    with ALONE:
        return ast.parse(source)
