"""pass@k of one task, and the rates that are easily mistaken for it. All are fractions, 0..1."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

STANDARD_KS = (1, 2, 5, 10, 20, 50, 100)


def pass_at_k(n: int, c: int, k: int) -> float:
    """Unbiased probability that at least one of k draws passes, from c passes in n draws.

    1 - C(n-c, k) / C(n, k) = 1 - prod_{i=n-c+1}^{n} (1 - k/i); the product neither overflows nor
    cancels. Only for independent draws without feedback and without early stop.
    Source: Chen et al. 2021, arXiv 2107.03374, section 2.1. Raises `ValueError` unless
    0 <= c <= n and 1 <= k <= n.
    """
    if not (0 <= c <= n and 1 <= k <= n):
        raise ValueError(f"pass@{k} of {c} passes in {n} draws")
    if n - c < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / i for i in range(n - c + 1, n + 1))


def pass_at_k_tally(counts: Mapping[tuple[int, int], int], k: int) -> Counter[float]:
    """Per-task pass@k values and how many tasks have each, for `estimate.estimate`.

    `counts` maps (n, c) to the number of tasks with c passes in n draws.
    """
    tally: Counter[float] = Counter()
    for (n, c), tasks in counts.items():
        tally[pass_at_k(n, c, k)] += tasks
    return tally


def any_tally(counts: Mapping[tuple[int, int], int]) -> Counter[float]:
    """1 for tasks with at least one pass, else 0; `counts` as in `pass_at_k_tally`."""
    tally: Counter[float] = Counter()
    for (_, c), tasks in counts.items():
        tally[float(c > 0)] += tasks
    return tally


def share_tally(counts: Mapping[tuple[int, int], int]) -> Counter[float]:
    """The share c/n of a task's samples that passed: what one sample of the task does on average.

    A task with no samples at all passed none of them: 0.
    """
    tally: Counter[float] = Counter()
    for (n, c), tasks in counts.items():
        tally[c / n if n else 0.0] += tasks
    return tally


def standard_ks(n: int) -> tuple[int, ...]:
    """The customary k's that n draws allow."""
    return tuple(k for k in STANDARD_KS if k <= n)
