"""What a file of unittest classes promises: which methods it runs and which assertions they hold.

Read from the source, before anything runs. `Script.code(turned)` compiles the tests with each
assertion inside `with __mcode_check__(number):`, which records whether it held and goes on.
"""

from __future__ import annotations

import ast
import copy
import marshal
from collections.abc import Iterator
from dataclasses import dataclass

from canary import Turner, settle
from suite import TESTS
from wrong import changed

CHECK = "__mcode_check__"
"""Name under which the tests find the recorder of their assertions."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Method:
    """One test method."""

    may_skip: bool
    """The tests themselves skip it, always or under a condition."""
    must_fail: bool
    """Marked as an expected failure: its assertions are left as they are."""


@dataclass(frozen=True)
class Place:
    """Where an assertion stands."""

    first: int
    last: int
    owner: str
    """The method (`Class.method`) that holds it; empty in functions that methods call."""
    certain: bool
    """False where `if`, `while`, `match`, `except` or `else` may skip it on a correct run."""


class Script:
    """The tests of one task. Raises SyntaxError."""

    def __init__(self, tests: str, names: tuple[str, ...]) -> None:
        self.tree = ast.parse(tests, TESTS)
        self.lines = tests.splitlines()
        own = {node.name for node in ast.walk(self.tree) if isinstance(node, Function)}
        self.turner = Turner(own, names, tests)
        local = {node.name: node for node in self.tree.body if isinstance(node, ast.ClassDef)}
        self.classes = tuple(name for name in local if _is_case(name, local))
        self.methods: dict[str, Method] = {}
        for name in self.classes:
            for function, owner in _methods(name, local).items():
                self.methods[f"{name}.{function}"] = _method(local, name, owner, function)
        self.inherited = {
            f"{name}.{function}": f"{owner}.{function}"
            for name in self.classes
            for function, owner in _methods(name, local).items()
        }
        """Method -> where it is defined, which may be a base class."""
        self.places: list[Place] = []
        self.codes: dict[bool, bytes] = {}
        self.code(turned=False)

    def code(self, turned: bool) -> bytes:
        """The tests, compiled and marshalled; with wrong expectations if `turned`.

        Wrong in the same way for every program of a slot: none can tell another what it saw.
        """
        if turned not in self.codes:
            instrument = _Instrument(self.turner, turned)
            tree = instrument.visit(copy.deepcopy(self.tree))
            self.places = instrument.places
            ast.fix_missing_locations(tree)
            code = compile(tree, TESTS, "exec", dont_inherit=True)
            self.codes[turned] = marshal.dumps(code)
        return self.codes[turned]

    def must_hold(self, method: str) -> bool:
        """True if an assertion stands in the method itself, where every correct run comes by."""
        owner = self.inherited.get(method, method)
        return any(place.certain for place in self.places if place.owner == owner)

    def statement(self, first: int, last: int) -> str:
        """Source of the lines, without their margin."""
        return "\n".join(line.strip() for line in self.lines[first - 1 : last])[:400]


def _is_case(name: str, local: dict[str, ast.ClassDef], depth: int = 0) -> bool:
    """True if the class is a TestCase, as far as the file tells."""
    for base in local[name].bases:
        word = ast.unparse(base)
        if word in local and word != name and depth < len(local):
            if _is_case(word, local, depth + 1):
                return True
        elif word.rpartition(".")[2].endswith("TestCase"):
            return True
    return False


def _methods(name: str, local: dict[str, ast.ClassDef], depth: int = 0) -> dict[str, str]:
    """Test method -> class of this file that defines it, the class's own before its bases'."""
    found: dict[str, str] = {}
    node = local[name]
    for statement in node.body:
        if isinstance(statement, Function) and statement.name.startswith("test"):
            found[statement.name] = name
        elif isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    found[target.id] = ""  # `test_x = None` takes an inherited test away
    for base in map(ast.unparse, node.bases):
        if base in local and depth < len(local):
            found = {**_methods(base, local, depth + 1), **found}
    return {method: owner for method, owner in found.items() if owner or depth}


def _method(local: dict[str, ast.ClassDef], name: str, owner: str, function: str) -> Method:
    classes = (local[name], local[owner])
    body = [s for s in local[owner].body if isinstance(s, Function) and s.name == function]
    marks = [ast.unparse(mark) for node in (*classes, *body) for mark in node.decorator_list]
    text = "".join(map(ast.unparse, classes))
    return Method(
        may_skip="skipTest" in text or "SkipTest" in text or any("skip" in m for m in marks),
        must_fail=any("expectedFailure" in mark for mark in marks),
    )


class _Instrument(ast.NodeTransformer):
    """Puts every assertion that can be turned into its `with`, turned or as it is."""

    def __init__(self, turner: Turner, turned: bool) -> None:
        self.turner, self.turned = turner, turned
        self.places: list[Place] = []
        self.path: list[str] = []
        self.doubtful = 0
        """Depth of statements that a correct run may skip."""

    def visit_If(self, node: ast.If) -> ast.AST:
        return self._perhaps(node)

    def visit_While(self, node: ast.While) -> ast.AST:
        return self._perhaps(node)

    def visit_Match(self, node: ast.Match) -> ast.AST:
        return self._perhaps(node)

    def _perhaps(self, node: ast.AST) -> ast.AST:
        self.doubtful += 1
        self.generic_visit(node)
        self.doubtful -= 1
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return node if _expects_failure(node) else self._within(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def _function(self, node: Function) -> ast.AST:
        if _expects_failure(node):
            return node
        if len(self.path) > 1:  # a function inside a method belongs to it
            return self.generic_visit(node)
        settled = settle(node, self.turner)
        self.turner.settled = frozenset(settled)
        if self.turned:
            far = "Almost" in ast.unparse(node)
            for assignment in settled.values():
                assignment.value = changed(assignment.value, far)
        self._within(node)
        self.turner.settled = frozenset()
        return node

    def _within(self, node: ast.ClassDef | Function) -> ast.AST:
        self.path.append(node.name)
        self.generic_visit(node)
        self.path.pop()
        return node

    def visit_Try(self, node: ast.Try) -> ast.AST:
        if not node.handlers:
            return self.generic_visit(node)
        # The tests handle what is raised in there: it must go on to be raised.
        self.doubtful += 1
        node.handlers = [self.generic_visit(handler) for handler in node.handlers]  # type: ignore[misc]
        node.orelse = list(self._each(node.orelse))
        self.doubtful -= 1
        node.finalbody = list(self._each(node.finalbody))
        return node

    def _each(self, statements: list[ast.stmt]) -> Iterator[ast.stmt]:
        for statement in statements:
            yield self.visit(statement)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        return self._check(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        return self._check(node)

    def visit_With(self, node: ast.With) -> ast.AST:
        return self._context(node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        return self._context(node)

    def _context(self, node: ast.With | ast.AsyncWith) -> ast.AST:
        while len(node.items) > 1:  # each its own statement: a subTest stays outside of the check
            inner = type(node)([node.items.pop()], node.body)
            node.body = [ast.copy_location(inner, node)]
        checked = self._check(node)
        return self.generic_visit(node) if checked is node else checked

    def _check(self, node: ast.stmt) -> ast.stmt:
        """The statement inside its check; itself where it is no assertion."""
        wrong = self.turner.statement(node)
        if wrong is None:
            return node
        owner = ".".join(self.path[:2]) if len(self.path) > 1 else ""
        last = node.end_lineno or node.lineno
        if isinstance(node, ast.With | ast.AsyncWith):
            last = node.items[-1].context_expr.end_lineno or node.lineno
        number = ast.Constant(len(self.places))
        self.places.append(Place(node.lineno, last, owner, not self.doubtful))
        item = ast.withitem(ast.Call(ast.Name(CHECK, ast.Load()), [number], []))
        body = ast.copy_location(wrong, node) if self.turned else node
        return ast.copy_location(ast.With([item], [body]), node)


def _expects_failure(node: ast.ClassDef | Function) -> bool:
    return any("expectedFailure" in ast.unparse(mark) for mark in node.decorator_list)
