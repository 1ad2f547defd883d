"""The sandbox image: found, or built on first use, under a tag that its content decides."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_mcode.core.errors import InfraError
from pytest_mcode.sandboxes.base_image import base_tag, image_config, write_archive
from pytest_mcode.sandboxes.interpreter import find_interpreter

if TYPE_CHECKING:
    import docker

Progress = Callable[[str], None]

REPOSITORY = "pytest-mcode-sandbox"
DEFAULT_BASE = "python:3.12-slim"
REGISTRY_PATIENCE_S = 10.0
"""How long a registry may be silent before the pull is given up."""

_CONTENT, _PYTHON = "pytest-mcode.content", "pytest-mcode.python"
_CONTEXT = "pytest_mcode/sandboxes/inside"
_HERE = Path(__file__).resolve().parent
_PROBE = (
    "import sys, decimal, fractions, json, marshal, resource, socket, unittest;"
    "sys.exit(3) if sys.version_info < (3, 11) else print('%d.%d.%d' % sys.version_info[:3])"
)


@dataclass(frozen=True)
class ImageInfo:
    """An image that is ready to start containers from."""

    tag: str
    digest: str
    """sha256 of what decides verdicts: Dockerfile, programs inside, layers of the base image."""
    python: str
    """Version of the interpreter inside: `3.12.1`."""


def ensure_image(client: docker.DockerClient, image: str, progress: Progress) -> ImageInfo:
    """The sandbox image for `image`, built if it is not there yet.

    An empty `image` stands on `python:3.12-slim`, or where no registry answers on the installed
    CPython. Any other image takes the place of that base; it needs Python 3.11 or later.
    `progress` is given one line per slow step. Raises `InfraError` with the cure.
    """
    with _daemon_errors():
        files = _context_files()
        base = _find(client, image or DEFAULT_BASE) or (None if image else _find_made(client))
        if base is not None and (ready := _find_built(client, base, files)):
            return ready
        with _one_builder():
            base = base or _get_base(client, image, progress)
            return _find_built(client, base, files) or _build(client, base, files, progress)


def _context_files() -> dict[str, bytes]:
    """The build context, from a checkout or from an installed wheel (which holds its own copy)."""
    places = (_HERE / "Dockerfile.sandbox", _HERE.parents[1] / "Dockerfile.sandbox")
    dockerfile = next((place for place in places if place.is_file()), None)
    if dockerfile is None:
        raise InfraError("Dockerfile.sandbox is missing: install pytest-mcode again")
    files = {"Dockerfile": dockerfile.read_bytes()}
    for source in sorted((_HERE / "inside").glob("*.py")):
        files[f"{_CONTEXT}/{source.name}"] = source.read_bytes()
    return files


def _content_digest(base: Any, files: dict[str, bytes]) -> str:
    """Hash of the files and of the base image's layers and variables, the same on every machine."""
    config = base.attrs["Config"]
    identity = [base.attrs["RootFS"].get("Layers"), config.get("Env"), base.attrs["Architecture"]]
    whole = hashlib.sha256(json.dumps(identity, sort_keys=True).encode())
    for name in sorted(files):
        whole.update(f"\0{name}\0{len(files[name])}\0".encode() + files[name])
    return whole.hexdigest()


def _find(client: docker.DockerClient, name: str) -> Any:
    from docker.errors import ImageNotFound

    try:
        return client.images.get(name)
    except ImageNotFound:
        return None


def _find_made(client: docker.DockerClient) -> Any:
    return _find(client, base_tag())


def _find_built(
    client: docker.DockerClient, base: Any, files: dict[str, bytes]
) -> ImageInfo | None:
    """The image already built on `base`; `base` itself if it is such an image."""
    labels = base.labels
    if labels.get(_CONTENT) and _PYTHON in labels and base.tags:
        return ImageInfo(base.tags[0], f"sha256:{labels[_CONTENT]}", labels[_PYTHON])
    digest = _content_digest(base, files)
    tag = f"{REPOSITORY}:{digest[:16]}"
    found = _find(client, tag)
    if found is None or found.labels.get(_CONTENT) != digest:
        return None
    return ImageInfo(tag, f"sha256:{digest}", found.labels[_PYTHON])


def _get_base(client: docker.DockerClient, image: str, progress: Progress) -> Any:
    """Pull the base image; the default one is made from the installed CPython where that fails."""
    wanted = image or DEFAULT_BASE
    reason = _pull(client, wanted, progress)
    if not reason:
        return client.images.get(wanted)
    if image:
        raise InfraError(
            f"image {image} is not here and cannot be pulled ({reason}): "
            f"check the name and run `docker pull {image}`, or leave the image out"
        )
    progress(f"no {wanted} ({reason}): making a base image from the installed Python")
    return _find_made(client) or _import_base(client, progress)


def _pull(client: docker.DockerClient, name: str, progress: Progress) -> str:
    """Pull `name` and return an empty text, or in a few words why it cannot be had.

    Plain HTTP on purpose: the library's own pull waits without limit for a registry.
    """
    from docker.utils import parse_repository_tag

    repository, tag = parse_repository_tag(name)
    progress(f"pulling {name} (given up after {REGISTRY_PATIENCE_S:.0f} s of silence) ...")
    api = client.api
    try:
        with api.post(
            f"{api.base_url}/v{api.api_version}/images/create",
            params={"fromImage": repository, "tag": tag or "latest"},
            timeout=REGISTRY_PATIENCE_S,
            stream=True,
        ) as answer:
            for line in answer.iter_lines():
                event = json.loads(line)
                if why := event.get("error") or event.get("message"):
                    return _short(why)
                if "Retrying" in event.get("status", ""):
                    return "the registry lets downloads fail"
    except (OSError, ValueError) as error:  # requests' errors are OSErrors
        return "the registry does not answer" if "timed out" in str(error) else _short(str(error))
    return "" if _find(client, name) else "nothing came"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 120 else f"{line[:60]} ... {line[-55:]}"


def _import_base(client: docker.DockerClient, progress: Progress) -> Any:
    started = time.perf_counter()
    interpreter = find_interpreter()
    repository, tag = base_tag().split(":")
    with tempfile.TemporaryFile() as archive:
        write_archive(interpreter, archive)
        archive.seek(0)
        client.api.import_image(
            archive, repository=repository, tag=tag, changes=image_config(interpreter)
        )
    base = client.images.get(f"{repository}:{tag}")
    progress(f"base image from Python {interpreter.version}: {_since(started)}")
    return base


def _build(
    client: docker.DockerClient, base: Any, files: dict[str, bytes], progress: Progress
) -> ImageInfo:
    from docker.errors import BuildError

    started = time.perf_counter()
    name = base.tags[0] if base.tags else base.id
    progress(f"building sandbox image on {name} ...")
    python = _probe(client, base, name)
    digest = _content_digest(base, files)
    tag = f"{REPOSITORY}:{digest[:16]}"
    try:
        client.images.build(
            fileobj=_context_archive(files),
            custom_context=True,
            tag=tag,
            buildargs={"BASE_IMAGE": name},
            labels={_CONTENT: digest, _PYTHON: python},
            rm=True,
            forcerm=True,
        )
    except BuildError as error:
        raise InfraError(
            f"building the sandbox image failed ({_short(str(error))}): "
            f"try `docker build -f Dockerfile.sandbox --build-arg BASE_IMAGE={name} .`"
        ) from error
    progress(f"building sandbox image {tag}: {_since(started)}")
    return ImageInfo(tag, f"sha256:{digest}", python)


def _probe(client: docker.DockerClient, base: Any, name: str) -> str:
    """Version of the Python in `base`, which is asked where it cannot do harm."""
    from docker.errors import APIError

    container = client.containers.create(
        base.id,
        ["-I", "-c", _PROBE],
        entrypoint="python3",
        user="65534:65534",
        network_mode="none",
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges:true"],
    )
    try:
        container.start()
        status = container.wait()["StatusCode"]
        said = bytes(container.logs()).decode(errors="replace").strip()
    except APIError as error:
        status, said = 127, str(error.explanation or error)
    finally:
        container.remove(force=True)
    if status != 0:
        raise InfraError(
            f"image {name} has no whole Python 3.11 or later on its PATH "
            f"({_short(said) or 'too old'}): name another image"
        )
    return said


def _context_archive(files: dict[str, bytes]) -> io.BytesIO:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    out.seek(0)
    return out


def _since(started: float) -> str:
    return f"{time.perf_counter() - started:.1f} s"


@contextmanager
def _one_builder() -> Iterator[None]:
    """Several workers of one machine start at once: one builds, the others then find the tag."""
    path = Path(tempfile.gettempdir()) / f"pytest-mcode-image-{os.getuid()}.lock"
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _daemon_errors() -> Iterator[None]:
    """Turn what the library raises when the daemon fails into one line with the cure."""
    from docker.errors import DockerException

    try:
        yield
    except (DockerException, OSError) as error:
        raise InfraError(
            f"the Docker daemon does not do its part ({_short(str(error))}): "
            "check it with `docker info`, or choose the bubblewrap sandbox"
        ) from error
