"""Tests written as unittest classes: how many methods a correct program passes."""

from __future__ import annotations

import ast

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def count_methods(tree: ast.Module) -> int:
    """Test methods of the TestCase subclasses at top level, inherited ones of this file included.

    Without those that the tests may skip themselves, unless there are no others; 0 where the code
    defines no such class, as far as its source tells.
    """
    local = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    found = [
        may_skip for name in local if _is_case(name, local) for may_skip in _methods(name, local)
    ]
    return found.count(False) or len(found)


def _bases(name: str, local: dict[str, ast.ClassDef]) -> list[str]:
    return [ast.unparse(base) for base in local[name].bases if ast.unparse(base) != name]


def _is_case(name: str, local: dict[str, ast.ClassDef], depth: int = 0) -> bool:
    if depth > len(local):
        return False
    return any(
        _is_case(base, local, depth + 1) if base in local else base.endswith("TestCase")
        for base in _bases(name, local)
    )


def _methods(name: str, local: dict[str, ast.ClassDef]) -> list[bool]:
    """For each test method, whether the tests may skip it."""
    names: dict[str, bool] = {}
    lineage = [name]
    for one in lineage:
        lineage += [b for b in _bases(one, local) if b in local and b not in lineage]
        text = ast.unparse(local[one])
        always = "kipTest" in text or any(
            "skip" in ast.unparse(m) for m in local[one].decorator_list
        )
        for node in local[one].body:
            if isinstance(node, _FUNCTIONS) and node.name.startswith("test"):
                marked = any("skip" in ast.unparse(mark) for mark in node.decorator_list)
                names.setdefault(node.name, always or marked)
    return list(names.values())
