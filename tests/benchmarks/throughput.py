"""Is a run bounded by its model server? Prints one table: `python -m tests.benchmarks.throughput`.

With `--peers FOLDER`, an environment that has it, Inspect AI does the same work in the same rounds:
its own HumanEval-style task with its local sandbox, 64 connections.

HumanEval's tasks are drawn from a server in a process of its own that answers after a fixed time in
a fixed number of slots; its own ceiling is measured with bare sockets. Rounds go in turn: ours, and
the `openai` package alone with the same requests. Every answer of ours is verified, on the same
cores, and every verdict is checked: bare sockets and the bare package do that too, in rounds of
their own. The machine's load before the first round stands above the table: run it alone.
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
from dataclasses import dataclass, field
from pathlib import Path

from pytest_mcode.benchmarks.humaneval import HumanEval
from pytest_mcode.core.errors import DataError
from pytest_mcode.core.fingerprint import seed_for
from pytest_mcode.generation import prompts

from . import measured
from .metered import metered
from .model_server import is_right
from .workloads import DATA, ROOT

PEER = Path(__file__).with_name("inspect_peer.py")
CURE = "python3 -m venv FOLDER && FOLDER/bin/pip install inspect-ai openai; --peers FOLDER"
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
    bare_verified: list[dict[str, float]] = field(default_factory=list)
    sockets_verified: list[dict[str, float]] = field(default_factory=list)
    """The same, with each answer verified in the sandbox that ours has."""
    beside: list[tuple[dict[str, float], dict[str, float]]] = field(default_factory=list)
    """Ours with bubblewrap, whose processes can be measured, and Inspect AI."""
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


def bare(options: argparse.Namespace, kind: str, url: str, sandbox: str = "") -> dict[str, float]:
    """A round of a bare client."""
    given = map(str, (url, options.tasks, options.samples, SLOTS, options.data, sandbox))
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
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MCODE_", "PYTEST_"))}
    environment |= {"RUN_CLOCK": str(clock), "PYTHONPATH": str(ROOT)}
    done, whole = metered(command, folder, environment)
    if done.returncode or not clock.exists():
        raise FailedError(f"{done.stdout}{done.stderr}\npytest ended with {done.returncode}")
    return json.loads(clock.read_text()) | whole | counts(url)


def inspect(options: argparse.Namespace, url: str, folder: Path) -> dict[str, float]:
    """The same work with Inspect AI; every answer must have passed there too."""
    tasks = HumanEval().load(options.data).tasks[: options.tasks]
    rows = [
        {
            "id": task.task_id,
            "opening": prompts.opening(task, "chat")[0].content,
            "prompt": task.prompt,
            "tests": task.tests,
        }
        for task in tasks
    ]
    given = folder / "tasks.jsonl"
    given.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = [str(options.peers / "bin" / "python"), str(PEER), url, str(given)]
    command += [str(options.samples), str(SLOTS), str(folder / "logs")]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("INSPECT_")}
    done, whole = metered(command, folder, environment)
    if done.returncode:
        raise FailedError(done.stdout + done.stderr)
    took: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    asked = counts(url)["asked"]
    if not took["passed"] == took["samples"] == asked == options.tasks * options.samples:
        raise FailedError(f"Inspect AI: {took}, {asked} requests")
    return took | whole


def measure(options: argparse.Namespace) -> Figures:
    """The rounds, then the grid."""
    HumanEval().load(options.data)
    figures = Figures(options.tasks * options.samples)
    with server(options, LATENCY_S, 1.0) as url:
        for number in range(options.rounds):
            say(f"round {number + 1} of {options.rounds}")
            figures.sockets.append(bare(options, "sockets", url))
            figures.bare.append(bare(options, "openai", url))
            figures.sockets_verified.append(bare(options, "sockets", url, options.sandbox))
            figures.bare_verified.append(bare(options, "openai", url, options.sandbox))
            with tempfile.TemporaryDirectory() as folder:
                took = ours(options, url, Path(folder), f"--mcode-samples={options.samples}")
            if took["asked"] != figures.requests:
                raise FailedError(f"{took['asked']} requests, not {figures.requests}")
            figures.ours.append(took)
            if options.peers:
                figures.beside.append(beside(options, url))
    figures.grid = grid(options)
    return figures


def beside(options: argparse.Namespace, url: str) -> tuple[dict[str, float], dict[str, float]]:
    """Ours with bubblewrap, then Inspect AI."""
    cells = argparse.Namespace(**vars(options) | {"sandbox": "bubblewrap"})
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        took = ours(cells, url, Path(first), f"--mcode-samples={options.samples}")
        return took, inspect(options, url, Path(second))


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


def rows(figures: Figures) -> list[measured.Row]:
    """The measured ratios, each with its goal."""
    pairs = list(zip(figures.ours, figures.bare, strict=True))
    wall = [run["wall_s"] / figures.ideal_s for run, _ in pairs]
    cpu = [run["cpu_s"] / alone["cpu_s"] for run, alone in pairs]
    each = 1000 / figures.requests
    needed, came, again = figures.grid
    sockets = statistics.median(one["wall_s"] for one in figures.sockets)
    alone = statistics.median(one["wall_s"] for one in figures.bare)
    whole = statistics.median(run["whole_s"] for run in figures.ours)
    return [
        ("wall / ideal, first item to last", spread(wall), goal(wall, WALL_GOAL)),
        ("CPU / bare openai.AsyncOpenAI", spread(cpu), goal(cpu, CPU_GOAL)),
        ("CPU ms per request, ours", spread([run["cpu_s"] * each for run, _ in pairs]), ""),
        ("CPU ms per request, bare openai", spread([b["cpu_s"] * each for _, b in pairs]), ""),
        ("wall / ideal, bare openai", f"{alone / figures.ideal_s:.2f}", ""),
        ("wall / ideal, bare sockets (the server's own)", f"{sockets / figures.ideal_s:.2f}", ""),
        *against_floor(figures),
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
        *against_inspect(figures),
    ]


def against_floor(figures: Figures) -> list[measured.Row]:
    """The bare clients with the same verification beside them."""
    found: list[measured.Row] = []
    for name, others in (
        ("bare openai + verification", figures.bare_verified),
        ("bare sockets + verification (this machine's floor)", figures.sockets_verified),
    ):
        alone = [other["wall_s"] / figures.ideal_s for other in others]
        ratios = [m["wall_s"] / o["wall_s"] for m, o in zip(figures.ours, others, strict=True)]
        found.append((f"wall / ideal, {name}", spread(alone), ""))
        found.append((f"wall / {name}", spread(ratios), ""))
    return found


def against_inspect(figures: Figures) -> list[measured.Row]:
    """Inspect AI's time in units of ours, both with all of their processes."""
    if not figures.beside:
        return [("Inspect AI", "not measured", f"no --peers: {CURE}")]
    times = [
        ("Inspect AI / ours, wall, whole process", "whole_s"),
        ("Inspect AI / ours, wall, first request to last verdict", "wall_s"),
        ("Inspect AI / ours, CPU, whole process and children", "whole_cpu_s"),
    ]
    found: list[measured.Row] = []
    for name, key in times:
        ratios = [peer[key] / mine[key] for mine, peer in figures.beside]
        met = statistics.median(ratios) > 1
        found.append((name, spread(ratios), "goal met (> 1)" if met else "goal NOT met (> 1)"))
    mine, peer = figures.beside[-1]
    seconds = ", ".join(
        f"{one['whole_s']:.1f} and {one['whole_cpu_s']:.1f}" for one in (peer, mine)
    )
    return [*found, ("seconds of wall and CPU, Inspect AI, ours (last round)", seconds, "")]


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
    parser.add_argument("--peers", type=Path, help="environment with Inspect AI")
    parser.add_argument("--keep", action="store_true", help=measured.KEEP)
    parser.add_argument("--tiny", action="store_true", help="a few requests: does all of it work?")
    options = parser.parse_args(arguments)
    options.tasks, options.samples, options.grid = (4, 2, 2) if options.tiny else (164, 10, 20)
    options.rounds = 1 if options.tiny else options.rounds
    options.data = options.data.absolute()
    options.peers = options.peers and options.peers.absolute()
    load = measured.surroundings()
    try:
        figures = measure(options)
    except (DataError, FailedError) as error:
        say(f"{type(error).__name__}: {error}")
        return 1
    title = f"{options.tasks} tasks x {options.samples} samples, {LATENCY_S:g} s, {SLOTS} slots"
    measured.show("throughput", f"{title}, {load}", rows(figures), keep=options.keep)
    return 0


if __name__ == "__main__":
    sys.exit(main())
