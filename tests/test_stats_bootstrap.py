"""Bootstrap: every resample of three values, the textbook interval, determinism."""

import itertools

import numpy as np
import pytest

from papers_lib.stats import UndefinedStatistic, bootstrap, spearman_statistic


def mean(x, axis=-1):
    return np.mean(x, axis=axis)


def test_percentile_interval_is_that_of_all_resamples():
    values = [0.0, 1.0, 5.0]
    every = [np.mean(drawn) for drawn in itertools.product(values, repeat=3)]
    result = bootstrap([values], mean, rng=np.random.default_rng(0), level=0.8)
    # Quantiles of the 27 equally likely means: P(mean <= 1/3) = 4/27 > .1, P(mean >= 11/3) = 4/27 > .1.
    assert (result.low, result.high) == pytest.approx((1 / 3, 11 / 3))
    assert min(every) < result.low < result.estimate == 2 < result.high < max(every)


@pytest.mark.parametrize("method", ["percentile", "BCa"])
def test_mean_of_many_values_comes_close_to_the_normal_interval(method):
    x = np.random.default_rng(1).normal(size=400)
    result = bootstrap([x], mean, rng=np.random.default_rng(2), method=method)
    half = 1.96 * x.std(ddof=1) / 20
    assert (result.low, result.high) == pytest.approx((x.mean() - half, x.mean() + half), abs=0.006)
    assert method in result.method


def test_pairs_stay_together():
    x = np.arange(12.0)
    result = bootstrap([x, 2 * x], spearman_statistic, rng=np.random.default_rng(0), paired=True)
    assert (result.low, result.high) == pytest.approx((1, 1))  # broken pairs would spread around 0


def test_too_many_undefined_resamples():
    x = np.array([0.0, 0.0, 0.0, 1.0])  # (3/4)⁴ = 32 % of the resamples are constant
    with pytest.raises(UndefinedStatistic, match="undefined"):
        bootstrap([x, np.arange(4.0)], spearman_statistic, rng=np.random.default_rng(0), paired=True)
