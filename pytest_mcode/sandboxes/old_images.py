"""Images of earlier versions: each change of the programs inside makes a new one, and nobody would
ever remove the old ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pytest_mcode.core.words import counted
from pytest_mcode.sandboxes.base_image import base_tag

if TYPE_CHECKING:
    import docker

KEPT = 4
"""The newest ones that stay: versions of this project and images of the user's own take turns on
one machine, and would be built anew each time."""


def remove_old(client: docker.DockerClient, tag: str, progress: Callable[[str], None]) -> None:
    """Remove the sandbox images and bases that are older than the newest few; `tag` and this
    machine's base stay, and what a container uses."""
    removed = sum(_remove_below(client, keep) for keep in (tag, base_tag()))
    if removed:
        progress(f"removed {counted(removed, 'image')} of earlier sandboxes")


def _remove_below(client: docker.DockerClient, keep: str) -> int:
    """Of one repository, that of `keep`."""
    from docker.errors import APIError

    repository = keep.rpartition(":")[0]
    try:
        rows = client.api.images(name=repository)
    except APIError:  # one went away while the daemon looked at them
        return 0
    found = sorted((row["Created"], name) for row in rows for name in _names(row, repository))
    others = [name for _, name in found if name != keep]
    removed = 0
    for name in others[: max(0, len(others) - KEPT + 1)]:
        try:
            client.api.remove_image(name)
        except APIError:  # a container uses it, or somebody else was faster
            continue
        removed += 1
    return removed


def _names(row: dict[str, Any], repository: str) -> list[str]:
    """Its names in our repository, without the `localhost/` that Podman puts in front."""
    names = [name.removeprefix("localhost/") for name in row.get("RepoTags") or ()]
    return [name for name in names if name.startswith(f"{repository}:")]
