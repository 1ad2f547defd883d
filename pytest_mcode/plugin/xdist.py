"""In a worker of pytest-xdist: the plan it leaves for the controller, the queue it is given."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_mcode.plugin import state as states


def leave_plan(config: pytest.Config, plan: Mapping[str, Any]) -> None:
    """Leave the plan for the controller, atomically; that of the first worker is enough."""
    target = Path((states.of(config).worker or {}).get("mcode_plan", ""))
    if not target.name or target.exists():
        return
    target.parent.mkdir(mode=0o700, exist_ok=True)
    draft = target.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(plan))
    draft.rename(target)


def adopt(config: pytest.Config) -> None:
    """Take the controller's sandbox, where it was chosen only when this worker had begun."""
    state = states.of(config)
    sent = state.worker or {}
    if "mcode_sandbox" in sent or "mcode_plan" not in sent:
        return
    taken = Path(sent["mcode_plan"]).with_name("taken.json")
    if taken.exists():
        found = json.loads(taken.read_text())
        sent["mcode_sandbox"], sent["mcode_host_factor"] = found["sandbox"], found["host_factor"]
        state.adopt(**found)


OVER = "over"
"""File beside the plan by which the controller says that enough is measured."""


def is_over(sent: Mapping[str, Any]) -> bool:
    """Whether the controller needs no more items."""
    return "mcode_plan" in sent and Path(sent["mcode_plan"]).with_name(OVER).exists()


def upcoming(config: pytest.Config, items: list[pytest.Item]) -> Iterator[pytest.Item] | None:
    """The items this worker has been given; None outside of a worker.

    Reads the queue of xdist's worker, which has no public name; without it there is no look-ahead.
    """
    if states.of(config).worker is None:
        return None
    for plugin in config.pluginmanager.get_plugins():
        queue = getattr(plugin, "torun", None)
        if queue is not None:
            following = getattr(plugin, "nextitem_index", None)
            with queue.lock() as waiting:
                indices = [i for i in (following, *waiting) if isinstance(i, int)]
            return iter([items[i] for i in indices])
    return iter(())
