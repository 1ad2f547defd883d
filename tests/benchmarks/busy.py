"""Is a real model server kept busy? Prints one table: `python -m tests.benchmarks.busy`.

llama.cpp's own HTTP server, the packaged tiny model and one or four of its slots, behind a proxy
that sees when requests are with the server. Rounds go in turn: ours with every answer verified, and
the `openai` package alone with as many requests. An answer takes some 20 ms, a hundredth of what
one of a real model takes, and so every millisecond between two requests counts a hundredfold.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pytest_mcode.core.errors import McodeError
from pytest_mcode.servers.llama_cpp import MODELS, TINY, LlamaCpp

from . import measured
from .metered import metered
from .throughput import FailedError, say, spread
from .workloads import ROOT

SLOTS = (1, 4)
TASKS = 10
GOAL = 0.95
"""Share of the time in which the server has work."""


@contextmanager
def served(slots: int) -> Iterator[str]:
    """URL of the proxy before a llama.cpp server with so many slots."""
    server = LlamaCpp(MODELS / TINY[""], model="m", context=2048, parallel=slots, threads=1)
    try:
        target = urlsplit(server.start())
        command = [sys.executable, "-m", "tests.benchmarks.proxy"]
        command += [str(target.hostname), str(target.port), str(slots)]
        with subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as proxy:
            assert proxy.stdout is not None
            yield proxy.stdout.readline().strip()
            assert proxy.stdin is not None
            proxy.stdin.close()
    finally:
        server.close()


def counts(url: str, asked: int) -> dict[str, Any]:
    """What the proxy has seen since the last time."""
    with urllib.request.urlopen(f"{url}/counts", timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    if found["asked"] < asked:
        raise FailedError(f"{found['asked']} requests, not {asked}")
    return found


def ours(url: str, slots: int, samples: int, sandbox: str) -> dict[str, Any]:
    """A run of ours, as the proxy saw it."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MCODE_", "PYTEST_"))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir=."]
    command += ["--mcode-bench=tiny", "--mcode-model=m", "--mcode-backend=openai"]
    command += [f"--mcode-base-url={url}/v1", f"--mcode-concurrency={slots}"]
    command += [f"--mcode-samples={samples}", f"--mcode-sandbox={sandbox}"]
    with tempfile.TemporaryDirectory() as folder:
        done, _ = metered(command, Path(folder), environment)
    if done.returncode:
        raise FailedError(done.stdout + done.stderr)
    return counts(url, TASKS * samples)


def bare(url: str, slots: int, samples: int) -> dict[str, Any]:
    """The `openai` package alone, as the proxy saw it."""
    given = map(str, (url, TASKS, samples, slots, "tiny"))
    command = [sys.executable, "-m", "tests.benchmarks.bare_client", "openai", *given]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FailedError(done.stderr)
    return counts(url, TASKS * samples)


def measure(options: argparse.Namespace) -> list[measured.Row]:
    """Rounds for each number of slots."""
    rows: list[measured.Row] = []
    for slots in options.slots:
        mine, alone = [], []
        with served(slots) as url:
            bare(url, slots, 1)  # the first answer takes longer
            for number in range(options.rounds):
                say(f"{slots} slots, round {number + 1} of {options.rounds}")
                mine.append(ours(url, slots, options.samples, options.sandbox))
                alone.append(bare(url, slots, options.samples))
        rows += told(slots, mine, alone)
    return rows


def told(
    slots: int, mine: Sequence[dict[str, Any]], alone: Sequence[dict[str, Any]]
) -> list[measured.Row]:
    """Shares of the time, and requests per second in units of the bare client's."""
    rows: list[measured.Row] = []
    for least in sorted({1, slots}):
        shares, others = ([one["least"][least - 1] for one in kind] for kind in (mine, alone))
        met = "met" if statistics.median(shares) >= GOAL else "NOT met"
        goal = f"goal {met} (>= {GOAL}); " if least == 1 else ""
        name = f"llama.cpp, {slots} slots: share of the time with {least} in flight or more"
        rows.append((name, spread(shares), f"{goal}bare openai {spread(others)}"))
    pace = [
        (a["asked"] / a["span_s"]) / (b["asked"] / b["span_s"])
        for a, b in zip(mine, alone, strict=True)
    ]
    each = statistics.median(1000 * one["span_s"] / one["asked"] for one in mine)
    rows.append((f"llama.cpp, {slots} slots: requests/s, ours / bare openai", spread(pace), ""))
    rows.append((f"llama.cpp, {slots} slots: ms from request to request, ours", f"{each:.1f}", ""))
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; status 0 if all was measured."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.busy", description=__doc__)
    parser.add_argument("--samples", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sandbox", default="auto")
    parser.add_argument("--keep", action="store_true", help=measured.KEEP)
    parser.add_argument("--tiny", action="store_true", help="ten requests: does all of it work?")
    options = parser.parse_args(arguments)
    options.slots = SLOTS
    if options.tiny:
        options.samples, options.rounds, options.slots = 1, 1, SLOTS[:1]
    load = measured.surroundings()
    try:
        rows = measure(options)
    except (FailedError, McodeError) as error:
        say(f"{type(error).__name__}: {error}")
        return 1
    title = f"{TASKS} tasks x {options.samples} samples, {load}"
    measured.show("busy", title, rows, keep=options.keep)
    return 0


if __name__ == "__main__":
    sys.exit(main())
