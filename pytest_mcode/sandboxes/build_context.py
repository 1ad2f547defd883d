"""What the daemon is given to build the sandbox image from, and the identity that it gets."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import IO, Any

from pytest_mcode.sandboxes import packages

_CONTEXT = "pytest_mcode/sandboxes/inside"
_HERE = Path(__file__).resolve().parent


def recipe() -> dict[str, bytes]:
    """The Dockerfile and the programs that run inside."""
    found = {"Dockerfile": packages.dockerfile().read_bytes()}
    for source in sorted((_HERE / "inside").glob("*.py")):
        found[f"{_CONTEXT}/{source.name}"] = source.read_bytes()
    return found


def content_digest(base: Any, stock: str) -> str:
    """Hash of recipe, layers and variables of the base image, and `stock` (which packages come
    with it): the same on every machine."""
    config = base.attrs["Config"]
    identity = [base.attrs["RootFS"].get("Layers"), config.get("Env"), base.attrs["Architecture"]]
    whole = hashlib.sha256(json.dumps([*identity, stock], sort_keys=True).encode())
    for name, content in sorted(recipe().items()):
        whole.update(f"\0{name}\0{len(content)}\0".encode() + content)
    return whole.hexdigest()


def write_archive(library: Path | None, out: IO[bytes]) -> None:
    """Write the build context as a tar archive to `out`, with the packages of `library`."""
    with tarfile.open(fileobj=out, mode="w") as context:
        folder = tarfile.TarInfo("packages")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        context.addfile(folder)
        for name, content in recipe().items():
            context.addfile(_member(name, len(content)), io.BytesIO(content))
        for name, path in packages.files(library) if library is not None else ():
            with path.open("rb") as file:
                context.addfile(_member(f"packages/{name}", path.stat().st_size), file)


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    return member
