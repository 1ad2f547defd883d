"""Ctrl-C ends a run wherever it falls, and what is left can be gone on with.

CPython raises `KeyboardInterrupt` between any two instructions of the main thread, two kinds of
which are no place for it.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import pytest

_AGAIN_S = 0.05
"""So long after a lost one the next is sent: in the hook itself it would be lost as well."""
_CLOSING = b"\nmcode: the run is being closed; Ctrl-C once more leaves at once\n"


@contextlib.contextmanager
def kept(config: pytest.Config) -> Iterator[None]:
    """Send Ctrl-C again where CPython has ignored it: in a finalizer or the callback of a weak
    reference ("Exception ignored in"), as Python's own sets and queues have them. And let what
    follows a Ctrl-C go on in peace."""
    before = sys.unraisablehook

    def hook(unraisable: Any) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            before(unraisable)
            return
        # not by `threading`, one of whose locks the interrupted code may hold
        _thread.start_new_thread(_send_again, ())

    sys.unraisablehook = hook
    try:
        yield
    except KeyboardInterrupt:
        _close_in_peace(config)
        raise
    finally:
        if sys.unraisablehook is hook:
            sys.unraisablehook = before


def _send_again() -> None:
    time.sleep(_AGAIN_S)
    main = threading.main_thread().ident
    if main is not None:
        signal.pthread_kill(main, signal.SIGINT)


def _close_in_peace(config: pytest.Config) -> None:
    """From now on a second Ctrl-C is answered with a line, and the third one leaves at once: the
    second would cost the summary, or end in the middle of what is being closed."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return

    def as_before() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)

    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")  # workers have none

    def second(*_: object) -> None:
        as_before()
        with contextlib.suppress(OSError, ValueError, AttributeError):
            # not by its buffer, in the middle of which the interrupted code may be
            os.write(reporter._tw._file.fileno(), _CLOSING)

    signal.signal(signal.SIGINT, second)
    config.add_cleanup(as_before)


def make_readable(error: BaseException) -> None:
    """Cut tracebacks before the first entry whose instruction belongs to no line: pytest, which
    takes one from its number, ends with a `TypeError` there, and without the summary."""
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        found = left.pop()
        if found is not None and id(found) not in seen:
            seen.add(id(found))
            _cut(found.__traceback__)
            left += found.__cause__, found.__context__


def _cut(entry: TracebackType | None) -> None:
    while entry is not None:
        following = entry.tb_next
        if following is not None and following.tb_lineno is None:
            entry.tb_next = following = None
        entry = following
