"""Several comparisons at once: p-values that keep their meaning together."""

from __future__ import annotations

from collections.abc import Sequence


def holm(ps: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values, in the order given: all below alpha may be called significant together.

    The i-th smallest of m is multiplied by m - i + 1 (i from 1), at most 1, and never below the one
    before it; then the chance of any false alarm among the m is at most alpha, whatever the
    dependence between them. Source: Holm 1979, Scandinavian Journal of Statistics 6:65.
    Raises `ValueError` for a p outside 0..1.
    """
    if any(not 0 <= p <= 1 for p in ps):
        raise ValueError("p-values are 0..1")
    adjusted = [0.0] * len(ps)
    floor = 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        floor = max(floor, min(1.0, (len(ps) - rank) * ps[index]))
        adjusted[index] = floor
    return tuple(adjusted)
