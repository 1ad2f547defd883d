"""Components of somebody else: what their methods raise is told by kind, name, class and method.

Without this a `KeyError` of a project's own `load()` would look like a fault of pytest.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_mcode.core.errors import ConfigError, DataError, InfraError, McodeError
from pytest_mcode.core.words import TRACEBACK
from pytest_mcode.session import wellformed

_NEEDED = {
    "benchmark": ("load", "program"),
    "strategy": ("solve",),
    "generator": ("concurrency", "describe", "preflight", "generate", "aclose"),
    "sandbox": ("slots", "start", "describe", "run", "close"),
    "server": ("model", "start", "close"),
}
"""Kind -> what a run uses of its protocol."""
_RAISES: Mapping[str, type[McodeError]] = {"load": DataError, "start": ConfigError}
"""Method -> what stands for its errors, where it is no `InfraError`: nothing is run then."""
_PASSES = (McodeError, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError)
"""What is told as it is: our own errors, and that somebody wants an end."""
_ROOT = Path(__file__).parents[1]
_OPTIONAL = ("check", "prepare")
_AWAITED = ("solve", "preflight", "generate", "aclose")
_CHECKS: Mapping[str, Callable[[str, Any], Any]] = {
    "describe": wellformed.description,
    "program": wellformed.program,
}
"""Method -> how its result is looked at, where nobody else does."""


def ships(part: object) -> bool:
    """Whether the component's class is ours: only the code of what ships has a version."""
    return type(part).__module__.startswith("pytest_mcode.")


def make(kind: str, name: str, factory: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """The component. Raises `ConfigError` where a stranger's cannot be made, or lacks a method."""
    if getattr(factory, "__module__", "").startswith("pytest_mcode."):
        return factory(*args, **options)
    title = f"{kind} {name!r}: {getattr(factory, '__qualname__', repr(factory))}"
    with told(f"{title}()", ConfigError):
        made = factory(*args, **options)
    return made if ships(made) else _guarded(kind, name, made)


@contextlib.contextmanager
def told(what: str, kind: type[McodeError]) -> Iterator[None]:
    """Put the error that stands for it in the place of any that is not of our family, also of
    `SystemExit` and of pytest's `skip` and `fail`, which would end the run or its event loop.

    Its message is one line; the traceback is a note, for those who ask for it.
    """
    try:
        yield
    except _PASSES:
        raise
    except BaseException as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        stack = [f for f in traceback.extract_tb(error.__traceback__) if not _calls(f.filename)]
        theirs = [frame for frame in stack if _ROOT not in Path(frame.filename).parents]
        own = [frame for frame in theirs if frame.filename == theirs[0].filename]
        where = f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""
        found = kind(f"{what} raised {said[:300]}{where}")
        found.add_note(TRACEBACK + "".join(traceback.format_list(stack)).rstrip())
        raise found from error


@contextlib.contextmanager
def forgiven(say: Callable[[str], None]) -> Iterator[None]:
    """Tell a failure at the end, where nothing depends on it: what was measured is stored."""
    try:
        yield
    except McodeError as error:
        say(str(error))


def _calls(file: str) -> bool:
    """Whether code of this file only hands on what a stranger's raised."""
    return file == __file__ or Path(file).parent.name == "pluggy"


def _guarded(kind: str, name: str, made: Any) -> Any:
    title = f"{kind} {name!r}: {type(made).__qualname__}"
    for attribute in _NEEDED[kind]:
        if not hasattr(made, attribute):
            raise ConfigError(
                f"{title} has no {attribute!r}; it takes {', '.join(_NEEDED[kind])} "
                "(docs/extending.md)"
            )
    for attribute in dict.fromkeys((*_NEEDED[kind], "describe", *_OPTIONAL)):
        method = getattr(made, attribute, None)
        if callable(method):
            guard = _guard(title, attribute, method)
            with contextlib.suppress(AttributeError, TypeError):  # it has no room for attributes
                object.__setattr__(made, attribute, guard)
    return made


def _as_it_is(_: str, found: Any) -> Any:
    return found


def _guard(title: str, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    what, kind = f"{title}.{name}()", _RAISES.get(name, InfraError)
    check = _CHECKS.get(name, _as_it_is)

    def call(*args: Any, **options: Any) -> Any:
        with told(what, kind):
            return check(what, method(*args, **options))

    async def awaited(*args: Any, **options: Any) -> Any:
        with told(what, kind):
            return await method(*args, **options)

    guarded: Callable[..., Any] = awaited if name in _AWAITED else call
    functools.update_wrapper(guarded, method)
    return guarded
