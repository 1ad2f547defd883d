"""Digests of the expected outputs of EvalPlus's releases, as they travel with the package.

    python -m tests.benchmarks.expected

Every reference is verified in a sandbox, where the judge works its outputs out; what the judges
learn becomes `pytest_mcode/sandboxes/expected.jsonl.gz`. Due when the text
of the tests changes (`tests/unit/benchmarks/test_benchmarks_evalplus.py` notices).
"""

from __future__ import annotations

import argparse
import gzip
import sys
import tempfile
from pathlib import Path

from pytest_mcode.benchmarks.evalplus import HumanEvalPlus, MbppPlus
from pytest_mcode.core.records import Limits, SandboxSpec
from pytest_mcode.sandboxes.expected import SHIPPED, Expected

from .contenders import KINDS
from .workloads import DATA


def main() -> int:
    """Verify all references, write what was learned."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sandbox", default="docker", choices=KINDS)
    given = parser.parse_args()
    sandbox = KINDS[given.sandbox](SandboxSpec(label="expected"))
    sandbox.start()
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "expected.jsonl")
        sandbox.pool.expected = Expected(path, shipped=False)
        try:
            for kind in (HumanEvalPlus, MbppPlus):
                benchmark = kind()
                tasks = benchmark.load(given.data).tasks
                futures = [
                    sandbox.submit(benchmark.program(task, task.reference, Limits()))
                    for task in tasks
                ]
                wrong = [
                    t.task_id for t, f in zip(tasks, futures, strict=True) if not f.result().passed
                ]
                if wrong:
                    print(f"references that do not pass: {wrong}")
                    return 1
        finally:
            sandbox.close()
        write(path.read_text().splitlines(keepends=True))
    return 0


def write(lines: list[str]) -> None:
    """Sorted by task, without a time stamp."""
    content = "".join(sorted(lines, key=lambda line: line.partition(" ")[2])).encode()
    SHIPPED.write_bytes(gzip.compress(content, mtime=0))


if __name__ == "__main__":
    sys.exit(main())
