"""The implementations that share a contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.protocols import Sandbox
from pytest_mcode.core.records import SandboxSpec


def docker(spec: SandboxSpec) -> Sandbox:
    from pytest_mcode.sandboxes.docker import Docker

    return Docker(spec)


def bubblewrap(spec: SandboxSpec) -> Sandbox:
    from pytest_mcode.sandboxes.bubblewrap import Bubblewrap

    return Bubblewrap(spec)


SANDBOXES: dict[str, Callable[[SandboxSpec], Sandbox]] = {
    "docker": docker,
    "bubblewrap": bubblewrap,
}
"""Every sandbox gives the same verdicts: whoever is listed here runs the whole suite."""


@pytest.fixture(
    scope="session",
    params=[pytest.param(name, marks=getattr(pytest.mark, name)) for name in SANDBOXES],
)
def make_sandbox(request: pytest.FixtureRequest) -> Callable[[SandboxSpec], Sandbox]:
    """The constructor of one implementation."""
    return SANDBOXES[request.param]


@pytest.fixture(scope="session")
def sandbox(make_sandbox: Callable[[SandboxSpec], Sandbox]) -> Iterator[Sandbox]:
    """A warm sandbox with two slots."""
    warm = make_sandbox(SandboxSpec(slots=2, label="contract"))
    try:
        warm.start()
    except InfraError as error:
        pytest.skip(str(error))
    yield warm
    warm.close()


@pytest.fixture
def factor(sandbox: Sandbox) -> int:
    """How many times as long limits are here, because the host is slow."""
    return int(str(sandbox.describe()["host_factor"]))
