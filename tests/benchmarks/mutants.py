"""Reference solutions of HumanEval+ and MBPP+ with one small mistake each.

The mistakes are made in the text, at places that the syntax tree names, and chosen by a seed: the
same mutants on every machine and with every version of Python.
"""

from __future__ import annotations

import ast
import random
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise

from pytest_mcode.core.records import Task

COMPARISONS = {
    **{"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="},
    **{"in": "not in", "not in": "in", "is": "is not", "is not": "is"},
}
OPERATORS = {"+": "-", "-": "+", "*": "+", "/": "*", "//": "/", "%": "//", "**": "*"}
SIMPLE = (ast.Assign, ast.AugAssign, ast.Expr)
"""Statements that can be left out; without its `return` a function is wrong at once."""


@dataclass(frozen=True)
class Edit:
    """A piece of the source, from one byte to before another, and what takes its place."""

    kind: str
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Mutant:
    """One task's reference with one mistake."""

    task_id: str
    seed: int
    kind: str
    source: str
    """In place of the task's `reference`."""

    @property
    def digest(self) -> str:
        """By which a label knows it again."""
        return sha256(self.source.encode()).hexdigest()[:12]


def mutant(task: Task, seed: int) -> Mutant | None:
    """The reference with one edit: first its kind is drawn, then its place."""
    draw = random.Random(f"{seed} {task.task_id}")
    source = task.reference.encode()
    edits = list(Edits(task.reference).all())
    kinds = sorted({edit.kind for edit in edits})
    if not kinds:
        return None
    kind = draw.choice(kinds)
    edit = draw.choice([edit for edit in edits if edit.kind == kind])
    text = source[: edit.start] + edit.text.encode() + source[edit.end :]
    return Mutant(task.task_id, seed, kind, text.decode())


class Edits:
    """All small mistakes that a source offers."""

    def __init__(self, source: str) -> None:
        self.bytes = source.encode()
        self.lines = [0]
        for line in self.bytes.splitlines(keepends=True):
            self.lines.append(self.lines[-1] + len(line))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one reference has an escape that is none
            self.tree = ast.parse(source)

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Where a node stands."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        first = self.lines[node.lineno - 1] + node.col_offset
        return first, self.lines[node.end_lineno - 1] + node.end_col_offset

    def text(self, node: ast.expr | ast.stmt) -> str:
        start, end = self.span(node)
        return self.bytes[start:end].decode()

    def all(self) -> Iterator[Edit]:
        """Of the functions whose text this is; not of docstrings, and nothing within f-strings,
        whose positions older versions of Python do not know."""
        formatted = {
            id(inner)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.JoinedStr)
            for inner in ast.walk(node)
        }
        for node in ast.walk(self.tree):
            if id(node) in formatted:
                continue
            if isinstance(node, ast.Compare):
                yield from self.flipped(node)
            elif isinstance(node, ast.BinOp):
                yield from self.replaced(node)
            elif isinstance(node, ast.BoolOp):
                yield from self.joined(node)
            elif isinstance(node, ast.Constant):
                yield from self.changed(node)
            elif isinstance(node, ast.Call):
                yield from self.shifted(node)
            elif isinstance(node, (ast.If, ast.While, ast.IfExp)):
                start, end = self.span(node.test)
                yield Edit("negated", start, end, f"(not ({self.text(node.test)}))")
            elif isinstance(node, SIMPLE):
                yield from self.dropped(node)

    def between(self, left: ast.expr, right: ast.expr, kind: str, table: dict[str, str]) -> Edit:
        """The operator between two operands, replaced; parentheses may stand beside it."""
        start, end = self.span(left)[1], self.span(right)[0]
        gap = self.bytes[start:end].decode()
        sign = gap.strip(" ()\n\\\t")
        at = gap.index(sign)
        new = gap[:at] + table.get(sign, sign) + gap[at + len(sign) :]
        return Edit(kind if sign in table else "", start, end, new)

    def flipped(self, node: ast.Compare) -> Iterator[Edit]:
        for left, right in pairwise([node.left, *node.comparators]):
            edit = self.between(left, right, "comparison", COMPARISONS)
            if edit.kind:
                yield edit

    def replaced(self, node: ast.BinOp) -> Iterator[Edit]:
        edit = self.between(node.left, node.right, "operator", OPERATORS)
        if edit.kind:
            yield edit
        if isinstance(node.op, (ast.Sub, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)):
            start, end = self.span(node)
            (_, first), (second, _) = self.span(node.left), self.span(node.right)
            gap = self.bytes[first:second].decode()
            swapped = f"({self.text(node.right)}){gap}({self.text(node.left)})"
            if "(" not in gap and ")" not in gap:
                yield Edit("operands", start, end, swapped)

    def joined(self, node: ast.BoolOp) -> Iterator[Edit]:
        table = {"and": "or", "or": "and"}
        for left, right in pairwise(node.values):
            edit = self.between(left, right, "connective", table)
            if edit.kind:
                yield edit

    def changed(self, node: ast.Constant) -> Iterator[Edit]:
        start, end = self.span(node)
        if isinstance(node.value, bool):
            yield Edit("constant", start, end, str(not node.value))
        elif isinstance(node.value, (int, float)):
            yield Edit("constant", start, end, f"({self.text(node)} + 1)")
            yield Edit("constant", start, end, f"({self.text(node)} - 1)")

    def shifted(self, node: ast.Call) -> Iterator[Edit]:
        if not isinstance(node.func, ast.Name) or node.func.id != "range":
            return
        for argument in node.args:
            start, end = self.span(argument)
            for shift in ("+ 1", "- 1"):
                yield Edit("off by one", start, end, f"({self.text(argument)}) {shift}")

    def dropped(self, node: ast.stmt) -> Iterator[Edit]:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return
        start, end = self.span(node)
        yield Edit("dropped", start, end, "pass")
