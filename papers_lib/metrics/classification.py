"""Classification at image level: area under the ROC curve, and thresholds by the largest G-mean.

PYLON reports AUROC per class, macro and weighted, and needs a threshold for masked-out area and IoU: "selected
automatically to achieve the maximal geometric mean of specificity and sensitivity" (STAR Methods, Performance metrics).
Chosen here: every distinct cut is tried, the highest of equal ones is taken; on which images is the caller's choice.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from papers_lib.errors import needed, one_of


class ClassMeans(NamedTuple):
    """A score ``per_class`` (K,), NaN where it has no cases; their number (K,); mean over classes, and cases."""

    per_class: Tensor
    counts: Tensor
    macro: float
    weighted: float


def class_means(totals: Tensor, counts: Tensor) -> ClassMeans:
    """Of each class's sum over its cases, (K,); ValueError if there are none.

    >>> means = class_means(torch.tensor([2.0, 0.0, 0.0]), torch.tensor([2, 1, 0]))
    >>> means.macro, round(means.weighted, 4)  # (1 + 0) / 2 and 2 of 3 cases
    (0.5, 0.6667)
    """
    if int(counts.sum()) == 0:
        raise ValueError("no image has a box of any class")
    per_class = totals.double() / counts
    return ClassMeans(
        per_class, counts, float(per_class.nanmean()), float(totals.double().sum() / counts.sum())
    )


class GmeanThresholds(NamedTuple):
    """``threshold``, and ``gmean``, ``sensitivity`` and ``specificity`` there: float64, on the CPU."""

    threshold: Tensor
    gmean: Tensor
    sensitivity: Tensor
    specificity: Tensor


def auroc(scores: Tensor, positive: Tensor) -> ClassMeans:
    """Area under the ROC curve, ties as one half; only the order of the scores counts.

    Args: scores (N, K), also infinite; positive, labels (N, K), boolean or 0 and 1. A class without positives or
    without negatives is NaN and left out of both means; ValueError if no class has both labels.

    >>> found = auroc(torch.tensor([[1.0], [2.0], [2.0], [3.0]]), torch.tensor([[0], [1], [0], [1]]))
    >>> found.per_class.item(), found.counts.item()  # of 4 pairs 3 in order, 1 tied
    (0.875, 2)
    """
    positive = checked(scores, positive)
    area = needed("sklearn.metrics").roc_auc_score
    count = positive.sum(0).cpu()
    ranks = scores.detach().cpu()
    per_class = torch.full((scores.shape[1],), torch.nan, dtype=torch.float64)
    for k in range(scores.shape[1]):
        if 0 < int(count[k]) < len(scores):
            order = ranks[:, k].unique(return_inverse=True)[1]  # scores may be infinite, their ranks are not
            per_class[k] = float(area(positive[:, k].cpu().numpy(), order.numpy()))
    defined = ~per_class.isnan()
    if not bool(defined.any()):
        raise ValueError("no class has both a positive and a negative image")
    weighted = (per_class * count)[defined].sum() / count[defined].sum()
    return ClassMeans(per_class, count, float(per_class.nanmean()), float(weighted))


def best_gmean_thresholds(scores: Tensor, positive: Tensor, *, undefined: str = "error") -> GmeanThresholds:
    """The cut of each class with the largest sqrt(sensitivity * specificity); positive is score > threshold.

    Cuts lie midway between neighbouring distinct scores; one at the highest score calls everything negative. Args:
    scores, positive (N, K) as in :func:`auroc`; undefined, for a class with one label: "error" or "nan".

    >>> scores, labels = torch.tensor([0.0, 1.0, 2.0, 4.0, 5.0]), torch.tensor([0, 0, 1, 0, 1])
    >>> best = best_gmean_thresholds(scores[:, None], labels[:, None])
    >>> best.threshold.item(), round(best.gmean.item(), 4)  # sqrt(2/2 * 2/3); the cut at 4.5 has sqrt(1/2)
    (1.5, 0.8165)
    """
    one_of("undefined", undefined, ("error", "nan"))
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


def checked(scores: Tensor, positive: Tensor) -> Tensor:
    """The labels as booleans on the scores' device; ValueError for what can only be a mistake."""
    if scores.ndim != 2 or positive.shape != scores.shape:
        raise ValueError(
            f"expected scores and labels (N, K), got {tuple(scores.shape)} and {tuple(positive.shape)}"
        )
    if bool(scores.isnan().any()):
        raise ValueError(f"scores: {int(scores.isnan().sum())} of {scores.numel()} are NaN")
    if not bool(((positive == 0) | (positive == 1)).all()):
        raise ValueError("labels: expected 0 and 1 only")
    return positive.to(scores.device) == 1
