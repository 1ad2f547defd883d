"""Control groups of version 2, laid out as the kernel does; version 1 is met by the sandboxes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import PurePosixPath

import pytest

from pytest_mcode.sandboxes import cgroup

WAIT = "import sys; sys.stdin.read()"


@pytest.fixture
def second(tmp_path, monkeypatch):
    """A hierarchy in which the session's slice hands both controllers on, and is ours."""
    own = tmp_path / "user.slice" / "session.scope"
    own.mkdir(parents=True)
    (own.parent / "cgroup.subtree_control").write_text("cpu memory pids\n")
    (own / "cgroup.subtree_control").write_text("\n")
    monkeypatch.setattr(cgroup, "ROOT", tmp_path)
    monkeypatch.setattr(cgroup, "_own_groups", lambda: {"": "/user.slice/session.scope"})
    return own


def test_the_nearest_group_that_hands_its_controllers_on_is_taken(second):
    """Not the process's own group, which has processes in it and hands on nothing."""
    found = cgroup.find_hierarchy()
    assert found == cgroup.Hierarchy(2, second.parent, second.parent)


def test_a_group_has_its_limits_and_tells_its_memory(second):
    """Memory without swap, processes, and the file that tells what is used."""
    group = cgroup.Group(cgroup.Hierarchy(2, second.parent, second.parent), "cell", 5 << 20, 64)
    (folder,) = group.folders
    written = {file.name: file.read_text() for file in folder.iterdir()}
    assert written == {"memory.max": str(5 << 20), "memory.swap.max": "0", "pids.max": "64"}
    (folder / "memory.current").write_text(str(3 << 20))
    assert group.memory_mb() == 3
    group.add(12)
    assert (folder / "cgroup.procs").read_text() == "12"
    assert group.view == (folder, PurePosixPath("/sys/fs/cgroup"))


def test_without_delegation_there_is_no_group(second):
    """Nobody hands controllers on: each process is limited by itself, and the identity says so."""
    (second.parent / "cgroup.subtree_control").write_text("cpu\n")
    assert cgroup.find_hierarchy() is None


@pytest.fixture
def inhabited():
    """A group of the real kernel's with a process in it that ends with its input."""
    hierarchy = cgroup.find_hierarchy()
    if hierarchy is None:
        pytest.skip("this user may make no control groups")
    group = cgroup.Group(hierarchy, cgroup.group_name("test"), 1 << 28, 8)
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", WAIT], stdin=subprocess.PIPE) as held:
        group.add(held.pid)
        yield group, held
    group.close()
    assert not any(folder.exists() for folder in group.folders)


def test_a_group_that_is_busy_for_a_moment_is_removed_nevertheless(inhabited, monkeypatch):
    """The kernel may still count a process that has just been waited for: EBUSY is not the end."""
    group, held = inhabited
    busy = []

    def pause(seconds):
        busy.append(seconds)
        held.communicate()

    monkeypatch.setattr(cgroup.time, "sleep", pause)
    group.close()
    assert busy
    assert not any(folder.exists() for folder in group.folders)


def test_a_group_that_stays_busy_is_given_up_in_silence(inhabited, monkeypatch):
    """A later run sweeps it; this one neither hangs nor fails."""
    group, held = inhabited
    monkeypatch.setattr(cgroup, "_EMPTY_S", 0.02)
    group.close()
    assert held.poll() is None
    assert all(folder.exists() for folder in group.folders)
