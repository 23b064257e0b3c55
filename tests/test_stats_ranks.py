"""Rank statistics: the authors' table, enumeration of every order, scipy, and test inversion."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from papers_lib.stats import (
    UndefinedStatistic,
    equivalence_p_ranks,
    hodges_lehmann,
    mann_whitney,
    mann_whitney_from_u,
    mann_whitney_p_floor,
    prob_superior,
    rank_biserial_from_u,
    spearman,
)

# Permeability of the placenta, Hollander and Wolfe 1973, table 4.1; also R's example of wilcox.test (W = 35).
TERM = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
EARLY = [1.15, 0.88, 0.90, 0.74, 1.21]
SAMPLES = st.lists(st.integers(-9, 9), min_size=2, max_size=5)


def pair_count(x, y):
    """U by its definition."""
    return sum((a > b) + (a == b) / 2 for a in x for b in y)


def enumerated_p(x, y, alternative="two-sided"):
    """Exact p by trying every assignment of the pooled values to the groups."""
    pooled, observed, us = [*x, *y], pair_count(x, y), []
    for chosen in itertools.combinations(range(len(pooled)), len(x)):
        rest = [pooled[i] for i in range(len(pooled)) if i not in chosen]
        us.append(pair_count([pooled[i] for i in chosen], rest))
    less = np.mean([u <= observed for u in us])
    greater = np.mean([u >= observed for u in us])
    return {"less": less, "greater": greater, "two-sided": min(1, 2 * min(less, greater))}[alternative]


@pytest.mark.parametrize(
    ("u", "n_a", "n_b", "asymptotic", "exact", "biserial", "superior"),
    [
        (0, 25, 23, 3.16e-9, 6.5e-14, 1.0, 0.0),
        (0, 23, 22, 9.85e-9, 4.9e-13, 1.0, 0.0),
        (483, 23, 22, 1.88e-7, 2.8e-9, -0.909, 0.955),
    ],
)
def test_the_authors_table(u, n_a, n_b, asymptotic, exact, biserial, superior):
    assert mann_whitney_from_u(u, n_a, n_b, "asymptotic").p == pytest.approx(asymptotic, rel=2e-3)
    assert mann_whitney_from_u(u, n_a, n_b).p == pytest.approx(exact, rel=1e-2)
    assert rank_biserial_from_u(u, n_a, n_b) == pytest.approx(biserial, abs=5e-4)
    assert u / (n_a * n_b) == pytest.approx(superior, abs=5e-4)


def test_the_classic_example():
    result = mann_whitney(TERM, EARLY, alternative="greater")
    assert (result.u, result.method) == (35, "exact")
    assert result.p == pytest.approx(0.1272, abs=5e-5)
    assert hodges_lehmann(TERM, EARLY).estimate == pytest.approx(0.305)


@given(x=SAMPLES, y=SAMPLES, alternative=st.sampled_from(["two-sided", "less", "greater"]))
@settings(max_examples=60, deadline=None)
def test_exact_with_and_without_ties_is_the_enumeration(x, y, alternative):
    result = mann_whitney(x, y, alternative=alternative)
    assert result.u == pair_count(x, y)
    assert result.p == pytest.approx(enumerated_p(x, y, alternative))
    assert ("ties" in result.method) == (len({*x, *y}) < len(x) + len(y))


def test_asymptotic_is_scipys_and_large_groups_say_so():
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 9, 60), rng.integers(0, 10, 50)
    foreign = scipy_stats.mannwhitneyu(x, y, method="asymptotic")
    assert mann_whitney(x, y, "asymptotic").p == pytest.approx(foreign.pvalue)
    large = mann_whitney(x, y)
    assert (large.p, large.method) == (pytest.approx(foreign.pvalue), "asymptotic (more than 2500 pairs)")


@given(seed=st.integers(0, 10**6), sizes=st.tuples(st.integers(3, 8), st.integers(3, 8)))
@settings(max_examples=40, deadline=None)
def test_the_shift_interval_holds_the_shifts_that_the_test_does_not_reject(seed, sizes):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(1, 1, sizes[0]), rng.normal(size=sizes[1])
    result = hodges_lehmann(x, y)
    if math.isinf(result.low):
        assert mann_whitney_p_floor(*sizes) > 0.05
        return
    gap = 1e-9
    for end, outside in ((result.low, -gap), (result.high, gap)):
        assert mann_whitney(x - (end + outside), y).p <= 0.05
        assert mann_whitney(x - (end - outside), y).p > 0.05


def test_shift_of_groups_too_small_for_the_level_is_unbounded():
    assert hodges_lehmann([1, 2, 3], [4, 5, 6]).low == -math.inf  # 2 / C(6, 3) = .1 > .05
    # At 90 % the smallest p is just .1, so k = 1: from the smallest to the largest difference.
    narrow = hodges_lehmann([1, 2, 3], [4, 5, 6], level=0.9)
    assert (narrow.low, narrow.estimate, narrow.high) == (-5, -3, -1)


def test_equivalence_by_ranks():
    x, y = [0.1, 0.2, 0.3, 0.4], [0.15, 0.25, 0.35, 0.45]
    assert equivalence_p_ranks(x, y, 1.0) == pytest.approx(1 / math.comb(8, 4))  # both shifts separate
    assert equivalence_p_ranks(x, y, 0.01) > 0.5


def test_prob_superior_by_hand_and_as_brunner_munzel():
    x, y = [1, 3, 5, 7], [2, 3, 4]  # 7 beats 3, 5 beats 3, 3 beats 1 and ties 1, 1 beats none: 7.5 of 12
    result = prob_superior(x, y)
    assert result.estimate == 7.5 / 12
    # Brunner and Munzel's t test of P = 1/2 rejects at p exactly when the (1 - p) interval ends there.
    p = scipy_stats.brunnermunzel(TERM, EARLY).pvalue
    wide = prob_superior(TERM, EARLY, level=1 - p)
    assert wide.low == pytest.approx(0.5, abs=1e-6)


def test_prob_superior_of_separated_samples():
    result = prob_superior([1, 2, 3], [4, 5, 6, 7])
    assert (result.estimate, result.low) == (0, 0)
    assert result.high == pytest.approx(1 - 0.025 ** (1 / 3))
    assert result.high == pytest.approx(scipy_stats.binomtest(0, 3).proportion_ci(method="exact").high)
    mirrored = prob_superior([4, 5, 6, 7], [1, 2, 3])
    assert (mirrored.estimate, mirrored.high, mirrored.low) == (1, 1, pytest.approx(1 - result.high))
    assert "complete separation" in result.method


def test_spearman_by_hand():
    x, y = [1, 2, 3, 4, 5], [2, 1, 4, 3, 5]  # 1 - 6·4/(5·24) = .8
    result = spearman(x, y)
    half = 1.959964 * math.sqrt((1 + 0.8**2 / 2) / 2)
    assert result.estimate == pytest.approx(0.8)
    assert (result.low, result.high) == pytest.approx(
        (math.tanh(math.atanh(0.8) - half), math.tanh(math.atanh(0.8) + half))
    )
    assert result.p == pytest.approx(scipy_stats.spearmanr(x, y).pvalue)


@pytest.mark.parametrize(
    "call",
    [
        lambda: mann_whitney([1], [2, 3]),
        lambda: hodges_lehmann([1, 2], []),
        lambda: prob_superior([1, 1], [1, 1]),
        lambda: spearman([1, 2, 3], [1, 2, 3]),
        lambda: spearman([1, 1, 1, 1], [1, 2, 3, 4]),
    ],
)
def test_what_the_data_do_not_define(call):
    with pytest.raises(UndefinedStatistic):
        call()
