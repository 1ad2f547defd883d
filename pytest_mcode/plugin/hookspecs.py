"""The hooks that pytest-mcode adds: implement them in a conftest.py or a plug-in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_mcode.session.registry import Factory


def pytest_mcode_benchmarks() -> Mapping[str, Factory]:  # type: ignore[empty-body]
    """Name -> factory(argument) of `core.protocols.Benchmark`; all answers are merged."""


def pytest_mcode_strategies() -> Mapping[str, Factory]:  # type: ignore[empty-body]
    """Name -> factory() of `core.protocols.Strategy`; all answers are merged."""


def pytest_mcode_generators() -> Mapping[str, Factory]:  # type: ignore[empty-body]
    """Name -> factory(ModelSpec) of `core.protocols.Generator`; all answers are merged."""


def pytest_mcode_sandboxes() -> Mapping[str, Factory]:  # type: ignore[empty-body]
    """Name -> factory(SandboxSpec) of `core.protocols.Sandbox`; all answers are merged."""


def pytest_mcode_servers() -> Mapping[str, Factory]:  # type: ignore[empty-body]
    """Model name -> factory(argument) of `core.protocols.Server`; all answers are merged."""
