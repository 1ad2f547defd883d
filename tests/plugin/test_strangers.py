"""Components of somebody else may fail in any way: rows stay, numbers are honest, nothing hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.docker

CONFTEST = """
import asyncio, os, time
from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.records import Answer

class Strange:
    concurrency = 4
    def __init__(self, spec): self.kind = spec.model
    def describe(self): return {"kind": self.kind}
    async def preflight(self): pass
    async def aclose(self): raise OSError("already gone")
    async def generate(self, request):
        right = Answer(request.task.reference, form="program")
        if self.kind == "surrogate":
            return Answer("\\ud800 \\x00\\n```python\\n" + request.task.reference + "\\n```")
        if self.kind == "hang":
            await asyncio.sleep(1000)
        if self.kind == "block":
            time.sleep(1000)
        if request.task.task_id != "tiny/mirror_words":
            return right
        if self.kind == "infra": raise InfraError("gone \\ud800 \\x00")
        if self.kind == "options": return Answer("x", options={"a": object()})
        if self.kind == "exit": raise SystemExit(3)
        if self.kind == "die":
            await asyncio.sleep(1)
            os._exit(9)
        return right

def pytest_mcode_generators():
    return {"strange": Strange}
"""
TWO = ("--mcode-bench=tiny", "--mcode-tasks=even_square_sum,mirror_words")


@pytest.fixture(autouse=True)
def _project(pytester):
    pytester.makeconftest(CONFTEST)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("infra", r"gone \ud800 " + "\x00"),
        ("options", "Answer.options cannot be written"),
        ("exit", "Strange.generate() raised SystemExit: 3 (conftest.py:"),
    ],
)
def test_one_failing_item_is_infra_and_the_others_are_measured(run, database, kind, said):
    """An error, an answer that cannot be stored, `sys.exit()`: one infra row, exit status 1."""
    result = run(*TWO, f"--mcode-model=strange:{kind}", "--junitxml=junit.xml")
    assert result.ret == 1, result.stdout.str()
    assert result.parseoutcomes() == {"passed": 1, "infra": 1}
    ((state, error),) = database.rows("SELECT state, error FROM items WHERE state <> 'done'")
    assert state == "infra"
    assert said in error


def test_text_that_utf8_cannot_hold_crosses_xdist(run, database, pytester):
    """Lone surrogates and NUL in an answer: the same row with and without xdist."""
    seen = []
    for workers in ((), ("-n2",)):
        path = pytester.path / f"rows{len(seen)}.db"
        args = (*TWO, "--mcode-model=strange:surrogate", f"--mcode-db={path}", *workers)
        result = run(*args)
        assert result.ret == 0, result.stdout.str()
        seen.append(type(database)(path).verdicts())
    assert len(seen[0]) == 2
    assert seen[0] == seen[1]


def test_an_item_that_kills_its_workers_is_infra_and_the_run_ends(run, database):
    """`os._exit()` again and again: tried three times, then infra; the other item is measured."""
    result = run(*TWO, "--mcode-model=strange:die", "-n1")
    assert result.ret == 1
    rows = database.rows("SELECT state, error FROM items WHERE state <> 'done'")
    assert ("infra", "the worker process died while it ran this item") in rows


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["hang", "block"])
def test_ctrl_c_ends_a_run_whose_generator_hangs(pytester, data, tmp_path, kind):
    """SIGINT while a request waits, or holds the event loop: exit status 2, the sandbox is gone."""
    output = tmp_path / "output.txt"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *TWO]
    with output.open("w") as file:
        process = subprocess.Popen(
            [*command, f"--mcode-model=strange:{kind}"], cwd=pytester.path, stdout=file,
            stderr=subprocess.STDOUT, env={**os.environ, "MCODE_DATA": str(data)},
        )  # fmt: skip
    end = time.monotonic() + 100
    while "mcode/tiny" not in output.read_text() and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=90) == 2, output.read_text()
    assert "INCOMPLETE" in output.read_text()
    assert "INTERNALERROR" not in output.read_text()
