"""What is kept of references: found by the tests' own text, and never believed when damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_mcode.core.records import Program
from pytest_mcode.sandboxes.expected import Expected

FOUND = {"floats": 3, "seals": [[0, 1, "a" * 32], [1, 3, "b" * 32]]}
BUILD = {"image": "sha256:1", "python": "3.11.7", "packages": "numpy", "verdict": 5}


def program(tests: str, context: str = "") -> Program:
    return Program("", f"{tests}\n__mcode_notes__", (), context)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "build.jsonl"


def test_another_process_finds_what_this_one_has_noted(path):
    """In one line for each group; also what is noted after it first looked."""
    here, there = Expected(path), Expected(path)
    assert there.find(program("a")) == {}
    here.note(program("a"), {"base": FOUND, "plus": FOUND})
    assert there.find(program("a")) == {"base": FOUND, "plus": FOUND}
    here.note(program("b", "import math"), {"base": FOUND})
    assert there.find(program("b", "import math")) == {"base": FOUND}
    assert len(path.read_text().splitlines()) == 3


def test_other_tests_find_nothing(path):
    """Inputs, reference, rules and context are all part of what it is found by; tests that do not
    compare with a reference have nothing."""
    kept = Expected(path)
    kept.note(program("a"), {"base": FOUND})
    assert kept.find(program("a ")) == kept.find(program("a", "import math")) == {}
    plain = Program("", "a", ())
    kept.note(plain, {"base": FOUND})
    assert kept.find(plain) == {}


@pytest.mark.parametrize("part", BUILD)
def test_another_sandbox_has_a_file_of_its_own(monkeypatch, tmp_path, part):
    """Image, Python, packages and version of the verdicts decide; the host's other parts do not."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = Expected.of(BUILD).path
    assert first == Expected.of({**BUILD, "host_factor": 3, "seccomp": "x"}).path
    assert first != Expected.of({**BUILD, part: "another"}).path


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-9],
        lambda text: text.replace('"floats":3', '"floats":4'),
        lambda text: text.replace("a" * 32, "c" * 32),
        lambda text: "\n" + text[20:],
        lambda text: "\x00\xff{[" * 500 + "\n",
        lambda text: "",
    ],
    ids=["cut", "number", "digest", "head", "binary", "empty"],
)
def test_a_damaged_line_is_no_line_and_is_written_again(path, damage):
    """The other lines stay; what a judge then works out anew is found again."""
    kept = Expected(path)
    kept.note(program("a"), {"base": FOUND})
    good = path.read_bytes()
    kept.note(program("b"), {"base": FOUND})
    line = path.read_bytes()[len(good) :].decode()
    path.write_bytes(damage(line).encode() + b"\n" + good)
    after = Expected(path)
    assert after.find(program("b")) == {}
    assert after.find(program("a")) == {"base": FOUND}
    after.note(program("b"), {"base": FOUND})
    assert Expected(path).find(program("b")) == {"base": FOUND}


@pytest.mark.parametrize(
    "learned",
    [
        None,
        [],
        {"base": None},
        {"base": {**FOUND, "more": 1}},
        {"base": {"floats": "3", "seals": []}},
        {"base": {"floats": 3, "seals": [[0, 1, "short"]]}},
        {"base": {"floats": 3, "seals": [[0, "1", "a" * 32]]}},
        {"base": {"floats": 3, "seals": [[0, 1, "a" * 32]] * 20_000}},
    ],
)
def test_what_no_judge_works_out_is_not_kept(path, learned):
    """Shapes and sizes are looked at before anything is written."""
    kept = Expected(path)
    kept.note(program("a"), learned)
    assert kept.find(program("a")) == {}
    assert not path.exists()


def test_more_digests_of_a_group_take_the_place_of_fewer(path):
    """A judge whose first program agreed only within a tolerance learns the rest later."""
    kept, more = Expected(path), {**FOUND, "seals": [*FOUND["seals"], [3, 7, "d" * 32]]}
    kept.note(program("a"), {"base": FOUND})
    kept.note(program("a"), {"base": more})
    kept.note(program("a"), {"base": FOUND})
    assert kept.find(program("a")) == Expected(path).find(program("a")) == {"base": more}


def test_without_a_place_to_write_it_holds_for_this_process(tmp_path):
    """A folder that cannot be made, or none at all: no error, nothing shared."""
    (tmp_path / "file").write_text("")
    for kept in (Expected(), Expected(tmp_path / "file" / "build.jsonl")):
        kept.note(program("a"), {"base": FOUND})
        assert kept.find(program("a")) == {"base": FOUND}
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_lines_are_plain_json_behind_a_checksum(path):
    """Readable without any code of ours."""
    Expected(path).note(program("a"), {"base": FOUND})
    check, _, body = path.read_text().partition(" ")
    key, group, found = json.loads(body)
    assert (len(check), len(key), group, found) == (16, 64, "base", FOUND)
