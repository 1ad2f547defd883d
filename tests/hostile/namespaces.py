# expect: failed - children in namespaces of their own, where they would be root
import ctypes, platform

def double(n):
    clone = 56 if platform.machine() == "x86_64" else 220
    for flag in (0x10000000, 0x20000000, 0x00020000, 0x40000000, 0x08000000, 0x00008000):
        child = ctypes.CDLL(None).syscall(clone, ctypes.c_long(flag | 17), 0, 0, 0, 0)
        if child >= 0:
            raise SystemExit(f"made namespace {flag:x}")
    return 0
