# expect: failed - calls to the kernel that reach others or outlive the program
import ctypes, platform

libc = ctypes.CDLL(None)
X86 = dict(shmget=29, semget=64, msgget=68, mount=165, setns=308, unshare=272, bpf=321,
    add_key=248, keyctl=250, io_uring_setup=425, inotify_init1=294, userfaultfd=323,
    perf_event_open=298, pidfd_open=434, process_vm_readv=310, kcmp=312, setpriority=141,
    ioprio_set=251, mq_open=240, memfd_secret=447, personality=135, quotactl=179, seccomp=317)
ARM = dict(shmget=194, semget=190, msgget=186, mount=40, setns=268, unshare=97, bpf=280,
    add_key=217, keyctl=219, io_uring_setup=425, inotify_init1=26, userfaultfd=282,
    perf_event_open=241, pidfd_open=434, process_vm_readv=270, kcmp=272, setpriority=140,
    ioprio_set=30, mq_open=180, memfd_secret=447, personality=92, quotactl=60, seccomp=277)
GIVEN = dict(shmget=(0, 4096, 0o1777), semget=(0, 1, 0o1777), msgget=(0, 0o1777),
    unshare=(0x10000000,), add_key=(b"user", b"name", b"data", 4, -3), keyctl=(0, -3, 1),
    io_uring_setup=(8, bytes(256)), inotify_init1=(0,), userfaultfd=(1,), pidfd_open=(1, 0),
    process_vm_readv=(1, bytes(16), 1, bytes(16), 1, 0), kcmp=(1, 1, 0, 0, 0),
    setpriority=(0, 1, 19), ioprio_set=(1, 1, 0), mq_open=(b"left", 0o102, 0o777, 0),
    memfd_secret=(0,), personality=(0xFFFFFFFF,), seccomp=(2, 0, bytes(4)))

def double(n):
    numbers = X86 if platform.machine() == "x86_64" else ARM
    for name, number in numbers.items():
        given = [x if type(x) is bytes else ctypes.c_long(x) for x in GIVEN.get(name, (0,) * 6)]
        if libc.syscall(number, *given) != -1:
            raise SystemExit("reached " + name)
    return 0
