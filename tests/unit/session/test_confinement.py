"""The sandbox's start in a thread: when it begins, where its errors appear, how it is closed."""

from __future__ import annotations

import threading
import time

import pytest

from pytest_mcode.core.errors import InfraError, McodeError
from pytest_mcode.core.records import SandboxSpec
from pytest_mcode.session.confinement import Confinement
from pytest_mcode.session.registry import Registry
from pytest_mcode.session.settings import Settings


class Recorder:
    """A sandbox that notes what is asked of it, and starts when it is let."""

    slots = 1

    def __init__(self, spec: SandboxSpec) -> None:
        self.spec = spec
        self.progress = print

    def prepare(self):
        self.seen.append("prepare")
        self.progress("preparing")

    def start(self):
        self.seen.append("start")
        assert self.go.wait(60)
        if self.broken:
            raise self.broken

    def describe(self):
        return {"host_factor": 2}

    def run(self, program):
        self.seen.append("run")

    def close(self):
        self.seen.append("close")


@pytest.fixture
def make():
    """A confinement whose sandbox is of a fresh class; `go` lets its start end."""

    def build(broken=None, other_broken=None, **settings):
        go = threading.Event()
        go.set()
        kind = type("Kind", (Recorder,), {"seen": [], "go": go, "broken": broken})
        other = type("Other", (Recorder,), {"seen": [], "go": go, "broken": other_broken})
        registry = Registry({"sandbox": {"docker": kind, "bubblewrap": other}})
        said: list[str] = []
        made = Confinement(
            Settings(**{"sandbox": "docker", **settings}),
            registry, run_id="r", workers=1, say=said.append,
        )  # fmt: skip
        return made, kind, said

    return build


def test_preparation_starts_nothing_and_a_run_that_ends_there_closes_nothing(make):
    """Until the data are there only the daemon and the image are asked for."""
    confinement, kind, _ = make()
    confinement.prepare()
    confinement.close()
    assert kind.seen in ([], ["prepare"])
    assert confinement.taken is None
    with pytest.raises(InfraError, match="the run ended before"):
        confinement.take()


def test_what_is_taken_is_started_once_and_told_by_whoever_waits(make):
    """Lines of progress come from the thread that takes, in their order."""
    confinement, kind, said = make()
    confinement.begin()
    assert confinement.take() is confinement.take()
    assert kind.seen == ["prepare", "start"]
    assert said == ["preparing", "a slow host: limits of time are 2 times as long"]
    assert (confinement.kind, confinement.host_factor) == ("docker", 2)
    confinement.close()
    confinement.close()
    assert kind.seen == ["prepare", "start", "close"]


@pytest.mark.parametrize("broken", [InfraError("no daemon: start it"), RuntimeError("a bug")])
def test_what_the_start_raises_reaches_the_taker_every_time(make, broken):
    """Our own line, or a stranger's bug, not a word in the thread."""
    confinement, _, _ = make(broken)
    confinement.begin()
    for _ in range(2):
        with pytest.raises(McodeError, match=str(broken)):
            confinement.take()
    confinement.close()


def test_closed_in_the_middle_of_its_start_it_is_stopped_when_it_is_up(make):
    """Whoever interrupts a run leaves no container behind."""
    confinement, kind, _ = make()
    kind.go.clear()
    confinement.begin()
    while "start" not in kind.seen:
        time.sleep(0.001)
    closing = threading.Thread(target=confinement.close)
    closing.start()
    while not confinement._closed:
        time.sleep(0.001)
    kind.go.set()
    closing.join(60)
    assert not closing.is_alive()
    assert kind.seen == ["prepare", "start", "close"]


def test_auto_without_any_says_why_of_both(make):
    """Who has neither is not sent from the one to the other."""
    docker = InfraError("no daemon: start it, or take --mcode-sandbox=bubblewrap")
    bubblewrap = InfraError("not installed, or take --mcode-sandbox=docker")
    confinement, _, _ = make(docker, bubblewrap, sandbox="auto")
    with pytest.raises(InfraError, match=r"here: no daemon: start it; and not installed$"):
        confinement.take()
    confinement.close()


def test_auto_takes_the_other_one_and_says_why(make):
    """Docker's own message, and what is done instead."""
    confinement, _, said = make(InfraError("no Docker daemon answers: start it"), sandbox="auto")
    assert confinement.take().spec.label == "r"
    assert confinement.kind == "bubblewrap"
    assert "no Docker daemon answers: start it: verifying in bubblewrap" in said
    named = SandboxSpec(image="mine")
    confinement, _, _ = make(InfraError("no daemon"), sandbox="auto", sandbox_spec=named)
    with pytest.raises(InfraError, match="no daemon"):
        confinement.take()


def test_what_the_start_had_to_say_is_said_also_where_it_ended_before_anyone_waited(make):
    """A slow host, a fall-back to bubblewrap: a fast start must not swallow them."""
    made, _, said = make()
    made.begin()
    made._thread.join(60)
    assert made.taken is not None
    assert said == []
    made.take()
    made.take()
    assert said == ["preparing", "a slow host: limits of time are 2 times as long"]
    made.close()
