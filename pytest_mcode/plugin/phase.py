"""`--mcode-phase`: what a run that only draws, or only verifies, does otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.plugin import options

if TYPE_CHECKING:
    from pytest_mcode.plugin.state import State

OWN = frozenset({"mcode_model", "mcode_sandbox"})
"""Fixtures that ask or verify by themselves."""


def check(state: State) -> None:
    """Raise `ConfigError` for what has no meaning in the phase, before anything is collected."""
    settings = state.settings
    if settings.phase and settings.pool == "off":
        raise ConfigError("--mcode-phase finds draws in the pool: leave --mcode-pool=off out")
    if settings.phase == "verify" and settings.fresh:
        raise ConfigError("--mcode-phase=verify draws nothing: leave --mcode-fresh out")
    if settings.phase == "generate" and options.asks_gate(state.config, insisting=True):
        raise ConfigError(
            "--mcode-phase=generate gives no verdict that a gate could decide on: ask for the gate "
            "with --mcode-phase=verify"
        )


def leaves_out(state: State, metafunc: pytest.Metafunc) -> str:
    """Why a test is skipped in both phases; empty where it can be divided."""
    if not state.settings.phase or not OWN & set(metafunc.fixturenames):
        return ""
    return "--mcode-phase: asks or verifies by itself, which cannot be drawn first"


def only_drawn(state: State) -> None:
    """End a test of which nothing is verified yet."""
    __tracebackhide__ = True
    if state.session.only_draws:
        pytest.skip("drawn: waits for --mcode-phase=verify")
