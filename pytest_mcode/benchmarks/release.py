"""EvalPlus's release files: fetched once, kept in the user's cache, never another content.

The sums are those of the unpacked files in https://github.com/evalplus/humanevalplus_release at
200defc (v0.1.10) and https://github.com/evalplus/mbppplus_release at v0.2.0.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from pathlib import Path

from pytest_mcode.benchmarks import hub, source
from pytest_mcode.core.errors import DataError

SHA256 = {
    "HumanEvalPlus": "42526ec0e7d5f3ee0b06d6ced98f8c8bae3d76519151bfb3d36f79010645bd7f",
    "HumanEvalPlus-Mini": "78fbba8865b20c5a979cda6e02fd72538e1762e65980af7d1a6e93c3e87e93af",
    "HumanEvalPlus-NoExtreme": "3c5aa88735e442f327030f7097f9443ee173419e0db2a75b1c12730415398e88",
    "MbppPlus": "b54e762755248ca411b523c917fa9f93c07b5ff2966bf60b3917b853926a3dad",
    "MbppPlus-NoExtreme": "2682a29850fb17185106b2f40e72d1ebe7091b7393c576cff71b60e83c42ed33",
}
"""File, without endings -> its sum."""
HOME = "https://github.com/evalplus"
MIRROR = "MCODE_EVALPLUS_URL"
"""Environment variable that stands in for `HOME`, for those who reach only a mirror of it."""
PATIENCE_S = 60.0
"""Seconds without a byte after which a download has failed."""
_MOST = 1 << 28


def fetched(stem: str, version: str, asked: str) -> Path:
    """The unpacked file of a release in the user's cache, downloaded if it is not there.

    Raises one line of `DataError`: no way to the server, its refusal, or content that is not the
    release's. `asked` opens the line.
    """
    kept = source.cache_folder() / f"{stem}-{version}.jsonl"
    if kept.is_file():
        _require(stem, _sum(kept), str(kept), "delete it")
        return kept
    home = os.environ.get(MIRROR) or HOME
    project = f"{stem.partition('-')[0].lower()}_release"
    url = f"{home.rstrip('/')}/{project}/releases/download/{version}/{stem}.jsonl.gz"
    cure = "point --mcode-data=DIR at a folder that holds it"
    try:
        content = gzip.decompress(_download(url))
    except (OSError, EOFError, ValueError, zlib.error) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{asked} cannot download {url}: {reason}; {cure}") from error
    _require(stem, hashlib.sha256(content).hexdigest(), url, cure)
    source.keep(kept, content)
    return kept


def _download(url: str) -> bytes:
    import urllib.request

    if obstacle := hub.unreachable(url):
        raise OSError(obstacle)
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        content: bytes = answer.read(_MOST)
    return content


def _sum(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def _require(stem: str, found: str, where: str, cure: str) -> None:
    if found != SHA256[stem]:
        raise DataError(
            f"{where} is not the {stem} that EvalPlus has released (sha256 {found[:12]}, not "
            f"{SHA256[stem][:12]}): {cure}"
        )
