"""A plug-in of pytest (`-p tests.benchmarks.run_clock`) that tells what a run of items took.

Writes wall and CPU seconds of this process, children not counted, from the first item to the end of
the loop, CPU seconds since the process began, and the most memory that it held (MB), as JSON to the
file in `RUN_CLOCK`. With workers it is the controller that is looked at.
"""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop() -> Generator[None, Any, Any]:
    """Around the items."""
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        return (yield)
    finally:
        took = {
            "wall_s": time.perf_counter() - wall,
            "cpu_s": time.process_time() - cpu,
            "all_cpu_s": time.process_time(),
            "most_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        if "PYTEST_XDIST_WORKER" not in os.environ:
            Path(os.environ["RUN_CLOCK"]).write_text(json.dumps(took))
