"""What `-v` adds, at 80 columns."""

import pytest


@pytest.mark.docker
def test_reasons_do_not_wrap_by_themselves(run, wrong_answers, monkeypatch):
    """Under a long id the reason stands on lines of its own that fit; so do the header's."""
    monkeypatch.setenv("COLUMNS", "80")
    done = run(
        "--mcode-bench=tiny", f"--mcode-model=replay:{wrong_answers}", "--mcode-limit=2", "-v"
    )
    lines = done.outlines
    start = next(i for i, line in enumerate(lines) if "unsolved tasks" in line)
    assert lines[start + 2].endswith("n1-d0]:")
    assert lines[start + 3].startswith("    failed: ")
    end = next(i for i, line in enumerate(lines[start + 1 :], start + 1) if line.startswith("==="))
    assert all(len(line) <= 80 for line in lines[start + 3 : end])
    head = next(i for i, line in enumerate(lines) if line.startswith("mcode: tiny, "))
    assert lines[head + 1].startswith("  from ")
    assert len(lines[head]) <= 80


@pytest.mark.bubblewrap
def test_no_answer_stays_in_memory_after_it_is_stored(run, pytester, database):
    """pytest keeps every report to the end: those of ours have let go of prompts and answers."""
    pytester.makeconftest(
        """
        def pytest_terminal_summary(terminalreporter):
            reports = terminalreporter.stats["passed"]
            print(f"{len(reports)} reports, {sum(hasattr(r, 'mcode') for r in reports)} outcomes")
        """
    )
    cells = "--mcode-sandbox=bubblewrap"
    result = run("--mcode-bench=tiny", "--mcode-model=gold", "--mcode-limit=2", cells)
    result.stdout.fnmatch_lines(["2 reports, 0 outcomes"])
    assert database.rows("SELECT count(*) FROM attempts") == [(2,)]
