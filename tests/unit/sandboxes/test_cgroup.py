"""Control groups of version 2, laid out as the kernel does; version 1 is met by the sandboxes."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from pytest_mcode.sandboxes import cgroup


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
