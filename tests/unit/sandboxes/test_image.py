"""The sandbox image: made without a registry, tagged by content, and clear words when it cannot."""

import io
import os
import socket
import sys
import tarfile
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest

from pytest_mcode.core.errors import InfraError
from pytest_mcode.sandboxes import image as image_module
from pytest_mcode.sandboxes import old_images
from pytest_mcode.sandboxes.base_image import image_config, write_archive
from pytest_mcode.sandboxes.image import ImageInfo, ensure_image
from pytest_mcode.sandboxes.interpreter import HOME, find_interpreter
from pytest_mcode.sandboxes.old_images import remove_old

ROOT = Path(__file__).parents[3]
DISTRIBUTION_PYTHON = Path("/usr/bin/python3")
CHECK = """
import bz2, ctypes, decimal, hashlib, json, lzma, multiprocessing, sqlite3, ssl, sys, unittest, zlib
assert json.__cached__ and open(json.__cached__, 'rb').read(8)[4:] == (1).to_bytes(4, 'little')
print(sys.prefix, sys.version_info[:2])
"""


@pytest.fixture
def client():
    docker = pytest.importorskip("docker")
    try:
        client = docker.from_env()
        client.ping()
    except docker.errors.DockerException:
        pytest.skip("no Docker daemon")
    yield client
    client.close()


@pytest.fixture(scope="module")
def archive():
    """Archives by interpreter, each made once."""

    @cache
    def make(python):
        out = io.BytesIO()
        write_archive(find_interpreter(python), out)
        return out.getvalue()

    return make


def say(client, image, code):
    """What a program prints in a container of `image`."""
    container = client.containers.create(
        image, ["python3", "-I", "-S", "-c", code], network_mode="none", user="65534:65534"
    )
    try:
        container.start()
        container.wait()
        return container.logs().decode()
    finally:
        container.remove(force=True)


@pytest.fixture
def temporary_image(client):
    """Imports an archive under a name of its own and forgets it afterwards."""
    names = []

    def put(archive, changes=()):
        name = f"pytest-mcode-test-{uuid.uuid4().hex[:12]}"
        names.append(f"{name}:latest")
        client.api.import_image_from_data(archive, name, "latest", list(changes))
        return names[-1]

    yield put
    for name in names:
        client.images.remove(name, force=True)


INTERPRETERS = [
    pytest.param(Path(sys.executable), id="this"),
    pytest.param(
        DISTRIBUTION_PYTHON,
        id="distribution",
        marks=pytest.mark.skipif(
            not DISTRIBUTION_PYTHON.exists(), reason="the distribution has no python3 of its own"
        ),
    ),
]


@pytest.mark.parametrize("python", INTERPRETERS)
def test_an_interpreter_is_found_whole(python):
    """Program, loader, C library and standard library are found, with the private parts moved."""
    found = find_interpreter(python)
    assert found.executable.is_file()
    assert not found.executable.is_symlink()
    names = {place.name for _, place in found.libraries}
    assert any(name.startswith("ld-") for name in names)
    assert any(name.startswith("libc.") for name in names)
    assert all(path.is_file() for path, _ in found.libraries)
    assert found.stdlib[0][1] == HOME / "lib" / found.name
    assert not any(str(place).startswith(str(Path.home())) for _, place in found.libraries)


def test_an_interpreter_that_is_none_is_one_clear_line():
    """A program that is not Python is named, with the cure."""
    with pytest.raises(InfraError, match="docker pull") as caught:
        find_interpreter(Path("/bin/false"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("python", INTERPRETERS)
def test_the_archive_is_anonymous_and_holds_no_shell(python, archive):
    """All files are root's and without time; nothing is setuid, nothing is a shell or a package."""
    with tarfile.open(fileobj=io.BytesIO(archive(python))) as files:
        members = files.getmembers()
    assert {(m.uid, m.gid, m.mtime) for m in members} == {(0, 0, 0)}
    assert not [m.name for m in members if m.mode & 0o6000]
    names = {m.name for m in members}
    assert "etc/passwd" in names
    packages = f"usr/local/lib/{find_interpreter(python).name}/site-packages"
    assert not {"bin/sh", "usr/bin/sh", packages} & names


def test_the_archive_is_reproducible(archive):
    """Two archives of one interpreter are equal, byte by byte."""
    out = io.BytesIO()
    write_archive(find_interpreter(), out)
    assert out.getvalue() == archive(Path(sys.executable))


@pytest.mark.docker
@pytest.mark.parametrize("python", INTERPRETERS)
def test_the_made_base_image_runs_python_from_valid_bytecode(
    python, archive, client, temporary_image
):
    """Compiled modules load and bytecode needs no source time, for either layout of CPython."""
    interpreter = find_interpreter(python)
    name = temporary_image(archive(python), image_config(interpreter))
    major, minor = interpreter.version.split(".")[:2]
    assert say(client, name, CHECK) == f"/usr/local ({major}, {minor})\n"


@pytest.mark.docker
def test_the_image_is_built_once_and_then_found_at_once(client):
    """The second call takes no slow step and gives the same answer."""
    first = ensure_image(client, "", lambda line: None)
    lines: list[str] = []
    again = ensure_image(client, "", lines.append)
    assert again == first
    assert lines == []
    assert first.tag == f"pytest-mcode-sandbox:{first.digest.removeprefix('sha256:')[:16]}"
    assert client.images.get(first.tag).attrs["Config"]["User"] == "65534:65534"


@pytest.mark.docker
def test_a_sandbox_image_given_by_name_is_taken_as_it_is(client):
    """Naming the image that we built does not build upon it again."""
    first = ensure_image(client, "", lambda line: None)
    lines: list[str] = []
    assert ensure_image(client, first.tag, lines.append) == first
    assert lines == []


@pytest.mark.docker
def test_an_image_of_the_users_own_becomes_the_base(client, archive, temporary_image):
    """Any image with Python gets our programs on top, and a digest of its own."""
    interpreter = find_interpreter()
    changes = [*image_config(interpreter), "ENV OF_THE_USER=1"]
    name = temporary_image(archive(Path(sys.executable)), changes)
    ours = ensure_image(client, "", lambda line: None)
    lines: list[str] = []
    theirs = ensure_image(client, name, lines.append)
    try:
        assert isinstance(theirs, ImageInfo)
        assert theirs.python == interpreter.version
        assert theirs.digest != ours.digest
        assert lines[0] == f"building sandbox image on {name} ..."
        code = "import os; print(os.environ['OF_THE_USER'], os.listdir('/opt/mcode'))"
        assert "supervisor.py" in say(client, theirs.tag, code)
    finally:
        client.images.remove(theirs.tag, force=True)


@pytest.mark.docker
def test_images_of_earlier_versions_are_removed_when_a_new_one_is_built(client, monkeypatch):
    """The newest few stay, the current one however old, and one that a container stands on; runs
    that remove the same ones do not hinder each other."""
    repository = f"pytest-mcode-test-{uuid.uuid4().hex[:12]}"
    monkeypatch.setattr(old_images, "base_tag", lambda: f"{repository}-base:1")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as files:
        files.addfile(tarfile.TarInfo("nothing"), io.BytesIO(b""))
    tags = [f"{repository}:{number}" for number in range(old_images.KEPT + 4)]
    lines: list[str] = []
    for tag in tags:
        client.api.import_image_from_data(out.getvalue(), *tag.split(":"))
    user = client.containers.create(tags[1], ["none"])
    try:
        with ThreadPoolExecutor() as runs:  # runs that start at the same moment
            list(runs.map(lambda _: remove_old(client, tags[0], lines.append), range(3)))
        left = {tag for image in client.images.list(repository) for tag in image.tags}
        assert left == {*tags[:2], *tags[1 - old_images.KEPT :]}
        assert sum(int(line.split()[1]) for line in lines) == 3  # each counted by one of them
        lines.clear()
        remove_old(client, tags[0], lines.append)
        assert not lines
    finally:
        user.remove()
        for image in client.images.list(repository):
            client.images.remove(image.id, force=True)


@pytest.mark.docker
def test_an_image_without_python_is_one_clear_line(client, temporary_image):
    """An image in which nothing can run is refused by name before anything is built on it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as files:
        files.addfile(tarfile.TarInfo("nothing"), io.BytesIO(b""))
    name = temporary_image(out.getvalue())
    with pytest.raises(InfraError, match=f"image {name} has no whole Python 3.11") as caught:
        ensure_image(client, name, lambda line: None)
    assert "\n" not in str(caught.value)


@pytest.mark.docker
def test_a_silent_registry_is_given_up(client, monkeypatch):
    """A registry that takes the connection and never answers is not waited for without end."""
    monkeypatch.setattr(image_module, "REGISTRY_PATIENCE_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as registry:
        name = f"127.0.0.1:{registry.getsockname()[1]}/nobody/nothing:1"
        with pytest.raises(InfraError, match="the registry does not answer"):
            ensure_image(client, name, lambda line: None)


def test_no_daemon_is_one_clear_line():
    """Where nobody listens, the cure is named and nothing is waited for."""
    docker = pytest.importorskip("docker")
    client = docker.DockerClient(base_url="tcp://127.0.0.1:1", version="1.41")
    with pytest.raises(InfraError, match="docker info") as caught:
        ensure_image(client, "", lambda line: None)
    client.close()
    assert "\n" not in str(caught.value)


def test_the_wheel_holds_the_dockerfile():
    """The build file is put beside the module, where an installed package looks for it."""
    text = (ROOT / "pyproject.toml").read_text()
    assert '"Dockerfile.sandbox" = "pytest_mcode/sandboxes/Dockerfile.sandbox"' in text
    assert os.access(ROOT / "Dockerfile.sandbox", os.R_OK)
