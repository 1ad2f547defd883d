"""pass@k: the closed form, its bounds, and the figures published for real samples."""

import json
import math
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_mcode.stats.estimate import estimate
from pytest_mcode.stats.pass_at_k import (
    any_tally,
    pass_at_k,
    pass_at_k_tally,
    share_tally,
    standard_ks,
)

COMPLETIONS = Path(__file__).parents[3].parent / "shared" / "data" / "completions"
BITS = COMPLETIONS / "codegen16b_humaneval_n100" / "measured_pass_bits.jsonl"

draws = st.integers(1, 200).flatmap(
    lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))
)


@settings(deadline=None)
@given(draws)
def test_the_product_equals_the_binomial_form(nck):
    """The stable product is 1 - C(n-c, k)/C(n, k) as computed with exact integers."""
    n, c, k = nck
    exact = 1 - math.comb(n - c, k) / math.comb(n, k)
    assert pass_at_k(n, c, k) == pytest.approx(exact, abs=1e-12)


@settings(deadline=None)
@given(draws)
def test_it_is_a_probability_and_grows_with_k(nck):
    """pass@k lies in 0..1, pass@1 is c/n, pass@n is 1 as soon as one draw passed."""
    n, c, k = nck
    value = pass_at_k(n, c, k)
    assert 0.0 <= value <= 1.0
    assert k == n or value <= pass_at_k(n, c, k + 1) + 1e-12
    assert pass_at_k(n, c, 1) == pytest.approx(c / n)
    assert pass_at_k(n, c, n) == float(c > 0)


def test_large_n_neither_overflows_nor_cancels():
    """10,000 draws with one pass give k/n exactly, where floating binomials overflow."""
    assert pass_at_k(10_000, 1, 500) == pytest.approx(0.05, rel=1e-12)


@pytest.mark.parametrize(("n", "c", "k"), [(5, 6, 1), (5, -1, 1), (5, 1, 6), (5, 1, 0), (0, 0, 1)])
def test_impossible_counts_are_refused(n, c, k):
    """k > n and c > n are errors, never a silent number."""
    with pytest.raises(ValueError, match=f"pass@{k}"):
        pass_at_k(n, c, k)


@pytest.mark.skipif(not BITS.exists(), reason="needs ../shared/data")
def test_codegen16b_figures():
    """16,400 real samples give the five pass@k figures recorded for them."""
    rows = [json.loads(line) for line in BITS.read_text().splitlines()]
    counts = Counter((row["n"], row["passed"].count("1")) for row in rows)
    expected = json.loads((COMPLETIONS / "EXPECTED.json").read_text())
    measured = expected["codegen16b_humaneval_n100"]["measured"]
    for k in (1, 2, 5, 10, 100):
        rate = estimate(pass_at_k_tally(counts, k)).value
        assert round(100 * rate, 2) == measured[f"pass@{k}"]


def test_tallies_keep_the_number_of_tasks():
    """Any-of-n and share count every task once, a task without samples as unsolved."""
    assert any_tally({(9, 0): 3, (9, 1): 2, (7, 7): 1}) == {0.0: 3, 1.0: 3}
    assert share_tally({(4, 2): 3, (2, 1): 1, (0, 0): 2}) == {0.5: 4, 0.0: 2}


def test_standard_ks_stop_at_n():
    """Twenty draws allow k = 1, 2, 5, 10, 20 and no more."""
    assert standard_ks(20) == (1, 2, 5, 10, 20)
    assert standard_ks(3) == (1, 2)
