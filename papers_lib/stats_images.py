"""Intervals of one model's scores over the images of a test set, by a percentile bootstrap (Efron, Tibshirani 1993).

They say how far the score would move with other images of the same kind, not with another training run: for
that take ``stats.student_t`` over seeds. Images of one patient are not independent; ``groups`` draws patients.

All classes are resampled together, so that the mean over classes keeps the images they share. A class that a
resample leaves without a score is left out of that resample's mean, as in the metric itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from papers_lib.metrics.classification import auroc, checked, doubled_midranks
from papers_lib.metrics.localization import PointHits, point_localization
from papers_lib.stats import Array, Interval, UndefinedStatistic, check_level

# Images of all resamples held at a time; bounds the memory, not the result.
CHUNK = 2_000_000


@dataclass(frozen=True)
class ImageIntervals:
    """Intervals of each class (None where it has no score or too few resamples have), of macro and weighted."""

    per_class: tuple[Interval | None, ...]
    macro: Interval
    weighted: Interval


def auroc_intervals(
    scores: Tensor,
    positive: Tensor,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    n_resamples: int = 2000,
    groups: ArrayLike | None = None,
) -> ImageIntervals:
    """Intervals of the AUROC (:func:`papers_lib.metrics.classification.auroc`), images resampled.

    Args: scores (N, K); positive (N, K), boolean or 0 and 1; rng draws the resamples; groups (N,), such as
    patients, drawn whole. Cost: N K operations a resample.
    Raises: as :func:`auroc`; UndefinedStatistic where more than a tenth of the resamples have no mean.
    """
    found = auroc(scores, positive)
    labels = checked(scores, positive).cpu().numpy()
    ranks = doubled_midranks(scores).cpu().numpy()

    def resampled(counts: Array) -> tuple[Array, Array]:
        values = np.stack(
            [_weighted_auroc(ranks[:, k], labels[:, k], counts) for k in range(ranks.shape[1])], 1
        )
        return values, counts @ labels

    estimates = [*found.per_class.tolist(), found.macro, found.weighted]
    return _intervals(estimates, resampled, len(scores), rng, level, n_resamples, groups)


def localization_intervals(
    classes: Sequence[PointHits],
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    n_resamples: int = 2000,
    groups: ArrayLike | None = None,
) -> ImageIntervals:
    """Intervals of point localization, images resampled.

    Args: one :class:`PointHits` a class, all over the same N images; the rest as in :func:`auroc_intervals`.
    Raises: as :func:`point_localization`, ValueError for classes over different numbers of images, and
    UndefinedStatistic where more than a tenth of the resamples have no mean.
    """
    found = point_localization(classes)
    if len({len(one.counted) for one in classes}) > 1:
        raise ValueError(
            f"classes: expected the same images, got {[len(one.counted) for one in classes]} of them"
        )
    counted = np.stack([one.counted.numpy() for one in classes], 1).astype(float)
    hit = counted * np.stack([one.hit.numpy() for one in classes], 1)

    def resampled(counts: Array) -> tuple[Array, Array]:
        images = counts @ counted
        with np.errstate(invalid="ignore"):
            return counts @ hit / images, images

    estimates = [*found.per_class.tolist(), found.macro, found.weighted]
    return _intervals(estimates, resampled, len(counted), rng, level, n_resamples, groups)


def _weighted_auroc(ranks: NDArray[np.int64], positive: NDArray[np.bool_], counts: Array) -> Array:
    """AUROC of each resample, (R,); ``counts`` (R, N) says how often it holds each image."""
    order = np.argsort(ranks, kind="stable")
    ranks, positive, counts = ranks[order], positive[order], counts[:, order]
    negatives = np.zeros((len(counts), len(ranks) + 1))
    np.cumsum(counts * ~positive, axis=1, out=negatives[:, 1:])
    below = np.searchsorted(ranks, ranks[positive], side="left")
    up_to = np.searchsorted(ranks, ranks[positive], side="right")
    weight = counts[:, positive]
    ordered = (weight * (negatives[:, below] + negatives[:, up_to])).sum(1) / 2
    with np.errstate(invalid="ignore"):
        return np.asarray(ordered / (weight.sum(1) * negatives[:, -1]))


def _intervals(
    estimates: Sequence[float],
    resampled: Callable[[Array], tuple[Array, Array]],
    n: int,
    rng: np.random.Generator,
    level: float,
    n_resamples: int,
    groups: ArrayLike | None,
) -> ImageIntervals:
    """Percentile intervals; ``resampled`` gives values and weights (R, K) for counts (R, N)."""
    tail = (1 - check_level(level)) / 2
    if n_resamples < 1:
        raise ValueError(f"n_resamples: expected at least 1, got {n_resamples}")
    _, group = np.unique(np.arange(n) if groups is None else np.asarray(groups), return_inverse=True)
    if group.shape != (n,):
        raise ValueError(f"groups: expected one of each of {n} images, got shape {group.shape}")
    number = int(group.max()) + 1
    drawn = []
    rows = max(1, CHUNK // n)
    for start in range(0, n_resamples, rows):
        size = min(rows, n_resamples - start)
        picks = rng.integers(number, size=(size, number)) + number * np.arange(size)[:, None]
        counts = np.bincount(picks.ravel(), minlength=size * number).reshape(size, number)[:, group]
        values, weights = resampled(counts.astype(np.float64))
        defined = np.isfinite(values)
        values = np.where(defined, values, 0.0)
        with np.errstate(invalid="ignore"):
            macro = values.sum(1) / defined.sum(1)
            weighted = (values * weights).sum(1) / (weights * defined).sum(1)
        drawn.append(np.column_stack([np.where(defined, values, np.nan), macro, weighted]))
    every = np.concatenate(drawn)
    what = "images" if groups is None else "groups"
    method = f"bootstrap over {what} (percentile, {n_resamples} resamples)"
    found: list[Interval | None] = []
    for estimate, column in zip(estimates, every.T, strict=True):
        kept = column[np.isfinite(column)]
        if not np.isfinite(estimate) or len(kept) < 0.9 * n_resamples:
            found.append(None)
        else:
            low, high = (float(end) for end in np.quantile(kept, [tail, 1 - tail]))
            found.append(Interval(float(estimate), low, high, level, method))
    *per_class, macro_interval, weighted_interval = found
    if macro_interval is None or weighted_interval is None:
        raise UndefinedStatistic("bootstrap: too many resamples leave every class without a score")
    return ImageIntervals(tuple(per_class), macro_interval, weighted_interval)
