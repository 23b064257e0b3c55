"""Ranks: Mann-Whitney and its effect sizes, Hodges-Lehmann shift, Spearman's correlation; sample sizes and power."""

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from papers_lib.stats.means import (
    Array,
    Interval,
    UndefinedStatistic,
    check_level,
    is_constant,
    sample,
    wilson,
)

# Above this number of pairs the exact null distribution costs seconds and the normal one is as good.
EXACT_PAIRS = 2500


@dataclass(frozen=True)
class MannWhitney:
    """U counts the pairs with x > y, ties as one half; ``method`` says how p was really obtained."""

    u: float
    p: float
    n_a: int
    n_b: int
    method: str


@dataclass(frozen=True)
class Correlation(Interval):
    """A correlation with its interval, the two-sided p of no correlation and the smallest p that n allows."""

    p: float
    p_floor: float


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
    one_sided = {"less": less, "greater": greater, "two-sided": 2 * min(less, greater)}
    return min(1.0, one_sided[alternative])


def _check(method: str, alternative: str = "two-sided") -> None:
    if method not in ("exact", "asymptotic"):
        raise ValueError(f"method: expected exact or asymptotic, got {method!r}")
    if alternative not in ("two-sided", "less", "greater"):
        raise ValueError(f"alternative: expected two-sided, less or greater, got {alternative!r}")


def mann_whitney(
    x: ArrayLike, y: ArrayLike, method: str = "exact", alternative: str = "two-sided"
) -> MannWhitney:
    """Test whether values of x tend to be larger than those of y (Mann and Whitney 1947).

    "exact" takes the permutation distribution of the rank sum, with ties that of the midrank sum given those ties.
    Two-sided is twice the smaller tail. Above 2,500 pairs, and for "asymptotic", scipy's normal approximation with
    tie and continuity correction; ``method`` says what was done.

    >>> mann_whitney([1, 2, 3], [4, 5, 6]).p  # 2 of the C(6, 3) = 20 orders are as extreme
    0.1
    """
    _check(method, alternative)
    x, y = sample(x, "x"), sample(y, "y")
    reference = stats.mannwhitneyu(x, y, method="asymptotic", alternative=alternative)
    u, n_a, n_b = float(reference.statistic), x.size, y.size
    if method == "asymptotic" or n_a * n_b > EXACT_PAIRS:
        name = "asymptotic" if method == "asymptotic" else f"asymptotic (more than {EXACT_PAIRS} pairs)"
        return MannWhitney(u, float(reference.pvalue), n_a, n_b, name)
    ranks = stats.rankdata(np.concatenate([x, y]))
    ties = np.unique(ranks).size < ranks.size
    # Midranks are multiples of one half: count in half ranks only where there are ties.
    scores = np.rint(ranks * (2 if ties else 1)).astype(int)
    group = scores[:n_a]
    if n_b < n_a:  # the smaller group makes the shorter table; seen from there the alternatives swap
        group = scores[n_a:]
        alternative = {"less": "greater", "greater": "less"}.get(alternative, alternative)
    p = _exact_p(int(group.sum()), tuple(sorted(scores.tolist())), group.size, alternative)
    return MannWhitney(u, p, n_a, n_b, "exact, given the ties" if ties else "exact")


def mann_whitney_from_u(u: float, n_a: int, n_b: int, method: str = "exact") -> MannWhitney:
    """The two-sided p of a printed U and group sizes, assuming no ties.

    Raises: ValueError for U outside 0 … n_a n_b, or a fractional U (which means ties) with "exact".

    >>> f"{mann_whitney_from_u(0, 25, 23, 'asymptotic').p:.3g}"
    '3.16e-09'
    """
    _check(method)
    if min(n_a, n_b) < 1 or not 0 <= u <= n_a * n_b:
        raise ValueError(f"u: expected 0 to n_a n_b with n >= 1, got {u} for groups of {n_a} and {n_b}")
    if method == "exact":
        if u != int(u):
            raise ValueError(f"u: {u} is no whole number, so there are ties and no exact p from U alone")
        smaller = min(n_a, n_b)
        rank_sum = int(u) + smaller * (smaller + 1) // 2
        p = _exact_p(rank_sum, tuple(range(1, n_a + n_b + 1)), smaller, "two-sided")
        return MannWhitney(float(u), p, n_a, n_b, "exact")
    z = (abs(u - n_a * n_b / 2) - 0.5) / math.sqrt(n_a * n_b * (n_a + n_b + 1) / 12)
    return MannWhitney(float(u), min(1.0, float(2 * stats.norm.sf(z))), n_a, n_b, "asymptotic")


def mann_whitney_p_floor(n_a: int, n_b: int, method: str = "exact") -> float:
    """Return the smallest two-sided p these group sizes allow, reached at complete separation without ties.

    >>> mann_whitney_p_floor(3, 3)  # 2 / C(6, 3)
    0.1
    """
    if method == "exact" and min(n_a, n_b) >= 1:
        return min(1.0, 2 / math.comb(n_a + n_b, n_a))
    return mann_whitney_from_u(0, n_a, n_b, method).p


def rank_biserial_from_u(u: float, n_a: int, n_b: int) -> float:
    """r = 1 - 2U/(n_a n_b), U counting the pairs with x > y: +1 when every y exceeds every x.

    >>> round(rank_biserial_from_u(483, 23, 22), 3)
    -0.909
    """
    if min(n_a, n_b) < 1 or not 0 <= u <= n_a * n_b:
        raise ValueError(f"u: expected 0 to n_a n_b with n >= 1, got {u} for groups of {n_a} and {n_b}")
    return 1 - 2 * u / (n_a * n_b)


def rank_biserial(x: ArrayLike, y: ArrayLike) -> float:
    """Rank-biserial correlation of two samples, positive where y tends to be larger than x."""
    result = mann_whitney(x, y, method="asymptotic")
    return rank_biserial_from_u(result.u, result.n_a, result.n_b)


def prob_superior(x: ArrayLike, y: ArrayLike, level: float = 0.95) -> Interval:
    """P(x > y) + ½ P(x = y) with its interval (Brunner and Munzel 2000; statsmodels), cut to [0, 1].

    Under complete separation that variance is 0; then min(n_a, n_b) disjoint pairs, all on one side, give Clopper
    and Pearson's bound, and ``method`` says so. Raises: UndefinedStatistic if all values are equal.
    """
    from statsmodels.stats.nonparametric import rank_compare_2indep

    x, y = sample(x, "x"), sample(y, "y")
    check_level(level)
    if np.ptp(np.concatenate([x, y])) == 0:
        raise UndefinedStatistic("constant: all values of both samples are equal")
    if x.min() > y.max() or x.max() < y.min():
        bound = ((1 - level) / 2) ** (1 / min(x.size, y.size))
        name = "complete separation: Clopper-Pearson on disjoint pairs"
        if x.min() > y.max():
            return Interval(1.0, bound, 1.0, level, name)
        return Interval(0.0, 0.0, 1 - bound, level, name)
    result = rank_compare_2indep(x, y)
    low, high = (float(end) for end in np.clip(result.conf_int(alpha=1 - level), 0, 1))
    return Interval(float(result.prob1), low, high, level, "Brunner-Munzel")


def hodges_lehmann(x: ArrayLike, y: ArrayLike, level: float = 0.95, method: str = "exact") -> Interval:
    """Shift of x against y: the median of all differences x_i - y_j (Hodges and Lehmann 1963).

    The interval runs from the k-th smallest to the k-th largest difference, k - 1 being the largest u with
    2 P(U <= u) <= 1 - level (Hollander and Wolfe 1999, section 4.3): the shifts that the Mann-Whitney test does not
    reject. Groups too small for the level give an unbounded interval. Above 2,500 pairs "exact" takes the normal
    approximation.
    """
    _check(method)
    x, y = sample(x, "x"), sample(y, "y")
    differences = np.sort((x[:, None] - y[None, :]).ravel())
    n_a, n_b, tail = x.size, y.size, (1 - check_level(level)) / 2
    if method == "exact" and n_a * n_b <= EXACT_PAIRS:
        smaller = min(n_a, n_b)
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
    """Return the p of two one-sided Mann-Whitney tests that x and y are shifted by less than ``margin``."""
    if not margin > 0:
        raise ValueError(f"margin: expected a number > 0, got {margin}")
    x, y = sample(x, "x"), sample(y, "y")
    lower = mann_whitney(x + margin, y, alternative="greater").p
    return max(lower, mann_whitney(x - margin, y, alternative="less").p)


def spearman_statistic(x: Array, y: Array, axis: int = -1) -> Array:
    """Spearman's rank correlation along ``axis`` (the form that :func:`bootstrap` resamples)."""
    ranks_x, ranks_y = stats.rankdata(x, axis=axis), stats.rankdata(y, axis=axis)
    x0 = ranks_x - ranks_x.mean(axis=axis, keepdims=True)
    y0 = ranks_y - ranks_y.mean(axis=axis, keepdims=True)
    return np.asarray((x0 * y0).sum(axis) / np.sqrt((x0**2).sum(axis) * (y0**2).sum(axis)))


def spearman(x: ArrayLike, y: ArrayLike, level: float = 0.95) -> Correlation:
    """Spearman's rank correlation with a Fisher-z interval (Bonett and Wright 2000), var z = (1 + r²/2)/(n - 3).

    A perfect order (|r| = 1) has no such interval: it is that of the order one adjacent swap away, open to ±1, and
    ``method`` says so. p is from scipy's t approximation, never below 2/n!.

    Raises: ValueError for unequal lengths; UndefinedStatistic for fewer than four pairs, or a constant sample.
    """
    x, y = sample(x, "x", minimum=4), sample(y, "y", minimum=4)
    if x.size != y.size:
        raise ValueError(f"paired samples differ in length: {x.size} and {y.size}")
    if is_constant(x) or is_constant(y):
        raise UndefinedStatistic("constant: one of the two variables does not vary")
    n, result = x.size, stats.spearmanr(x, y)
    r, floor = float(np.clip(result.statistic, -1, 1)), 2 / math.factorial(n)
    perfect = abs(r) > 1 - 1e-12
    r = math.copysign(1.0, r) if perfect else r
    inner = math.copysign(1 - 12 / (n * (n**2 - 1)), r) if perfect else r
    half = float(stats.norm.isf((1 - check_level(level)) / 2)) * math.sqrt((1 + inner**2 / 2) / (n - 3))
    low, high = math.tanh(math.atanh(inner) - half), math.tanh(math.atanh(inner) + half)
    method = "Fisher z (Bonett-Wright)"
    if perfect:
        low, high = (low, 1.0) if r > 0 else (-1.0, high)
        method += ", perfect order: of one adjacent swap"
    return Correlation(r, low, high, level, method, max(float(result.pvalue), floor), floor)


def models_per_group(prob_superior: float, power: float = 0.8, alpha: float = 0.05) -> int:
    """Models needed in each of two equal groups for a two-sided Mann-Whitney test (Noether 1987).

    N = (z_{1-α/2} + z_{power})² / (12 c (1 - c) (p - ½)²) with c = ½, half of N a group, p = P(x > y). Never fewer
    than the size at which complete separation reaches p <= alpha. Raises: ValueError for p, power or alpha out of
    range.

    >>> models_per_group(0.7)  # (1.960 + 0.842)² / (6 · 0.2²) = 32.7
    33
    """
    if not 0 <= prob_superior <= 1 or prob_superior == 0.5:
        raise ValueError(f"prob_superior: expected a number from 0 to 1 other than 0.5, got {prob_superior}")
    if not (0 < alpha < 1 and 0 < power < 1):
        raise ValueError(f"power and alpha: expected numbers between 0 and 1, got {power} and {alpha}")
    z = float(stats.norm.isf(alpha / 2) + stats.norm.ppf(power))
    needed = math.ceil(max(0.0, z) ** 2 / (6 * (prob_superior - 0.5) ** 2))
    needed = max(needed, 2)
    while mann_whitney_p_floor(needed, needed) > alpha:
        needed += 1
    return needed


def simulated_power(
    x: ArrayLike,
    y: ArrayLike,
    n_a: int,
    n_b: int,
    *,
    rng: np.random.Generator,
    alpha: float = 0.05,
    n_simulations: int = 2000,
    level: float = 0.95,
) -> Interval:
    """Power of the Mann-Whitney test at n_a and n_b models, from two observed samples.

    Each simulation draws n_a values of x and n_b of y with replacement and counts p <= alpha (asymptotic, since
    drawing makes ties). The interval (Wilson) shows the simulation's own error, not that of having observed few
    models.
    """
    x, y = sample(x, "x"), sample(y, "y")
    if min(n_a, n_b) < 2 or n_simulations < 1:
        raise ValueError(f"expected n_a, n_b >= 2 and n_simulations >= 1, got {n_a}, {n_b}, {n_simulations}")
    drawn_x = rng.choice(x, size=(n_simulations, n_a))
    drawn_y = rng.choice(y, size=(n_simulations, n_b))
    p = stats.mannwhitneyu(drawn_x, drawn_y, method="asymptotic", axis=1).pvalue
    rejected = wilson(int((p <= alpha).sum()), n_simulations, level)
    return replace(rejected, method="simulation, Mann-Whitney asymptotic")
