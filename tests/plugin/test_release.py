"""EvalPlus's release file comes by itself, for a run with workers too."""

from __future__ import annotations

import threading

import pytest

from pytest_mcode.benchmarks import release
from tests.unit.benchmarks.release_server import Releases

NAME = "HumanEvalPlus-Mini"


def test_a_run_with_workers_downloads_a_release_once(run, data, pytester, database, monkeypatch):
    """The benchmark's name is all that is given; the controller fetches, the workers read."""
    file = data / "evalplus" / f"{NAME}-v0.1.10.jsonl.gz"
    if not file.is_file():
        pytest.skip(f"no {file.name} among the data sets")
    path = f"/humanevalplus_release/releases/download/v0.1.10/{NAME}.jsonl.gz"
    monkeypatch.delenv("MCODE_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(pytester.path / "cache"))
    with Releases() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv(release.MIRROR, server.url)
        server.files[path] = file.read_bytes()
        options = ("--mcode-bench=humaneval+:mini", "--mcode-model=gold", "--mcode-limit=2")
        result = run(*options, "--mcode-phase=generate", "-n2")
        server.shutdown()
    assert result.ret == 0, result.stdout.str() + result.stderr.str()
    assert server.asked == [path]
    sums = "SELECT DISTINCT json_extract(settings, '$.data.sha256') FROM variants"
    assert database.rows(sums) == [(release.SHA256[NAME],)]
