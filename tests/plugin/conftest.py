"""Runs of pytest itself, as a user would start them: in a subprocess, in a folder of their own."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, data: Path) -> Run:
    """`run("--mcode-bench=tiny", ...)` with a clean environment and the real data."""
    for name in list(os.environ):
        if name.startswith(("MCODE_", "PYTEST_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MCODE_DATA", str(data))

    def call(*args: str) -> pytest.RunResult:
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *args, timeout=600)

    return call


class Database:
    """The results of a run, read without any code of ours."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a SELECT."""
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def verdicts(self) -> list[tuple[Any, ...]]:
        """What must not depend on how the run was distributed: all but times."""
        return self.rows(
            "SELECT v.label, a.task_id, a.sample, a.iteration, a.verdict, a.detail, a.code,"
            " a.answer FROM attempts a JOIN variants v USING (variant_id) ORDER BY 1, 2, 3, 4"
        )


@pytest.fixture
def database(pytester: pytest.Pytester) -> Database:
    """The default database of the runs in this test."""
    return Database(pytester.path / ".mcode" / "results.db")


@pytest.fixture
def wrong_answers(pytester: pytest.Pytester) -> Path:
    """A replay file for `tiny`: the first task right at once, the second at its second sample."""
    rows = [
        {"task_id": "tiny/even_square_sum", "completion": EVEN},
        {"task_id": "tiny/even_square_sum", "completion": EVEN},
        {"task_id": "tiny/mirror_words", "completion": "    return text[::-1]\n"},
        {"task_id": "tiny/mirror_words", "completion": MIRROR},
    ]
    path = pytester.path / "answers.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


EVEN = "    return sum(n * n for n in nums if n % 2 == 0)\n"
MIRROR = '    return " ".join(w[::-1] for w in text.split())\n'
