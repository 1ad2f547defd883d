"""A base image without a registry: the installed CPython and the libraries it loads, nothing else.

No shell, no package manager, no setuid file. The archive is reproducible: the same interpreter
gives the same bytes, hence the same layer, on every call.
"""

from __future__ import annotations

import hashlib
import io
import platform
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from pytest_mcode.core.errors import InfraError
from pytest_mcode.sandboxes.interpreter import (
    HOME,
    LEFT_OUT,
    Interpreter,
    build_of_this,
    compile_library,
)

REPOSITORY = "pytest-mcode-base"

ACCOUNTS = {
    "etc/passwd": "root:x:0:0::/:/bin/false\n"
    "judge:x:65533:65533::/tmp:/bin/false\nnobody:x:65534:65534::/tmp:/bin/false\n",
    "etc/group": "root:x:0:\njudge:x:65533:\nnogroup:x:65534:\n",
}
"""Files that name the users inside; uids 65534 and 65533 are the supervisor's and the judge's."""

_FOLDERS = ("dev", "etc", "opt", "proc", "run", "sys", "tmp", "usr/bin", "var")


def base_tag() -> str:
    """Name of the base image made from the running interpreter; changes with this recipe."""
    recipe = Path(__file__).read_bytes() + Path(__file__).with_name("interpreter.py").read_bytes()
    key = hashlib.sha256(recipe + build_of_this().encode()).hexdigest()[:12]
    return f"{REPOSITORY}:{platform.python_version()}-{key}"


def image_config(interpreter: Interpreter) -> list[str]:
    """Dockerfile instructions that `docker import` applies to the archive."""
    settings = {**interpreter.environment, "PYTHON_VERSION": interpreter.version}
    return [*(f"ENV {name}={value}" for name, value in settings.items()), 'CMD ["python3"]']


def write_archive(interpreter: Interpreter, out: IO[bytes]) -> None:
    """Write the root file system as a tar archive to `out`.

    Raises `InfraError` when a file of the installed interpreter cannot be read or compiled.
    """
    with tempfile.TemporaryDirectory(prefix="pytest-mcode-base-") as folder:
        root = Path(folder)
        try:
            _lay_out(interpreter, root)
            folders = [root / str(place)[1:] for _, place in interpreter.stdlib]
            compile_library(interpreter.executable, folders, root, "/")
        except (OSError, subprocess.SubprocessError) as error:
            raise InfraError(
                f"cannot make a base image from {interpreter.name}: {error}"
            ) from error
        with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for member, content in _members(root):
                archive.addfile(member, io.BytesIO(content) if content else None)


def _lay_out(interpreter: Interpreter, root: Path) -> None:
    """Copy the interpreter under `root`, symbolic links replaced by what they point to."""
    for folder in _FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name, text in ACCOUNTS.items():
        (root / name).write_text(text)
    _copy(interpreter.executable, root, HOME / "bin" / interpreter.name)
    for alias in ("python3", "python"):
        (root / str(HOME)[1:] / "bin" / alias).symlink_to(interpreter.name)
    for source, place in interpreter.libraries:
        _copy(source, root, place)
    for source, place in interpreter.stdlib:
        _copy_stdlib(interpreter, source, root / str(place)[1:])


def _copy(source: Path, root: Path, place: PurePosixPath) -> None:
    target = root / str(place)[1:]
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755)


def _copy_stdlib(interpreter: Interpreter, source: Path, target: Path) -> None:
    def skip(folder: str, names: list[str]) -> set[str]:
        compiled = Path(folder).name == "lib-dynload"
        return {
            name
            for name in names
            if name in LEFT_OUT
            or name.startswith(("config-", "sitecustomize"))
            or (compiled and name not in interpreter.modules)
            or not (Path(folder) / name).exists()  # a distribution's dangling links
        }

    shutil.copytree(source, target, ignore=skip, dirs_exist_ok=True, copy_function=shutil.copyfile)


def _members(root: Path) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    """Every file below `root`, sorted, owned by root, without times."""
    for path in sorted(root.rglob("*")):
        member = tarfile.TarInfo(str(path.relative_to(root)))
        content = b""
        if path.is_symlink():
            member.type, member.linkname = tarfile.SYMTYPE, str(path.readlink())
        elif path.is_dir():
            member.type = tarfile.DIRTYPE
            member.mode = 0o1777 if member.name == "tmp" else 0o755
        else:
            content = path.read_bytes()
            member.size, member.mode = len(content), 0o755 if path.stat().st_mode & 0o100 else 0o644
        yield member, content
