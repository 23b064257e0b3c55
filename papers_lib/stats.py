"""Means: tests, effect sizes and intervals for a handful of runs a group.

Mann-Whitney, Hodges-Lehmann and Spearman are in ``stats_ranks``, proportions in ``stats_proportions``,
resampling in ``stats_bootstrap``, sample sizes in ``stats_power``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

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
    """Return ``values`` as a one-dimensional float64 array.

    Raises:
        ValueError: more than one dimension, or a NaN or infinity.
        UndefinedStatistic: fewer than ``minimum`` values.
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


def _t_interval(
    estimate: float, se: float, df: float, level: float, reference: float, method: str
) -> TInterval:
    half = float(stats.t.isf((1 - check_level(level)) / 2, df)) * se
    p = float(2 * stats.t.sf(abs(estimate - reference) / se, df))
    return TInterval(estimate, estimate - half, estimate + half, level, method, p, se, df)


def student_t(x: ArrayLike, level: float = 0.95, reference: float = 0.0) -> TInterval:
    """Mean of one sample: x̄ ± t(n-1) s/√n, with the two-sided p of mean = ``reference``.

    Raises:
        UndefinedStatistic: fewer than two values, or a constant sample.

    >>> round(student_t([1, 2, 3]).high, 3)  # 2 + 4.303 · 1/√3
    4.484
    """
    x = sample(x)
    if is_constant(x):
        raise UndefinedStatistic(f"constant: all {x.size} values equal {x[0]:.6g}")
    se = float(x.std(ddof=1)) / math.sqrt(x.size)
    return _t_interval(float(x.mean()), se, x.size - 1, level, reference, "Student t")


def paired_t(x: ArrayLike, y: ArrayLike, level: float = 0.95) -> TInterval:
    """Mean of the differences x - y of pairs, with its Student-t interval and two-sided p of no difference.

    Raises:
        ValueError: samples of unequal length.
        UndefinedStatistic: fewer than two pairs, or the same difference in every pair.
    """
    x, y = sample(x, "x"), sample(y, "y")
    if x.size != y.size:
        raise ValueError(f"paired samples differ in length: {x.size} and {y.size}")
    if is_constant(x - y, np.concatenate([x, y])):
        raise UndefinedStatistic(f"constant: the difference is {x[0] - y[0]:.6g} in all {x.size} pairs")
    se = float((x - y).std(ddof=1)) / math.sqrt(x.size)
    return _t_interval(float((x - y).mean()), se, x.size - 1, level, 0.0, "paired t")


def welch(x: ArrayLike, y: ArrayLike, level: float = 0.95) -> TInterval:
    """Difference of means x̄ - ȳ, unequal variances, Welch-Satterthwaite degrees of freedom (Welch 1947).

    Raises:
        UndefinedStatistic: fewer than two values in a sample, or both samples constant.
    """
    x, y = sample(x, "x"), sample(y, "y")
    if is_constant(x) and is_constant(y):
        raise UndefinedStatistic(f"constant: all values of x equal {x[0]:.6g}, all of y {y[0]:.6g}")
    a, b = float(x.var(ddof=1)) / x.size, float(y.var(ddof=1)) / y.size
    df = (a + b) ** 2 / (a**2 / (x.size - 1) + b**2 / (y.size - 1))
    return _t_interval(float(x.mean() - y.mean()), math.sqrt(a + b), df, level, 0.0, "Welch t")


def equivalence_p(result: TInterval, margin: float, reference: float = 0.0) -> float:
    """Return the p of two one-sided t-tests that the estimate lies within ``reference`` ± ``margin``.

    Schuirmann 1987: the larger of the two one-sided p-values. Below alpha exactly when the
    (1 - 2 alpha) interval lies inside the margin.
    """
    if not margin > 0:
        raise ValueError(f"margin: expected a number > 0, got {margin}")
    shift = result.estimate - reference
    upper = stats.t.cdf((shift - margin) / result.standard_error, result.df)
    lower = stats.t.sf((shift + margin) / result.standard_error, result.df)
    return float(max(upper, lower))


def tost(x: ArrayLike, y: ArrayLike, margin: float, alpha: float = 0.05) -> Tost:
    """Test that the means of x and y differ by less than ``margin`` (two one-sided Welch tests).

    Returns:
        p, the (1 - 2 alpha) interval of x̄ - ȳ, and ``equivalent`` (p < alpha).
    """
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

    The interval holds the d under which the observed t is no further out than (1 - level)/2 of the noncentral
    t distribution. Where scipy cannot compute that (|d| of some thousands), the large-sample variance of
    Hedges and Olkin (1985, p. 86) serves, and ``method`` says so.

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
