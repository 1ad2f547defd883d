"""What a killed distributed run leaves in the folder for temporary files."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pytest_mcode.core import processes
from pytest_mcode.plugin import plan_folder


@pytest.fixture
def place():
    """An empty folder whose path leaves room for a socket's: at most 107 bytes, and `tmp_path` of
    a worker has ninety."""
    with tempfile.TemporaryDirectory(prefix="plans-") as folder:
        yield Path(folder)


@pytest.fixture
def temporary(place, monkeypatch):
    """It is for temporary files; `temporary(name, owner)` puts a plan's folder there."""
    monkeypatch.setattr(tempfile, "tempdir", str(place))

    def make(name, owner=None):
        folder = place / f"mcode-plan-{name}"
        folder.mkdir()
        (folder / "plan.json").write_text("{}")
        if owner is not None:
            (folder / "owner.json").write_text(json.dumps(owner))
        return folder

    return make


def test_only_what_a_process_of_this_machine_has_left_is_swept(temporary):
    """A dead owner's goes; a living one's, another machine's, and what nobody owns stay."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        here, since = processes.place(), processes.started(process.pid)
        living = temporary("living", [here, process.pid, since])
        own = temporary("own")
        plan_folder.own(own)
        recycled = temporary("recycled", [here, process.pid, f"{int(since) - 1}"])
        elsewhere = temporary("elsewhere", ["another machine", process.pid, "1"])
        kept = [living, own, elsewhere, temporary("nobody"), temporary("odd", {"a": 1})]
        plan_folder.sweep()
        assert not recycled.exists()
        assert all(folder.exists() for folder in kept)
        process.communicate(b"\n")
    plan_folder.sweep()
    assert not living.exists()


@pytest.mark.bubblewrap
def test_the_folder_has_an_owner_before_anything_takes_long(place, run, monkeypatch, pytester):
    """A run that is killed while its model server starts leaves a folder that is swept."""
    monkeypatch.setenv("TMPDIR", str(place))
    pytester.makeconftest(
        """
        import os

        class Mine:
            concurrency = 1
            def __init__(self, spec): pass
            def describe(self): return {}
            async def preflight(self): os._exit(9)
            async def generate(self, request): pass
            async def aclose(self): pass

        def pytest_mcode_generators(): return {"mine": Mine}
        """
    )
    sandbox = "--mcode-sandbox=bubblewrap"
    assert run("--mcode-bench=tiny", "--mcode-model=mine:m", sandbox, "-n1").ret == 9
    (left,) = place.glob("mcode-plan-*")
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    plan_folder.sweep()
    assert not left.exists()


@pytest.mark.docker
def test_a_run_with_workers_sweeps_and_leaves_nothing(temporary, run, monkeypatch, place):
    """The folder of a killed run is gone, and so is the run's own."""
    monkeypatch.setenv("TMPDIR", str(place))
    left = temporary("left", [processes.place(), 1, "not when it began"])
    assert run("--mcode-bench=tiny", "--mcode-model=gold", "--mcode-limit=1", "-n1").ret == 0
    assert not left.exists()
    assert not list(place.glob("mcode-plan-*"))
