"""Classification at image level: area under the ROC curve, sensitivity and specificity.

AUROC is the share of (positive, negative) pairs of images in which the positive one scores higher, ties as one
half (Mann and Whitney 1947); PYLON reports it per class, macro and weighted (STAR Methods, Performance metrics).
Intervals over seeds are Student's t (``papers_lib.stats.student_t``), over images ``papers_lib.stats_images``.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Auroc(NamedTuple):
    """AUROC ``per_class`` (K,), float64; number of ``positives`` (K,); mean over classes, and by positives."""

    per_class: Tensor
    positives: Tensor
    macro: float
    weighted: float


class Rates(NamedTuple):
    """Share of positives above the threshold, and of negatives not above it; float64, (K,)."""

    sensitivity: Tensor
    specificity: Tensor


def auroc(scores: Tensor, positive: Tensor) -> Auroc:
    """Area under the ROC curve, exact with ties; only the order of the scores counts.

    Args:
        scores: logits or probabilities (N, K); they may be infinite.
        positive: labels (N, K), boolean or 0 and 1.

    Returns: :class:`Auroc`, in [0, 1], higher is better; .5 for constant scores. A class without positives or
        without negatives is NaN in ``per_class`` and left out of both means. ``weighted`` weighs a class by
        its positives, as sklearn does.
    Raises: ValueError for shapes, labels other than 0 and 1, NaN scores, or if no class has both labels.

    >>> found = auroc(torch.tensor([[1.0], [2.0], [2.0], [3.0]]), torch.tensor([[0], [1], [0], [1]]))
    >>> found.per_class.item(), found.positives.item()  # of 4 pairs 3 in order, 1 tied
    (0.875, 2)
    """
    positive = checked(scores, positive)
    ranks = doubled_midranks(scores)
    count = positive.sum(0)
    pairs = count * (len(scores) - count)
    # 2 U = 2 (rank sum of the positives) - n (n + 1), all integers
    doubled_u = (ranks * positive).sum(0) - count * (count + 1)
    per_class = torch.where(pairs > 0, doubled_u.double() / (2 * pairs), torch.nan).cpu()
    count = count.cpu()
    defined = ~per_class.isnan()
    if not bool(defined.any()):
        raise ValueError("no class has both a positive and a negative image")
    weighted = (per_class * count)[defined].sum() / count[defined].sum()
    return Auroc(per_class, count, float(per_class.nanmean()), float(weighted))


def rates(scores: Tensor, positive: Tensor, thresholds: Tensor) -> Rates:
    """Sensitivity and specificity of the rule "positive if score > threshold".

    Args: scores (N, K); positive (N, K), boolean or 0 and 1; thresholds (K,), in the scores' scale.
    Returns: :class:`Rates`; NaN where the class has no positive, or no negative.
    Raises: ValueError for shapes, labels other than 0 and 1, or NaN in scores or thresholds.

    >>> found = rates(torch.tensor([[1.0], [2.0], [2.0], [3.0]]), torch.tensor([[0], [1], [0], [1]]),
    ...               torch.tensor([2.0]))
    >>> found.sensitivity.item(), found.specificity.item()
    (0.5, 1.0)
    """
    positive = checked(scores, positive)
    if thresholds.shape != scores.shape[1:] or bool(thresholds.isnan().any()):
        raise ValueError(
            f"thresholds: expected shape ({scores.shape[1]},) without NaN, got {tuple(thresholds.shape)}"
        )
    above = scores.double() > thresholds.to(scores.device).double()
    hit, kept = (above & positive).sum(0).double(), (~above & ~positive).sum(0).double()
    return Rates((hit / positive.sum(0)).cpu(), (kept / (~positive).sum(0)).cpu())  # 0/0 is NaN


def doubled_midranks(scores: Tensor) -> Tensor:
    """Twice the rank of each score within its column, 1 for the smallest, ties at their mean: integers.

    Args: scores (N, K) without NaN. Returns: (N, K), int64.

    >>> doubled_midranks(torch.tensor([[5.0], [3.0], [5.0]])).flatten().tolist()  # ranks 2.5, 1, 2.5
    [5, 2, 5]
    """
    columns = scores.T.contiguous()
    ascending = columns.sort(dim=1).values
    below = torch.searchsorted(ascending, columns)
    return (below + torch.searchsorted(ascending, columns, right=True) + 1).T


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
