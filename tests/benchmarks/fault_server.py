"""A model server that fails now and then: `python -m tests.benchmarks.fault_server`.

    python -m tests.benchmarks.fault_server PORT LATENCY_S KIND SHARE SEED

That share of the requests ends in a fault of the kind (`500`, `429`, `hang`, `cut`); all others are
answered as `tests.plugin.model` does, by messages and seed alone. Prints a line when it listens and
one for each fault; ends with its standard input.
"""

from __future__ import annotations

import random
import sys
import threading

from tests.contracts.llm_servers import Fault
from tests.plugin.model import Model

FAULTS = {
    "500": Fault(status=500),
    "429": Fault(status=429, headers={"Retry-After": "0.3"}),
    "hang": Fault(hang=True),
    "cut": Fault(cut=True),
}


class Failing(Model):
    """A `Model` with faults drawn at random."""

    def __init__(self, port: int, latency: float, kind: str, share: float, seed: int) -> None:
        super().__init__(models=["m"], port=port, latency=latency)
        self.kind_of_fault, self.share = kind, share
        self.drawn = random.Random(seed)
        self.answering = threading.Lock()

    def fault(self, body):
        """Drawn for each request, and told."""
        if self.drawn.random() >= self.share:
            return None
        print("fault", flush=True)
        return FAULTS[self.kind_of_fault]

    def post(self, path, body):
        """One at a time: the answer passes through an attribute."""
        with self.answering:
            return super().post(path, body)


if __name__ == "__main__":
    port, latency, kind, share, seed = sys.argv[1:]
    with Failing(int(port), float(latency), kind, float(share), int(seed)) as server:
        print(server.url, flush=True)
        sys.stdin.read()
