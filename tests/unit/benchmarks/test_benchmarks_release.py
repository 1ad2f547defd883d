"""EvalPlus's release files are downloaded once, from a server on loopback, and never others."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_mcode.benchmarks import release
from pytest_mcode.benchmarks.evalplus import HumanEvalPlus, MbppPlus
from pytest_mcode.core.errors import DataError
from tests.unit.benchmarks.release_server import Releases

PATH = "/humanevalplus_release/releases/download/v0.1.10/HumanEvalPlus-Mini.jsonl.gz"
GONE = "http://127.0.0.1:1"


@pytest.fixture
def releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Releases]:
    """The server, and a home without any cache."""
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Releases() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv(release.MIRROR, server.url)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        yield server
        server.shutdown()


@pytest.fixture
def mini(data: Path) -> bytes:
    """The official file."""
    path = data / "evalplus" / "HumanEvalPlus-Mini-v0.1.10.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"no {path.name} among the data sets")
    return path.read_bytes()


def test_a_release_is_downloaded_once(releases, mini, tmp_path, monkeypatch) -> None:
    """Four who ask at the same time get the same file; it is kept whole, and later runs, without a
    network, read it; a folder of --mcode-data that does not hold it changes nothing."""
    releases.files[PATH] = mini
    with ThreadPoolExecutor(4) as pool:
        loaded = list(pool.map(lambda _: HumanEvalPlus("mini").load(tmp_path), range(4)))
    assert {dataset.sha256 for dataset in loaded} == {release.SHA256["HumanEvalPlus-Mini"]}
    assert len(loaded[0].tasks) == 164
    (kept,) = (tmp_path / "cache" / "pytest-mcode").iterdir()
    assert kept.read_bytes() == gzip.decompress(mini)
    assert set(releases.asked) == {PATH}
    asked = len(releases.asked)
    monkeypatch.setenv(release.MIRROR, GONE)
    assert HumanEvalPlus("mini").load(None) == loaded[0]
    assert len(releases.asked) == asked


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda real: gzip.compress(gzip.decompress(real)[:-100]), "is not the HumanEvalPlus-Mini"),
        (lambda real: real[:-100], "cannot download .*Compressed file ended"),
        (lambda real: b"<html>sign in</html>", "cannot download .*Not a gzipped file"),
    ],
    ids=["other content", "cut off", "a page"],
)
def test_other_content_is_refused(releases, mini, tmp_path, change, said) -> None:
    """One line that names the address and --mcode-data; nothing is kept."""
    releases.files[PATH] = change(mini)
    with pytest.raises(DataError, match=rf"{said}.*--mcode-data=DIR") as caught:
        HumanEvalPlus("mini").load(None)
    assert releases.url + PATH[1:] in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "cache" / "pytest-mcode").exists()


def test_a_file_that_was_changed_in_the_cache_is_refused(releases, mini, tmp_path) -> None:
    """It is named, with what to do."""
    releases.files[PATH] = mini
    HumanEvalPlus("mini").load(None)
    (kept,) = (tmp_path / "cache" / "pytest-mcode").iterdir()
    kept.write_text(kept.read_text().replace("return", "yield", 1))
    with pytest.raises(DataError, match=rf"{kept} is not the .*: delete it"):
        HumanEvalPlus("mini").load(None)


def test_a_server_that_refuses_or_is_away_is_one_line(releases, tmp_path, monkeypatch) -> None:
    """Status and address, or the reason why nobody answers; and what was looked at before."""
    with pytest.raises(DataError, match=r"^mbpp\+: cannot download http.*HTTP Error 404.*--mcode-"):
        MbppPlus().load(None)
    assert releases.asked == ["/mbppplus_release/releases/download/v0.2.0/MbppPlus.jsonl.gz"]
    monkeypatch.setenv(release.MIRROR, GONE)
    said = rf"^mbpp\+: no MbppPlus.jsonl.gz in {tmp_path}; cannot download {GONE}/.*no connection"
    with pytest.raises(DataError, match=said):
        MbppPlus().load(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DataError, match="HF_HUB_OFFLINE is set"):
        MbppPlus().load(None)


def test_the_pins_are_the_official_files(data: Path) -> None:
    """Those that are here have the pinned sums."""
    import hashlib

    found = {p.name.partition("-v")[0]: p for p in (data / "evalplus").glob("*.jsonl.gz")}
    assert found.keys() <= release.SHA256.keys()
    for stem, path in found.items():
        content = gzip.decompress(path.read_bytes())
        assert hashlib.sha256(content).hexdigest() == release.SHA256[stem]
