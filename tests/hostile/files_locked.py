# expect: failed - leaves folders without permissions and odd names
import os

def double(n):
    os.makedirs("/tmp/a/b/c", exist_ok=True)
    open("/tmp/a/b/\udcff\n", "w").close()
    os.symlink("/proc", "/tmp/a/link")
    os.mkfifo("/tmp/a/fifo")
    os.chmod("/tmp/a/b", 0)
    os.chmod("/tmp/a", 0)
    return 0
