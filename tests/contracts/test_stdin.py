"""Programs that read standard input: the judge holds the outputs, each case is a fresh process."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_mcode.core.protocols import Sandbox
from pytest_mcode.core.records import Limits, Program, Verdict
from tests import corpus

HOSTILE = sorted((Path(__file__).parents[1] / "hostile_stdin").glob("*.py"))
SHORT = Limits(wall_s=2.0, memory_mb=128)
BRIEF = Limits(wall_s=1.0, memory_mb=128)
ONE, TWO = (
    {"inputs": ["3 4\n"], "outputs": ["7\n"]},
    {"inputs": ["3 4\n", "-1\n1\n"], "outputs": ["7", "0"]},
)
Verify = Callable[..., Verdict]


@pytest.fixture
def verdict(sandbox: Sandbox) -> Verify:
    """Verify a program against cases."""

    def run(source: str, cases: dict = TWO, limits: Limits = SHORT) -> Verdict:
        text = textwrap.dedent(source)
        checks = len(cases["inputs"])
        return sandbox.run(Program(text, json.dumps(cases), (), "", checks, limits, "stdin"))

    return run


SUM = "sum(map(int, sys.stdin.read().split()))"
WAYS = [
    f"import sys\nprint({SUM})",
    f"import sys\nsys.stdout.write(str({SUM}))",
    f"import sys\nsys.stdout.buffer.write(b'%d' % {SUM})",
    f"import os, sys\nos.write(1, b'%d\\n' % {SUM})\nos._exit(0)",
    f"import sys\nprint({SUM})\nsys.exit(0)",
    f"import sys\nprint({SUM})\nexit()",
    f"import sys\nprint('debug', file=sys.stderr)\nprint({SUM}, '  \\n\\n')",
    f"import sys\ndef main(): print({SUM})\nif __name__ == '__main__': main()",
    f"import atexit, sys\natexit.register(lambda: print({SUM}))",
    f"""
import sys, threading
def main(): print({SUM})
threading.Thread(target=main).start()
""",
    f"""
import io, sys
out = io.StringIO()
sys.stdout, real = out, sys.stdout
print({SUM})
real.write(out.getvalue())
""",
    f"""
import subprocess
subprocess.run(['python3', '-c', 'import sys; print({SUM})'])
""",
    f"import sys\nprint({SUM})\nsys.stdout.close()",
    f"import sys\nprint({SUM}, flush=True)\nsys.stdout = None",
    f"import sys\nout = open(1, 'w')\nout.write(str({SUM}))",
    "import sys\nprint(sum(int(w) for line in sys.stdin for w in line.split()))",
    "import sys\nprint(sum(map(int, sys.stdin.buffer.read().split())))",
    "print(sum(map(int, open(0).read().split())))",
    "import os\nprint(sum(map(int, os.read(0, 100).split())))",
    "import fileinput\nprint(sum(int(w) for line in fileinput.input() for w in line.split()))",
    """
words = []
try:
    while True: words += input().split()
except EOFError: pass
print(sum(map(int, words)))
""",
]


@pytest.mark.parametrize("source", WAYS)
def test_every_way_to_read_write_and_end_works(verdict, source):
    """Descriptors, buffers, iteration, `exit`, threads, exit handlers: as a script has them."""
    seen = verdict(source)
    assert (seen.status, seen.detail) == ("passed", "")
    assert (seen.checks_run, seen.mode) == (2, "split")


@pytest.mark.parametrize(
    ("source", "status", "detail"),
    [
        ("print(7)", "failed", "case 2 of 2: line 1: expected '0', got '7'"),
        ("", "failed", "case 1 of 2: expected 1 lines of output, got 0"),
        ("print(7)\nprint(8)", "failed", "case 1 of 2: expected 1 lines of output, got 2"),
        ("int(input())", "error", "case 1 of 2: ValueError: invalid literal for int()"),
        ("print(7", "error", "case 1 of 2: SyntaxError: '(' was never closed"),
        ("import nolib", "error", "needs nolib, which the san"),
        ("print(7)\nexit(3)", "error", "case 1 of 2: the program exited with status 3"),
        ("import sys\nsys.exit('no')", "error", "case 1 of 2: SystemExit: no"),
        ("print(7)\nimport os\nos.abort()", "error", "case 1 of 2: the program died by SIGABRT"),
        ("while True: pass", "timeout", "case 1 of 2: no end within"),
        ("import time\ntime.sleep(99)", "timeout", "case 1 of 2: no end within"),
        ("x = [0] * 10 ** 9", "memory", "case 1 of 2: MemoryError"),
        ("while True: print('x' * 1000000)", "output_limit", "case 1 of 2: more than 8 MB"),
        ("def f(n): return f(n + 1)\nf(0)", "error", "case 1 of 2: RecursionError"),
    ],
)
def test_each_end_has_its_status_and_one_line(verdict, source, status, detail):
    """The taxonomy of function tests, with the number of the case."""
    seen = verdict(source, limits=BRIEF if status == "timeout" else SHORT)
    assert seen.status == status, seen
    assert detail in seen.detail
    assert "\n" not in seen.detail


def test_the_feedback_shows_input_expected_and_own_output(verdict):
    """What a repair needs, bounded."""
    seen = verdict("print(7)")
    assert seen.feedback == (
        "Input:\n-1\n1\nExpected output:\n0\nYour output:\n7\n(line 1: expected '0', got '7')"
    )
    long = {"inputs": ["1 " * 100_000], "outputs": ["2\n" * 100_000]}
    seen = verdict("print('3\\n' * 100_000)", long)
    assert seen.feedback.startswith("Input:\n1 1 1")
    assert "characters)\nExpected output:\n2\n2\n" in seen.feedback
    assert len(seen.feedback) <= 1500
    seen = verdict("n = int(input())")
    assert seen.feedback.startswith("Input:\n3 4\nTraceback (most recent call last):\n")
    assert '  File "<candidate>", line 1, in <module>\n    n = int(input())\n' in seen.feedback


@pytest.mark.parametrize(
    ("expected", "printed", "tolerance", "status"),
    [
        ("1 2\n3\n", "1 2  \n3\n\n\n", 0, "passed"),
        ("1\r\n2\r\n", "1\n2", 0, "passed"),
        ("1\n2", "1\n\n2", 0, "failed"),
        ("1 2", "1  2", 0, "failed"),
        (" 1", "1", 0, "failed"),
        ("0.333333", "0.3333334", 0, "failed"),
        ("0.333333", "0.3333334", 1e-6, "passed"),
        ("x 0.333333", "x  0.34", 1e-6, "failed"),
        ("1000000.0", "1000000.5", 1e-6, "passed"),
        ("YES", "yes", 1e-6, "failed"),
        ("caf\u00e9", "caf\u00e9", 0, "passed"),
        ("", "", 0, "passed"),
    ],
)
def test_outputs_are_compared_by_line(verdict, expected, printed, tolerance, status):
    """Blanks at the ends do not count, everything else does; numbers only if the task says so."""
    cases = {"inputs": [""], "outputs": [expected], "tolerance": tolerance}
    assert verdict(f"print({printed!r})", cases).status == status


def test_no_case_knows_of_another(verdict):
    """Files, modules, and environment are new for each case."""
    source = """
    import os
    print(len(os.listdir('/tmp')), os.environ.get('POISON'))
    open('/tmp/left', 'w').close()
    os.environ['POISON'] = 'x'
    """
    assert verdict(source, {"inputs": [""] * 3, "outputs": ["0 None"] * 3}).status == "passed"


def test_each_case_has_the_whole_time_limit(verdict):
    """Four cases of 0.4 s pass under a limit of 1 s."""
    source = """
    import time
    while time.process_time() < 0.4: pass
    print(1)
    """
    cases = {"inputs": [""] * 4, "outputs": ["1"] * 4}
    assert verdict(source, cases, Limits(wall_s=1.0)).status == "passed"


def test_large_inputs_and_outputs_pass(verdict):
    """A megabyte in and out."""
    text = "".join(f"{i}\n" for i in range(150_000))
    assert verdict(
        "import sys\nprint(sys.stdin.read())", {"inputs": [text], "outputs": [text]}
    ).passed


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_hostile_programs_do_not_pass_and_harm_nobody(sandbox, verdict, path):
    """Each file's first line says which verdicts are right; the next program still passes."""
    source, expected = corpus.read(path)
    limits = BRIEF if "timeout" in expected else SHORT
    assert verdict(source, limits=limits).status in expected
    assert verdict("print(sum(map(int, open(0).read().split())))").status == "passed"
