"""Where rows come from: files as users have them, the user cache, and honest errors."""

import gzip
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_mcode.benchmarks import humaneval, mbpp, source
from pytest_mcode.core.errors import DataError

ROW = {
    "task_id": "HumanEval/0",
    "prompt": "import math\n\n\ndef half(x):\n    pass\n",
    "canonical_solution": "    return x / 2\n",
    "test": "def check(candidate):\n    assert candidate(2) == 1\n",
    "entry_point": "half",
}
LINE = json.dumps(ROW) + "\n"


def write_parquet(path: Path, rows: list[dict]) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)


@pytest.mark.parametrize(
    "name",
    [
        "HumanEval.jsonl",
        "HumanEval.jsonl.gz",
        "humaneval/HumanEval.jsonl.gz",
        "humaneval/HumanEval.jsonl",
        "humaneval.jsonl",
        "HumanEval.json",
        "humaneval/test-00000-of-00001.parquet",
        "openai_humaneval/openai_humaneval/test-00000-of-00001.parquet",
        "test.parquet",
    ],
)
def test_every_usual_place_and_format_gives_the_same_row(tmp_path: Path, name: str) -> None:
    """--mcode-data finds HumanEval under the names and formats in which people have it."""
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True, parents=True)
    if name.endswith(".parquet"):
        write_parquet(path, [ROW])
    elif name.endswith(".gz"):
        path.write_bytes(gzip.compress(LINE.encode()))
    else:
        path.write_text(json.dumps([ROW]) if name.endswith(".json") else LINE)
    loaded = source.load(humaneval.WANTED, tmp_path)
    assert [row.fields for row in loaded.rows] == [ROW]
    assert loaded.origin == str(path)


def test_a_file_may_be_named_instead_of_a_folder(tmp_path: Path) -> None:
    """`data` may be the file itself, whatever it is called."""
    path = tmp_path / "mine.jsonl"
    path.write_text(LINE)
    assert source.load(humaneval.WANTED, path).rows[0].where == f"{path}:1"


def test_parquet_of_another_data_set_is_not_taken(tmp_path: Path) -> None:
    """A folder with parquet files of two data sets gives each benchmark its own, by columns."""
    write_parquet(tmp_path / "a.parquet", [ROW])
    full = {"task_id": 11, "text": "t", "code": "c", "test_list": ["x"], "test_setup_code": ""}
    write_parquet(tmp_path / "b.parquet", [full])
    write_parquet(tmp_path / "c.parquet", [full | {"task_id": 12}])
    assert [r.fields["task_id"] for r in source.load(mbpp.FULL, tmp_path).rows] == [11, 12]
    assert source.load(humaneval.WANTED, tmp_path).rows[0].fields == ROW


def test_the_hash_is_that_of_the_content_not_of_the_packing(tmp_path: Path) -> None:
    """A .jsonl and its .gz have the same sha256: runs on either may be compared."""
    (tmp_path / "a.jsonl").write_text(LINE)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(LINE.encode()))
    plain = source.read([tmp_path / "a.jsonl"])
    assert plain.sha256 == source.read([tmp_path / "a.jsonl.gz"]).sha256
    (tmp_path / "a.jsonl").write_text(LINE + LINE)
    assert plain.sha256 != source.read([tmp_path / "a.jsonl"]).sha256


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (LINE + "{broken\n", "x.jsonl:2: not JSON"),
        (LINE + "\n\n[1]\n", "x.jsonl:4: a row must be a JSON object"),
        ("", "x.jsonl: no rows"),
        ("[1]", "x.jsonl[0]: a row must be a JSON object"),
        ("[1", "x.jsonl: not JSON"),
    ],
)
def test_malformed_content_is_named_by_file_and_line(
    tmp_path: Path, content: str, place: str
) -> None:
    """A broken row is one DataError with file:line; nothing is skipped silently."""
    path = tmp_path / "x.jsonl"
    path.write_text(content)
    with pytest.raises(DataError) as error:
        source.read([path])
    assert place in str(error.value)
    assert "\n" not in str(error.value)


def test_a_cut_off_gz_and_a_false_parquet_are_data_errors(tmp_path: Path) -> None:
    """Damaged containers are DataErrors that name the file."""
    cut = tmp_path / "x.jsonl.gz"
    cut.write_bytes(gzip.compress(LINE.encode() * 50)[:-20])
    with pytest.raises(DataError, match=r"x\.jsonl\.gz: cannot be read"):
        source.read([cut])
    pytest.importorskip("pyarrow")
    false = tmp_path / "x.parquet"
    false.write_text("no")
    with pytest.raises(DataError, match=r"x\.parquet: not a parquet file"):
        source.read([false])
    write_parquet(false, [ROW | {"task_id": f"{i:032x}"} for i in range(500)])
    whole = false.read_bytes()
    false.write_bytes(
        whole[:64] + bytes(2000) + whole[2064:]
    )  # its end, with the columns, is there
    with pytest.raises(DataError, match=r"x\.parquet: damaged: "):
        source.read([false])


def test_what_cannot_be_kept_leaves_nothing_behind(tmp_path: Path) -> None:
    """A file that cannot take its place is removed, with the folder that it was written in."""
    taken = tmp_path / "x.jsonl"
    (taken / "folder").mkdir(parents=True)
    with pytest.raises(DataError, match="cannot be written"):
        source.keep(taken, b"{}\n")
    assert list(tmp_path.iterdir()) == [taken]


@pytest.mark.parametrize("text", [LINE, json.dumps([ROW])], ids=["lines", "array"])
def test_the_mark_that_windows_writes_is_no_content(tmp_path: Path, text: str) -> None:
    """Before lines and before an array."""
    path = tmp_path / "x.json"
    path.write_text(text, "utf-8-sig")
    assert [row.fields for row in source.read([path]).rows] == [ROW]


def test_line_separators_inside_strings_do_not_cut_a_row(tmp_path: Path) -> None:
    """U+2028 unescaped in a JSON string is content, not the end of a line."""
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(ROW | {"prompt": "a\u2028b"}, ensure_ascii=False), "utf-8")
    assert source.read([path]).rows[0].text("prompt") == "a\u2028b"


@pytest.mark.parametrize("value", [1, None, ["x"]])
def test_a_column_of_the_wrong_type_names_row_and_column(value: object) -> None:
    """A wrong column is a DataError with place, column and what was found."""
    row = source.Row({"prompt": value}, "f:3")
    with pytest.raises(DataError, match=r"f:3: column 'prompt' must be a string, it is "):
        row.text("prompt")
    with pytest.raises(DataError, match="column 'gone' must be a whole number, it is missing"):
        row.number("gone")


def test_the_user_cache_is_used_without_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was pulled once is read from $XDG_CACHE_HOME/pytest-mcode, by pinned revision."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "pytest-mcode"
    folder.mkdir()
    (folder / "humaneval-7dce6050a7d6.jsonl").write_text(LINE)
    loaded = source.load(humaneval.WANTED, None)
    assert loaded.rows[0].fields == ROW
    assert loaded.origin == "openai/openai_humaneval@7dce6050a7d6"


def test_a_wrong_data_option_is_named(tmp_path: Path) -> None:
    """--mcode-data pointing nowhere is an error, never a silent pull."""
    with pytest.raises(DataError, match=r"--mcode-data=.*gone: no such file or folder"):
        source.load(humaneval.WANTED, tmp_path / "gone")


OFFLINE = """
import sys, time
from pytest_mcode.benchmarks.mbpp import Mbpp
from pytest_mcode.core.errors import DataError
from pathlib import Path
began = time.perf_counter()
try:
    Mbpp("all").load(Path(sys.argv[1]))
except DataError as error:
    print(error)
print(time.perf_counter() - began, "datasets" in sys.modules)
"""


@pytest.mark.parametrize(
    "environment",
    [
        {"HF_ENDPOINT": "http://127.0.0.1:1"},
        {"HF_ENDPOINT": "https://no-such-host.invalid"},
        {"HF_ENDPOINT": "http://192.0.2.1"},
        {"HF_HUB_OFFLINE": "1"},
        {"HTTPS_PROXY": "http://127.0.0.1:1"},
    ],
    ids=["refused", "unknown host", "black hole", "offline by choice", "proxy down"],
)
def test_without_network_one_line_at_once(tmp_path: Path, environment: dict[str, str]) -> None:
    """No network: one line that names --mcode-data, no waiting, `datasets` not imported."""
    clean = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(tmp_path)],
        env=clean | {"XDG_CACHE_HOME": str(tmp_path)} | environment,
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    line, measured = done.stdout.splitlines()
    assert "--mcode-data=DIR" in line
    assert "google-research-datasets/mbpp" in line
    assert f"not in {tmp_path}" in line
    seconds, imported = measured.split()
    assert float(seconds) < 20  # a connection that nobody answers takes minutes
    assert imported == "False"


def test_loading_a_thousand_tasks_stays_cheap(tmp_path: Path) -> None:
    """Collection reads 974 MBPP-like rows in well under a second of CPU time."""
    row = {
        "text": "Add.",
        "code": "def add(a, b):\r\n    return a + b",
        "test_setup_code": "",
        "test_list": [f"assert add({n}, 1) == {n + 1}" for n in range(3)],
        "challenge_test_list": [],
    }
    lines = (json.dumps(row | {"task_id": number}) + "\n" for number in range(1, 975))
    (tmp_path / "mbpp.jsonl").write_text("".join(lines))
    began = time.process_time()
    assert len(mbpp.Mbpp("all").load(tmp_path).tasks) == 974
    assert time.process_time() - began < 5
