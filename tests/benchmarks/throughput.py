"""Is a run bounded by its model server? Prints one table: `python -m tests.benchmarks.throughput`.

HumanEval's tasks are drawn from a server in a process of its own that answers after a fixed time in
a fixed number of slots; its own ceiling is measured with bare sockets. Rounds go in turn: ours, and
the `openai` package alone with the same requests. Every answer is verified and every verdict is
checked. The machine's load before the first round stands above the table: run it alone.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pytest_mcode.benchmarks.humaneval import HumanEval
from pytest_mcode.core.errors import DataError
from pytest_mcode.core.fingerprint import seed_for

from .model_server import is_right
from .workloads import DATA, ROOT

LATENCY_S = 0.2
SLOTS = 64
WALL_GOAL = 1.10
"""Wall time in units of the ideal: requests / slots x latency."""
CPU_GOAL = 1.3
"""CPU time per request in units of the bare client's."""


class FailedError(Exception):
    """A contender did not do what was asked: its figures mean nothing."""


@dataclass
class Figures:
    """What the rounds took."""

    requests: int
    ours: list[dict[str, float]] = field(default_factory=list)
    bare: list[dict[str, float]] = field(default_factory=list)
    sockets: list[dict[str, float]] = field(default_factory=list)
    grid: tuple[int, int, int] = (0, 0, 0)
    """Requests of a grid of cells: that were needed, that came, that came in a second run."""

    @property
    def ideal_s(self) -> float:
        """Seconds in which the server could have answered all."""
        return -(-self.requests // SLOTS) * LATENCY_S


@contextmanager
def server(options: argparse.Namespace, latency: float, right: float) -> Iterator[str]:
    """The model server's URL, while it runs."""
    command = [sys.executable, "-m", "tests.benchmarks.model_server", f"--data={options.data}"]
    command += [f"--latency={latency}", f"--slots={SLOTS}", f"--right={right}"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        assert process.stdin is not None
        process.stdin.close()


def counts(url: str) -> dict[str, float]:
    """What the server was asked since the last time."""
    with urllib.request.urlopen(f"{url}/counts", timeout=10) as answer:
        found: dict[str, float] = json.load(answer)
    return found


def bare(options: argparse.Namespace, kind: str, url: str) -> dict[str, float]:
    """A round of a bare client."""
    given = map(str, (url, options.tasks, options.samples, SLOTS, options.data))
    command = [sys.executable, "-m", "tests.benchmarks.bare_client", kind, *given]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FailedError(done.stderr)
    found: dict[str, float] = json.loads(done.stdout)
    return found | counts(url)


def ours(options: argparse.Namespace, url: str, folder: Path, *given: str) -> dict[str, float]:
    """A run of ours in `folder`, with its own figures and the server's."""
    clock = folder / "clock.json"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.benchmarks.run_clock"]
    command += ["-p", "no:cacheprovider", "--mcode-bench=humaneval", "--mcode-model=m"]
    command += ["--mcode-backend=openai", f"--mcode-base-url={url}/v1", "--rootdir=."]
    command += [f"--mcode-data={options.data}", f"--mcode-sandbox={options.sandbox}"]
    command += [f"--mcode-limit={options.tasks}", f"--mcode-concurrency={SLOTS}", *given]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MCODE_")}
    environment |= {"RUN_CLOCK": str(clock), "PYTHONPATH": str(ROOT)}
    begun = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode or not clock.exists():
        raise FailedError(done.stdout + done.stderr)
    whole = {"whole_s": time.perf_counter() - begun}
    return json.loads(clock.read_text()) | whole | counts(url)


def measure(options: argparse.Namespace) -> Figures:
    """The rounds, then the grid."""
    HumanEval().load(options.data)
    figures = Figures(options.tasks * options.samples)
    with server(options, LATENCY_S, 1.0) as url:
        for number in range(options.rounds):
            say(f"round {number + 1} of {options.rounds}")
            figures.sockets.append(bare(options, "sockets", url))
            figures.bare.append(bare(options, "openai", url))
            with tempfile.TemporaryDirectory() as folder:
                took = ours(options, url, Path(folder), f"--mcode-samples={options.samples}")
            if took["asked"] != figures.requests:
                raise FailedError(f"{took['asked']} requests, not {figures.requests}")
            figures.ours.append(took)
    figures.grid = grid(options)
    return figures


def grid(options: argparse.Namespace) -> tuple[int, int, int]:
    """Requests of a grid: that its largest cell needs, that came, that came in a second run."""
    tasks = HumanEval().load(options.data).tasks[: options.grid]
    needed = sum(chain(task.task_id, sample) for task in tasks for sample in range(10))
    narrowed = argparse.Namespace(**vars(options) | {"tasks": options.grid})
    cells = ("--mcode-samples=1,2,5,10", "--mcode-debug-iters=0,1,3")
    with server(options, 0.02, RIGHT) as url, tempfile.TemporaryDirectory() as folder:
        came = [int(ours(narrowed, url, Path(folder), *cells)["asked"]) for _ in range(2)]
    return needed, came[0], came[1]


RIGHT = 0.4
"""Share of answers that pass, in the grid."""


def chain(task_id: str, sample: int) -> int:
    """Requests of one sample: until it passes, three repairs at most."""
    for iteration in range(3):
        if is_right(seed_for(0, task_id, sample, iteration), RIGHT):
            return iteration + 1
    return 4


def table(figures: Figures) -> str:
    """The measured ratios, each with its goal."""
    pairs = list(zip(figures.ours, figures.bare, strict=True))
    wall = [run["wall_s"] / figures.ideal_s for run, _ in pairs]
    cpu = [run["cpu_s"] / alone["cpu_s"] for run, alone in pairs]
    each = 1000 / figures.requests
    needed, came, again = figures.grid
    sockets = statistics.median(one["wall_s"] for one in figures.sockets)
    alone = statistics.median(one["wall_s"] for one in figures.bare)
    whole = statistics.median(run["whole_s"] for run in figures.ours)
    rows = [
        ("wall / ideal, first item to last", spread(wall), goal(wall, WALL_GOAL)),
        ("CPU / bare openai.AsyncOpenAI", spread(cpu), goal(cpu, CPU_GOAL)),
        ("CPU ms per request, ours", spread([run["cpu_s"] * each for run, _ in pairs]), ""),
        ("CPU ms per request, bare openai", spread([b["cpu_s"] * each for _, b in pairs]), ""),
        ("wall / ideal, bare openai", f"{alone / figures.ideal_s:.2f}", ""),
        ("wall / ideal, bare sockets (the server's own)", f"{sockets / figures.ideal_s:.2f}", ""),
        ("seconds, ideal and whole process", f"{figures.ideal_s:.1f}, {whole:.1f}", ""),
        (
            "requests of a grid, needed and sent",
            f"{needed}, {came}",
            "goal met" if came == needed else "goal NOT met (no more than needed)",
        ),
        (
            "requests of its second run",
            str(again),
            "goal met" if again == 0 else "goal NOT met (0)",
        ),
    ]
    lines = [f"| {name} | {value} | {verdict} |" for name, value, verdict in rows]
    return "\n".join(["| | measured | |", "|---|--:|---|", *lines])


def spread(values: Sequence[float]) -> str:
    """Median, and the least and the most."""
    middle = f"{statistics.median(values):.2f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.2f}-{max(values):.2f})"


def goal(values: Sequence[float], most: float) -> str:
    """Whether the median is at most so much."""
    met = statistics.median(values) <= most
    return f"goal {'met' if met else 'NOT met'} (<= {most:.2f})"


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; status 0 if all was measured, whether or not the goals are met."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.throughput", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("MCODE_DATA") or DATA))
    parser.add_argument("--sandbox", default="auto")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tiny", action="store_true", help="a few requests: does all of it work?")
    options = parser.parse_args(arguments)
    options.tasks, options.samples, options.grid = (4, 2, 2) if options.tiny else (164, 10, 20)
    options.rounds = 1 if options.tiny else options.rounds
    options.data = options.data.absolute()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    try:
        figures = measure(options)
    except (DataError, FailedError) as error:
        say(f"{type(error).__name__}: {error}")
        return 1
    title = f"{options.tasks} tasks x {options.samples} samples, {LATENCY_S:g} s, {SLOTS} slots"
    print(f"{title}, {len(os.sched_getaffinity(0))} cores, load {load}\n\n{table(figures)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
