# ruff: noqa: E402
"""Statistics for a handful of runs a group: means and proportions, ranks, sample sizes and power. Needs scipy."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from papers_lib.errors import needed, one_of

needed("scipy")

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

Array = NDArray[np.float64]
# Above this number of pairs the exact null distribution costs seconds and the normal one is as good.
EXACT_PAIRS = 2500


class UndefinedStatistic(ValueError):
    """The data do not define the statistic: too few values, or no variation to judge by."""


@dataclass(frozen=True)
class HypothesisTest:
    """A test statistic and its two-sided p-value."""

    statistic: float
    p: float


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
class MannWhitney:
    """U counts the pairs with x > y, ties as one half."""

    u: float
    p: float


def sample(values: ArrayLike, name: str = "x", minimum: int = 2) -> Array:
    """``values`` as a one-dimensional, finite float64 array; UndefinedStatistic for fewer than ``minimum``."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name}: expected one dimension, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: {int((~np.isfinite(array)).sum())} of {array.size} values are not finite")
    if array.size < minimum:
        raise UndefinedStatistic(f"{name}: {array.size} value(s), at least {minimum} are needed")
    return array


def check_level(level: float) -> float:
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
    return HypothesisTest(float(result.statistic), float(result.pvalue))


def _t_interval(result: Any, estimate: float, se: float, level: float, method: str) -> TInterval:
    low, high = (float(end) for end in result.confidence_interval(check_level(level)))
    return TInterval(estimate, low, high, level, method, float(result.pvalue), se, float(result.df))


def student_t(x: ArrayLike, level: float = 0.95, reference: float = 0.0) -> TInterval:
    """Mean of one sample: x̄ ± t(n-1) s/√n, with the two-sided p of mean = ``reference``.

    >>> round(student_t([1, 2, 3]).high, 3)  # 2 + 4.303 · 1/√3
    4.484
    """
    x = sample(x)
    if is_constant(x):
        raise UndefinedStatistic(f"constant: all {x.size} values equal {x[0]:.6g}")
    result = stats.ttest_1samp(x, reference)
    return _t_interval(result, float(x.mean()), float(stats.sem(x)), level, "Student t")


def paired_t(x: ArrayLike, y: ArrayLike, level: float = 0.95) -> TInterval:
    """Mean of the differences x - y of pairs, with its Student-t interval and two-sided p of no difference."""
    x, y = sample(x, "x"), sample(y, "y")
    if x.size != y.size:
        raise ValueError(f"paired samples differ in length: {x.size} and {y.size}")
    d = x - y
    if is_constant(d, np.concatenate([x, y])):
        raise UndefinedStatistic(f"constant: the difference is {d[0]:.6g} in all {x.size} pairs")
    return _t_interval(stats.ttest_1samp(d, 0), float(d.mean()), float(stats.sem(d)), level, "paired t")


def welch(x: ArrayLike, y: ArrayLike, level: float = 0.95) -> TInterval:
    """Difference of means x̄ - ȳ, unequal variances, Welch-Satterthwaite degrees of freedom (Welch 1947)."""
    x, y = sample(x, "x"), sample(y, "y")
    if is_constant(x) and is_constant(y):
        raise UndefinedStatistic(f"constant: all values of x equal {x[0]:.6g}, all of y {y[0]:.6g}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # one of the two may be constant
        result = stats.ttest_ind(x, y, equal_var=False)
        se = math.hypot(stats.sem(x), stats.sem(y))
        return _t_interval(result, float(x.mean() - y.mean()), se, level, "Welch t")


def equivalence_p(result: TInterval, margin: float, reference: float = 0.0) -> float:
    """The p of two one-sided t-tests that the estimate lies within ``reference`` ± ``margin`` (Schuirmann 1987)."""
    if not margin > 0:
        raise ValueError(f"margin: expected a number > 0, got {margin}")
    shift = result.estimate - reference
    upper = stats.t.cdf((shift - margin) / result.standard_error, result.df)
    lower = stats.t.sf((shift + margin) / result.standard_error, result.df)
    return float(max(upper, lower))


def tost(x: ArrayLike, y: ArrayLike, margin: float) -> TInterval:
    """Two one-sided Welch tests that the means differ by less than ``margin``: their p, and the 90 % interval."""
    result = welch(x, y, level=0.9)
    return replace(result, p=equivalence_p(result, margin), method="Welch TOST")


def cohens_d(x: ArrayLike, y: ArrayLike, level: float = 0.95) -> Interval:
    """Standardised difference d = (x̄ - ȳ) / s_pooled (Cohen 1988, no bias correction) with its interval.

    From the noncentral t distribution, or else the large-sample variance of Hedges and Olkin (1985, p. 86).

    >>> round(cohens_d([1, 2, 3], [0, 1, 2]).estimate, 6)
    1.0
    """
    x, y = sample(x, "x"), sample(y, "y")
    if is_constant(x) and is_constant(y):
        raise UndefinedStatistic("constant: both samples, the pooled standard deviation is 0")
    n_a, n_b = x.size, y.size
    df, tail = n_a + n_b - 2, (1 - check_level(level)) / 2
    pooled = math.sqrt(((n_a - 1) * x.std(ddof=1) ** 2 + (n_b - 1) * y.std(ddof=1) ** 2) / df)
    d = float(x.mean() - y.mean()) / pooled
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
    """Adjust p-values by Holm's step-down method, in the given order (Holm 1979; statsmodels)."""
    from statsmodels.stats.multitest import multipletests

    values = sample(p, "p", minimum=0)
    if ((values < 0) | (values > 1)).any():
        raise ValueError(f"p: expected values from 0 to 1, got {list(p)}")
    return [float(value) for value in multipletests(values, method="holm")[1]] if values.size else []


def wilson(successes: int, n: int, level: float = 0.95) -> Interval:
    """Proportion with Wilson's score interval (Wilson 1927; statsmodels): defined at 0 and at n successes."""
    from statsmodels.stats.proportion import proportion_confint

    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"wilson: expected 0 <= successes <= n and n >= 1, got {successes} of {n}")
    low, high = proportion_confint(successes, n, alpha=1 - check_level(level), method="wilson")
    return Interval(successes / n, float(low), float(high), level, "Wilson")


def proportion_p(successes: int, n: int, reference: float) -> float:
    """Two-sided score test of proportion = ``reference`` (0 to 1, exclusive); Wilson's interval inverts it."""
    se = math.sqrt(reference * (1 - reference) / n)
    return float(2 * stats.norm.sf(abs(successes / n - reference) / se))


@lru_cache(maxsize=256)
def _sum_distribution(scores: tuple[int, ...], chosen: int) -> Array:
    """P(sum = s) for s = 0, 1, … when ``chosen`` of the integer ``scores`` are drawn without replacement."""
    counts = np.zeros((chosen + 1, sum(sorted(scores)[-chosen:]) + 1))
    counts[0, 0] = 1.0
    for score in scores:  # numpy reads the right side before it writes, so each score is used at most once
        counts[1:, score:] += counts[:-1, : counts.shape[1] - score]
    probabilities = counts[-1] / math.comb(len(scores), chosen)
    probabilities.setflags(write=False)
    return probabilities


def _exact_p(total: int, scores: tuple[int, ...], chosen: int, alternative: str) -> float:
    probabilities = _sum_distribution(scores, chosen)
    less, greater = float(probabilities[: total + 1].sum()), float(probabilities[total:].sum())
    return min(1.0, {"less": less, "greater": greater, "two-sided": 2 * min(less, greater)}[alternative])


def mann_whitney(
    x: ArrayLike, y: ArrayLike, method: str = "exact", alternative: str = "two-sided"
) -> MannWhitney:
    """Test whether values of x tend to be larger than those of y (Mann and Whitney 1947).

    "exact" takes the permutation distribution of the midrank sum given the ties (scipy's has none), two-sided twice
    the smaller tail; above 2,500 pairs, and for "asymptotic", scipy's normal approximation.

    >>> mann_whitney([1, 2, 3], [4, 5, 6]).p  # 2 of the C(6, 3) = 20 orders are as extreme
    0.1
    """
    one_of("method", method, ("exact", "asymptotic"))
    x, y = sample(x, "x"), sample(y, "y")
    reference = stats.mannwhitneyu(x, y, method="asymptotic", alternative=alternative)
    u, n_a, n_b = float(reference.statistic), x.size, y.size
    if method == "asymptotic" or n_a * n_b > EXACT_PAIRS:
        return MannWhitney(u, float(reference.pvalue))
    ranks = stats.rankdata(np.concatenate([x, y]))
    ties = np.unique(ranks).size < ranks.size
    # Midranks are multiples of one half: count in half ranks only where there are ties.
    scores = np.rint(ranks * (2 if ties else 1)).astype(int)
    group = scores[:n_a]
    if n_b < n_a:  # the smaller group makes the shorter table; seen from there the alternatives swap
        group = scores[n_a:]
        alternative = {"less": "greater", "greater": "less"}.get(alternative, alternative)
    p = _exact_p(int(group.sum()), tuple(sorted(scores.tolist())), group.size, alternative)
    return MannWhitney(u, p)


def mann_whitney_from_u(u: float, n_a: int, n_b: int, method: str = "exact") -> MannWhitney:
    """The two-sided p of a printed U and group sizes, assuming no ties: a fractional U has no exact one.

    >>> f"{mann_whitney_from_u(0, 25, 23, 'asymptotic').p:.3g}"
    '3.16e-09'
    """
    one_of("method", method, ("exact", "asymptotic"))
    if min(n_a, n_b) < 1 or not 0 <= u <= n_a * n_b:
        raise ValueError(f"u: expected 0 to n_a n_b with n >= 1, got {u} for groups of {n_a} and {n_b}")
    if method == "exact":
        if u != int(u):
            raise ValueError(f"u: {u} is no whole number, so there are ties and no exact p from U alone")
        smaller = min(n_a, n_b)
        rank_sum = int(u) + smaller * (smaller + 1) // 2
        p = _exact_p(rank_sum, tuple(range(1, n_a + n_b + 1)), smaller, "two-sided")
        return MannWhitney(float(u), p)
    z = (abs(u - n_a * n_b / 2) - 0.5) / math.sqrt(n_a * n_b * (n_a + n_b + 1) / 12)
    return MannWhitney(float(u), min(1.0, float(2 * stats.norm.sf(z))))


def mann_whitney_p_floor(n_a: int, n_b: int, method: str = "exact") -> float:
    """The smallest two-sided p these group sizes allow, reached at complete separation without ties."""
    if method == "exact" and min(n_a, n_b) >= 1:
        return min(1.0, 2 / math.comb(n_a + n_b, n_a))
    return mann_whitney_from_u(0, n_a, n_b, method).p


def rank_biserial(x: ArrayLike, y: ArrayLike) -> float:
    """r = 1 - 2U/(n_a n_b), U counting the pairs with x > y: +1 when every y exceeds every x."""
    x, y = sample(x, "x"), sample(y, "y")
    return 1 - 2 * mann_whitney(x, y, method="asymptotic").u / (x.size * y.size)


def prob_superior(x: ArrayLike, y: ArrayLike, level: float = 0.95) -> Interval:
    """P(x > y) + ½ P(x = y) with its interval (Brunner and Munzel 2000; statsmodels), cut to [0, 1].

    Under complete separation that variance is 0; then min(n_a, n_b) disjoint pairs, all on one side, give Clopper and
    Pearson's bound, and ``method`` says so.
    """
    from statsmodels.stats.nonparametric import rank_compare_2indep

    x, y = sample(x, "x"), sample(y, "y")
    check_level(level)
    if np.ptp(np.concatenate([x, y])) == 0:
        raise UndefinedStatistic("constant: all values of both samples are equal")
    if x.min() > y.max() or x.max() < y.min():
        bound = ((1 - level) / 2) ** (1 / min(x.size, y.size))
        p, low, high = (1.0, bound, 1.0) if x.min() > y.max() else (0.0, 0.0, 1 - bound)
        return Interval(p, low, high, level, "complete separation: Clopper-Pearson on disjoint pairs")
    result = rank_compare_2indep(x, y)
    low, high = (float(end) for end in np.clip(result.conf_int(alpha=1 - level), 0, 1))
    return Interval(float(result.prob1), low, high, level, "Brunner-Munzel")


def hodges_lehmann(x: ArrayLike, y: ArrayLike, level: float = 0.95) -> Interval:
    """Shift of x against y: the median of all differences x_i - y_j (Hodges and Lehmann 1963).

    The interval runs from the k-th smallest to the k-th largest difference, k - 1 being the largest u with 2 P(U <=
    u) <= 1 - level (Hollander and Wolfe 1999, section 4.3): the shifts that the Mann-Whitney test does not reject.
    Groups too small for the level give an unbounded interval. Above 2,500 pairs P is the normal one.
    """
    x, y = sample(x, "x"), sample(y, "y")
    differences = np.sort((x[:, None] - y[None, :]).ravel())
    n_a, n_b, tail = x.size, y.size, (1 - check_level(level)) / 2
    smaller = min(n_a, n_b)
    if n_a * n_b <= EXACT_PAIRS:
        below = np.cumsum(_sum_distribution(tuple(range(1, n_a + n_b + 1)), smaller))
        k = int(np.sum(below[smaller * (smaller + 1) // 2 :] <= tail * (1 + 1e-9)))
        name = "Hodges-Lehmann, exact"
    else:
        sd = math.sqrt(n_a * n_b * (n_a + n_b + 1) / 12)
        k = max(0, math.floor(n_a * n_b / 2 - float(stats.norm.isf(tail)) * sd + 0.5))
        name = "Hodges-Lehmann, asymptotic"
    ends = (float(differences[k - 1]), float(differences[-k])) if k else (-math.inf, math.inf)
    return Interval(float(np.median(differences)), *ends, level, name)


def equivalence_p_ranks(x: ArrayLike, y: ArrayLike, margin: float) -> float:
    """The p of two one-sided Mann-Whitney tests that x and y are shifted by less than ``margin``."""
    x, y = sample(x, "x"), sample(y, "y")
    greater = mann_whitney(x + margin, y, alternative="greater").p
    return max(greater, mann_whitney(x - margin, y, alternative="less").p)


def spearman_statistic(x: Array, y: Array, axis: int = -1) -> Array:
    """Spearman's rank correlation along ``axis``."""
    ranks_x, ranks_y = stats.rankdata(x, axis=axis), stats.rankdata(y, axis=axis)
    x0 = ranks_x - ranks_x.mean(axis=axis, keepdims=True)
    y0 = ranks_y - ranks_y.mean(axis=axis, keepdims=True)
    return np.asarray((x0 * y0).sum(axis) / np.sqrt((x0**2).sum(axis) * (y0**2).sum(axis)))


def models_per_group(prob_superior: float, power: float = 0.8, alpha: float = 0.05) -> int:
    """Models needed in each of two equal groups for a two-sided Mann-Whitney test (Noether 1987).

    N = (z_{1-α/2} + z_{power})² / (12 c (1 - c) (p - ½)²) with c = ½, half of N a group, p = P(x > y), not ½. Never
    fewer than the size at which complete separation reaches p <= alpha.

    >>> models_per_group(0.7)  # (1.960 + 0.842)² / (6 · 0.2²) = 32.7
    33
    """
    if not 0 <= prob_superior <= 1 or prob_superior == 0.5:
        raise ValueError(f"prob_superior: expected a number from 0 to 1 other than 0.5, got {prob_superior}")
    z = float(stats.norm.isf(alpha / 2) + stats.norm.ppf(power))
    needed = max(2, math.ceil(max(0.0, z) ** 2 / (6 * (prob_superior - 0.5) ** 2)))
    while mann_whitney_p_floor(needed, needed) > alpha:
        needed += 1
    return needed


def simulated_power(
    x: ArrayLike, y: ArrayLike, n_a: int, n_b: int, *, rng: np.random.Generator, n_simulations: int = 2000
) -> Interval:
    """Power of the Mann-Whitney test (5 %, asymptotic) at n_a and n_b models, from two observed samples.

    Each simulation draws with replacement; the interval (Wilson) shows the simulation's own error only.
    """
    drawn_x = rng.choice(sample(x, "x"), size=(n_simulations, n_a))
    drawn_y = rng.choice(sample(y, "y"), size=(n_simulations, n_b))
    p = stats.mannwhitneyu(drawn_x, drawn_y, method="asymptotic", axis=1).pvalue
    return replace(
        wilson(int((p <= 0.05).sum()), n_simulations), method="simulation, Mann-Whitney asymptotic"
    )
