# expect: failed - writes into every folder that there is
import os

def double(n):
    for folder, _, _ in os.walk("/"):
        if not folder.startswith(("/tmp", "/proc/self", "/proc/thread-self")):
            try:
                open(folder + "/left", "x").close()
                raise SystemExit("wrote into " + folder)
            except OSError:
                pass
    return 0
