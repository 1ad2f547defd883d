# ruff: noqa: BLE001, PTH104, PTH118, PTH123, PTH208, PTH211
"""Runs inside a sandbox: tries what the filter must refuse and what honest programs need.

It must import next to nothing, hence no pathlib.
Prints one JSON object: name of the attempt -> "ok" or the name of the error.
"""

import ctypes
import errno
import json
import mmap
import os
import platform
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading

libc = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"
# (x86_64, aarch64)
NUMBERS = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "userfaultfd": (323, 282),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274),
    "personality": (135, 92),
    "seccomp": (317, 277),
    "name_to_handle_at": (303, 264),
    "fanotify_init": (300, 262),
    "inotify_init1": (294, 26),
    "init_module": (175, 105),
    "kexec_load": (246, 104),
    "reboot": (169, 142),
    "sync": (162, 81),
    "acct": (163, 89),
    "swapon": (167, 224),
    "quotactl": (179, 60),
    "clock_settime": (227, 112),
    "syslog": (103, 116),
    "mbind": (237, 235),
    "move_pages": (279, 239),
    "vmsplice": (278, 75),
    "memfd_secret": (447, 447),
    "landlock_create_ruleset": (444, 444),
    "rt_sigqueueinfo": (129, 138),
    "process_madvise": (440, 440),
    "clone3": (435, 435),
}
CLONE_FLAGS = {
    "newns": 0x20000,
    "newcgroup": 0x2000000,
    "newuts": 0x4000000,
    "newipc": 0x8000000,
    "newuser": 0x10000000,
    "newpid": 0x20000000,
    "newnet": 0x40000000,
    "parent": 0x8000,
    "ptrace": 0x2000,
}


def syscall(number, *arguments):
    ctypes.set_errno(0)
    padded = [*arguments, *[0] * (6 - len(arguments))]
    value = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) for a in padded])
    if value < 0:
        raise OSError(ctypes.get_errno(), "")
    return value


def clone(flags):
    child = syscall(56 if X86 else 220, flags | signal.SIGCHLD)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def denied():
    attempts = {
        name: (lambda number=numbers[0 if X86 else 1]: syscall(number))
        for name, numbers in NUMBERS.items()
    }
    attempts |= {f"clone_{n}": (lambda f=f: clone(f)) for n, f in CLONE_FLAGS.items()}
    for family in (2, 10, 16, 17, 38, 40):  # inet, inet6, netlink, packet, alg, vsock
        attempts[f"socket_{family}"] = lambda family=family: socket.socket(
            family, socket.SOCK_STREAM if family not in (16, 17) else socket.SOCK_RAW
        )
    attempts["prlimit_parent"] = lambda: resource.prlimit(1, resource.RLIMIT_CPU, (9, 9))
    attempts["nice"] = lambda: os.nice(1)
    attempts["ioctl_tiocsti"] = lambda: syscall(16 if X86 else 29, 0, 0x5412, 0)
    attempts["prctl_seccomp"] = lambda: syscall(157 if X86 else 167, 22, 1)
    attempts["prctl_subreaper"] = lambda: syscall(157 if X86 else 167, 36, 1)
    attempts["attach_filter"] = lambda: socket.socketpair()[0].setsockopt(1, 26, b"\0" * 16)
    return attempts


def thread():
    seen = []
    worker = threading.Thread(target=seen.append, args=(1,))
    worker.start()
    worker.join()
    assert seen == [1]


def run_subprocess():
    command = [sys.executable, "-I", "-S", "-c", "print(6 * 7)"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"42\n"


def pipe_between_processes():
    import multiprocessing

    ours, theirs = multiprocessing.get_context("fork").Pipe()
    if (child := os.fork()) == 0:
        theirs.send({"a": [1, 2.5]})
        os._exit(0)
    assert ours.recv() == {"a": [1, 2.5]}
    os.waitpid(child, 0)


def event_loop():
    import asyncio

    async def main():
        await asyncio.sleep(0.001)
        return await asyncio.to_thread(lambda: 5)

    assert asyncio.run(main()) == 5


def files():
    import shutil

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a")
        with open(path, "w") as out:
            out.write("x" * 10000)
        shutil.copy2(path, path + "2")
        os.symlink(path, path + "3")
        os.rename(path + "2", path + "4")
        assert sorted(os.listdir(folder)) == ["a", "a3", "a4"]
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            assert view[0] == ord("x")
        os.mkfifo(path + "5")


def unix_socket():
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(folder + "/s")
        server.listen()
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(folder + "/s")
            server.accept()[0].sendall(b"hi")
            assert client.recv(2) == b"hi"


def pass_descriptor():
    left, right = socket.socketpair()
    reader, writer = os.pipe()
    socket.send_fds(left, [b"x"], [writer])
    _, (received,), _, _ = socket.recv_fds(right, 1, 1)
    os.write(received, b"y")
    assert os.read(reader, 1) == b"y"


def memory_file():
    fd = os.memfd_create("m")
    os.write(fd, b"abc")
    assert os.pread(fd, 3, 0) == b"abc"


def limits():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)


def alarm():
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    signal.pause()


def polls():
    reader, _ = os.pipe()
    assert select.select([reader], [], [], 0) == ([], [], [])
    watcher = select.epoll()
    watcher.register(reader)
    assert watcher.poll(0) == []


def import_modules():
    import decimal
    import hashlib
    import sqlite3
    import zoneinfo

    sqlite3.connect(":memory:").execute("select 1")
    hashlib.sha256(b"x").digest()
    assert decimal.Decimal(1) / 3
    assert zoneinfo.TZPATH is not None


def numpy_works():
    try:
        import numpy
    except ImportError:
        return
    assert numpy.linalg.det(numpy.eye(50)) == 1.0


def kill_child():
    child = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"])
    child.kill()
    assert child.wait() == -9


def allowed():
    return {
        f.__name__: f
        for f in (
            *(thread, run_subprocess, pipe_between_processes, event_loop, files, unix_socket),
            *(pass_descriptor, memory_file, limits, alarm, polls, import_modules, numpy_works),
            kill_child,
        )
    }


def outcome(attempt):
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "ok"


if __name__ == "__main__":
    print(
        json.dumps(
            {
                "denied": {name: outcome(attempt) for name, attempt in denied().items()},
                "allowed": {name: outcome(attempt) for name, attempt in allowed().items()},
                "uid": os.getuid(),
            }
        )
    )
