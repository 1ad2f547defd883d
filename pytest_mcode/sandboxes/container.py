"""One warm container: a supervisor as its first process and a judge beside it."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.records import Json
from pytest_mcode.sandboxes.calibration import loop_time
from pytest_mcode.sandboxes.daemon import daemon_trouble
from pytest_mcode.sandboxes.pool import SlotLostError

SANDBOX_USER, JUDGE_USER = 65534, 65533
PYTHON = ("python3", "-I", "-S", "-B")
INSIDE = "/opt/mcode"
JUDGE_MB = 512
"""Memory of the container beyond the program's: judge, supervisor, /tmp."""
TMP_MB = 32
PROCESSES = 64
ENVIRONMENT = {
    "MALLOC_ARENA_MAX": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "LD_BIND_NOW": "1",
}
"""One heap: each thread's own would reserve 64 MB of the address space that is limited; numpy
would start a thread per core. Symbols are looked up once at the start, not in every worker."""
START_S = 30.0
SECCOMP = Path(__file__).with_name("seccomp.json")
_STDERR = 2
_LARGEST_ANSWER = 1 << 22


@dataclass(frozen=True)
class Recipe:
    """All that two containers of one sandbox have in common."""

    image: str
    memory_mb: int
    runtime: str
    labels: dict[str, str]
    podman: bool = False

    def host_config(self, client: Any, cpu: int | None) -> Any:
        """The confinement, in the daemon's words."""
        security = ["no-new-privileges:true"]
        if SECCOMP.exists():  # Docker takes the text, Podman the path
            text = json.dumps(json.loads(SECCOMP.read_text()))
            security.append(f"seccomp={SECCOMP if self.podman else text}")
        inodes = "" if self.podman else "nr_inodes=4k,"  # it refuses the option
        memory = f"{self.memory_mb + JUDGE_MB}m"
        return client.api.create_host_config(
            network_mode="none",
            read_only=True,
            cap_drop=["ALL"],
            security_opt=security,
            mem_limit=memory,
            memswap_limit=memory,
            pids_limit=PROCESSES,
            ipc_mode="none",
            tmpfs={
                "/tmp": f"rw,size={TMP_MB}m,{inodes}mode=1777,nosuid,nodev",
                # the runtime's own is a place where anybody's message queues stay
                "/dev/mqueue": "ro,size=4k,mode=555",
            },
            log_config={"type": "none"},
            oom_score_adj=500,
            auto_remove=True,
            runtime=self.runtime or None,
            cpuset_cpus=None if cpu is None else str(cpu),
        )


class Stream:
    """The output of a process in a container, unpacked from the daemon's multiplexed stream."""

    def __init__(self, raw: Any) -> None:
        self.socket: socket.socket = getattr(raw, "_sock", raw)
        self.raw = raw
        self.packed = bytearray()
        self.output = bytearray()
        self.errors = bytearray()

    def _read(self) -> None:
        data = self.socket.recv(1 << 16)
        if not data:
            raise EOFError
        packed = self.packed
        packed += data
        while len(packed) >= 8:
            end = 8 + int.from_bytes(packed[4:8], "big")
            if len(packed) < end:
                break
            if packed[0] == _STDERR:
                self.errors = (self.errors + packed[8:end])[-4096:]
            else:
                self.output += packed[8:end]
            del packed[:end]

    def close(self) -> None:
        """Hang up; safe to call twice."""
        answer = getattr(self.raw, "_response", None)  # docker-py keeps it there
        if answer is not None:
            answer.close()  # first: from Python 3.13 on it flushes what it reads from
        self.socket.close()
        self.raw.close()

    def line(self) -> bytes:
        """The next line."""
        while b"\n" not in self.output:
            self._read()
        line, _, rest = bytes(self.output).partition(b"\n")
        self.output = bytearray(rest)
        return line

    def frame(self) -> Json:
        """The next frame. Raises ValueError if there is none in the stream."""
        output = self.output
        while len(output) < 4:
            self._read()
        end = 4 + int.from_bytes(output[:4], "little")
        if end > _LARGEST_ANSWER:
            raise ValueError("a frame beyond the bound")
        while len(output) < end:
            self._read()
        payload = bytes(output[4:end])
        del output[:end]
        try:
            return json.loads(payload)
        except RecursionError:
            raise ValueError("a frame nested too deep") from None


class Container:
    """A slot: satisfies `pool.Slot`."""

    def __init__(self, client: Any, recipe: Recipe, cpu: int | None) -> None:
        self.client = client
        self.loop_s = 0.0
        self.id = ""
        self.streams: list[Stream] = []
        with daemon_trouble("the Docker daemon did not start a sandbox"):
            try:
                self._start(recipe, cpu)
            except BaseException:
                self.close()
                raise

    def _start(self, recipe: Recipe, cpu: int | None) -> None:
        api = self.client.api
        self.id = api.create_container(
            recipe.image,
            [*PYTHON, f"{INSIDE}/supervisor.py", str(recipe.memory_mb << 20), str(JUDGE_USER)],
            host_config=recipe.host_config(self.client, cpu),
            user=f"{SANDBOX_USER}:{SANDBOX_USER}",
            working_dir="/tmp",
            entrypoint=[],
            environment=ENVIRONMENT,
            stdin_open=True,
            network_disabled=True,
            labels=recipe.labels,
        )["Id"]
        wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        supervisor = self._stream(api.attach_socket(self.id, wanted))
        api.start(self.id)
        command = [*PYTHON, f"{INSIDE}/judge.py"]
        try:  # the judge starts while the supervisor does, and waits for it
            process = api.exec_create(
                self.id, command, stdin=True, stdout=True, stderr=True, user=str(JUDGE_USER)
            )
            judge = self.judge = self._stream(api.exec_start(process["Id"], socket=True))
        finally:  # its own words say more than that it is not there
            self._expect("supervisor", lambda: supervisor.line() == b"READY")
        self._expect("judge", lambda: self._calibrated(judge))

    def _calibrated(self, judge: Stream) -> bool:
        self.loop_s = loop_time(judge.frame())
        return True

    def _stream(self, raw: Any) -> Stream:
        stream = Stream(raw)
        self.streams.append(stream)
        stream.socket.settimeout(START_S)
        return stream

    def _expect(self, who: str, ready: Callable[[], bool]) -> None:
        try:
            if ready():
                return
            reason = "said something else than that it was ready"
        except (EOFError, ValueError):
            errors = b"".join(stream.errors for stream in self.streams)
            reason = "ended: " + " ".join(errors.decode(errors="replace").split())[-300:]
        except TimeoutError:
            reason = f"was not ready within {START_S:g} s"
        raise InfraError(f"the sandbox's {who} {reason}; is the image one of pytest-mcode's?")

    def send(self, jobs: Sequence[Json]) -> None:
        """Hand over jobs in one frame."""
        payload = json.dumps(list(jobs)).encode()
        try:
            self.judge.socket.settimeout(START_S)
            self.judge.socket.sendall(len(payload).to_bytes(4, "little") + payload)
        except OSError as error:
            raise SlotLostError(f"it did not take the program ({error})") from None

    def receive(self, timeout_s: float) -> Json:
        """The next answer."""
        started = time.monotonic()
        try:
            self.judge.socket.settimeout(timeout_s)
            return self.judge.frame()
        except TimeoutError:
            waited = time.monotonic() - started
            raise SlotLostError(f"no answer for {waited:.0f} s") from None
        except (OSError, EOFError, ValueError) as error:
            raise SlotLostError(f"it broke ({type(error).__name__})") from None

    def memory_mb(self) -> float:
        """Memory that it holds now."""
        with daemon_trouble("the Docker daemon does not tell the memory of a sandbox"):
            usage = self.client.api.stats(self.id, stream=False, one_shot=True)["memory_stats"]
        cache = usage.get("stats", {}).get("total_inactive_file", 0)
        return float(max(0, usage.get("usage", 0) - cache) / 2**20)

    def close(self) -> None:
        """Remove the container; one that is gone already is fine."""
        if self.id:
            remove(self.client, self.id)
            self.id = ""
        for stream in self.streams:
            stream.close()


def remove(client: Any, container: str) -> None:
    """Kill and remove a container, whatever state it is in."""
    from docker.errors import APIError
    from requests.exceptions import RequestException

    try:
        client.api.remove_container(container, force=True, v=True)
    except APIError:  # it is gone, or its own removal has begun
        pass
    except (RequestException, OSError):  # the daemon is gone; the next run sweeps
        pass
