"""A real model, out of the box: fails, repairs, passes, and does the same again."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.docker


@pytest.mark.slow
def test_a_real_model_gives_the_same_rows_with_and_without_xdist(run, database, pytester):
    """llama.cpp serves the packaged model; every answer and verdict is equal with -n2."""
    pytest.importorskip("xllamacpp")
    seen = []
    for workers in ((), ("-n2",)):
        path = pytester.path / f"rows{len(workers)}.db"
        result = run(
            "--mcode-bench=tiny", "--mcode-model=tiny", "--mcode-samples=4",
            "--mcode-debug-iters=1", f"--mcode-db={path}", *workers,
        )  # fmt: skip
        assert result.ret == 0, result.stdout.str()
        result.stdout.fnmatch_lines(["*DEMONSTRATION MODEL*"])
        seen.append(type(database)(path).verdicts())
    statuses = [row[4] for row in seen[0]]
    assert 10 < statuses.count("passed") < len(statuses)
    assert seen[0] == seen[1]
