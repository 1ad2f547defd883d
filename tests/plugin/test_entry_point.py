"""Components of an installed plug-in, found through its entry point."""

from __future__ import annotations

import pytest

MODULE = """
from pytest_mcode.core.records import Answer


class Echo:
    concurrency = 1

    def __init__(self, spec):
        pass

    def describe(self):
        return {"backend": "echo"}

    async def preflight(self):
        pass

    async def generate(self, request):
        return Answer(request.task.reference, form="program", calls=0)

    async def aclose(self):
        pass


def pytest_mcode_generators():
    return {"echo": Echo}
"""


@pytest.mark.docker
def test_an_installed_plugin_adds_a_generator(run, pytester, monkeypatch):
    """A distribution with a `pytest11` entry point registers by the same hooks as a conftest.py."""
    site = pytester.mkdir("site")
    (site / "mcode_echo.py").write_text(MODULE)
    info = site / "mcode_echo-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mcode-echo\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[pytest11]\nmcode_echo = mcode_echo\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    result = run("--mcode-bench=tiny", "--mcode-model=echo", "--mcode-limit=2")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["plugins: *mcode-echo-1.0*", "*pass@1 * 100.00*"])
