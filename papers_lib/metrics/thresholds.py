"""Classification thresholds by the largest geometric mean of sensitivity and specificity.

PYLON needs one for masked-out area and IoU: "selected automatically to achieve the maximal geometric mean of
specificity and sensitivity" (STAR Methods, Performance metrics). The rule is "positive if score > threshold".

The paper does not say on which images, how finely, or which of equal cuts: the images are the caller's choice
(the validation split, so that no test label is used), every distinct cut is tried, and the highest of equal
ones is taken, that of the highest specificity. Counts are integers, so ties are exact.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from papers_lib.metrics.classification import checked


class GmeanThresholds(NamedTuple):
    """``threshold``, and ``gmean``, ``sensitivity`` and ``specificity`` there: float64, on the CPU."""

    threshold: Tensor
    gmean: Tensor
    sensitivity: Tensor
    specificity: Tensor


def best_gmean_threshold(scores: Tensor, positive: Tensor) -> GmeanThresholds:
    """The cut of one class with the largest sqrt(sensitivity * specificity).

    Cuts lie midway between neighbouring distinct scores; one at the highest score calls everything negative,
    so that constant scores have a threshold too (G-mean 0).

    Args: scores (N,), finite, in any scale; positive (N,), boolean or 0 and 1.
    Returns: :class:`GmeanThresholds` of scalars.
    Raises: ValueError for shapes, labels other than 0 and 1, scores that are not finite, or a class without
        positives or without negatives.

    >>> best = best_gmean_threshold(torch.tensor([0.0, 1.0, 2.0, 4.0, 5.0]), torch.tensor([0, 0, 1, 0, 1]))
    >>> best.threshold.item(), round(best.gmean.item(), 4)  # sqrt(2/2 * 2/3); the cut at 4.5 has sqrt(1/2)
    (1.5, 0.8165)
    """
    if scores.ndim != 1 or positive.shape != scores.shape:
        raise ValueError(
            f"expected scores and labels (N,), got {tuple(scores.shape)} and {tuple(positive.shape)}"
        )
    found = best_gmean_thresholds(scores[:, None], positive[:, None])
    return GmeanThresholds(*(value[0] for value in found))


def best_gmean_thresholds(scores: Tensor, positive: Tensor, *, undefined: str = "error") -> GmeanThresholds:
    """:func:`best_gmean_threshold` of each class.

    Args: scores and positive (N, K); undefined, what a class with one label gets: "error" or "nan".
    Returns: :class:`GmeanThresholds` of tensors (K,). Raises: ValueError, naming the class.
    """
    if undefined not in ("error", "nan"):
        raise ValueError(f"undefined: expected error or nan, got {undefined!r}")
    positive = checked(scores, positive)
    if not bool(scores.isfinite().all()):
        raise ValueError(f"scores: {int((~scores.isfinite()).sum())} of {scores.numel()} are not finite")
    count = positive.sum(0)
    single = (count == 0) | (count == len(scores))
    if undefined == "error" and bool(single.any()):
        one = int(single.int().argmax())
        raise ValueError(f"class {one} has {int(count[one])} positives among {len(scores)} images")
    if len(scores) == 0:
        return GmeanThresholds(*torch.full((4, scores.shape[1]), torch.nan, dtype=torch.float64))
    value, order = scores.double().sort(dim=0)
    below = positive.gather(0, order).cumsum(0)  # positives at or below each score
    true_positive = count - below
    true_negative = torch.arange(1, len(scores) + 1, device=scores.device)[:, None] - below
    following = torch.cat([value[1:], value[-1:]])
    last = torch.cat([value[1:] > value[:-1], torch.ones_like(single)[None]])  # of equal scores
    product = torch.where(last, true_positive * true_negative, -1)
    best = len(scores) - 1 - product.flip(0).argmax(0, keepdim=True)  # the highest of equal cuts
    low, high = value.gather(0, best), following.gather(0, best)
    middle = low / 2 + high / 2
    # Between neighbouring floats there is no middle: the lower score itself makes the same cut.
    threshold = torch.where((low < middle) & (middle < high), middle, low)
    sensitivity = true_positive.gather(0, best).double() / count
    specificity = true_negative.gather(0, best).double() / (len(scores) - count)
    gmean = (sensitivity * specificity).sqrt()
    every = torch.cat([threshold, gmean, sensitivity, specificity])
    return GmeanThresholds(*torch.where(single, torch.nan, every).cpu())
