"""Where these programs may run: inside a sandbox, and nowhere else.

The supervisor kills every process it can reach and empties /tmp. On a bare machine that would be
a catastrophe, so the first thing it does is to ask this module, and to leave with `REFUSED`.
"""

from __future__ import annotations

import os
import sys

REFUSED = 99
"""Exit status of a program that was started outside a sandbox."""
BUBBLEWRAP_MARKER = "/run/mcode-bubblewrap"
"""A mount point that only our bubblewrap launcher makes (`--tmpfs` and `--remount-ro`)."""
HOST_UIDS = "0 0 4294967295"
_GVISOR_ROOT = "9p"
_CONTAINER_ROOTS = ("overlay", "fuse-overlayfs", _GVISOR_ROOT)


def read_mounts() -> dict[str, tuple[str, list[str]]]:
    """Mount point -> (file system type, options); the mount on top wins."""
    with open("/proc/self/mounts", encoding="utf-8", errors="replace") as file:
        rows = [line.split() for line in file]
    return {row[1]: (row[2], row[3].split(",")) for row in rows if len(row) > 3}


def in_user_namespace() -> bool:
    """True where uid 0 is not the machine's root."""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        return " ".join(file.read().split()) != HOST_UIDS


def is_sandbox(mounts: dict[str, tuple[str, list[str]]]) -> bool:
    """True on a read-only root with a tmpfs /tmp that Docker or our launcher put together."""
    kind, options = mounts.get("/", ("", []))
    if "ro" not in options or mounts.get("/tmp", ("",))[0] != "tmpfs":
        return False
    return kind in _CONTAINER_ROOTS or BUBBLEWRAP_MARKER in mounts


def in_gvisor() -> bool:
    """True under gVisor, which differs from Linux here and there."""
    return read_mounts().get("/", ("",))[0] == _GVISOR_ROOT


def insist(*, first_process: bool) -> None:
    """Exit with `REFUSED` unless this process is confined.

    `first_process` demands PID 1 as well: then `kill(-1)` reaches the sandbox and nothing else.
    """
    allowed = not first_process or os.getpid() == 1
    try:
        allowed = allowed and (os.getuid() != 0 or in_user_namespace())
        allowed = allowed and is_sandbox(read_mounts())
    except OSError:
        allowed = False
    if not allowed:
        sys.stderr.write("refusing to run: this is not a pytest-mcode sandbox\n")
        sys.stderr.flush()
        os._exit(REFUSED)
