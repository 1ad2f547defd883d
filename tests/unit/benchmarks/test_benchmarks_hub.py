"""The one-time pull: HuggingFace `datasets` against a hub on loopback, in processes of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from local_hub import serve

from pytest_mcode.benchmarks.mbpp import REVISION

ROOT = Path(__file__).parents[3]
LOAD = """
import sys
sys.path.insert(0, sys.argv[1])
from pytest_mcode.benchmarks.mbpp import Mbpp
from pytest_mcode.core.errors import DataError
try:
    dataset = Mbpp("all").load(None)
    print(len(dataset.tasks), dataset.tasks[0].task_id, dataset.origin, dataset.sha256)
except DataError as error:
    print(error)
"""
CARD = "---\nconfigs:\n- config_name: full\n  data_files:\n"


def row(number: int) -> dict:
    return {
        "task_id": number,
        "text": "Add one.",
        "code": "def add(a):\r\n    return a + 1",
        "test_list": [f"assert add({number}) == {number + 1}"],
        "test_setup_code": "",
        "challenge_test_list": [],
    }


@pytest.fixture
def hub_files(tmp_path: Path) -> Path:
    """MBPP's four splits as the hub keeps them, with rows of our own."""
    pytest.importorskip("datasets")
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    folder = tmp_path / "hub" / "full"
    folder.mkdir(parents=True)
    card = CARD
    ranges = {"train": (601, 975), "test": (11, 511), "validation": (511, 601), "prompt": (1, 11)}
    for split, (first, end) in ranges.items():
        table = pyarrow.Table.from_pylist([row(number) for number in range(first, end)])
        parquet.write_table(table, folder / f"{split}-00000-of-00001.parquet")
        card += f"  - split: {split}\n    path: full/{split}-*\n"
    (folder.parent / "README.md").write_text(card + "---\n")
    return folder.parent


def load(tmp_path: Path, endpoint: str, *flags: str) -> str:
    """What loading `mbpp:all` without local files prints, with this hub and an empty home."""
    clean = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
    clean |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "HF_ENDPOINT": endpoint}
    done = subprocess.run(
        [sys.executable, *flags, "-c", LOAD, str(ROOT)],
        env=clean,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


@pytest.mark.slow
def test_a_pull_happens_once_and_gives_json_lines(tmp_path: Path, hub_files: Path) -> None:
    """All splits land in the user cache in order of task id; the next run needs no hub."""
    with serve(hub_files, REVISION) as url:
        first = load(tmp_path, url)
    assert first.startswith("974 Mbpp/1 google-research-datasets/mbpp@4bb6404fdc6c ")
    (kept,) = (tmp_path / "pytest-mcode").iterdir()
    assert kept.name == "mbpp-4bb6404fdc6c.jsonl"
    rows = [json.loads(line) for line in kept.read_text().splitlines()]
    assert rows == [row(number) for number in range(1, 975)]
    assert load(tmp_path, "http://127.0.0.1:1") == first


@pytest.mark.slow
def test_a_pull_that_brings_too_little_is_refused(tmp_path: Path, hub_files: Path) -> None:
    """A hub with fewer rows than the pinned commit holds is one line, and nothing is kept."""
    (hub_files / "full" / "prompt-00000-of-00001.parquet").unlink()
    card = hub_files / "README.md"
    card.write_text(card.read_text().replace("  - split: prompt\n    path: full/prompt-*\n", ""))
    with serve(hub_files, REVISION) as url:
        line = load(tmp_path, url)
    assert "gave 964 rows, expected 974" in line
    assert "--mcode-data=DIR" in line
    assert not (tmp_path / "pytest-mcode").exists()


@pytest.mark.slow
def test_a_hub_without_the_data_set_is_one_line(tmp_path: Path) -> None:
    """What the hub refuses is told in one line that names --mcode-data."""
    pytest.importorskip("datasets")
    (tmp_path / "empty").mkdir()
    with serve(tmp_path / "empty", REVISION) as url:
        out = load(tmp_path, url)
    assert out.count("\n") == 1
    assert "pull of google-research-datasets/mbpp failed: " in out
    assert "--mcode-data=DIR" in out


def test_without_the_package_one_line_says_what_to_install(tmp_path: Path) -> None:
    """Where `datasets` is not installed (-S: no site-packages), the error is the pip line."""
    with serve(tmp_path, REVISION) as url:
        out = load(tmp_path, url, "-S")
    assert out.count("\n") == 1
    assert "pip install pytest-mcode[hf]" in out
    assert "--mcode-data=DIR" in out
