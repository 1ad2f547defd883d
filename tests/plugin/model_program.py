"""A model server as a program of its own, for tests: `python -m tests.plugin.model_program`.

Arguments: port, model, folder. In the folder it keeps a diary: `up NAME`, each time, and `CLASH`
where another server of the folder was still up. `slow` and `broken` are models that never get
healthy and that end at once.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
from pathlib import Path

from tests.plugin.model import Model


def main(port: str, name: str, folder: str) -> None:
    """Serve until a signal ends it."""
    diary = os.open(Path(folder, "diary"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    place = os.open(Path(folder, "place"), os.O_RDWR | os.O_CREAT)
    print("a line of the log", flush=True)
    if name == "broken":
        sys.exit("out of memory")
    try:
        fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.write(diary, b"CLASH\n")
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    if name == "slow":
        ended.wait()
        return
    with Model(models=[name], port=int(port)) as model:
        os.write(diary, f"up {name}\n".encode())
        while not ended.wait(0.2):
            pass
        os.write(diary, f"down {name} after {len(model.calls)}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
