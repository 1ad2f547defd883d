"""What a candidate does on that part of the tests which the prompt shows: no hidden test is read.

Asserts become a program of their own for the feedback `public`; their calls alone, without what
they expect, tell how a candidate behaves.
"""

from __future__ import annotations

import ast
import copy
import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace

from pytest_mcode.core.protocols import Benchmark
from pytest_mcode.core.records import Json, Limits, Program, Task, Verdict
from pytest_mcode.generation import source

NO_TESTS = Verdict("passed", detail="no public tests", mode="none")
"""Where the prompt shows none there is nothing to stop at and nothing to show."""

_WATCH = '''
def _plain(value):
    """Equal for values that are equal, whatever order a set has."""
    if isinstance(value, dict):
        return "{%s}" % sorted((_plain(k), _plain(v)) for k, v in value.items())
    if isinstance(value, (set, frozenset)):
        return "<%s>" % sorted(map(_plain, value))
    if isinstance(value, (list, tuple)):
        return type(value).__name__ + str([_plain(v) for v in value])
    if isinstance(value, (bool, int, float)):
        return repr(int(value)) if value == value // 1 else repr(value)
    return repr(value) if isinstance(value, (str, bytes, type(None))) else type(value).__name__

def _done(call):
    try:
        return "returned " + _plain(call())
    except Exception as error:
        return "raised " + type(error).__name__

'''
_ESCAPE = re.compile(r"\\([^\r\n{}])")
_SAID = re.compile(r"AssertionError: behaviour (\w+) ([0-9a-f]{32})")


def public_program(benchmark: Benchmark, task: Task, code: str, limits: Limits) -> Program | None:
    """The program that verifies `code` by the public tests alone; None where there are none."""
    if task.mode != "split" or not task.public_tests:
        return None
    tests = task.public_setup + "".join(f"{test}\n" for test in task.public_tests)
    shown = replace(task, tests=tests, checks=len(task.public_tests))
    return benchmark.program(shown, code, limits)


def behaviour_program(
    benchmark: Benchmark, task: Task, code: str, limits: Limits
) -> Program | None:
    """A program that never passes and says in its error what `code` does; see `behaviour_in`."""
    calls = list(inputs(task))
    if task.mode != "split" or not calls:
        return None
    listed = "".join(f"    _done(lambda: {call}),\n" for call in calls)
    tests = (
        f"import hashlib\n{task.public_setup}{_WATCH}_seen = [\n{listed}]\n"
        "_how = 'ran' if any(s.startswith('returned') for s in _seen) else 'raised'\n"
        "_mark = hashlib.sha256(repr(_seen).encode('utf-8', 'surrogatepass')).hexdigest()[:32]\n"
        "raise AssertionError('behaviour ' + _how + ' ' + _mark)\n"
    )
    return benchmark.program(replace(task, tests=tests, checks=1), code, limits)


def inputs(task: Task) -> Iterator[str]:
    """Calls of the entry point in the public tests, as source, each once."""
    seen: set[str] = set()
    for test in task.public_tests:
        tree = source.parse(test)
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.Call) and _name(node.func) == task.entry_point:
                # From the text: `source.parse` blanks escapes.
                call = ast.get_source_segment(test, node) or ""
                if call and "\n" not in call and call not in seen:
                    seen.add(call)
                    yield call


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def behaviour_in(verdict: Verdict) -> str:
    """`ran:<digest of the results>`; empty where every call raised, or the program did not run."""
    found = _SAID.search(verdict.detail) if verdict.status == "failed" else None
    return f"ran:{found[2]}" if found and found[1] == "ran" else ""


def shape_of(code: str) -> str:
    """`ast:<digest>`, equal for sources that differ in layout, comments and docstrings alone."""
    # `source.parse` blanks escapes, which are a difference here.
    tree = source.parse(_ESCAPE.sub(lambda escape: f"x{ord(escape[1]):x}", code))
    if tree is None:
        return ""
    tree = copy.deepcopy(tree)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and len(body) > 1 and _is_text(body[0]):
            del body[0]
    return "ast:" + hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:32]


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def noted(verdict: Verdict) -> dict[str, Json]:
    """What is kept of a verdict on what the prompt shows; `none` where it shows nothing."""
    spent = 0.0 if verdict.cached else verdict.wall_s
    status = "none" if verdict is NO_TESTS else verdict.status
    return {"verdict": status, "detail": verdict.detail, "check_s": spent}
