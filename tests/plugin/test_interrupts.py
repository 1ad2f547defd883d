"""Ctrl-C at the moments that CPython or pytest cannot bear: exit status 2 and the summary."""

from __future__ import annotations

import signal
import types

import pytest

from pytest_mcode.plugin import interrupts

pytestmark = pytest.mark.bubblewrap

BEGIN = """
import signal, time, weakref
import pytest

pytestmark = pytest.mark.mcode(bench="tiny", tasks=["tiny/mirror_words", "tiny/count_peaks"])
"""
IGNORED = """
class Cell:
    pass

def test_own(mcode_attempt):
    mcode_attempt().check()
    cell = Cell()
    watched = weakref.ref(cell, lambda _: signal.raise_signal(signal.SIGINT))
    del cell
    time.sleep(60)
"""
"""Raised in the callback of a weak reference."""
NO_LINE = """
def interrupt():
    signal.raise_signal(signal.SIGINT)

code = interrupt.__code__
units = len(code.co_code) // 2  # entries of the kind "no location", for up to 8 units each
table = [0xF8 | min(7, units - at - 1) for at in range(0, units, 8)]
interrupt.__code__ = code.replace(co_linetable=bytes(table))

def test_own(mcode_attempt):
    mcode_attempt().check()
    interrupt()
"""
"""Raised where no line of the source is."""


@pytest.mark.parametrize("source", [IGNORED, NO_LINE], ids=["ignored", "no-line"])
def test_ctrl_c_ends_the_run_with_its_summary(run, pytester, database, source):
    """Exit status 2 at the first item, which is not measured; the summary shows how to go on."""
    pytester.makepyfile(BEGIN + source)
    result = run("--mcode-model=gold", "--mcode-sandbox=bubblewrap")
    assert result.ret == pytest.ExitCode.INTERRUPTED, result.stdout.str() + result.stderr.str()
    assert database.rows("SELECT state FROM items") == [("planned",)] * 2
    result.stdout.fnmatch_lines(["*INCOMPLETE, 0 of 2 items done*", "*KeyboardInterrupt*"])
    assert "Exception ignored" not in result.stderr.str() + result.stdout.str()
    assert "Traceback" not in result.stderr.str()


def test_ctrl_c_opens_the_debugger_that_was_asked_for(run, pytester):
    """With `--pdb`, also where no line of the source is; at its end the summary."""
    pytester.makepyfile(BEGIN + NO_LINE)
    result = run("--mcode-model=gold", "--mcode-sandbox=bubblewrap", "--pdb")
    assert result.ret == pytest.ExitCode.INTERRUPTED, result.stdout.str() + result.stderr.str()
    result.stdout.fnmatch_lines(["*entering PDB*", "*INCOMPLETE, * of 2 items done*"])


AGAIN = """
import signal
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_keyboard_interrupt():
    for _ in range({presses}):
        signal.raise_signal(signal.SIGINT)
    return (yield)
"""


def test_a_second_ctrl_c_is_a_line_and_the_third_ends_at_once(run, pytester):
    """Who presses twice does not lose the summary, who insists need not wait."""
    pytester.makepyfile(BEGIN + NO_LINE)
    for presses in (1, 2):
        pytester.makeconftest(AGAIN.format(presses=presses))
        result = run("--mcode-model=gold", "--mcode-sandbox=bubblewrap")
        said = result.stdout.str()
        assert said.count("mcode: the run is being closed; Ctrl-C once more leaves at once") == 1
        if presses == 1:
            assert result.ret == pytest.ExitCode.INTERRUPTED, said + result.stderr.str()
            assert "0 of 2 items done" in said
        else:
            assert result.ret == -signal.SIGINT


def test_a_second_ctrl_c_is_borne_where_no_terminal_is(run, pytester, database):
    """As in a worker of xdist's: no line, and the end as with one Ctrl-C."""
    pytester.makepyfile(BEGIN + NO_LINE)
    pytester.makeconftest(AGAIN.format(presses=1))
    result = run("--mcode-model=gold", "--mcode-sandbox=bubblewrap", "-p", "no:terminal")
    assert result.ret == pytest.ExitCode.INTERRUPTED, result.stdout.str() + result.stderr.str()
    assert "Error" not in result.stderr.str()
    assert database.rows("SELECT state FROM items") == [("planned",)] * 2


def test_what_else_is_ignored_is_told_as_before(monkeypatch, pytestconfig):
    """Only interrupts are kept from the hook of before, which comes back."""
    told = []
    monkeypatch.setattr(interrupts.sys, "unraisablehook", told.append)
    before = interrupts.sys.unraisablehook
    with interrupts.kept(pytestconfig):
        interrupts.sys.unraisablehook(types.SimpleNamespace(exc_type=ValueError))
    assert [unraisable.exc_type for unraisable in told] == [ValueError]
    assert interrupts.sys.unraisablehook is before
