"""A proportion with its score interval and score test."""

import math

from scipy import stats

from papers_lib.stats import Interval, check_level


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
