"""Tests with wrong expectations: what no honest program can satisfy.

A program that runs beside its tests could make every assertion hold. So it meets them twice, in
two fresh processes: as they are, and with every expectation turned into a wrong one (another
literal, the opposite condition, an exception that nobody raises). The turned tests have the same
shape as the true ones, and nothing else in the process tells which it runs.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterable

from wrong import FAR, changed, literal, other_exception, random, strangers, word

_OPPOSITE = {
    "assertTrue": "assertFalse",
    "assertFalse": "assertTrue",
    "assertIs": "assertIsNot",
    "assertIsNot": "assertIs",
    "assertIsNone": "assertIsNotNone",
    "assertIsNotNone": "assertIsNone",
    "assertNotEqual": "assertEqual",
    "assertNotAlmostEqual": "assertAlmostEqual",
    "assertNotIn": "assertIn",
    "assertNotIsInstance": "assertIsInstance",
    "assertGreater": "assertLessEqual",
    "assertLessEqual": "assertGreater",
    "assertLess": "assertGreaterEqual",
    "assertGreaterEqual": "assertLess",
    "assertNotRegex": "assertRegex",
    "assertNoLogs": "assertLogs",
    "assert_called": "assert_not_called",
    "assert_called_once": "assert_not_called",
    "assert_not_called": "assert_called",
    "assert_awaited": "assert_not_awaited",
    "assert_not_awaited": "assert_awaited",
}
_OPERATORS: dict[type[ast.cmpop], ast.cmpop] = {
    ast.NotEq: ast.Eq(),
    ast.Lt: ast.GtE(),
    ast.LtE: ast.Gt(),
    ast.Gt: ast.LtE(),
    ast.GtE: ast.Lt(),
    ast.NotIn: ast.In(),
    ast.Is: ast.IsNot(),
    ast.IsNot: ast.Is(),
}
_EQUAL = re.compile(r"assert(\w*Equals?|DictContainsSubset)$")
_RAISES = {"assertRaises", "assertRaisesRegex", "raises"}
_WARNS = {"assertWarns", "assertWarnsRegex", "warns"}
_KINDS = ("memoryview", "slice", "bytearray", "super", "property", "staticmethod")
_WARNINGS = ("BytesWarning", "ImportWarning", "UnicodeWarning")
_CALLED_WITH = re.compile(r"assert_(called|awaited|any|has)_")
_EXPECTED = re.compile(r"expect|want|correct|gold|truth", re.I)


def called(node: ast.AST) -> str:
    """The last name of what is called; empty for other expressions."""
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


class Turner:
    """Turns the assertions of one file of tests. `own` are functions that the tests define, whose
    assertions are turned where they stand; `names` are the program's."""

    def __init__(self, own: Iterable[str], names: Iterable[str], text: str) -> None:
        self.own, self.names = frozenset(own), frozenset(names)
        self.exception = other_exception(text)
        self.warning = next((w for w in _WARNINGS if w not in text), "BytesWarning")
        self.kind = next((k for k in _KINDS if k not in text), "memoryview")
        self.settled: frozenset[str] = frozenset()
        """Variables of the current function whose literal has been turned where it is assigned."""

    # -- statements ---------------------------------------------------------------------------

    def statement(self, node: ast.stmt) -> ast.stmt | None:
        """The assertion with a wrong expectation; None where it is no assertion, or none that
        can be turned."""
        node = copy.deepcopy(node)
        if isinstance(node, ast.Assert):
            if isinstance(node.test, ast.Constant):
                return None
            node.test = self.condition(node.test) or ast.UnaryOp(ast.Not(), node.test)
            return node
        if isinstance(node, ast.Expr):
            value = node.value.value if isinstance(node.value, ast.Await) else node.value
            return node if isinstance(value, ast.Call) and self.call(value) else None
        if isinstance(node, ast.With | ast.AsyncWith):
            contexts = [item.context_expr for item in node.items]
            done = [self.call(c) for c in contexts if isinstance(c, ast.Call)]
            return node if any(done) else None
        return None

    def call(self, node: ast.Call) -> bool:
        """Turn a call of an assertion in place; False where it is none that can be turned."""
        name, args = called(node), node.args
        if name in self.own or any(isinstance(arg, ast.Starred) for arg in args):
            return False
        if name in _RAISES | _WARNS and args:
            args[0] = ast.Name(self.warning if name in _WARNS else self.exception, ast.Load())
            return True
        if not name.startswith("assert"):
            return False
        if name == "assertTrue" and args and (wrong := self.condition(args[0])) is not None:
            args[0] = wrong
        elif name in _OPPOSITE and (args or name == "assertNoLogs" or "_" in name):
            self._rename(node, _OPPOSITE[name])
        elif name == "assertLogs":
            node.keywords = [k for k in node.keywords if k.arg != "logger"]
            node.args = [ast.Constant(word()), *args[1:]]
        elif name == "assert_has_calls" and args:
            args[0] = ast.List([ast.Starred(args[0], ast.Load()), ast.Constant(0)], ast.Load())
        elif _CALLED_WITH.match(name):
            args.append(ast.Constant(random.randrange(100)))
        elif len(args) < 2:
            return False
        else:
            self._compare(name, args)
        return True

    def _rename(self, node: ast.Call, name: str) -> None:
        if isinstance(node.func, ast.Attribute):
            node.func.attr = name
        elif isinstance(node.func, ast.Name):
            node.func.id = name

    def _compare(self, name: str, args: list[ast.expr]) -> None:
        """Make one of the first two arguments wrong."""
        if _EQUAL.match(name):
            args[:2] = self.sides(args[0], args[1], "Almost" in name)
        elif name == "assertIn":
            args[:2] = self.member(args[0], args[1])
        elif name == "assertIsInstance":
            args[1] = ast.Name(self.kind, ast.Load())
        elif name == "assertRegex":
            args[1] = ast.Constant(word() + r"\d\d")
        else:  # of another library, as in numpy.testing
            args[1] = changed(args[1], True) if literal(args[1]) else ast.Constant(word())

    # -- conditions ---------------------------------------------------------------------------

    def condition(self, node: ast.expr) -> ast.expr | None:
        """A condition that is false where the given one is true; None: only its negation is."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return node.operand
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
            parts = [self.condition(v) or ast.UnaryOp(ast.Not(), v) for v in node.values]
            return ast.BoolOp(ast.Or(), parts)
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            return self._comparison(node)
        name = called(node)
        if isinstance(node, ast.Call) and node.args:
            last = node.args[-1]
            if name == "isinstance":
                node.args[1:] = [ast.Name(self.kind, ast.Load())]
            elif name in ("startswith", "endswith", "hasattr") and literal(last):
                node.args[-1] = changed(last)
            elif name in ("all", "any"):
                node.args = [ast.Tuple([ast.Constant(0)] * (name == "all"), ast.Load())]
            else:
                return None
            return node
        return None

    def _comparison(self, node: ast.Compare) -> ast.expr:
        operator, right = node.ops[0], node.comparators[0]
        if isinstance(operator, ast.Eq):
            node.left, node.comparators[0] = self.sides(node.left, right)
        elif isinstance(operator, ast.In):
            node.left, node.comparators[0] = self.member(node.left, right)
        elif isinstance(operator, ast.Lt | ast.LtE) and self._distance(node.left):
            pass
        else:
            node.ops = [_OPERATORS[type(operator)]]
        return node

    def _distance(self, node: ast.expr) -> bool:
        """Turn `abs(a - 3.0)` of `abs(a - 3.0) < 1e-6`."""
        if called(node) != "abs" or not isinstance(node, ast.Call) or len(node.args) != 1:
            return False
        inner = node.args[0]
        if not isinstance(inner, ast.BinOp) or not isinstance(inner.op, ast.Sub):
            return False
        if literal(inner.left):
            inner.left = changed(inner.left, True)
        elif literal(inner.right):
            inner.right = changed(inner.right, True)
        else:
            inner.right = ast.BinOp(inner.right, ast.Add(), ast.Constant(FAR))
        return True

    def sides(self, left: ast.expr, right: ast.expr, far: bool = False) -> list[ast.expr]:
        """The two sides of an equality, of which the expected one is made wrong."""
        if self._is_settled(left) or self._is_settled(right):
            return [left, right]
        if self._expects(left) > self._expects(right):
            return [changed(left, far), right]
        return [left, changed(right, far)]

    def member(self, item: ast.expr, container: ast.expr) -> list[ast.expr]:
        """`item in container` with the one made wrong that is the expectation."""
        if literal(container) and not literal(item):
            wrong = strangers(ast.literal_eval(container))
            return [item, ast.parse(repr(wrong), mode="eval").body]
        text = isinstance(item, ast.Constant) and isinstance(item.value, str)
        return [ast.Constant(word() if text else random.randrange(10**5, 10**6)), container]

    def _is_settled(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id in self.settled

    def _expects(self, node: ast.expr) -> int:
        """How much the expression looks like the expected side."""
        names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        if names & self.names:
            return 0
        if literal(node):
            return 3
        return 2 if any(map(_EXPECTED.search, names)) else 1


def settle(function: ast.AST, turner: Turner) -> dict[str, ast.Assign]:
    """Variables that hold a literal and are only the sides of equalities: `expected = [1, 2]`.

    Their literal is turned where it is assigned, so that a program that reads the variable of its
    caller learns the wrong value too.
    """
    stores: dict[str, list[ast.AST]] = {}
    loads: dict[str, int] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                loads[node.id] = loads.get(node.id, 0) + 1
            else:
                stores.setdefault(node.id, []).append(node)
    assigned = {
        node.targets[0].id: node
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and len(node.targets) == 1
        and literal(node.value)
    }
    compared: dict[str, int] = {}
    for node in ast.walk(function):
        if _EQUAL.match(called(node)) and isinstance(node, ast.Call) and len(node.args) > 1:
            pair = node.args[:2]
            for side, other in zip(pair, pair[::-1], strict=True):
                if isinstance(side, ast.Name) and not literal(other):
                    compared[side.id] = compared.get(side.id, 0) + 1
    return {
        name: node
        for name, node in assigned.items()
        if len(stores[name]) == 1 and 0 < loads.get(name, 0) == compared.get(name, 0)
    }
