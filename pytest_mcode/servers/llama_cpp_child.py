"""The server process itself: run by path with its parameters as JSON.

Prints its URL, then serves until its standard input ends or its parent is gone. Below a keeper
its standard input is empty, and the parent alone decides.
"""

from __future__ import annotations

import json
import os
import select
import stat
import sys
import threading
from typing import Any


def main(argument: str) -> None:
    """Serve a model file until the parent lets go."""
    given: dict[str, Any] = json.loads(argument)
    # The library prints to file descriptor 1: keep ours and give it the log instead.
    ours = os.dup(1)
    os.dup2(2, 1)
    threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()
    server = _serve(given)
    os.write(ours, f"{server.listening_address}\n".encode())
    os.close(ours)
    threading.Event().wait()


def _serve(given: dict[str, Any]) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = given["file"]
    params.model_alias = {given["name"]}
    params.hostnames = ["127.0.0.1"]
    params.port = given["port"]
    params.n_parallel = given["slots"]
    params.n_ctx = given["slots"] * given["context"]
    if given["threads"]:
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = given["threads"]
    params.n_gpu_layers = given["gpu_layers"]
    params.n_threads_http = given["connections"]
    # With cached prompts, as with several slots, sums are taken in an order that depends on what
    # else is being asked, and one answer in some hundreds differs for the same seed.
    params.cache_ram_mib = 0
    params.cache_prompt = False
    params.warmup = params.ui = False
    params.offline = True
    params.verbosity = 1
    return xllamacpp.Server(params)


def _leave_with(parent: int) -> None:
    """Exit when standard input ends, or when the parent changed: a fork may hold the pipe open."""
    watched = [0] if stat.S_ISFIFO(os.fstat(0).st_mode) else []
    while os.getppid() == parent:
        ready, _, _ = select.select(watched, [], [], 1.0)
        if ready and not os.read(0, 4096):
            break
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
