"""Names to components."""

from __future__ import annotations

import pytest

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.session import builtins
from pytest_mcode.session.registry import HOOKS, Registry


def shipped() -> Registry:
    return Registry.from_hooks(lambda hook: [getattr(builtins, hook)()])


def test_every_component_that_ships_can_be_imported():
    """Each built-in name leads to a callable, whatever extras are installed."""
    registry = shipped()
    for kind in HOOKS:
        for name in registry.names(kind):
            assert callable(registry.factory(kind, name))


def test_an_unknown_name_is_answered_with_choices_and_cure():
    """The error names the near miss, all choices and the hook."""
    with pytest.raises(ConfigError) as error:
        shipped().factory("benchmark", "humanevl")
    for part in ("did you mean 'humaneval'", "mbpp", "tiny", "pytest_mcode_benchmarks"):
        assert part in str(error.value)


def test_a_dotted_path_names_a_component():
    """`package.module:Class` needs no registration; a wrong one says why."""
    assert shipped().factory("strategy", "collections.abc:Sized").__name__ == "Sized"
    with pytest.raises(ConfigError, match=r"cannot be imported from 'no\.such:Thing'"):
        shipped().factory("strategy", "no.such:Thing")


def test_a_plugin_may_replace_a_builtin():
    """Of two components with one name the later registered plug-in's wins."""
    own = {"tiny": object}
    hooks = {"pytest_mcode_benchmarks": [own, builtins.pytest_mcode_benchmarks()]}
    registry = Registry.from_hooks(lambda hook: hooks.get(hook, []))
    assert registry.factory("benchmark", "tiny") is object
