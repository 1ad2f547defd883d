# expect: failed - files, folders and settings of the other processes, through /proc
import os

def double(n):
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        for name in ("root/tmp", "cwd", "fd/0", "exe", "ns/net", "task", "map_files"):
            try:
                os.listdir(f"/proc/{entry}/{name}")
                if name != "task":
                    raise SystemExit(f"listed {entry} {name}")
            except OSError:
                pass
        for name in ("environ", "auxv", "syscall", "stack", "oom_score_adj", "comm", "timerslack_ns"):
            try:
                with open(f"/proc/{entry}/{name}", "r+b", buffering=0) as file:
                    file.write(b"100")
                raise SystemExit(f"wrote {entry} {name}")
            except OSError:
                pass
    return 0
