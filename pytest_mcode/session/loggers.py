"""Loggers that come into being in one thread while pytest looks through all of them in another."""

from __future__ import annotations

import logging
from typing import Any


class Loggers(dict[str, Any]):
    """What `logging` knows by name; its values are those of the moment they are asked for."""

    def values(self) -> Any:
        """Of a copy."""
        return self.copy().values()


def let_threads_make_loggers() -> None:
    """To be called before the first thread starts that imports anything.

    pytest 9 goes through all loggers in each phase of each test (`catching_logs`). One that a
    library makes at that moment, in a thread of ours, would end the whole session: `RuntimeError:
    dictionary changed size during iteration`.
    """
    manager = logging.root.manager
    if not isinstance(manager.loggerDict, Loggers):
        manager.loggerDict = Loggers(manager.loggerDict)
