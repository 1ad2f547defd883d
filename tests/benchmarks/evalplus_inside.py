"""Runs in a container: `evalplus.evaluate` as its users start it, and what it took.

    python evalplus_inside.py DATASET SAMPLES CORES [OPTION ...]

Its last line is JSON: seconds until the results were written, and its exit status. That it ends
later, when a thread of its own wakes up from a sleep of 20 seconds, is not counted.
"""

import json
import subprocess
import sys
import time
from pathlib import Path


def main(dataset, samples, cores, *options):
    """One evaluation."""
    results = samples.replace(".jsonl", "_eval_results.json")
    command = [sys.executable, "-m", "evalplus.evaluate", "--dataset", dataset]
    command += ["--samples", samples, "--parallel", cores, *options]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    while process.poll() is None and not Path(results).exists():
        time.sleep(0.02)
    wall_s = time.perf_counter() - started
    status = process.wait()
    print("\n" + json.dumps({"wall_s": wall_s, "status": status}))


if __name__ == "__main__":
    main(*sys.argv[1:])
