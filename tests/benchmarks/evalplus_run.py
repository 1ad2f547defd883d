"""One run of `evalplus.evaluate`, or of ours on the same samples, and what it took.

Both see the same cores and the same files, and each keeps its caches in a folder of its own.
"""

from __future__ import annotations

import gzip
import json
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.records import SandboxSpec
from pytest_mcode.sandboxes.docker import Docker

from .contenders import CORES, AbsentError
from .processes import below, pss_mb

CURE = "python3 -m venv FOLDER && FOLDER/bin/pip install evalplus==0.3.1; --peers FOLDER"
FILES = {
    "humaneval": ("HUMANEVAL_OVERRIDE_PATH", "HumanEvalPlus-v0.1.10.jsonl.gz"),
    "mbpp": ("MBPP_OVERRIDE_PATH", "MbppPlus-v0.2.0.jsonl.gz"),
}
EVERY_S = 0.5
MEMORY = "14g"
DATABASE = ".mcode/results.db"
Status = tuple[bool, bool]
"""Whether the base inputs held, and the plus inputs."""


@dataclass(frozen=True)
class Took:
    """What a command and all its descendants used."""

    wall_s: float
    cpu_s: float
    """Of all of them, as last seen; not what a daemon did for them."""
    peak_mb: float
    """Memory at its highest, as seen; shared pages count once."""
    output: str


def watched(
    command: Sequence[str],
    cwd: Path,
    environment: Mapping[str, str],
    first: Callable[[int], int] = lambda pid: pid,
) -> Took:
    """Run it to its end. `first` gives the process whose descendants hold the memory, from that of
    the command. Raises `AbsentError` with the end of its output if that is not success."""
    started = perf_counter()
    seen, done = [0.0, 0.0], threading.Event()
    process = subprocess.Popen(
        command, cwd=cwd, env=dict(environment), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip

    def sample() -> None:
        while not done.wait(EVERY_S):
            pid = first(process.pid)
            pids = below(pid) if pid else []
            seen[:] = max(seen[0], cpu_s(pids)), max(seen[1], pss_mb(pids))

    watcher = threading.Thread(target=sample, daemon=True)
    watcher.start()
    output = process.communicate()[0]
    wall_s = perf_counter() - started
    done.set()
    watcher.join()
    if process.returncode:
        raise AbsentError(f"{command[0]} ended with {process.returncode}: {output[-800:]}")
    return Took(wall_s, *seen, output)


def cpu_s(pids: Iterable[int]) -> float:
    """CPU seconds of these processes and of the children that they have waited for."""
    ticks = 0
    for pid in pids:
        with suppress(OSError):
            words = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, words[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


class Peer:
    """EvalPlus in a container, because it confines little and the samples are a model's."""

    def __init__(self, peers: Path | None) -> None:
        found = [*peers.glob("lib/python3*/site-packages/evalplus")] if peers else []
        if not found:
            raise AbsentError(f"no evalplus: {CURE}")
        self.site = found[0].parent
        docker = Docker(SandboxSpec())
        try:
            docker.prepare()
            self.image, version = docker.image.tag, docker.image.python
        except InfraError as error:
            raise AbsentError(str(error)) from error
        finally:
            docker.close()
        if f"python{'.'.join(version.split('.')[:2])}" not in str(self.site):
            raise AbsentError(f"the image has Python {version}, evalplus is in {self.site}: {CURE}")

    def evaluate(
        self, name: str, samples: Path, cache: Path, data: Path, *options: str
    ) -> tuple[Took, dict[str, list[Status]]]:
        """`evalplus.evaluate` on all cores: what it took, and each task's statuses in the order of
        its samples. `cache` holds its expected outputs, `options` are its own."""
        results = samples.with_name(f"{samples.stem}_eval_results.json")
        results.unlink(missing_ok=True)
        for folder in (cache, samples.parent):
            folder.chmod(0o777)
        container = f"mcode-evalplus-{secrets.token_hex(6)}"

        def first(pid: int) -> int:
            inspect = ["docker", "inspect", "-f", "{{.State.Pid}}", container]
            said = subprocess.run(inspect, capture_output=True, text=True, check=False).stdout
            return int(said) if said.strip().isdigit() else 0

        command = self._command(container, name, samples, cache, data)
        try:
            took = watched([*command, *options], samples.parent, os.environ, first)
        finally:  # also when it was interrupted
            subprocess.run(["docker", "rm", "-f", container], capture_output=True, check=False)
        inside = json.loads(took.output.splitlines()[-1])
        if inside["status"]:
            raise AbsentError(f"evalplus.evaluate ended with an error: {took.output[-800:]}")
        found = json.loads(results.read_text())["eval"]
        took = replace(took, wall_s=inside["wall_s"])
        return took, {
            task: [(row["base_status"] == "pass", row["plus_status"] == "pass") for row in rows]
            for task, rows in found.items()
        }

    def _command(
        self, container: str, name: str, samples: Path, cache: Path, data: Path
    ) -> list[str]:
        variable, file = FILES[name]
        cpus = ",".join(map(str, sorted(os.sched_getaffinity(0))))
        mounts = {
            self.site: "/peers:ro",
            data / "evalplus": "/data:ro",
            Path(__file__).with_name("evalplus_inside.py"): "/run.py:ro",
            samples.parent: "/samples:rw",
            cache: "/cache:rw",
        }
        return [
            *("docker", "run", "--rm", "--name", container, "--network", "none"),
            *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only"),
            *("--user", "65534:65534", "--cpuset-cpus", cpus, "--memory", MEMORY),
            *("--tmpfs", "/tmp:rw,size=1g,mode=1777", "--workdir", "/tmp", "--shm-size", "256m"),
            *(f"-v{path}:{place}" for path, place in mounts.items()),
            *("-e", "PYTHONPATH=/peers", "-e", "XDG_CACHE_HOME=/cache", "-e", "HOME=/tmp"),
            *("-e", f"{variable}=/data/{file}", "--entrypoint", "python3", self.image),
            *("/run.py", name, f"/samples/{samples.name}", str(CORES)),
        ]


def subset(data: Path, name: str, folder: Path, chosen: Callable[[int, str], bool]) -> Path:
    """A data folder with those tasks of a data set whose position and id are chosen, as both tools
    read it."""
    file = FILES[name][1]
    (folder / "evalplus").mkdir(parents=True, exist_ok=True)
    with gzip.open(data / "evalplus" / file, "rt") as source:
        rows = [line for line in source if line.strip()]
    kept = [line for i, line in enumerate(rows) if chosen(i, json.loads(line)["task_id"])]
    with gzip.open(folder / "evalplus" / file, "wt") as target:
        target.writelines(kept)
    return folder


def ours(
    data: Path, name: str, samples: Path, folder: Path, cache: Path, *options: str
) -> tuple[Took, dict[str, list[Status]]]:
    """The same samples by `pytest --mcode-bench=NAME+`, in a project's folder with its database."""
    drop = ("MCODE_", "PYTEST_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(drop)}
    environment["XDG_CACHE_HOME"] = str(cache)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--rootdir={folder}",
    ]
    command += [f"--mcode-bench={name}+", f"--mcode-model=replay:{samples}", f"--mcode-data={data}"]
    took = watched([*command, *options], folder, environment)
    return took, statuses(folder / DATABASE)


def statuses(path: Path) -> dict[str, list[Status]]:
    """Of the last run in a database."""
    import sqlite3

    found: dict[str, list[Status]] = {}
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    rows = connection.execute(
        "SELECT task_id, groups FROM attempts WHERE run_id ="
        " (SELECT run_id FROM runs ORDER BY started DESC LIMIT 1) ORDER BY task_id, sample"
    )
    for task, groups in rows:
        held = json.loads(groups)
        found.setdefault(task, []).append((held.get("base", False), held.get("plus", False)))
    connection.close()
    return found


def checking(path: Path) -> str:
    """What the last run's checking was spent on, in words: nobody can do with less than what
    programs that pass compute themselves."""
    import sqlite3

    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        spent = dict(
            connection.execute(
                "SELECT verdict, sum(check_s) FROM attempts WHERE run_id ="
                " (SELECT run_id FROM runs ORDER BY started DESC LIMIT 1) GROUP BY verdict"
            )
        )
    passed, out_of_time = spent.pop("passed", 0.0), spent.pop("timeout", 0.0)
    return (
        f"checking took {passed:.1f} s for programs that pass, {out_of_time:.1f} s for those out of"
        f" time, each run twice, {sum(spent.values()):.1f} s for all others"
    )


def write_samples(path: Path, rows: Sequence[tuple[str, str]]) -> Path:
    """Task ids and whole programs, as both read them."""
    with path.open("w", encoding="utf-8") as file:
        for task, source in rows:
            file.write(json.dumps({"task_id": task, "solution": source}) + "\n")
    return path
