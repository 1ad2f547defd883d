"""The one-time pull from the HuggingFace hub, with a quick answer where there is no network."""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import dataclass
from urllib.parse import urlsplit

from pytest_mcode.core.errors import DataError
from pytest_mcode.core.records import Json

PATIENCE_S = 0.7
"""How long the hub may take to accept a connection; name resolution included."""


@dataclass(frozen=True)
class Pinned:
    """A data set on the hub at one commit."""

    repo: str
    config: str
    revision: str
    """Commit hash: a branch name would let numbers move by themselves."""
    rows: int
    """What that commit holds over all splits; a pull that brings less is refused."""


def pull(pinned: Pinned, asked: str = "") -> list[dict[str, Json]]:
    """All rows of all splits of `pinned`.

    Raises one line of `DataError`: offline by choice or by fact (within a second, before anything
    heavy is imported), `datasets` not installed, or the hub's own refusal. `asked` opens the line.
    """
    cure = "point --mcode-data=DIR at a folder with local files"
    obstacle = unreachable()
    if obstacle:
        raise DataError(f"{asked} cannot pull {pinned.repo}: {obstacle}; {cure}".strip())
    try:
        import datasets
        from datasets.exceptions import DatasetsError
    except ImportError as error:
        raise DataError(
            f"{asked} pulling {pinned.repo} needs a package: pip install pytest-mcode[hf]; "
            f"or {cure}".strip()
        ) from error
    datasets.disable_progress_bars()
    try:
        found = datasets.load_dataset(pinned.repo, pinned.config, revision=pinned.revision)
        rows = [dict(row) for split in found.values() for row in split]
    except (DatasetsError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{asked} pull of {pinned.repo} failed: {reason}; {cure}".strip()
        ) from error
    if len(rows) != pinned.rows:
        raise DataError(
            f"{pinned.repo}@{pinned.revision[:12]} gave {len(rows)} rows, expected {pinned.rows}; "
            f"{cure}"
        )
    return rows


def unreachable(url: str = "") -> str:
    """Why a server, or the hub, cannot be asked, or nothing; answers within `PATIENCE_S`."""
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        if os.environ.get(name, "").upper() in {"1", "ON", "YES", "TRUE"}:
            return f"{name} is set"
    host, port = _door(url or os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    failure = ["no answer"]

    def knock() -> None:
        try:
            socket.create_connection((host, port), timeout=PATIENCE_S).close()
            failure[0] = ""
        except OSError as error:
            failure[0] = str(error)

    # A thread, because name resolution takes no timeout and may hang for many seconds.
    thread = threading.Thread(target=knock, daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    return f"no connection to {host}:{port} ({failure[0]})" if failure[0] else ""


def _door(url: str) -> tuple[str, int]:
    """Host and port to which a request goes first: the server, or the user's proxy."""
    from urllib.request import getproxies, proxy_bypass

    endpoint = urlsplit(url)
    host = endpoint.hostname or ""
    proxy = getproxies().get(endpoint.scheme)
    if proxy and not proxy_bypass(host):
        endpoint = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        host = endpoint.hostname or host
    return host, endpoint.port or (443 if endpoint.scheme == "https" else 80)
