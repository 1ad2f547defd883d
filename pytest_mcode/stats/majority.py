"""maj@k: the answer most samples agree on, chosen without verification. Fractions, 0..1."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Sequence


def majority_at_k(sizes: Sequence[int], right: Collection[int], k: int, silent: int = 0) -> float:
    """Chance that the largest cluster of k of a task's draws is a right one.

    `sizes` counts the draws in each cluster of equal answers, `right` holds the indices of the
    clusters that solve the task, `silent` counts draws without a vote (no code, a crash). Draws
    are taken without replacement from all n = sum(sizes) + silent; clusters that tie for the most
    votes are chosen with equal chance, and no vote at all is a failure. The expectation over all
    C(n, k) subsets is exact: for each right cluster i, sum over its votes v of
    C(s_i, v) sum_t W(v, t) / (1 + t), W(v, t) the ways in which the other k - v draws give no
    cluster more than v votes and t of them v. Voting itself: Wang et al. 2023, "Self-Consistency",
    arXiv 2203.11171. Raises `ValueError` unless 1 <= k <= n and the indices are clusters.
    """
    n = sum(sizes) + silent
    if not 1 <= k <= n or min(sizes, default=0) < 0 or silent < 0:
        raise ValueError(f"maj@{k} of {n} draws")
    if any(not 0 <= index < len(sizes) for index in right):
        raise ValueError(f"right clusters {sorted(right)} of {len(sizes)}")
    chosen = 0.0
    for index in set(right):
        others = [size for i, size in enumerate(sizes) if i != index and size]
        for votes in range(1, min(sizes[index], k) + 1):
            ways = _ways(others, silent, k - votes, votes)
            chosen += math.comb(sizes[index], votes) * ways
    return min(1.0, chosen / math.comb(n, k))


def _ways(others: Sequence[int], silent: int, draws: int, most: int) -> float:
    """Ways to take `draws` from the other clusters, none above `most`; each divided by 1 + ties."""
    ways: dict[tuple[int, int], float] = {(0, 0): 1.0}
    for size in others:
        grown: defaultdict[tuple[int, int], float] = defaultdict(float)
        for (taken, ties), count in ways.items():
            for votes in range(min(size, most, draws - taken) + 1):
                grown[taken + votes, ties + (votes == most)] += count * math.comb(size, votes)
        ways = grown
    return math.fsum(
        count * math.comb(silent, draws - taken) / (1 + ties)
        for (taken, ties), count in ways.items()
    )
