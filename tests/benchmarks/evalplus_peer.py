"""Ours against `evalplus.evaluate`: the same samples, cores and data, cold and warm, as a table.

    python -m tests.benchmarks.evalplus_peer --peers FOLDER [--write docs/evalplus.md]

FOLDER is a virtual environment with evalplus 0.3.1, of the Python that the sandbox's image has. The
samples of `humaneval` and `mbpp` are the greedy answers of Meta-Llama-3-8B-Instruct from EvalPlus's
own result files, those of `codegen` ten answers of CodeGen-16B to each task of HumanEval.
EvalPlus runs in a container, once without its file of expected outputs and once with it; ours in a
sandbox: in an empty project, where the benchmark proves itself first; in the same project with
every program verified anew; and once more without that option, which finds all verdicts in the
database. Ends with status 1 where a verdict of ours is not what EvalPlus has published.
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

from pytest_mcode.core.records import Limits

from .contenders import CORES, AbsentError
from .evalplus_run import DATABASE, Peer, Status, Took, checking, ours, subset, write_samples
from .workloads import DATA, codegen

SAMPLES = {"humaneval": 1, "mbpp": 1, "codegen": 10}
"""Sets of samples, and how many there are of each task."""
MODEL = "completions/evalplus_llama-3-8b-instruct/{}__meta-llama--Meta-Llama-3-8B-Instruct.json.gz"
BENCH = {"codegen": "humaneval"}
TABLE = re.compile(r"(?<=<!-- evalplus speed -->\n).*?(?=<!-- end of evalplus speed -->)", re.S)
STATES = ("cold", "warm")
KNOWN = "verdicts known"
PEER = "evalplus.evaluate"


@dataclass(frozen=True)
class Row:
    """One run of one of the two."""

    data: str
    who: str
    state: str
    took: Took


def samples(data: Path, name: str, path: Path, limit: int) -> dict[str, list[Status]]:
    """Write the model's programs of these tasks; what EvalPlus has published of them, if it has."""
    if name == "codegen":
        drawn = codegen(data, SAMPLES[name], Limits())
        rows = [(one.name.partition("#")[0], one.program.candidate) for one in drawn]
        write_samples(path, rows[: limit * SAMPLES[name] or None])
        return {}
    with gzip.open(data / MODEL.format(name), "rt") as file:
        found = json.load(file)["eval"]
    names = sorted(found, key=lambda task: int(task.rpartition("/")[2]))[: limit or None]
    write_samples(path, [(task, row["solution"]) for task in names for row in found[task]])
    return {
        task: [(row["base_status"] == "pass", row["plus_status"] == "pass") for row in found[task]]
        for task in names
    }


def differing(
    labels: Mapping[str, Sequence[Status]], seen: Mapping[str, Sequence[Status]]
) -> list[str]:
    """Tasks with other statuses than the published ones."""
    return [task for task, expected in labels.items() if list(seen.get(task, ())) != expected]


def measure(
    peer: Peer | None, data: Path, name: str, sandboxes: Sequence[str], limit: int
) -> tuple[list[Row], list[str]]:
    """All runs of one set; in words, tasks with other statuses than EvalPlus has published or has
    given here, and what checking was spent on."""
    rows, notes = [], []
    bench, first = BENCH.get(name, name), {}

    def add(who: str, state: str, took: Took, seen: Mapping[str, Sequence[Status]]) -> None:
        rows.append(Row(name, who, state, took))
        if unlike := differing(labels, seen):
            notes.append(f"{who}, {name}, {state}: unlike the labels: {', '.join(unlike)}")
        first.setdefault("seen", seen)
        if not labels and (unlike := differing(first["seen"], seen)):
            notes.append(f"{name}, {state}: {who} and {rows[0].who} differ: {', '.join(unlike)}")

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        small = subset(data, bench, folder / "data", lambda i, _: not limit or i < limit)
        given, cache = folder / "samples/samples.jsonl", folder / "theirs"
        for made in (given.parent, cache):
            made.mkdir()
        labels = samples(data, name, given, limit)
        for state in STATES if peer else ():
            assert peer is not None
            add(PEER, state, *peer.evaluate(bench, given, cache, small))
        for kind in sandboxes:
            project, cache = folder / f"project-{kind}", folder / f"ours-{kind}"
            project.mkdir()
            keep_packages(cache)
            for state in (*STATES, KNOWN):
                options = [f"--mcode-sandbox={kind}", f"--mcode-samples={SAMPLES[name]}"]
                options += [] if state == KNOWN else ["--mcode-verdict-cache=off"]
                add(f"ours, {kind}", state, *ours(small, bench, given, project, cache, *options))
                if state == "warm":
                    notes.append(f"ours, {kind}, {name}: {checking(project / DATABASE)}")
    return rows, notes


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
    parser.add_argument("--sets", default=",".join(SAMPLES))
    parser.add_argument("--sandboxes", default="docker,bubblewrap")
    parser.add_argument("--limit", type=int, default=0, help="first N tasks (0: all)")
    parser.add_argument("--write", type=Path, help="page whose table is replaced")
    given = parser.parse_args()
    peer, rows, notes = None, [], []
    try:
        peer = Peer(given.peers)
    except AbsentError as error:
        print(f"evalplus.evaluate was not measured: {error}", file=sys.stderr)
    for name in given.sets.split(","):
        load = os.getloadavg()[0]
        print(f"{name}: load {load:.2f}", file=sys.stderr)
        found, said = measure(peer, given.data, name, given.sandboxes.split(","), given.limit)
        rows += found
        notes += said
    lines = [f"{CORES} cores, load {os.getloadavg()[1]:.1f} (5 min).", "", *table(rows)]
    lines += ["", *(f"- {note}" for note in notes)] if notes else []
    print("\n".join(lines))
    if given.write and not given.limit:
        text = given.write.read_text()
        given.write.write_text(TABLE.sub(lambda _: "\n".join(lines) + "\n", text))
    return int(any(note.startswith("ours") and "unlike" in note for note in notes))


if __name__ == "__main__":
    sys.exit(main())
