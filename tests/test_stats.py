"""Means, effect sizes, Holm, equivalence: by hand, against scipy and statsmodels, and as properties."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.weightstats import ttost_ind

from papers_lib.stats import (
    UndefinedStatistic,
    cohens_d,
    equivalence_p_ranks,
    hodges_lehmann,
    holm,
    mann_whitney,
    mann_whitney_from_u,
    mann_whitney_p_floor,
    models_per_group,
    paired_t,
    prob_superior,
    shapiro,
    simulated_power,
    student_t,
    tost,
    welch,
)

RNG = np.random.default_rng(7)
X, Y = RNG.normal(0.3, 0.1, 9), RNG.normal(0.2, 0.3, 6)
SAMPLES = st.lists(st.integers(-50, 50), min_size=2, max_size=8).filter(lambda values: len(set(values)) > 1)


def test_student_t_by_hand_and_against_scipy():
    result = student_t([1, 2, 3], reference=1)  # mean 2, s 1, t(2; .975) = 4.30265, t = √3
    assert result.standard_error == pytest.approx(1 / math.sqrt(3))
    assert (result.low, result.high) == pytest.approx(
        (2 - 4.30265 / math.sqrt(3), 2 + 4.30265 / math.sqrt(3)), rel=1e-5
    )
    assert result.p == pytest.approx(scipy_stats.ttest_1samp([1, 2, 3], 1).pvalue)


@pytest.mark.parametrize("margin", [0.05, 0.2, 0.6])
def test_tost_agrees_with_statsmodels_and_with_its_interval(margin):
    result = tost(X, Y, margin)
    assert result.p == pytest.approx(ttost_ind(X, Y, -margin, margin, usevar="unequal")[0])
    assert (-margin < result.low and result.high < margin) == (result.p < 0.05)


def test_cohens_d_interval_holds_the_tails_of_the_noncentral_t():
    result = cohens_d(X, Y)
    scale = math.sqrt(9 * 6 / 15)
    t = scipy_stats.ttest_ind(X, Y).statistic
    assert result.estimate * scale == pytest.approx(t)
    assert scipy_stats.nct.cdf(t, 13, result.low * scale) == pytest.approx(0.975)
    assert scipy_stats.nct.cdf(t, 13, result.high * scale) == pytest.approx(0.025)
    assert result.method == "noncentral t"


def test_holm_by_hand():
    # Sorted .01 .03 .04: 3·.01, then 2·.03, then .04 raised to .06. A larger one is cut at 1.
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@given(x=SAMPLES, y=SAMPLES, shift=st.integers(-20, 20))
@settings(max_examples=40, deadline=None)
def test_differences_are_antisymmetric_and_shift_together(x, y, shift):
    x, y = np.array(x, float), np.array(y, float)
    for function in (welch, cohens_d):
        a, b, moved = function(x, y), function(y, x), function(x + shift, y + shift)
        assert (a.estimate, a.low, a.high) == pytest.approx((-b.estimate, -b.high, -b.low), abs=1e-7)
        assert (a.low, a.high) == pytest.approx((moved.low, moved.high), abs=1e-7)


@pytest.mark.parametrize(
    "call",
    [
        lambda: student_t([1.0]),
        lambda: student_t([0.1] * 5),
        lambda: welch([1, 1], [2, 2]),
        lambda: paired_t([0.3, 0.4], [0.1, 0.2]),
        lambda: shapiro([1, 2]),
        lambda: cohens_d([1, 1], [2, 2]),
        lambda: mann_whitney([1], [2, 3]),
        lambda: hodges_lehmann([1, 2], []),
        lambda: prob_superior([1, 1], [1, 1]),
    ],
)
def test_what_the_data_do_not_define(call):
    with pytest.raises(UndefinedStatistic):
        call()


def test_simulation_keeps_noethers_promise():
    rng = np.random.default_rng(0)
    x, y = rng.normal(0.7416, 1, 4000), rng.normal(0, 1, 4000)  # P(x > y) = Φ(.7416/√2) = .70
    n = models_per_group(0.7, power=0.8)
    result = simulated_power(x, y, n, n, rng=np.random.default_rng(1))
    assert result.estimate == pytest.approx(0.8, abs=0.04)
    assert result.low < result.estimate < result.high


# Permeability of the placenta, Hollander and Wolfe 1973, table 4.1; also R's example of wilcox.test (W = 35).
TERM = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
EARLY = [1.15, 0.88, 0.90, 0.74, 1.21]
RANKED = st.lists(st.integers(-9, 9), min_size=2, max_size=5)


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
    ("u", "n_a", "n_b", "asymptotic", "exact"),
    [(0, 25, 23, 3.16e-9, 6.5e-14), (0, 23, 22, 9.85e-9, 4.9e-13), (483, 23, 22, 1.88e-7, 2.8e-9)],
)
def test_the_authors_table(u, n_a, n_b, asymptotic, exact):
    assert mann_whitney_from_u(u, n_a, n_b, "asymptotic").p == pytest.approx(asymptotic, rel=2e-3)
    assert mann_whitney_from_u(u, n_a, n_b).p == pytest.approx(exact, rel=1e-2)


@given(x=RANKED, y=RANKED, alternative=st.sampled_from(["two-sided", "less", "greater"]))
@settings(max_examples=60, deadline=None)
def test_exact_with_and_without_ties_is_the_enumeration(x, y, alternative):
    result = mann_whitney(x, y, alternative=alternative)
    assert result.u == pair_count(x, y)
    assert result.p == pytest.approx(enumerated_p(x, y, alternative))


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
