"""The end of a run, or of its server, while requests are in flight."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from tests.contracts.llm_servers import Fault
from tests.plugin.model import TASKS, Model

pytestmark = pytest.mark.bubblewrap


class Stuck(Model):
    """Gives a wrong answer to the first task and none at all to the others."""

    def fault(self, body):
        """Nothing for the first task; the others hang until the client has gone."""
        first = TASKS[0].stub.strip() in body["messages"][0]["content"]
        return None if first else Fault(hang=True)

    def _chat(self, body):
        answer = super()._chat(body)
        answer["choices"][0]["message"]["content"] = "```python\nx = 1\n```"
        return answer


class Leaving(Model):
    """Answers three requests, then it is gone."""

    def fault(self, body):
        """The fourth finds nobody any more."""
        if len(self.calls) == 4:
            threading.Thread(target=self.leave).start()
        return Fault(cut=True) if len(self.calls) > 3 else None


LIVES_ON = """
import sys, threading, pytest
status = pytest.main(sys.argv[1:])
left = [t.name for t in threading.enumerate() if t.name.startswith("mcode")]
print("left", int(status), left, flush=True)
sys.stdin.read()
"""
"""Runs pytest, tells which threads of ours are left, and stays."""


@pytest.mark.parametrize("stop", ["-x", "--maxfail=1"])
def test_a_stop_cancels_what_is_in_flight(run, pytester, stop):
    """The process lives on; the server has seen its clients go, and no thread of ours is left."""
    with Stuck(models=["m"]) as server:
        command = [
            sys.executable,
            "-c",
            LIVES_ON,
            "-p",
            "no:cacheprovider",
            *server.options(),
            stop,
        ]
        with subprocess.Popen(
            command, cwd=pytester.path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            said = next(line for line in process.stdout if line.startswith("left"))
            assert server.wait_idle()
            assert process.poll() is None
            process.stdin.close()
        assert len(server.calls) > 1
    assert said.endswith(" []\n")


def test_ctrl_c_cancels_what_is_in_flight(run, pytester):
    """With nine requests that hang the process ends at once, with pytest's status 2."""
    with Stuck(models=["m"]) as server:
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *server.options()]
        with subprocess.Popen(
            command, cwd=pytester.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            while process.poll() is None and (server.active < 9 or len(server.calls) < 10):
                threading.Event().wait(0.02)
            os.kill(process.pid, signal.SIGINT)
            output, _ = process.communicate(timeout=50)  # a hanging request would last a minute
        assert process.returncode == 2, output
        assert "INCOMPLETE" in output
        assert server.wait_idle()


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
def test_a_server_that_is_gone_is_told_in_one_line(run, database, workers):
    """The rest are infra errors, none of them the model's; one line says why and how to go on."""
    with Leaving(models=["m"]) as server:
        result = run(
            *server.options(), "--mcode-patience=1", "--mcode-concurrency=2", "-q", *workers
        )
    assert result.ret == 1
    states = dict(database.rows("SELECT state, count(*) FROM items GROUP BY state"))
    assert states["infra"] >= 7, result.stdout.str()
    assert states["infra"] + states["done"] == 10
    text = " ".join(result.stdout.str().split())
    said = text.count("is gone (no answer for")
    assert 1 <= said <= 1 + bool(workers)
    assert "--mcode-resume" in text
