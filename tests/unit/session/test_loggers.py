"""A library that is imported in a thread ends no session."""

from __future__ import annotations

import logging
import uuid

from pytest_mcode.session.loggers import let_threads_make_loggers


def test_loggers_may_be_made_while_all_are_looked_through():
    """As pytest does it; and both ways of finding a logger give the same one."""
    let_threads_make_loggers()
    let_threads_make_loggers()
    known = iter(logging.root.manager.loggerDict.values())
    next(known)
    made = logging.getLogger(f"made-{uuid.uuid4()}")
    assert all(logger is not made for logger in known)
    assert made in logging.root.manager.loggerDict.values()
    assert logging.getLogger(made.name) is made
