"""How many models a group a comparison by the Mann-Whitney test needs, and its power for given samples."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from papers_lib.stats import Interval, sample
from papers_lib.stats_proportions import wilson
from papers_lib.stats_ranks import mann_whitney_p_floor


def models_per_group(prob_superior: float, power: float = 0.8, alpha: float = 0.05) -> int:
    """Return the models needed in each of two equal groups for a two-sided Mann-Whitney test.

    Noether 1987: N = (z_{1-α/2} + z_{power})² / (12 c (1 - c) (p - ½)²) with
    c = ½, half of N a group, p = P(x > y). Never fewer than the group size at which complete separation
    reaches p <= alpha.

    Raises:
        ValueError: p outside [0, 1] or ½ (no difference to find), power or alpha outside (0, 1).

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
    """Estimate the power of the Mann-Whitney test at n_a and n_b models from two observed samples.

    Each simulation draws n_a values of x and n_b of y with replacement and counts p <= alpha. Drawing makes
    ties, so p is the asymptotic one with tie correction. The interval (Wilson) shows the simulation's own
    error, not that of having observed few models.
    """
    x, y = sample(x, "x"), sample(y, "y")
    if min(n_a, n_b) < 2 or n_simulations < 1:
        raise ValueError(f"expected n_a, n_b >= 2 and n_simulations >= 1, got {n_a}, {n_b}, {n_simulations}")
    drawn_x = rng.choice(x, size=(n_simulations, n_a))
    drawn_y = rng.choice(y, size=(n_simulations, n_b))
    p = stats.mannwhitneyu(drawn_x, drawn_y, method="asymptotic", axis=1).pvalue
    rejected = wilson(int((p <= alpha).sum()), n_simulations, level)
    return replace(rejected, method="simulation, Mann-Whitney asymptotic")
