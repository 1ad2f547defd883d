"""Progress of a run, as a terminal shows it and as a log holds it: real pytest, server and pty."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import pyte
import pytest

from tests.plugin.model import Model

SOONER = """
from pytest_mcode.plugin import progress
progress.FIRST_S, progress.LINE_S, progress.LOG_S = 0.5, 0.1, 0.5
"""
"""conftest.py of a run that does not last for minutes; the clock is the real one."""
pytestmark = pytest.mark.slow
LIVE = re.compile(r"\d+/\d+ (tasks|items)  ")
LOGGED = re.compile(r"^mcode: \d+/10 tasks, .* (so far|left)$")
FEW = ("--mcode-concurrency=2", "--mcode-samples=2", "--mcode-pool=off")
UNSET = ("CI", "BUILD_NUMBER", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")
OWN_TEST = """
import sys, time
import pytest

@pytest.mark.mcode(bench="tiny", limit=4)
def test_own(mcode_attempt, mcode_task):
    print("half of", end=" ")
    time.sleep(0.5)
    print("a line of", mcode_task.task_id)
    print("an error", file=sys.stderr)
    time.sleep(0.5)
    mcode_attempt()
"""


class Terminal:
    """A pseudo-terminal with a run of pytest in it, and an emulator that reads what it is sent."""

    def __init__(self, width, height, args):
        self.raw = b""
        self.screen = pyte.HistoryScreen(width, height, history=10_000, ratio=1)
        self._stream = pyte.ByteStream(self.screen)
        self._fd, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *args]
        streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
        env = dict(os.environ)  # readline sets COLUMNS behind Python's back
        self._run = subprocess.Popen(command, **streams, env=env, start_new_session=True)
        os.close(theirs)
        self.status = None
        self.interrupted = False

    def lines(self):
        """Everything that stands on the screen or has left it at the top."""
        top = list(self.screen.history.top)
        gone = ("".join(row[x].data for x in range(self.screen.columns)) for row in top)
        return [line.rstrip() for line in (*gone, *self.screen.display)]

    def shots(self):
        """What is shown, each time that something has been written."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            if select.select([self._fd], [], [], 0.1)[0]:
                try:
                    data = os.read(self._fd, 65536)
                except OSError:  # the other end is closed
                    data = b""
                if not data:
                    self.status = self._run.wait()
                    return
                self.raw += data
                self._stream.feed(data)
                yield self.lines()
        raise TimeoutError("the run does not end")

    def interrupt(self):
        """What Ctrl-C does."""
        self.interrupted = True
        self._run.send_signal(signal.SIGINT)

    def close(self):
        """Whatever happened: no process and no descriptor is left."""
        self._run.kill()
        self._run.wait()
        os.close(self._fd)


@pytest.fixture
def terminal(pytester, monkeypatch, data):
    """Start a run in a terminal of so many columns and rows."""
    for name in [*os.environ]:
        if name.startswith(("MCODE_", "PYTEST_", "PY_")) or name in UNSET:
            monkeypatch.delenv(name)
    monkeypatch.setenv("MCODE_DATA", str(data))
    monkeypatch.setenv("TERM", "xterm")
    pytester.makeconftest(SOONER)
    started = []

    def call(*args, width=80, height=24):
        started.append(Terminal(width, height, args))
        return started[-1]

    yield call
    for run in started:
        run.close()


@pytest.fixture
def model():
    """A server that takes its time."""
    with Model(latency=0.15) as server:
        yield server


def own(model):
    """The options of a run of OWN_TEST."""
    return [option for option in model.options() if "bench" not in option]


def live(lines):
    """The live lines among these: one at most, and it is the last that is not empty."""
    found = [i for i, line in enumerate(lines) if LIVE.match(line)]
    assert len(found) <= 1, lines
    if found:
        assert not any(lines[found[0] + 1 :]), lines
    return [lines[i] for i in found]


def followed(run):
    """The live lines of a run from its start to its end, after which none is left."""
    found = [line for lines in run.shots() for line in live(lines)]
    assert run.status == 0, "\n".join(run.lines())
    assert live(run.lines()) == []
    return found


@pytest.mark.parametrize("width", [80, 50])
def test_dots_go_on_above_a_live_line(terminal, model, width):
    """pytest's own line is as it would be without: each dot after the other, then 100 %."""
    run = terminal(*model.options(), *FEW, width=width)
    found = followed(run)
    done = [int(line.partition("/")[0]) for line in found]
    assert done == sorted(done)
    assert len(set(done)) > 2
    assert all(len(line) < width for line in found)
    assert any("pass@1" in line for line in found)
    if width == 80:
        assert any("2 req" in line for line in found)
    (dots,) = [line for line in run.lines() if line.startswith("mcode/tiny ")]
    assert re.fullmatch(r"mcode/tiny [.u]{10} +\[100%\]", dots)


def test_lines_of_verbose_output_stay_whole_where_they_wrap(terminal, model):
    """Node ids longer than the terminal is wide: the cursor is found again."""
    run = terminal(*model.options(), *FEW, "-v", width=60)
    assert followed(run)
    text = "".join(line.ljust(60) for line in run.lines())
    shown = re.findall(r"mcode/tiny::test_tiny\[tiny/(\w+)-m-n2-d0\] (?:PASSED|UNSOLVED)", text)
    assert len(shown) == len(set(shown)) == 10


def test_the_controller_of_xdist_shows_what_arrives(terminal, model):
    """Without the requests in flight, of which only the workers know."""
    found = followed(run := terminal(*model.options(), *FEW, "-n2"))
    assert any(re.match(r"[1-9]/10 tasks", line) for line in found)
    assert not any("req" in line for line in found)
    (dots,) = [line for line in run.lines() if re.match(r"[.u]{10} ", line)]
    assert dots.endswith("[100%]")


def test_what_a_test_prints_under_s_is_not_touched(terminal, model, pytester):
    """Half lines and stderr too: each ends up where it would without us."""
    pytester.makepyfile(test_own=OWN_TEST)
    run = terminal(*own(model), "-s")
    assert followed(run)
    text = "\n".join(run.lines())
    assert len(re.findall(r"half of a line of tiny/\w+\nan error\n", text)) == 4


def test_ctrl_c_leaves_no_line_behind(terminal, model):
    """The summary of what was done stands where it always does."""
    run = terminal(*model.options(), *FEW)
    for lines in run.shots():
        if live(lines) and run.interrupted is False:
            run.interrupt()
    assert run.status == 2, "\n".join(run.lines())
    assert live(run.lines()) == []
    assert any("KeyboardInterrupt" in line for line in run.lines())


@pytest.mark.parametrize("args", [["-q"], ["--mcode-progress=off"]])
def test_nothing_is_shown_where_nothing_is_wanted(terminal, model, args):
    """`-q`, and the option."""
    run = terminal(*model.options(), *FEW, *args)
    assert followed(run) == []
    assert b"/10 tasks, " not in run.raw
    assert b"\x1b[J" not in run.raw


def test_a_short_run_shows_nothing(terminal, model, pytester):
    """Ten seconds must have gone by."""
    pytester.makeconftest("")
    run = terminal(*model.options(), *FEW, "--mcode-limit=2")
    assert followed(run) == []
    assert b"\x1b[J" not in run.raw


@pytest.mark.parametrize("name", ["CI", "TERM"])
def test_a_log_has_whole_lines(terminal, model, monkeypatch, name):
    """In CI, and in a terminal that cannot move its cursor."""
    monkeypatch.setenv(name, "dumb")
    run = terminal(*model.options(), *FEW, width=200)
    assert followed(run) == []
    assert b"\x1b[J" not in run.raw
    assert len([line for line in run.lines() if LOGGED.match(line)]) > 1


@pytest.mark.parametrize("args", [[], ["-n2"], ["-s"], ["-v"]])
def test_a_pipe_has_a_line_now_and_then_and_no_control_characters(run, pytester, model, args):
    """Each starts at the left edge, and the dots around it are complete."""
    pytester.makeconftest(SOONER)
    result = run(*model.options(), *FEW, *args)
    assert result.ret == 0
    text = result.stdout.str()
    assert "\x1b" not in text
    logged = [line for line in result.outlines if "/10 tasks, " in line]
    assert len(logged) > 1
    assert all(LOGGED.match(line) for line in logged), logged
    if "-v" not in args:
        dots = re.findall(r"^(?:mcode/tiny )?([.u]+)(?: +\[ *\d+%\])?$", text, re.M)
        assert sum(map(len, dots)) == 10
