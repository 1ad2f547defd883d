"""A component of somebody else raises: which, where, and what, in one line."""

from __future__ import annotations

import asyncio

import pytest

from pytest_mcode.benchmarks.tiny import Tiny
from pytest_mcode.core.errors import ConfigError, DataError, InfraError
from pytest_mcode.core.words import TRACEBACK
from pytest_mcode.session import strangers
from pytest_mcode.session.registry import Registry

METHODS = {
    "benchmark": {"load": DataError, "program": InfraError},
    "strategy": {"solve": InfraError},
    "generator": {
        "describe": InfraError,
        "preflight": InfraError,
        "generate": InfraError,
        "aclose": InfraError,
    },
    "sandbox": {
        "prepare": InfraError,
        "start": ConfigError,
        "describe": InfraError,
        "run": InfraError,
        "close": InfraError,
    },
    "server": {
        "check": InfraError,
        "start": ConfigError,
        "describe": InfraError,
        "close": InfraError,
    },
}
AWAITED = ("solve", "preflight", "generate", "aclose")


def component(kind, broken=""):
    """A class with all methods of the kind, one of which has a bug."""

    def bug(self, *_):
        return {}["absent"]

    def fine(self, *_):
        return {}

    async def async_bug(self, *_):
        return {}["absent"]

    async def async_fine(self, *_):
        return None

    def method(name):
        if name in AWAITED:
            return async_bug if name == broken else async_fine
        return bug if name == broken else fine

    fields = {name: method(name) for name in METHODS[kind]}
    return type("Mine", (), {**fields, "concurrency": 1, "slots": 1, "model": "m"})


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k in METHODS for n in METHODS[k]])
def test_a_bug_in_any_method_is_told_by_class_and_method(kind, name):
    """One line, of our family, with file and line; the traceback is a note."""
    made = strangers.make(kind, "mine", component(kind, name))

    async def call():
        found = getattr(made, name)()
        return await found if name in AWAITED else found

    with pytest.raises(METHODS[kind][name]) as caught:
        asyncio.run(call())
    said = (
        f"{kind} 'mine': Mine.{name}() raised KeyError: 'absent' (test_components_of_strangers.py"
    )
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)
    assert caught.value.__notes__[0].startswith(TRACEBACK)
    assert "session/strangers.py" not in caught.value.__notes__[0]


@pytest.mark.parametrize("error", [SystemExit(3), pytest.skip.Exception("no data")], ids=repr)
def test_what_would_end_pytest_is_told_as_well(error):
    """`sys.exit()` and pytest's own ways to leave a test; whoever wants an end gets it."""

    def make(error):
        def mine():
            raise error

        strangers.make("benchmark", "mine", mine)

    with pytest.raises(ConfigError, match=rf"mine\(\) raised {type(error).__name__}: {error}"):
        make(error)
    for end in (KeyboardInterrupt, asyncio.CancelledError):
        with pytest.raises(end):
            make(end())


def test_what_cannot_be_made_or_lacks_a_method_is_told():
    """A constructor that raises, a factory of another shape, a protocol that is not whole."""

    class Needy:
        def __init__(self, argument):
            raise ValueError("two\nlines")

    with pytest.raises(
        ConfigError, match=r"benchmark 'x': .*Needy\(\) raised ValueError: two lines"
    ):
        strangers.make("benchmark", "x", Needy, "")
    with pytest.raises(ConfigError, match=r"raised TypeError: .*argument"):
        strangers.make("benchmark", "x", lambda: None, "")
    with pytest.raises(ConfigError, match="int has no 'load'; it takes load, program"):
        strangers.make("benchmark", "x", int)


def test_what_ships_is_left_as_it_is():
    """Its errors are of our family, and a bug of ours is to look like one."""
    assert vars(strangers.make("benchmark", "tiny", Tiny)) == vars(Tiny())


def test_results_are_looked_at():
    """A program that is none, a description that is no JSON."""
    benchmark = strangers.make("benchmark", "mine", component("benchmark"))
    with pytest.raises(InfraError, match=r"Mine\.program\(\) returned {}, not a Program"):
        benchmark.program(1, 2, 3)
    generator = component("generator")
    generator.describe = lambda self: {"a": {1, 2}}
    with pytest.raises(InfraError, match=r"Mine\.describe\(\) returned .*, not an object of JSON"):
        strangers.make("generator", "mine", generator).describe()


def test_a_hook_that_raises_or_answers_anything_else_is_told():
    """Names to factories: else the line names the hook."""
    with pytest.raises(ConfigError, match="hook pytest_mcode_benchmarks raised ZeroDivisionError"):
        Registry.from_hooks(lambda hook: [1 / 0])
    with pytest.raises(ConfigError, match="hook pytest_mcode_benchmarks returned a list"):
        Registry.from_hooks(lambda hook: [[Tiny]])
