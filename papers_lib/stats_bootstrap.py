"""Bootstrap intervals with an explicit generator."""

import math
import warnings
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from papers_lib.stats import Array, Interval, UndefinedStatistic, check_level, is_constant, sample


def bootstrap(
    samples: Sequence[ArrayLike],
    statistic: Callable[..., Array],
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    n_resamples: int = 9999,
    method: str = "percentile",
    paired: bool = False,
) -> Interval:
    """Bootstrap interval of ``statistic(*samples, axis=...)`` (Efron and Tibshirani 1993; scipy).

    Args:
        samples: one array a sample; each is resampled on its own unless ``paired``.
        rng: the generator that draws the resamples.
        method: "percentile" or "BCa". Resamples that leave the statistic undefined (one repeated value has no
            correlation) are left out of a percentile interval, up to a tenth of them.
        paired: resample the same positions in every sample.

    Raises:
        UndefinedStatistic: fewer than two values, every sample constant, or no interval from these data.
    """
    if method not in ("percentile", "BCa"):
        raise ValueError(f"method: expected percentile or BCa, got {method!r}")
    arrays = [sample(values, f"sample {index}") for index, values in enumerate(samples, start=1)]
    if all(is_constant(values) for values in arrays):
        raise UndefinedStatistic("constant: resampling cannot show any variation")
    estimate = float(statistic(*arrays, axis=-1))
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # raised below, as an error
        result = stats.bootstrap(
            arrays, statistic, n_resamples=n_resamples, batch=1000, vectorized=True, paired=paired, axis=-1,
            confidence_level=check_level(level), method=method, rng=rng,
        )  # fmt: skip
    low, high = (float(end) for end in result.confidence_interval)
    if method == "percentile":
        drawn = result.bootstrap_distribution
        if (~np.isfinite(drawn)).mean() <= 0.1:
            tail = (1 - level) / 2
            low, high = (float(end) for end in np.quantile(drawn[np.isfinite(drawn)], [tail, 1 - tail]))
    if not (math.isfinite(estimate) and math.isfinite(low) and math.isfinite(high)):
        raise UndefinedStatistic("bootstrap: too many resamples leave the statistic undefined")
    return Interval(estimate, low, high, level, f"bootstrap ({method}, {n_resamples} resamples)")
