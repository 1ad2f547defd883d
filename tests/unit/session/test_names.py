"""A label stands for one thing in a run."""

from __future__ import annotations

import pytest

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.session.names import Names


def test_two_things_under_one_label_are_refused():
    """Files of one name in two folders would be measured as one: refused by name."""
    names = Names()
    names.add("a/own.jsonl", ["replay:a/x.jsonl"])
    names.add("a/own.jsonl", ["replay:a/x.jsonl", "gold"])
    with pytest.raises(ConfigError, match=r"'a/own\.jsonl' and 'b/own\.jsonl' share"):
        names.add("b/own.jsonl", [])
    with pytest.raises(ConfigError, match=r"'replay:a/x\.jsonl' and .* share the id"):
        names.add("a/own.jsonl", ["replay:b/x.jsonl"])


def test_another_process_knows_the_same_names():
    """What one process has noted, the one that writes the plan looks up by label."""
    names, other = Names(), Names()
    names.add("a/own.jsonl", ["replay:a/x.jsonl"])
    other.adopt(names.to_json())
    assert other.model("replay:x") == "replay:a/x.jsonl"
    assert other.bench("own") == "a/own.jsonl"
    assert other.model("gold") == "gold"
