# expect: failed - hard links, links to links, and folders that link to themselves
import os

def double(n):
    os.mkdir("/tmp/folder")
    open("/tmp/folder/file", "w").close()
    for number in range(200):
        os.link("/tmp/folder/file", f"/tmp/folder/hard{number}")
        os.symlink(f"soft{number + 1}", f"/tmp/folder/soft{number}")
    os.symlink("/tmp", "/tmp/folder/up")
    os.symlink("/opt/mcode", "/tmp/programs")
    for name in ("/opt/mcode/worker.py", "/etc/passwd"):
        try:
            os.link(name, "/tmp/stolen")
            raise SystemExit("linked " + name)
        except OSError:
            pass
    return 0
