"""Means and proportions: tests, effect sizes and intervals for a handful of runs a group; bootstrap."""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

Array = NDArray[np.float64]


class UndefinedStatistic(ValueError):
    """The data do not define the statistic: too few values, or no variation to judge by."""


@dataclass(frozen=True)
class HypothesisTest:
    """A test statistic and its two-sided p-value."""

    statistic: float
    p: float
    method: str


@dataclass(frozen=True)
class Interval:
    """An estimate with its two-sided confidence interval at ``level``; an unbounded side is infinite."""

    estimate: float
    low: float
    high: float
    level: float
    method: str


@dataclass(frozen=True)
class TInterval(Interval):
    """A Student-t interval with what made it; ``p`` is two-sided against the reference."""

    p: float
    standard_error: float
    df: float


@dataclass(frozen=True)
class Tost(Interval):
    """Two one-sided tests: ``p`` is the larger of the two, the interval is the (1 - 2 alpha) one."""

    p: float
    margin: float
    equivalent: bool


def sample(values: ArrayLike, name: str = "x", minimum: int = 2) -> Array:
    """``values`` as a one-dimensional float64 array.

    Raises: ValueError for more dimensions, or a NaN or infinity; UndefinedStatistic for fewer than ``minimum``
        values.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name}: expected one dimension, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: {int((~np.isfinite(array)).sum())} of {array.size} values are not finite")
    if array.size < minimum:
        raise UndefinedStatistic(f"{name}: {array.size} value(s), at least {minimum} are needed")
    return array


def check_level(level: float) -> float:
    """Return ``level`` if it lies strictly between 0 and 1; ValueError otherwise."""
    if not 0 < level < 1:
        raise ValueError(f"level: expected a number between 0 and 1, got {level}")
    return level


def is_constant(values: Array, scale: Array | None = None) -> bool:
    """Say whether ``values`` differ by no more than rounding (1e-12 of the largest of ``scale``)."""
    largest = float(np.max(np.abs(values if scale is None else scale)))
    return float(np.ptp(values)) <= 1e-12 * largest


def shapiro(x: ArrayLike) -> HypothesisTest:
    """Test normality (Shapiro and Wilk 1965; scipy). Needs three values that are not all equal."""
    x = sample(x, minimum=3)
    if is_constant(x):
        raise UndefinedStatistic("x: constant, normality cannot be judged")
    result = stats.shapiro(x)
    return HypothesisTest(float(result.statistic), float(result.pvalue), "Shapiro-Wilk")


def _t_interval(result: Any, estimate: float, se: float, level: float, method: str) -> TInterval:
    """scipy's t test with its interval."""
    low, high = (float(end) for end in result.confidence_interval(check_level(level)))
    return TInterval(estimate, low, high, level, method, float(result.pvalue), se, float(result.df))


def student_t(x: ArrayLike, level: float = 0.95, reference: float = 0.0) -> TInterval:
    """Mean of one sample: x̄ ± t(n-1) s/√n, with the two-sided p of mean = ``reference``.

    Raises: UndefinedStatistic for fewer than two values, or a constant sample.

    >>> round(student_t([1, 2, 3]).high, 3)  # 2 + 4.303 · 1/√3
    4.484
    """
    x = sample(x)
    if is_constant(x):
        raise UndefinedStatistic(f"constant: all {x.size} values equal {x[0]:.6g}")
    return _t_interval(
        stats.ttest_1samp(x, reference), float(x.mean()), float(stats.sem(x)), level, "Student t"
    )


def paired_t(x: ArrayLike, y: ArrayLike, level: float = 0.95) -> TInterval:
    """Mean of the differences x - y of pairs, with its Student-t interval and two-sided p of no difference.

    Raises: ValueError for samples of unequal length; UndefinedStatistic for fewer than two pairs, or the same
    difference in every pair.
    """
    x, y = sample(x, "x"), sample(y, "y")
    if x.size != y.size:
        raise ValueError(f"paired samples differ in length: {x.size} and {y.size}")
    d = x - y
    if is_constant(d, np.concatenate([x, y])):
        raise UndefinedStatistic(f"constant: the difference is {d[0]:.6g} in all {x.size} pairs")
    return _t_interval(stats.ttest_1samp(d, 0), float(d.mean()), float(stats.sem(d)), level, "paired t")


def welch(x: ArrayLike, y: ArrayLike, level: float = 0.95) -> TInterval:
    """Difference of means x̄ - ȳ, unequal variances, Welch-Satterthwaite degrees of freedom (Welch 1947).

    Raises: UndefinedStatistic for fewer than two values in a sample, or both samples constant.
    """
    x, y = sample(x, "x"), sample(y, "y")
    if is_constant(x) and is_constant(y):
        raise UndefinedStatistic(f"constant: all values of x equal {x[0]:.6g}, all of y {y[0]:.6g}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # one of the two may be constant
        result = stats.ttest_ind(x, y, equal_var=False)
        se = math.hypot(stats.sem(x), stats.sem(y))
        return _t_interval(result, float(x.mean() - y.mean()), se, level, "Welch t")


def equivalence_p(result: TInterval, margin: float, reference: float = 0.0) -> float:
    """The p of two one-sided t-tests that the estimate lies within ``reference`` ± ``margin`` (Schuirmann 1987).

    The larger of the two; below alpha exactly when the (1 - 2 alpha) interval lies inside the margin.
    """
    if not margin > 0:
        raise ValueError(f"margin: expected a number > 0, got {margin}")
    shift = result.estimate - reference
    upper = stats.t.cdf((shift - margin) / result.standard_error, result.df)
    lower = stats.t.sf((shift + margin) / result.standard_error, result.df)
    return float(max(upper, lower))


def tost(x: ArrayLike, y: ArrayLike, margin: float, alpha: float = 0.05) -> Tost:
    """Test that the means of x and y differ by less than ``margin`` (two one-sided Welch tests)."""
    if not 0 < alpha < 0.5:
        raise ValueError(f"alpha: expected a number between 0 and 0.5, got {alpha}")
    result = welch(x, y, level=1 - 2 * alpha)
    p = equivalence_p(result, margin)
    return Tost(result.estimate, result.low, result.high, result.level, "Welch TOST", p, margin, p < alpha)


def cohens_d(x: ArrayLike, y: ArrayLike, level: float = 0.95) -> Interval:
    """Standardised difference d = (x̄ - ȳ) / s_pooled (Cohen 1988, no bias correction) with its interval."""
    x, y = sample(x, "x"), sample(y, "y")
    if is_constant(x) and is_constant(y):
        raise UndefinedStatistic("constant: both samples, the pooled standard deviation is 0")
    return cohens_d_from_summary(
        float(x.mean()), float(x.std(ddof=1)), x.size, float(y.mean()), float(y.std(ddof=1)), y.size, level
    )


def cohens_d_from_summary(
    mean_a: float, sd_a: float, n_a: int, mean_b: float, sd_b: float, n_b: int, level: float = 0.95
) -> Interval:
    """Cohen's d from printed means, standard deviations and sizes.

    The interval holds the d under which the observed t is no further out than (1 - level)/2 of the noncentral t
    distribution; where scipy cannot compute that, the large-sample variance of Hedges and Olkin (1985, p. 86)
    serves, and ``method`` says so.

    >>> round(cohens_d_from_summary(3, 1, 10, 2, 1, 10).estimate, 6)
    1.0
    """
    if min(n_a, n_b) < 2 or min(sd_a, sd_b) < 0 or max(sd_a, sd_b) == 0:
        raise UndefinedStatistic(f"expected n >= 2 and a spread, got n {n_a}, {n_b}, sd {sd_a}, {sd_b}")
    df, tail = n_a + n_b - 2, (1 - check_level(level)) / 2
    d = (mean_a - mean_b) / math.sqrt(((n_a - 1) * sd_a**2 + (n_b - 1) * sd_b**2) / df)
    scale = math.sqrt(n_a * n_b / (n_a + n_b))
    try:
        low, high = (_noncentrality(d * scale, df, q) / scale for q in (1 - tail, tail))
        method = "noncentral t"
    except (ValueError, RuntimeError):
        half = float(stats.norm.isf(tail)) * math.sqrt(scale**-2 + d**2 / (2 * (n_a + n_b)))
        low, high, method = d - half, d + half, "normal approximation (Hedges and Olkin)"
    return Interval(d, low, high, level, method)


def _noncentrality(t: float, df: float, q: float) -> float:
    """Noncentrality whose distribution has ``t`` as its q-quantile; ValueError where scipy returns NaN."""

    def excess(nc: float) -> float:
        return float(stats.nct.cdf(t, df, nc)) - q

    step = math.copysign(math.sqrt(1 + t**2 / (2 * df)), 0.5 - q)  # a standard error of t, outwards
    inner, outer = t, t + step
    while excess(inner) * excess(outer) > 0:
        inner, outer = outer, outer + step
    return float(optimize.brentq(excess, inner, outer))


def holm(p: Sequence[float]) -> list[float]:
    """Adjust p-values by Holm's step-down method, in the given order (Holm 1979; statsmodels).

    >>> [round(value, 4) for value in holm([0.01, 0.04, 0.03])]  # 3 · .01, then 2 · .03, then max(.04, .06)
    [0.03, 0.06, 0.06]
    """
    from statsmodels.stats.multitest import multipletests

    values = sample(p, "p", minimum=0)
    if ((values < 0) | (values > 1)).any():
        raise ValueError(f"p: expected values from 0 to 1, got {list(p)}")
    return [float(value) for value in multipletests(values, method="holm")[1]] if values.size else []


def wilson(successes: int, n: int, level: float = 0.95) -> Interval:
    """Proportion with Wilson's score interval (Wilson 1927; statsmodels): defined at 0 and at n successes.

    >>> round(wilson(0, 10).high, 4)  # z²/(n + z²) = 3.8415/13.8415
    0.2775
    """
    from statsmodels.stats.proportion import proportion_confint

    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"wilson: expected 0 <= successes <= n and n >= 1, got {successes} of {n}")
    low, high = proportion_confint(successes, n, alpha=1 - check_level(level), method="wilson")
    return Interval(successes / n, float(low), float(high), level, "Wilson")


def proportion_p(successes: int, n: int, reference: float) -> float:
    """Two-sided score test of proportion = ``reference`` (0 to 1, exclusive); Wilson's interval inverts it."""
    if not 0 < reference < 1:
        raise ValueError(f"reference: expected a number between 0 and 1, got {reference}")
    se = math.sqrt(reference * (1 - reference) / n)
    return float(2 * stats.norm.sf(abs(successes / n - reference) / se))


def bootstrap(
    samples: Sequence[ArrayLike],
    statistic: Callable[..., Array],
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    n_resamples: int = 9999,
    paired: bool = False,
) -> Interval:
    """Percentile bootstrap interval of ``statistic(*samples, axis=...)`` (Efron and Tibshirani 1993; scipy).

    Each sample is resampled on its own, or with ``paired`` at the same positions. Resamples that leave the statistic
    undefined (one repeated value has no correlation) are left out, up to a tenth of them.

    Raises: UndefinedStatistic for fewer than two values, constant samples, or no interval from these data.
    """
    arrays = [sample(values, f"sample {index}") for index, values in enumerate(samples, start=1)]
    if all(is_constant(values) for values in arrays):
        raise UndefinedStatistic("constant: resampling cannot show any variation")
    estimate = float(statistic(*arrays, axis=-1))
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # raised below, as an error
        result = stats.bootstrap(
            arrays, statistic, n_resamples=n_resamples, batch=1000, vectorized=True, paired=paired, axis=-1,
            confidence_level=check_level(level), method="percentile", rng=rng,
        )  # fmt: skip
    drawn = result.bootstrap_distribution
    kept, tail = drawn[np.isfinite(drawn)], (1 - level) / 2
    if kept.size < 0.9 * drawn.size or not math.isfinite(estimate):
        raise UndefinedStatistic("bootstrap: too many resamples leave the statistic undefined")
    low, high = (float(end) for end in np.quantile(kept, [tail, 1 - tail]))
    return Interval(estimate, low, high, level, f"bootstrap (percentile, {n_resamples} resamples)")
