"""Ours against `evalplus.evaluate`: the same samples, cores and data, cold and warm, as a table.

    python -m tests.benchmarks.evalplus_peer --peers FOLDER [--write docs/evalplus.md]

FOLDER is a virtual environment with evalplus 0.3.1, of the Python that the sandbox's image has. The
samples are the greedy answers of Meta-Llama-3-8B-Instruct from EvalPlus's own result files.
EvalPlus runs in a container, once without its file of expected outputs and once with it; ours in a
sandbox, once in an empty project, where the benchmark proves itself first, and once in the same
project with every program verified anew. Ends with status 1 where a verdict differs for no known
reason.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .contenders import CORES, AbsentError
from .evalplus_run import Peer, Status, Took, ours, subset, write_samples
from .workloads import DATA

MODEL = "completions/evalplus_llama-3-8b-instruct/{}__meta-llama--Meta-Llama-3-8B-Instruct.json.gz"
TABLE = re.compile(r"(?<=<!-- evalplus speed -->\n).*?(?=<!-- end of evalplus speed -->)", re.S)
STATES = ("cold", "warm")
PEER = "evalplus.evaluate"
EXPLAINED = {
    "HumanEval/32": "0.3.1 forgets to note that a right root was right",
}
"""Tasks whose verdicts differ, and why."""


@dataclass(frozen=True)
class Row:
    """One run of one of the two."""

    data: str
    who: str
    state: str
    took: Took


def samples(data: Path, name: str, path: Path, limit: int) -> Path:
    """The model's programs of these tasks."""
    with gzip.open(data / MODEL.format(name), "rt") as file:
        found = json.load(file)["eval"]
    names = sorted(found, key=lambda task: int(task.rpartition("/")[2]))[: limit or None]
    return write_samples(path, [(task, row["solution"]) for task in names for row in found[task]])


def compare(
    name: str, theirs: Mapping[str, Sequence[Status]], here: Mapping[str, Sequence[Status]]
) -> list[str]:
    """Tasks whose statuses differ without an explanation, each in words."""
    wrong = []
    for task, expected in theirs.items():
        if here.get(task) != expected and task not in EXPLAINED:
            wrong.append(f"{name}: {task}: EvalPlus {expected}, ours {here.get(task)}")
    return wrong


def measure(
    peer: Peer | None, data: Path, name: str, sandboxes: Sequence[str], limit: int
) -> tuple[list[Row], list[str]]:
    """All runs of one data set, and verdicts that differ without a reason."""
    rows, wrong = [], []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        small = subset(data, name, folder / "data", lambda i, _: not limit or i < limit)
        (folder / "samples").mkdir()
        given = samples(data, name, folder / "samples/samples.jsonl", limit)
        theirs: Mapping[str, Sequence[Status]] = {}
        cache = folder / "theirs"
        cache.mkdir()
        for state in STATES:
            if peer is None:
                break
            took, theirs = peer.evaluate(name, given, cache, small)
            rows.append(Row(name, PEER, state, took))
        for kind in sandboxes:
            project, cache = folder / f"project-{kind}", folder / f"ours-{kind}"
            project.mkdir()
            keep_packages(cache)
            for state in STATES:
                options = (f"--mcode-sandbox={kind}", "--mcode-verdict-cache=off")
                took, here = ours(small, name, given, project, cache, *options)
                rows.append(Row(name, f"ours, {kind}", state, took))
                wrong += compare(name, theirs, here)
    return rows, wrong


def keep_packages(cache: Path) -> None:
    """An empty cache but for the packages that programs import: they are installed, not worked
    out, as EvalPlus's own are."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    (cache / "pytest-mcode").mkdir(parents=True)
    if (base / "pytest-mcode/packages").is_dir():
        (cache / "pytest-mcode/packages").symlink_to(base / "pytest-mcode/packages")


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Markdown: seconds, CPU seconds and memory, with how many times as much EvalPlus took. What a
    daemon's containers use is not seen from here."""
    yield "| samples | what | | wall s | | CPU s | | peak MB | |"
    yield "|---|---|---|--:|--:|--:|--:|--:|--:|"
    base = {(row.data, row.state): row.took for row in rows if row.who == PEER}
    for row in rows:
        theirs = base.get((row.data, row.state)) if row.who != PEER else None
        seen = not row.who.endswith("docker")
        cells = [
            *_cells("{:.1f}", row.took.wall_s, theirs and theirs.wall_s),
            *_cells("{:.1f}", row.took.cpu_s if seen else 0, theirs and theirs.cpu_s),
            *_cells("{:,.0f}", row.took.peak_mb if seen else 0, theirs and theirs.peak_mb),
        ]
        yield f"| {row.data} | {row.who} | {row.state} | {' | '.join(cells)} |"


def _cells(form: str, ours: float, theirs: float | None) -> tuple[str, str]:
    """A figure, and how many times that EvalPlus took."""
    if not ours:
        return "", ""
    return form.format(ours), f"{theirs / ours:.1f} x" if theirs else ""


def main() -> int:
    """Measure, print, perhaps write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peers", type=Path, help="virtual environment with evalplus")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", default="humaneval,mbpp")
    parser.add_argument("--sandboxes", default="docker,bubblewrap")
    parser.add_argument("--limit", type=int, default=0, help="first N tasks (0: all)")
    parser.add_argument("--write", type=Path, help="page whose table is replaced")
    given = parser.parse_args()
    peer, rows, wrong = None, [], []
    try:
        peer = Peer(given.peers)
    except AbsentError as error:
        print(f"evalplus.evaluate was not measured: {error}", file=sys.stderr)
    for name in given.sets.split(","):
        load = os.getloadavg()[0]
        print(f"{name}: load {load:.2f}", file=sys.stderr)
        found, differ = measure(peer, given.data, name, given.sandboxes.split(","), given.limit)
        rows += found
        wrong += differ
    lines = [f"{CORES} cores, load {os.getloadavg()[1]:.1f} (5 min).", "", *table(rows)]
    print("\n".join([*lines, *wrong]))
    if given.write and not given.limit:
        text = given.write.read_text()
        given.write.write_text(TABLE.sub(lambda _: "\n".join(lines) + "\n", text))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
