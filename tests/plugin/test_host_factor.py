"""The factor of a slow host: measured once in a run, the same for everybody, shown with limits."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.docker

SLOW = """
    from dataclasses import replace
    from pathlib import Path
    from pytest_mcode.sandboxes.docker import Docker

    class Slow(Docker):
        '''Notes what it was told, and measures 4 where it was told nothing.'''

        name = "slow"

        def __init__(self, spec):
            with (Path(__file__).parent / "told.txt").open("a") as file:
                file.write(f"{spec.host_factor} ")
            super().__init__(replace(spec, host_factor=spec.host_factor or 4))

    def pytest_mcode_sandboxes():
        return {"slow": Slow}
"""
OWN = """
    import pytest

    @pytest.mark.mcode(bench="tiny", model="gold", limit=4)
    def test_own(mcode_task, mcode_sandbox):
        assert mcode_sandbox.verify(mcode_task.reference).passed
"""
PARTS = "SELECT DISTINCT json_extract(settings, '$.sandbox.host_factor') FROM variants"


@pytest.fixture
def told(pytester):
    """The factors that the run's sandboxes were given, in any order."""
    pytester.makeconftest(SLOW)
    return lambda: sorted((pytester.path / "told.txt").read_text().split())


def test_a_slow_host_is_named_before_the_run_and_beside_the_limit(run, database, told):
    """In words at the start, in the report, and in the fingerprint."""
    result = run("--mcode-bench=tiny", "--mcode-model=gold", "--mcode-sandbox=slow")
    result.assert_outcomes(passed=10)
    result.stdout.fnmatch_lines(
        [
            "mcode: a slow host: limits of time are 4 times as long",
            "*, 10 s per program x 4 (slow host)",
        ]
    )
    assert told() == ["0"]
    assert database.rows(PARTS) == [(4,)]


def test_workers_take_the_controllers_factor(run, database, told):
    """The controller measures, two workers are told."""
    bench = ("--mcode-bench=tiny", "--mcode-model=gold", "--mcode-sandbox=slow", "-n2")
    run(*bench).assert_outcomes(passed=10)
    assert told() == ["0", "4", "4"]
    assert database.rows(PARTS) == [(4,)]


def test_also_where_the_workers_find_out_that_something_is_measured(run, pytester, database, told):
    """A project's own tests: the controller hears of them when the workers have begun."""
    pytester.makepyfile(OWN)
    run("--mcode-sandbox=slow", "-n2").assert_outcomes(passed=4)
    assert told() == ["0", "4", "4"]
    assert database.rows(PARTS) == [(4,)]
