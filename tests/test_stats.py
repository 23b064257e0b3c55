"""Means, effect sizes, Holm, equivalence: by hand, against scipy and statsmodels, and as properties."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.proportion import proportions_ztest
from statsmodels.stats.weightstats import ttost_ind

from papers_lib.stats import (
    UndefinedStatistic,
    bootstrap,
    cohens_d,
    holm,
    models_per_group,
    paired_t,
    proportion_p,
    shapiro,
    simulated_power,
    spearman_statistic,
    student_t,
    tost,
    welch,
    wilson,
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
    assert result.equivalent == (-margin < result.low and result.high < margin) == (result.p < 0.05)
    assert result.level == pytest.approx(0.9)


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
    ],
)
def test_what_the_data_do_not_define(call):
    with pytest.raises(UndefinedStatistic):
        call()


def test_welch_takes_one_constant_group():
    result = welch([1, 1, 1], [0, 1, 2])  # its variance is that of the other group: df = 2, se = 1/√3
    assert (result.df, result.standard_error) == pytest.approx((2, 1 / math.sqrt(3)))


@pytest.mark.parametrize(
    ("prob", "power", "models"),
    [
        (0.7, 0.8, 33),  # (1.95996 + .84162)² / (6 · .04) = 32.7
        (0.7, 0.9, 44),  # (1.95996 + 1.28155)² / (6 · .04) = 43.8
        (0.3, 0.8, 33),  # the same difference the other way round
        (1.0, 0.2, 4),  # (1.95996 - .84162)² / 1.5 = .8, but fewer than 4 never reach p <= .05
    ],
)
def test_noether_by_hand(prob, power, models):
    assert models_per_group(prob, power) == models


def test_simulation_keeps_noethers_promise():
    rng = np.random.default_rng(0)
    x, y = rng.normal(0.7416, 1, 4000), rng.normal(0, 1, 4000)  # P(x > y) = Φ(.7416/√2) = .70
    n = models_per_group(0.7, power=0.8)
    result = simulated_power(x, y, n, n, rng=np.random.default_rng(1))
    assert result.estimate == pytest.approx(0.8, abs=0.04)
    assert result.low < result.estimate < result.high


@pytest.mark.parametrize(("k", "n"), [(3, 12), (11, 12), (0, 5)])
def test_the_score_test_ends_where_the_interval_does(k, n):
    result = wilson(k, n, 0.9)
    for end in (result.low, result.high):
        if 0 < end < 1:
            assert proportion_p(k, n, end) == pytest.approx(0.1)
    assert proportion_p(k, n, 0.4) == pytest.approx(proportions_ztest(k, n, 0.4, prop_var=0.4)[1])


def mean(x, axis=-1):
    return np.mean(x, axis=axis)


def test_percentile_interval_is_that_of_all_resamples():
    values = [0.0, 1.0, 5.0]
    every = [np.mean(drawn) for drawn in itertools.product(values, repeat=3)]
    result = bootstrap([values], mean, rng=np.random.default_rng(0), level=0.8)
    # Quantiles of the 27 equally likely means: P(mean <= 1/3) = 4/27 > .1, P(mean >= 11/3) = 4/27 > .1.
    assert (result.low, result.high) == pytest.approx((1 / 3, 11 / 3))
    assert min(every) < result.low < result.estimate == 2 < result.high < max(every)


def test_mean_of_many_values_comes_close_to_the_normal_interval():
    x = np.random.default_rng(1).normal(size=400)
    result = bootstrap([x], mean, rng=np.random.default_rng(2))
    half = 1.96 * x.std(ddof=1) / 20
    assert (result.low, result.high) == pytest.approx((x.mean() - half, x.mean() + half), abs=0.006)


def test_pairs_stay_together():
    x = np.arange(12.0)
    result = bootstrap([x, 2 * x], spearman_statistic, rng=np.random.default_rng(0), paired=True)
    assert (result.low, result.high) == pytest.approx((1, 1))  # broken pairs would spread around 0


def test_too_many_undefined_resamples():
    x = np.array([0.0, 0.0, 0.0, 1.0])  # (3/4)⁴ = 32 % of the resamples are constant
    with pytest.raises(UndefinedStatistic, match="undefined"):
        bootstrap([x, np.arange(4.0)], spearman_statistic, rng=np.random.default_rng(0), paired=True)
