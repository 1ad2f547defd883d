"""Samples of a task are drawn side by side, or one after the other until one is enough."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def together(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All results in their order; one that failed waits for its siblings before it is raised."""
    done = await asyncio.gather(*work, return_exceptions=True)
    for result in done:
        if isinstance(result, BaseException):
            raise result
    return [result for result in done if not isinstance(result, BaseException)]


async def until(enough: Callable[[T], bool], work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Results in their order, up to the first that is enough; what comes after is not begun."""
    done: list[T] = []
    for coroutine in work:
        done.append(await coroutine)
        if enough(done[-1]):
            break
    return done
