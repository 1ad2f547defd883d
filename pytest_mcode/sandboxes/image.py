"""The sandbox image: found, or built on first use, under a tag that its content decides."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_mcode.core.errors import InfraError
from pytest_mcode.sandboxes import build_context, packages
from pytest_mcode.sandboxes.base_image import REPOSITORY as MADE
from pytest_mcode.sandboxes.base_image import base_tag, image_config, write_archive
from pytest_mcode.sandboxes.interpreter import find_interpreter
from pytest_mcode.sandboxes.old_images import remove_old

if TYPE_CHECKING:
    import docker

Progress = Callable[[str], None]

REPOSITORY = "pytest-mcode-sandbox"
DEFAULT_BASE = "python:3.12-slim"
REGISTRY_PATIENCE_S = 10.0
"""How long a registry may be silent before the pull is given up."""

_CONTENT, _PYTHON = "pytest-mcode.content", "pytest-mcode.python"
_PACKAGES = "pytest-mcode.packages"
_PROBE = """
import sys, decimal, fractions, json, marshal, os, resource, site, socket, unittest
if sys.version_info < (3, 11):
    sys.exit("Python %d.%d is too old" % sys.version_info[:2])
folders = [folder for folder in site.getsitepackages() if os.path.isdir(folder)]
print(json.dumps(["%d.%d.%d" % sys.version_info[:3], folders]))
"""
OWN = "the image's own"
"""Packages that come with an image which the user has named."""


@dataclass(frozen=True)
class ImageInfo:
    """An image that is ready to start containers from."""

    tag: str
    digest: str
    """sha256 of what decides verdicts: Dockerfile, programs inside, packages, layers below."""
    python: str
    """Version of the interpreter inside: `3.12.1`."""
    packages: str
    """What programs can import besides the standard library: `numpy==2.3.5`, `OWN` or `none`."""


def ensure_image(client: docker.DockerClient, image: str, progress: Progress) -> ImageInfo:
    """The sandbox image for `image`, built if it is not there yet.

    An empty `image` stands on `python:3.12-slim`, or where no registry answers on the installed
    CPython. Any other image takes the place of that base; it needs Python 3.11 or later.
    `progress` is given one line per slow step. Raises `InfraError` with the cure.
    """
    with _daemon_errors():
        found = find_image(client, image)
        if found is not None:
            return found
        with _one_builder():
            base = _find_base(client, image) or _get_base(client, image, progress)
            return find_image(client, image) or _make(client, base, image, progress)


def find_image(client: docker.DockerClient, image: str) -> ImageInfo | None:
    """The sandbox image for `image` with all that belongs in it, if it was built before."""
    base = _find_base(client, image)
    stock = OWN if image else " ".join(packages.listed()) or packages.NONE
    return None if base is None else _find_built(client, base, stock)


def _find_base(client: docker.DockerClient, image: str) -> Any:
    return _find(client, image or DEFAULT_BASE) or (None if image else _find(client, base_tag()))


def _make(client: docker.DockerClient, base: Any, image: str, progress: Progress) -> ImageInfo:
    """Build upon `base`, with the packages that can be had."""
    if image:
        return _build(client, base, OWN, None, progress)
    library = packages.fetch(_target(base), progress)
    if library is not None:
        return _build(client, base, " ".join(packages.listed()), library, progress)
    without = packages.NONE
    return _find_built(client, base, without) or _build(client, base, without, None, progress)


def _target(base: Any) -> packages.Target:
    """The Python in one of our own bases."""
    if any(tag.rpartition("/")[2].startswith(f"{MADE}:") for tag in base.tags):
        return packages.Target()
    settings = dict(line.partition("=")[::2] for line in base.attrs["Config"]["Env"])
    machines = {"amd64": "x86_64", "arm64": "aarch64"}
    machine = machines.get(base.attrs["Architecture"], base.attrs["Architecture"])
    return packages.Target(".".join(settings["PYTHON_VERSION"].split(".")[:2]), machine)


def _find(client: docker.DockerClient, name: str) -> Any:
    from docker.errors import ImageNotFound

    try:
        return client.images.get(name)
    except ImageNotFound:
        return None


def _find_built(client: docker.DockerClient, base: Any, stock: str) -> ImageInfo | None:
    """The image already built on `base`; `base` itself if it is such an image."""
    labels = base.labels
    if labels.get(_CONTENT) and _PYTHON in labels and base.tags:
        return _info(base.tags[0], labels)
    digest = build_context.content_digest(base, stock)
    tag = f"{REPOSITORY}:{digest[:16]}"
    found = _find(client, tag)
    if found is None or found.labels.get(_CONTENT) != digest:
        return None
    return _info(tag, found.labels)


def _info(tag: str, labels: dict[str, str]) -> ImageInfo:
    return ImageInfo(
        tag, f"sha256:{labels[_CONTENT]}", labels[_PYTHON], labels.get(_PACKAGES, packages.NONE)
    )


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
    return _find(client, base_tag()) or _import_base(client, progress)


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
    tag = base_tag()
    with tempfile.TemporaryFile() as archive:
        write_archive(interpreter, archive)
        archive.seek(0)
        client.api.import_image(
            archive,
            repository=tag,  # with the tag in it: Podman does not read the other field
            changes=image_config(interpreter),
        )
    base = client.images.get(tag)
    progress(f"base image from Python {interpreter.version}: {_since(started)}")
    return base


def _build(
    client: docker.DockerClient, base: Any, stock: str, library: Path | None, progress: Progress
) -> ImageInfo:
    from docker.errors import BuildError

    started = time.perf_counter()
    name = base.tags[0] if base.tags else base.id
    progress(f"building sandbox image on {name} ...")
    python, folders = _probe(client, base, name)
    digest = build_context.content_digest(base, stock)
    tag = f"{REPOSITORY}:{digest[:16]}"
    path = ":".join(folders) if stock == OWN else packages.PLACE
    labels = {_CONTENT: digest, _PYTHON: python, _PACKAGES: stock}
    try:
        with tempfile.TemporaryFile() as context:
            build_context.write_archive(library, context)
            context.seek(0)
            client.images.build(
                fileobj=context,
                custom_context=True,
                tag=tag,
                buildargs={"BASE_IMAGE": name, packages.PATH_VARIABLE: path},
                labels=labels,
                network_mode="none",
                rm=True,
                forcerm=True,
            )
    except BuildError as error:
        raise InfraError(
            f"building the sandbox image on {name} failed ({_short(str(error))}): "
            "see `docker info` and the free space on its disk, or name another image"
        ) from error
    progress(f"building sandbox image {tag}: {_since(started)}")
    remove_old(client, tag, progress)
    return _info(tag, labels)


def _probe(client: docker.DockerClient, base: Any, name: str) -> tuple[str, list[str]]:
    """Version of the Python in `base` and where packages are, asked where it cannot do harm."""
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
            f"({_short(said)}): name another image"
        )
    python, folders = json.loads(said.splitlines()[-1])
    return python, folders


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
