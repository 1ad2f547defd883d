"""What bubblewrap is told: a root of single files, nothing writable but /tmp, no way out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pytest_mcode.sandboxes.cgroup import Group, Hierarchy
from pytest_mcode.sandboxes.container import ENVIRONMENT, INSIDE, PROCESSES, TMP_MB
from pytest_mcode.sandboxes.interpreter import HOME, Interpreter
from pytest_mcode.sandboxes.packages import PATH_VARIABLE, PLACE

MARKER = "/run/mcode-bubblewrap"
"""Mounted by nobody else; the programs inside refuse to run without it."""
NOBODY = 65534
_DEVICES = ("null", "zero", "random", "urandom")
_MASKED = ("kcore", "keys", "timer_list")
"""Files of /proc that tell of the machine and that Docker hides too."""
_PYTHON = (f"{HOME}/bin/python3", "-I", "-S", "-B")

# Where root made the namespaces, this lets go of the last two capabilities (0x20080522 is
# capset's version 3). A change of user clears the signal at the parent's death, hence
# prctl(PR_SET_PDEATHSIG, SIGKILL) behind it.
_STEP_DOWN = """
import ctypes, os, resource, sys
user, processes, libc = int(sys.argv[1]), int(sys.argv[2]), ctypes.CDLL(None)
if os.getuid() != user:
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
if libc.capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()) != 0:
    sys.exit("capset failed")
if libc.prctl(1, 9, 0, 0, 0) != 0:
    sys.exit("prctl(PR_SET_PDEATHSIG) failed")
if processes:
    resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
os.execv(sys.executable, [sys.executable, "-I", "-S", "-B", *sys.argv[3:]])
"""


@dataclass(frozen=True)
class Blueprint:
    """All that two cells of one sandbox have in common."""

    bwrap: str
    interpreter: Interpreter
    programs: Path
    """What runs inside."""
    memory_mb: int
    """Of one program."""
    as_root: bool
    """Root makes the namespaces and its rights are dropped; else a user namespace does."""
    hierarchy: Hierarchy | None
    """Where control groups can be made."""
    library: Path | None
    """Packages that programs may import."""
    count_processes: bool
    """RLIMIT_NPROC counts the processes of one cell, not all of this user's."""

    def user(self, number: int) -> int:
        """User id of a program. Without user namespaces each cell needs one of its own: the
        kernel counts processes by it."""
        return 2_000_000_000 + 256 * os.getpid() + number % 256 if self.as_root else NOBODY


def accounts(user: int) -> dict[str, bytes]:
    """Files that name the only user there is."""
    return {
        "/etc/passwd": f"nobody:x:{user}:{user}::/tmp:/bin/false\n".encode(),
        "/etc/group": f"nogroup:x:{user}:\n".encode(),
    }


@dataclass(frozen=True)
class Handles:
    """Descriptors that bubblewrap inherits."""

    tell: int
    """Where it writes the id of the first process."""
    held: int
    """What it waits for before that process goes on."""
    rules: int
    """The compiled list of system calls."""
    files: Mapping[str, int]
    """Paths inside, and what holds their content."""

    def all(self) -> list[int]:
        """Every one of them."""
        return [self.tell, self.held, self.rules, *self.files.values()]


def arguments(
    blueprint: Blueprint, user: int, handles: Handles, group: Group | None, program: Sequence[str]
) -> Iterator[str]:
    """The command line for `program` (script and arguments below /opt/mcode)."""
    yield from (blueprint.bwrap, "--info-fd", str(handles.tell), "--block-fd", str(handles.held))
    if blueprint.as_root:
        # The kernel asks for permission even for the signal at a parent's death, and the inner
        # bubblewrap, root without capabilities, has none over another user. But it is the first
        # process of the outer one's namespace, and with that one everything in it ends.
        yield from ("--dev-bind", "/", "/", "--unshare-pid", "--as-pid-1", "--die-with-parent")
        yield from ("--proc", "/proc")  # where the inner one looks up its child
        yield from ("--", blueprint.bwrap)
    yield from ("--seccomp", str(handles.rules))
    yield from ("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts")
    yield from ("--unshare-cgroup-try", "--die-with-parent", "--new-session", "--as-pid-1")
    yield from ("--hostname", "sandbox", "--cap-drop", "ALL", "--clearenv")
    if blueprint.as_root:
        yield from ("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID")
    else:
        yield from ("--unshare-user", "--uid", str(user), "--gid", str(user))
    settings = {**blueprint.interpreter.environment, **ENVIRONMENT, PATH_VARIABLE: PLACE}
    for name, value in settings.items():
        yield from ("--setenv", name, value)
    yield from _mounts(blueprint, handles.files, group)
    yield from ("--", *_PYTHON, "-c", _STEP_DOWN, str(user))
    yield str(PROCESSES if blueprint.count_processes else 0)
    yield f"{INSIDE}/{program[0]}"
    yield from program[1:]


def _mounts(blueprint: Blueprint, files: Mapping[str, int], group: Group | None) -> Iterator[str]:
    interpreter = blueprint.interpreter
    binds: list[tuple[Path, PurePosixPath]] = [*interpreter.libraries, *interpreter.stdlib]
    binds.append((interpreter.executable, HOME / "bin" / interpreter.name))
    binds.append((blueprint.programs, PurePosixPath(INSIDE)))
    if blueprint.library is not None:
        binds.append((blueprint.library, PurePosixPath(PLACE)))
    if group is not None:
        binds.append(group.view)
    places = [place for _, place in binds]
    places += [PurePosixPath(name) for name in (*files, "/dev/null", MARKER)]
    # made by hand: bubblewrap lets nobody but the owner into folders that it makes on the way
    for folder in sorted({folder for place in places for folder in place.parents[:-1]}):
        yield from ("--perms", "0755", "--dir", str(folder))
    for path, place in binds:
        yield from ("--ro-bind", str(path), str(place))
    for path, place in interpreter.stdlib:  # what is installed here is no part of the sandbox
        if (path / "site-packages").is_dir():
            hidden = str(place / "site-packages")
            yield from ("--tmpfs", hidden, "--remount-ro", hidden)
    yield from ("--symlink", interpreter.name, f"{HOME}/bin/python3")
    for name, descriptor in files.items():
        yield from ("--perms", "0444", "--ro-bind-data", str(descriptor), name)
    for device in _DEVICES:
        yield from ("--dev-bind", f"/dev/{device}", f"/dev/{device}")
    yield from ("--proc", "/proc")
    for name in _MASKED:
        if Path("/proc", name).exists():
            yield from ("--ro-bind", "/dev/null", f"/proc/{name}")
    yield from ("--tmpfs", MARKER, "--remount-ro", MARKER)
    yield from ("--perms", "1777", "--size", str(TMP_MB << 20), "--tmpfs", "/tmp")
    yield from ("--remount-ro", "/", "--chdir", "/tmp")
