"""An installed CPython as a set of files: what must be carried along so that it runs elsewhere."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pytest_mcode.core.errors import InfraError

HOME = PurePosixPath("/usr/local")
"""Where the interpreter lives inside a sandbox, wherever it is installed outside."""

LEFT_OUT = {
    *("__pycache__", "dist-packages", "ensurepip", "idlelib", "lib2to3", "pydoc_data"),
    *("site-packages", "test", "tests", "tkinter", "turtledemo"),
}
"""Folders of the standard library that no benchmark program needs (or that are not part of it)."""

# Asked of the interpreter itself, in one process. Its extension modules are opened, so that the
# dynamic loader tells what it took for them; unlike ldd this needs no shell and no parsing.
_ASK = """
import ctypes, glob, json, platform, sys, sysconfig
skip = ("_tkinter", "_test", "xxlimited")
stdlib = sorted({sysconfig.get_path(name) for name in ("stdlib", "platstdlib")})
found = (so for folder in stdlib for so in sorted(glob.glob(folder + "/lib-dynload/*.so")))
modules = [so for so in found if not so.rpartition("/")[2].startswith(skip)]
# Wheels and the end of a thread load these by name, so that no module shows them.
unseen = ["libgcc_s.so.1", "libstdc++.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1"]
for so in modules + unseen:
    try:
        ctypes.CDLL(so)
    except OSError:
        pass
class Info(ctypes.Structure):
    _fields_ = [("address", ctypes.c_void_p), ("name", ctypes.c_char_p)]
libraries = set()
@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Info), ctypes.c_size_t, ctypes.c_void_p)
def note(info, size, data):
    libraries.add((info.contents.name or b"").decode())
    return 0
ctypes.CDLL(None).dl_iterate_phdr(note, None)
print(json.dumps({"version": platform.python_version(), "prefix": sys.base_prefix,
    "stdlib": stdlib, "modules": modules,
    "libraries": sorted(p for p in libraries if p.startswith("/") and p not in modules)}))
"""


@dataclass(frozen=True)
class Interpreter:
    """A CPython of this machine. Pairs are a path here and its place inside a sandbox."""

    executable: Path
    """The program itself, no symbolic link and no virtual environment."""
    version: str
    """`3.12.1`."""
    stdlib: tuple[tuple[Path, PurePosixPath], ...]
    """Folders of the standard library."""
    modules: frozenset[str]
    """File names of the compiled modules to carry: all but tkinter's and CPython's own tests."""
    libraries: tuple[tuple[Path, PurePosixPath], ...]
    """Shared libraries and the loader."""

    @property
    def name(self) -> str:
        """`python3.12`."""
        return "python" + ".".join(self.version.split(".")[:2])

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which it runs inside a sandbox."""
        folders = {place.parent for _, place in self.libraries if not place.name.startswith("ld-")}
        return {
            "PATH": f"{HOME}/bin:/usr/bin:/bin",
            "LD_LIBRARY_PATH": ":".join(sorted(map(str, folders))),
            "LANG": "C.UTF-8",
        }


def build_of_this() -> str:
    """Version, build, architecture and C library of the running interpreter, without a process."""
    return f"{sys.version} {platform.machine()} {' '.join(platform.libc_ver())}"


def find_interpreter(python: Path | None = None) -> Interpreter:
    """The CPython behind `python` (default: the one that runs now), at least 3.11.

    Raises `InfraError` when it cannot be carried into a sandbox.
    """
    facts = _ask(python or Path(sys.executable))
    version, prefix = str(facts["version"]), Path(facts["prefix"])
    major, minor = (int(part) for part in version.split(".")[:2])
    if (major, minor) < (3, 11):
        raise InfraError(f"the sandbox needs Python 3.11 or later, {prefix} has {version}")
    return Interpreter(
        executable=(prefix / "bin" / f"python{major}.{minor}").resolve(),
        version=version,
        stdlib=tuple((Path(p), HOME / Path(p).relative_to(prefix)) for p in facts["stdlib"]),
        modules=frozenset(Path(module).name for module in facts["modules"]),
        libraries=tuple((Path(p), _place(Path(p), prefix)) for p in facts["libraries"]),
    )


def compile_library(python: Path, folders: Iterable[Path], root: Path, prefix: str) -> None:
    """Write bytecode below `folders` that is valid whatever the file times say.

    Sandboxes have times flattened, which would make ordinary bytecode stale, and a read-only root,
    which never caches it again: every start would compile the library anew. Tracebacks name
    `prefix` instead of `root`. Raises `subprocess.SubprocessError` or OSError.
    """
    command = [str(python), "-I", "-S", "-m", "compileall", "-q"]
    command += ["--invalidation-mode", "unchecked-hash", "-s", str(root), "-p", prefix]
    subprocess.run([*command, *map(str, folders)], capture_output=True, check=True)


def _place(library: Path, prefix: Path) -> PurePosixPath:
    """System libraries keep their place; the interpreter's own move with it."""
    if prefix != Path("/usr") and library.is_relative_to(prefix):
        return HOME / "lib" / library.name
    return PurePosixPath(library)


def _ask(python: Path) -> dict[str, Any]:
    try:
        command = [str(python), "-I", "-S", "-c", _ASK]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return dict(json.loads(done.stdout))
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        raise InfraError(
            f"cannot look into the installed Python ({python}: {error}): "
            "`docker pull python:3.12-slim` makes it unnecessary"
        ) from error
