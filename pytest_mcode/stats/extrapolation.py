"""pass@k for more draws than were made: two models of the coverage curve, and what they disagree.

A guess, flagged as such in every `Point`. On real samples neither model is the better one: the
power law hits CodeGen-16B on HumanEval and overshoots Qwen3-0.6B on MBPP, the beta-binomial the
other way round (docs/statistics.md has the figures). So the guess is their mean, and its interval
reaches as far as both models' intervals do.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_mcode.stats.bootstrap import percentiles, redrawn
from pytest_mcode.stats.curve import Counts, Point, draws, ladder
from pytest_mcode.stats.pass_at_k import pass_at_k

FEWEST = 4
"""Draws per task below which there is no curve to fit."""
BOUND = 10.0
"""The beta distribution's log parameters stay within +- this."""


@dataclass(frozen=True)
class PowerLaw:
    """pass@k = exp(-a k^-b)."""

    a: float
    b: float

    def at(self, k: int) -> float:
        """pass@k, 0..1."""
        return math.exp(-self.a * k**-self.b)


@dataclass(frozen=True)
class BetaBinomial:
    """Each task has its own chance p to be solved by a draw, and p is Beta(alpha, beta)."""

    alpha: float
    beta: float

    def at(self, k: int) -> float:
        """pass@k = 1 - E (1 - p)^k = 1 - B(alpha, beta + k) / B(alpha, beta), 0..1."""
        from scipy.special import betaln

        gap = betaln(self.alpha, self.beta + k) - betaln(self.alpha, self.beta)
        return -math.expm1(float(gap))


@dataclass(frozen=True)
class Fits:
    """Both models, fitted to the same results."""

    power_law: PowerLaw
    beta_binomial: BetaBinomial

    def at(self, k: int) -> float:
        """The mean of both models' pass@k, 0..1."""
        return (self.power_law.at(k) + self.beta_binomial.at(k)) / 2


def fit(counts: Counts) -> Fits | None:
    """Fit both; None with fewer than four draws per task, or where no or every draw passed.

    Power law: the exponentiated one of Brown et al. 2024, arXiv 2407.21787, section 3 (a < 0 there
    is -a here), by least squares of log(-log pass@k) on log k at the doublings up to n.
    Beta-binomial: maximum likelihood of the tasks' counts, as in Schaeffer et al. 2025, "How Do
    Large Language Monkeys Get Their Power (Laws)?", arXiv 2502.17578.
    """
    if draws(counts) < FEWEST or not _mixed(counts.items()):
        return None
    law = _power_law(counts)
    return None if law is None else Fits(law, _beta_binomial(counts))


def extrapolate(
    counts: Counts, ks: Sequence[int], level: float = 0.95, rounds: int = 200, seed: int = 0
) -> tuple[Point, ...]:
    """Guesses of pass@k, flagged where k exceeds the draws; empty where `fit` is None.

    The interval comes from fitting both models to redraws of the tasks (bootstrap), and is the hull
    of both models' percentiles: it holds the error of having these tasks and how far the models
    differ. That both are wrong it cannot know; distrust k beyond ten times the draws.
    """
    if (best := fit(counts)) is None:
        return ()
    groups = list(counts)
    fitted = [best]
    for weights in redrawn(list(counts.values()), rounds, seed).tolist():
        again = fit({group: tasks for group, tasks in zip(groups, weights, strict=True) if tasks})
        if again is not None:
            fitted.append(again)
    most = draws(counts)
    return tuple(_point(k, best, fitted, level, k > most) for k in ks)


def _point(k: int, best: Fits, fitted: Sequence[Fits], level: float, extrapolated: bool) -> Point:
    one = percentiles([fits.power_law.at(k) for fits in fitted], level)
    other = percentiles([fits.beta_binomial.at(k) for fits in fitted], level)
    return Point(k, best.at(k), min(one[0], other[0]), max(one[1], other[1]), extrapolated)


def _mixed(groups: Iterable[tuple[tuple[int, int], int]]) -> bool:
    """Some draws passed and some did not."""
    found = {(c > 0, c < n) for (n, c), tasks in groups if tasks}
    return any(some for some, _ in found) and any(lacking for _, lacking in found)


def _power_law(counts: Counts) -> PowerLaw | None:
    tasks = sum(counts.values())
    points = []
    for k in ladder(draws(counts)):
        rate = math.fsum(pass_at_k(n, c, k) * count for (n, c), count in counts.items()) / tasks
        if 0 < rate < 1:
            points.append((math.log(k), math.log(-math.log(rate))))
    if len(points) < 2:
        return None
    x, y = (math.fsum(axis) / len(points) for axis in zip(*points, strict=True))
    slope = math.fsum((a - x) * (b - y) for a, b in points) / math.fsum(
        (a - x) ** 2 for a, _ in points
    )
    return PowerLaw(math.exp(y - slope * x), max(0.0, -slope))


def _beta_binomial(counts: Counts) -> BetaBinomial:
    import numpy as np
    from scipy.optimize import minimize
    from scipy.special import betaln, digamma

    n, c = np.array(list(counts)).T
    tasks = np.array(list(counts.values()))

    def loss(logs: np.ndarray) -> tuple[float, np.ndarray]:
        """-log likelihood and its gradient in log alpha and log beta."""
        a, b = np.exp(logs)
        likely = betaln(c + a, n - c + b) - betaln(a, b)
        both = digamma(n + a + b) - digamma(a + b)
        up = a * (digamma(c + a) - digamma(a) - both)
        down = b * (digamma(n - c + b) - digamma(b) - both)
        return -float(tasks @ likely), -np.array([tasks @ up, tasks @ down])

    limits = [(-BOUND, BOUND)] * 2
    found = minimize(loss, np.zeros(2), jac=True, method="SLSQP", bounds=limits, tol=1e-9)
    alpha, beta = np.exp(found.x)
    return BetaBinomial(float(alpha), float(beta))
