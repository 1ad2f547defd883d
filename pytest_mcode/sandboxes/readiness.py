"""What each sandbox finds on this machine, for `--mcode-doctor`."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.protocols import Sandbox
from pytest_mcode.core.records import Program, SandboxSpec
from pytest_mcode.sandboxes import packages
from pytest_mcode.sandboxes.bubblewrap import find_bwrap, kernel
from pytest_mcode.sandboxes.cgroup import find_hierarchy
from pytest_mcode.sandboxes.daemon import connect, look
from pytest_mcode.sandboxes.image import find_image

_MEASURED = 200
"""Programs of a measurement."""


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's: what it is about, how it is, and what to type if it is missing."""

    topic: str
    text: str
    cure: str = ""
    ok: bool = True

    @classmethod
    def missing(cls, topic: str, text: str, cure: str = "") -> Finding:
        """A finding to be cured."""
        return cls(topic, text, cure, ok=False)


def docker(spec: SandboxSpec) -> Iterator[Finding]:
    """Daemon, confinement, runtimes and image."""
    try:
        client = connect()
    except InfraError as error:
        yield Finding.missing("docker", *_split(error))
        return
    try:
        daemon = look(client)
        yield Finding(
            "docker",
            f"{daemon.name} at {daemon.address}, {daemon.cores} cores, {daemon.storage}, "
            f"control groups v{daemon.cgroup}, limits {', '.join(daemon.limits) or 'nothing'}",
        )
        try:
            daemon.insist(spec.runtime)
        except InfraError as error:
            yield Finding.missing("docker limits", *_split(error))
            return
        yield _runtimes(daemon.runtimes, daemon.default_runtime)
        image = find_image(client, spec.image)
        if image is None:
            yield Finding("docker image", "not built yet; it is built now, and once")
        else:
            text = f"{image.tag}: Python {image.python}, packages: {image.packages}"
            yield Finding("docker image", text)
    except InfraError as error:
        yield Finding.missing("docker", *_split(error))
    finally:
        client.close()


def _split(error: InfraError) -> tuple[str, str]:
    """A message as what is wrong and what cures it: it stands behind the last colon and space."""
    what, _, cure = str(error).rpartition(": ")
    return (what, cure) if what else (cure, "")


def _runtimes(known: Sequence[str], default: str) -> Finding:
    if any("runsc" in name for name in known):
        return Finding("docker runtimes", f"{', '.join(known)}; --mcode-docker-runtime=runsc")
    text = f"{default}; no gVisor, which is optional (`runsc install -- --network=none`)"
    return Finding("docker runtimes", text)


def bubblewrap(spec: SandboxSpec) -> Iterator[Finding]:
    """The program, who makes the namespaces, and the limits that can be set."""
    try:
        bwrap = find_bwrap()
    except InfraError:
        yield Finding.missing(
            "bubblewrap", "not installed", "apt-get install bubblewrap   (or dnf)"
        )
        return
    done = subprocess.run([bwrap, "--version"], capture_output=True, text=True, check=False)
    how = "as root" if os.geteuid() == 0 else "in a user namespace"
    text = f"{done.stdout.strip() or bwrap}, {how}, kernel {'.'.join(map(str, kernel()))}"
    yield Finding("bubblewrap", text)
    hierarchy = find_hierarchy()
    if hierarchy is not None:
        text = f"memory and processes of each slot, by control groups v{hierarchy.version}"
        yield Finding("bubblewrap limits", text)
    else:
        yield Finding.missing(
            "bubblewrap limits",
            "of each process only, no control group can be made here",
            "systemd-run --user --scope -p Delegate=yes pytest ...",
        )


def library(spec: SandboxSpec, say: Callable[[str], None]) -> Finding:
    """The packages that programs may import."""
    said: list[str] = []
    if packages.fetch(packages.Target(), said.append) is not None:
        return Finding("packages", f"{' '.join(packages.listed())}, for programs to import")
    reason = said[-1] if said else "none are listed"
    return Finding.missing("packages", reason.partition(";")[0], "pip config debug")


def measure(sandbox: Sandbox, programs: Sequence[Program]) -> Finding:
    """Start it, run real programs, stop it."""
    topic = f"{sandbox.name} speed"
    started = time.perf_counter()
    try:
        sandbox.start()
        ready = time.perf_counter()
        todo = [programs[i % len(programs)] for i in range(_MEASURED)]
        with ThreadPoolExecutor(sandbox.slots) as threads:
            passed = sum(verdict.passed for verdict in threads.map(sandbox.run, todo))
        each = (time.perf_counter() - ready) / _MEASURED
        memory = _memory_mb(sandbox)
    except InfraError as error:
        return Finding.missing(topic, *_split(error))
    finally:
        sandbox.close()
    if passed < _MEASURED:
        text = f"only {passed} of {_MEASURED} correct programs passed"
        return Finding.missing(topic, text, "pytest --mcode-self-check --mcode-bench=tiny")
    text = f"{1000 * each:.2f} ms a program ({1 / each:,.0f}/s), ready in {ready - started:.2f} s"
    return Finding(topic, text + (f", {memory:.0f} MB a slot" if memory else ""))


def _memory_mb(sandbox: Any) -> float:
    """Of the first slot, in MB; 0 where it cannot be told."""
    slots = getattr(getattr(sandbox, "pool", None), "slots", [None])
    return float(getattr(slots[0], "memory_mb", lambda: 0.0)())
