"""The server process itself: run by path with a model file and the name to serve it under.

Prints its URL, then serves until its standard input ends or its parent is gone.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from typing import Any

SLOTS = 1
"""With more, or with cached prompts, sums are taken in an order that depends on what else is being
asked, and one answer in some hundreds differs for the same seed."""
CONTEXT = 2048
"""Tokens per slot: what the packaged models were trained with."""


def main(file: str, name: str) -> None:
    """Serve `file` as `name` until the parent lets go."""
    # The library prints to file descriptor 1: keep ours and give it the log instead.
    ours = os.dup(1)
    os.dup2(2, 1)
    threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()
    server = _serve(file, name)
    os.write(ours, f"{server.listening_address}\n".encode())
    os.close(ours)
    threading.Event().wait()


def _serve(file: str, name: str) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = file
    params.model_alias = {name}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_parallel = SLOTS
    params.n_ctx = SLOTS * CONTEXT
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.n_gpu_layers = 0
    params.cache_ram_mib = 0
    params.cache_prompt = False
    params.warmup = params.ui = False
    params.offline = True
    params.verbosity = 1
    return xllamacpp.Server(params)


def _leave_with(parent: int) -> None:
    """Exit when standard input ends, or when the parent changed: a fork may hold the pipe open."""
    while os.getppid() == parent:
        ready, _, _ = select.select([0], [], [], 1.0)
        if ready and not os.read(0, 4096):
            break
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
