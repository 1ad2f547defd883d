"""The figures of docs/reports.md can be made: the benchmark runs on a small store."""

import re

import pytest

from . import reports


@pytest.mark.slow
def test_every_report_is_measured(capsys, tmp_path):
    """A line with seconds and megabytes for each, and the goals where there are some."""
    assert reports.main(["--tiny", "--models=2", "--rounds=1"]) == 0
    table = capsys.readouterr().out
    assert table.startswith("40 attempts, ")
    rows = re.findall(r"^\| (.+?) \| [\d.]+ \| [\d.]+ \| \d+ \| (.*)\|$", table, re.M)
    assert [name for name, _ in rows] == list(reports.contenders(tmp_path, tmp_path))
    assert sum("goal" in goal for _, goal in rows) == 3


def test_a_report_that_fails_is_no_figure(tmp_path):
    """A process that ends badly stops the measurement."""
    command, _ = reports.contenders(tmp_path / "none.db", tmp_path)["`--mcode-report`"]
    with pytest.raises(RuntimeError, match="does not exist"):
        reports.measured(command)
