"""The noise floor of the ECE: what a perfectly calibrated model would score on as many images.

Absolute values do not cancel: with N images in 15 bins, chance alone moves each bin's share of positives, so the
ECE of a perfect model is above 0. For the report's 200 validation images and five labels its mean is about .07 with
a range of ±.013 (labels of prevalence .16 to .37, AUROC .70 to .92: .066 to .075; rarer labels or sharper
predictions less, .04). The report's Table 4.3 shows no floor; its ECEs after calibration, .0992 to .1091, differ
by less than that range is wide.

If the predictions were true, labels would be draws from them. So we draw labels from the predictions themselves
and score those (consistency resampling: Bröcker and Smith 2007, *Increasing the reliability of reliability
diagrams*). An ECE within the range is no evidence against calibration.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from papers_lib.metrics.reliability import bin_sums, bins_of, checked

CHUNK = 4_000_000  # labels drawn at once: bounds the memory


class Range(NamedTuple):
    """Mean, and the 2.5 % and 97.5 % quantiles, over the draws."""

    mean: float
    low: float
    high: float


class EceFloor(NamedTuple):
    """Mean, 2.5 % and 97.5 % quantile of each label's ECE (K,), float64; and of their mean over labels."""

    mean: Tensor
    low: Tensor
    high: Tensor
    mean_over_labels: Range


def ece_floor(
    probabilities: Tensor,
    *,
    bins: int = 15,
    scheme: str = "width",
    draws: int = 300,
    generator: torch.Generator,
) -> EceFloor:
    """ECE that these predictions would have if they were perfectly calibrated: mean and 95 % range.

    Labels of an image are drawn independently. Findings go together in truth, so the range of the mean over
    labels is a little too narrow; its mean does not depend on that.

    Args:
        probabilities: (N, K), in [0, 1].
        bins, scheme: as in :func:`papers_lib.metrics.calibration_error.ece`.
        draws: sets of labels drawn.
        generator: source of the draws, on the CPU.

    Returns: :class:`EceFloor`.
    Raises: ValueError for shapes, values outside [0, 1], no image, fewer than one draw or bin, unknown scheme.

    >>> sure = torch.tensor([[0.0], [1.0]])  # certain and right: no noise
    >>> ece_floor(sure, generator=torch.Generator().manual_seed(0)).mean_over_labels
    Range(mean=0.0, low=0.0, high=0.0)
    >>> found = ece_floor(torch.full((1, 1), 0.5), generator=torch.Generator().manual_seed(0))
    >>> found.mean.item()  # one image: always half off
    0.5
    """
    if isinstance(draws, bool) or not isinstance(draws, int) or draws < 1:
        raise ValueError(f"draws: expected an integer of at least 1, got {draws!r}")
    p, _ = checked(probabilities, torch.zeros_like(probabilities))
    index = bins_of(p, bins, scheme).indices
    expected = bin_sums(p, index, bins)[..., None]
    step = max(1, CHUNK // p.numel())
    errors = []
    for start in range(0, draws, step):
        uniform = torch.rand(*p.shape, min(step, draws - start), generator=generator, dtype=torch.float64)
        positives = bin_sums((uniform < p[..., None]).double(), index, bins)
        errors.append((positives - expected).abs().sum(1) / len(p))
    drawn = torch.cat(errors, dim=1)  # (K, draws)
    low, high = _range(drawn)
    over_labels = drawn.mean(0)
    ends = (end.item() for end in _range(over_labels))
    return EceFloor(drawn.mean(1), low, high, Range(over_labels.mean().item(), *ends))


def _range(drawn: Tensor) -> tuple[Tensor, Tensor]:
    low, high = drawn.quantile(torch.tensor([0.025, 0.975], dtype=drawn.dtype), dim=-1)
    return low, high
