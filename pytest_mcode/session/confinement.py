"""Which sandbox a run takes, and its start beside the loading of data."""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from queue import SimpleQueue

from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.protocols import Sandbox
from pytest_mcode.session.loggers import let_threads_make_loggers
from pytest_mcode.session.registry import Registry
from pytest_mcode.session.settings import Settings

_PATIENCE_S = 10.0


class Confinement:
    """One sandbox, made ready in a thread. Errors reach whoever takes it."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        *,
        run_id: str,
        workers: int,
        say: Callable[[str], None],
    ) -> None:
        self.kind = settings.sandbox
        """The one that was taken, when it was."""
        self.host_factor = settings.sandbox_spec.host_factor
        """By which it lengthens time limits."""
        cores = max(1, len(os.sched_getaffinity(0)) // workers)
        slots = settings.sandbox_spec.slots or cores
        self._spec = replace(settings.sandbox_spec, slots=slots, label=run_id)
        self._registry = registry
        self._say = say
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._wanted = threading.Event()
        self._lock = threading.Lock()
        self._closed = False
        self._ready: Future[Sandbox] = Future()
        self._thread: threading.Thread | None = None

    @property
    def taken(self) -> Sandbox | None:
        """The sandbox, if it is up."""
        up = self._ready.done() and self._ready.exception() is None
        return self._ready.result() if up and not self._closed else None

    def prepare(self) -> None:
        """Begin with what leaves nothing to be stopped: libraries, the daemon, the image."""
        if self._thread is None:
            # not in the thread: two threads that import under pytest's hook may break each other
            for kind in ("docker", "bubblewrap"):
                importlib.import_module(f"pytest_mcode.sandboxes.{kind}")
            let_threads_make_loggers()
            self._thread = threading.Thread(target=self._serve, name="mcode-sandbox", daemon=True)
            self._thread.start()

    def begin(self) -> None:
        """Start it as soon as it is prepared."""
        self.prepare()
        self._wanted.set()

    def take(self) -> Sandbox:
        """The started sandbox. Raises what its start raised: `InfraError` with the cure."""
        self.begin()
        for line in iter(self._lines.get, None):
            self._say(line)
        self._lines.put(None)  # for whoever waits beside us, or asks again
        return self._ready.result()

    def close(self) -> None:
        """Stop it, also in the middle of its start; safe to call twice."""
        with self._lock:
            sandbox, self._closed = self.taken, True
        self._wanted.set()
        if sandbox is not None:
            sandbox.close()
        elif self._thread is not None:
            self._thread.join(_PATIENCE_S)  # it closes what it has started

    def _serve(self) -> None:
        try:
            sandbox = self._chosen()
        except BaseException as error:  # noqa: BLE001 - it is raised where the sandbox is taken
            self._ready.set_exception(error)
            self._lines.put(None)
        else:
            with self._lock:
                self._ready.set_result(sandbox)
                closed = self._closed
            self._lines.put(None)
            if closed:
                sandbox.close()

    def _chosen(self) -> Sandbox:
        """The one that was named; `auto` is Docker, or bubblewrap where no daemon answers."""
        if self.kind != "auto":
            return self._started(self.kind)
        try:
            return self._started("docker")
        except InfraError as no_docker:
            if self._spec.image or self._spec.runtime:
                raise
            self._lines.put(f"{no_docker}: verifying in bubblewrap")
            return self._instead(no_docker)

    def _instead(self, no_docker: InfraError) -> Sandbox:
        """bubblewrap, or an error with the reasons of both: neither is the other's cure."""
        try:
            return self._started("bubblewrap")
        except InfraError as error:
            both = (f"{e}".partition(", or take --mcode-sandbox=")[0] for e in (no_docker, error))
            raise InfraError(f"no sandbox works here: {'; and '.join(both)}") from error

    def _started(self, kind: str) -> Sandbox:
        sandbox: Sandbox = self._registry.make("sandbox", kind, self._spec)
        sandbox.progress = self._lines.put
        prepare = getattr(sandbox, "prepare", None)
        if prepare is not None:
            prepare()
        self._wanted.wait()
        if self._closed:
            raise InfraError("the run ended before its sandbox was needed")
        sandbox.start()
        self.kind = kind
        factor = sandbox.describe().get("host_factor")
        self.host_factor = factor if isinstance(factor, int) else 1
        if self.host_factor > 1:
            self._lines.put(f"a slow host: limits of time are {self.host_factor} times as long")
        return sandbox
