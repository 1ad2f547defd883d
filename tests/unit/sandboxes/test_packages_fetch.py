"""The packages that sandboxes offer: exact versions, fetched once, or gone without in one line."""

from __future__ import annotations

import os
import re

import pytest

from pytest_mcode.sandboxes import packages


def test_the_list_names_exact_versions():
    """The Dockerfile's list is the only one, and the same on every machine."""
    assert packages.listed()
    for name in packages.listed():
        assert re.fullmatch(r"[a-z0-9_-]+==\d[\w.]*", name)


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """An empty cache, and no package registry."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("UV_NO_INDEX", "1")
    return tmp_path / "pytest-mcode" / "packages"


def test_without_a_registry_sandboxes_go_without_and_say_so(offline):
    """One line each time; the next try an hour later, not at every start."""
    said: list[str] = []
    assert packages.fetch(packages.Target(), said.append) is None
    assert said[0].startswith("fetching ")
    assert "programs cannot import" in said[1]
    (failed,) = offline.iterdir()
    assert str(failed) in said[1]

    again: list[str] = []
    assert packages.fetch(packages.Target(), again.append) is None
    assert again == said[1:]

    old = failed.stat().st_mtime - 2 * 3600
    os.utime(failed, (old, old))
    later: list[str] = []
    assert packages.fetch(packages.Target(), later.append) is None
    assert later[0].startswith("fetching ")


def test_what_is_there_is_taken_without_a_word(offline):
    """Nothing is asked of a registry for the same list and interpreter."""
    said: list[str] = []
    assert packages.fetch(packages.Target(), said.append) is None
    (failed,) = offline.iterdir()
    failed.with_suffix("").mkdir()
    said.clear()
    assert packages.fetch(packages.Target(), said.append) == failed.with_suffix("")
    assert said == []


def test_another_interpreter_gets_wheels_of_its_own(offline):
    """A pulled image may hold another Python than this machine's."""
    for target in (packages.Target(), packages.Target("3.12", "x86_64")):
        packages.fetch(target, lambda line: None)
    assert len(list(offline.iterdir())) == 2
    options = packages.Target("3.12", "aarch64").options
    assert options[:2] == ["--python-version", "3.12"]
    assert "--platform=manylinux2014_aarch64" in options
