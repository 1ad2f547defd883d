"""The worker's whole path, run once in the supervisor before the first fork."""

from __future__ import annotations

import marshal
import sys

from claims import CANDIDATE
from frames import framed, to_json
from worker import Worker, serve

ROUNDS = 16
_EXERCISE = '''
from typing import Dict, List
import math, re
class A:
    def __init__(self, x): self.x = x
def f(a: List[int], *, k=1):
    """ doc """
    try: d = {str(i): i * 2.5 for i in a if i > 0 and i % 2 == 0 or i == 3}
    except Exception as e: raise ValueError(f"bad {e!r}") from None
    while k < 3: k += 1
    for i, x in enumerate(sorted(d, key=lambda q: -len(q))): k += i
    pairs = [(x, y) for x in range(3) for y in 'abc']
    return [math.sqrt(4), set(pairs), tuple(d.items()), ' '.join(d).split(), k, not a, A(2).x]
def g(): raise ValueError('x')
'''

_AHEAD = marshal.dumps([("c", "f", ([1, 2, 3],), {}), ("c", "f", ([1, 2],), {})])


def warm_up() -> None:
    """Run the whole path once in the parent.

    The interpreter's one-time set-up (syntax tree types, type caches, first compilation) costs
    1-4 ms, which every fork would pay again.
    """
    kept = sys.stdout, sys.stderr
    compiled = marshal.dumps(compile(_EXERCISE, CANDIDATE, "exec", 0, True))
    for code in (b"", *[compiled] * ROUNDS):
        _exercise(code)
    sys.stdout, sys.stderr = kept
    sys.modules.pop("candidate", None)


def _exercise(code: bytes) -> None:
    requests = iter(
        (
            marshal.dumps((_EXERCISE, code, ("f", "A"), 1, 5, 0, 64, _AHEAD)),
            b"m" + marshal.dumps(("c", "f", ([1, 2, 3],), {})),
            b"m" + marshal.dumps(("c", "g", (), {})),
            b"j" + to_json(["c", "f", {"t": [[1, 2, 3]]}, {"d": []}]).encode(),
        )
    )
    serve(Worker(), lambda size: framed(next(requests, b"")), len, limited=False)
