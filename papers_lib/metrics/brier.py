"""Brier score and its parts: calibration and sharpness in one number, taken apart again.

The ECE alone rewards a model that always predicts the prevalence: it is calibrated and of no use. The Brier score
is proper, so it does not; its parts say which of the two is wanting.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from papers_lib.metrics.reliability import bin_sums, bins_of, checked


class Brier(NamedTuple):
    """``score`` = ``reliability`` - ``resolution`` + ``uncertainty`` + ``within``; each (K,), float64."""

    score: Tensor
    reliability: Tensor
    resolution: Tensor
    uncertainty: Tensor
    within: Tensor


def brier(probabilities: Tensor, labels: Tensor, *, bins: int = 15, scheme: str = "width") -> Brier:
    """Brier score of each label and its parts by bins (Murphy 1973; Stephenson, Coelho and Jolliffe 2008).

    With w_i the share of images in bin i, p_i and c_i their mean label and prediction, and π the prevalence:
    reliability Σ w_i (c_i - p_i)² (lower is better), resolution Σ w_i (p_i - π)² (higher is better), uncertainty
    π (1 - π), which the model cannot change. These three give the score only where all predictions of a bin are
    equal. What is missing otherwise is ``within``: the variance of the predictions inside the bins, less twice
    their covariance with the labels there. With it the sum is exact, and resolution - within depends little on
    the bins. The report gives no Brier score; this stands beside its ECE.

    Args: as :func:`papers_lib.metrics.calibration_error.ece`. For expected shares η instead of labels,
        every part is that of the labels' expectation: score is the mean of (p - η)² + η (1 - η).
    Returns: :class:`Brier`. Raises: ValueError as :func:`papers_lib.metrics.calibration_error.ece`.

    >>> found = brier(torch.tensor([[0.0], [0.5], [1.0], [1.0]]), torch.tensor([[0], [1], [1], [1]]), bins=2)
    >>> [part.item() for part in found]  # bins: predictions 0 and .5, labels 0 and 1; predictions 1, labels 1
    [0.0625, 0.03125, 0.0625, 0.1875, -0.09375]
    """
    p, y = checked(probabilities, labels)
    number, index = len(p), bins_of(p, bins, scheme).indices
    counts = bin_sums(torch.ones_like(p), index, bins)
    mean_p, mean_y = (bin_sums(values, index, bins) / counts.clamp(min=1) for values in (p, y))
    weight, prevalence = counts / number, y.mean(0)
    off_p, off_y = (
        values - means.T.gather(0, index) for values, means in ((p, mean_p), (y, mean_y))
    )  # from the bin's mean
    return Brier(
        score=((p - y) ** 2 + y * (1 - y)).mean(0),  # the second term is 0 for labels of 0 and 1
        reliability=(weight * (mean_p - mean_y) ** 2).sum(1),
        resolution=(weight * (mean_y - prevalence[:, None]) ** 2).sum(1),
        uncertainty=prevalence * (1 - prevalence),
        within=(off_p**2 - 2 * off_p * off_y).mean(0),
    )
