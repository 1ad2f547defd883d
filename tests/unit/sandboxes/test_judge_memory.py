"""The judge's memory, in an interpreter of its own; and the bytecode of the programs inside."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from pytest_mcode.sandboxes import programs

CHILD = """
import json, sys
sys.path.insert(0, sys.argv[1])
import memory

kept = []
mine = memory.Memory(kept.clear)
seen = []

def grow(megabytes):
    block = [bytes(1000 + i % 7) for i in range(megabytes << 10)]
    block.append(block)
    return block

def look():
    seen.append([mine.is_returned(), len(kept), mine.resident() - mine.start >> 20])

grow(20); look()
kept.append(grow(20)); look()
kept.append(grow(20)); look()
held = grow(100); look()
print(json.dumps(seen))
"""

PRINTS = """
import sys
sys.path.insert(0, sys.argv[1])
from socket import socketpair
from frames import MAX_RESULT, framed
import wire

ours, theirs = socketpair()
mine = wire.Wire(ours, False)
print(mine.room <= MAX_RESULT)
mine.room = 10
for _ in range(4):
    theirs.sendall(framed(b'{"w":"12345678"}'))
    mine.receive()
print(len(mine.printed))
"""


def test_what_nobody_holds_is_given_back_and_what_is_kept_is_bounded():
    """Garbage goes, some of what is kept for later may stay, too much of it does not; a process
    that holds more than that is not to be used again."""
    command = [sys.executable, "-I", "-S", "-c", CHILD, str(programs.SOURCES)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    garbage, some, much, held = json.loads(done.stdout)
    assert garbage[:2] == [True, 0]
    assert garbage[2] < 8
    assert some[:2] == [True, 1]
    assert much[:2] == [True, 0]
    assert much[2] < 8
    assert held[0] is False


def test_programs_have_bytecode_where_a_copy_can_be_kept(tmp_path, monkeypatch):
    """One copy for all runs, each source with its bytecode; the sources where none is kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = programs.compiled()
    names = {path.name for path in programs.SOURCES.glob("*.py")}
    assert {path.name for path in folder.glob("*.py")} == names
    assert len(list(folder.glob("__pycache__/*.pyc"))) == len(names)
    assert programs.compiled() == folder
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert programs.compiled() == Path(programs.SOURCES)


def test_a_program_that_prints_with_each_answer_does_not_fill_the_judge():
    """A worker keeps to the bound of its output; who writes a worker's answers need not."""
    command = [sys.executable, "-I", "-S", "-c", PRINTS, str(programs.SOURCES)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert said == ["True", "2"]
