"""maj@k: exact over all subsets, checked by writing the subsets out."""

import itertools
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_mcode.stats.majority import majority_at_k
from pytest_mcode.stats.pass_at_k import pass_at_k


def enumerated(sizes: list[int], right: set[int], k: int, silent: int) -> float:
    """The mean over all subsets of k draws, by hand."""
    draws = [i for i, size in enumerate(sizes) for _ in range(size)] + [None] * silent
    subsets = list(itertools.combinations(draws, k))
    total = 0.0
    for subset in subsets:
        votes = Counter(vote for vote in subset if vote is not None)
        top = [i for i, count in votes.items() if count == max(votes.values())]
        total += len(right & set(top)) / len(top) if top else 0.0
    return total / len(subsets)


@st.composite
def votes(draw):
    """Clusters, the right ones, silent draws and k."""
    sizes = draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))
    silent = draw(st.integers(0, 2))
    if not sum(sizes) + silent:
        sizes = [1]
    right = draw(st.sets(st.integers(0, len(sizes) - 1)))
    return sizes, right, draw(st.integers(1, sum(sizes) + silent)), silent


@settings(deadline=None, max_examples=150)
@given(votes())
def test_the_sum_is_the_mean_over_all_subsets(case):
    """Any clusters, ties, several right ones and silent draws: equal to enumeration."""
    assert majority_at_k(*case) == pytest.approx(enumerated(*case))


def test_known_answers():
    """Three of five agree: 7 of 10 subsets of three elect them; equal clusters share the ties."""
    assert majority_at_k([3, 2], {0}, 3) == pytest.approx(0.7)
    assert majority_at_k([2, 2], {0}, 4) == 0.5
    assert majority_at_k([2, 1], {0}, 3) == 1.0
    assert majority_at_k([1, 4], {0}, 5) == 0.0
    assert majority_at_k([], (), 1, silent=3) == 0.0


@settings(deadline=None)
@given(st.integers(1, 30), st.data())
def test_one_vote_is_one_sample(n, data):
    """maj@1 is pass@1, and maj@k never exceeds pass@k: an elected answer was drawn."""
    c = data.draw(st.integers(0, n))
    assert majority_at_k([c, n - c], {0}, 1) == pytest.approx(c / n)
    k = data.draw(st.integers(1, n))
    assert majority_at_k([c, n - c], {0}, k) <= pass_at_k(n, c, k) + 1e-9


def test_a_hundred_draws_are_no_burden():
    """Many singletons and many votes stay exact: equal clusters share equally."""
    assert majority_at_k([1] * 100, {0}, 100) == pytest.approx(0.01)
    assert majority_at_k([25] * 4, {0}, 60) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("sizes", "right", "k", "message"),
    [
        ([2], {0}, 3, "maj@3 of 2"),
        ([2], {0}, 0, "maj@0"),
        ([2], {1}, 1, "of 1"),
        ([-1], {0}, 1, "maj"),
    ],
)
def test_impossible_elections_are_refused(sizes, right, k, message):
    """More votes than draws, clusters that are not there and negative sizes are errors."""
    with pytest.raises(ValueError, match=message):
        majority_at_k(sizes, right, k)
