"""Expected calibration error: how far predictions lie from what happens, averaged over bins.

The report prints ECE = Σ_i b_i ‖p_i - c_i‖ over N = 15 bins (section 4.2.2) and gives "mean ECE" in Table 4.3. It
defines none of the letters, neither says whether the bins are equal in width or in mass, nor what is averaged.
We read: b_i is the share of images in bin i, p_i the share of positives there, c_i the mean prediction; bins of
equal width; one ECE per label on the probability of its presence, then the mean over labels. The other readings
are here by name, as they do not give the same number.

Every ECE is above 0 even for a perfect model: show :func:`papers_lib.metrics.ece_floor.ece_floor` beside it.
"""

import torch
from torch import Tensor

from papers_lib.metrics.reliability import bin_sums, bins_of, checked


def ece(probabilities: Tensor, labels: Tensor, *, bins: int = 15, scheme: str = "width") -> Tensor:
    """Expected calibration error of each label on the probability of its presence (section 4.2.2).

    ECE = 1/N Σ_i |Σ of (probability - label) over bin i|: the printed sum, its b_i multiplied out. The
    report's mean ECE is ``ece(...).mean()``.

    Args:
        probabilities: (N, K), in [0, 1], each label on its own (they need not sum to 1).
        labels: (N, K), 0 and 1, or the expected shares where P(y | x) is known: then nearly free of noise.
        bins, scheme: as in :func:`papers_lib.metrics.reliability.reliability`.

    Returns: (K,), float64, in [0, 1], lower is better.
    Raises: ValueError for shapes, values outside [0, 1], no image, unknown scheme, or fewer than one bin.

    >>> ece(torch.tensor([[0.25], [0.25], [0.75], [1.0]]), torch.tensor([[0], [1], [1], [1]]), bins=2)
    tensor([0.1875], dtype=torch.float64)
    """
    return _gaps(probabilities, labels, bins, scheme)[0].sum(1) / len(probabilities)


def mce(probabilities: Tensor, labels: Tensor, *, bins: int = 15, scheme: str = "width") -> Tensor:
    """Maximum calibration error: the largest |p_i - c_i| of a bin that holds an image. As :func:`ece` otherwise.

    >>> mce(torch.tensor([[0.25], [0.25], [0.75], [1.0]]), torch.tensor([[0], [1], [1], [1]]), bins=2)
    tensor([0.2500], dtype=torch.float64)
    """
    gaps, counts = _gaps(probabilities, labels, bins, scheme)
    return (gaps / counts.clamp(min=1)).amax(1)


def confidence_ece(probabilities: Tensor, labels: Tensor, *, bins: int = 15, scheme: str = "width") -> Tensor:
    """The binary top-label reading: confidence max(p, 1 - p) against the share of right decisions, per label.

    The decision is "present if p > 1/2", as elsewhere in this package. Only the bins above 1/2 are reached, so
    that 15 of equal width are 8 here. For a rare label nearly all decisions are "absent", and the error is that
    of the small probabilities: a model may look calibrated though its positives are not.

    Args and raises: as :func:`ece`. Returns: (K,), float64, in [0, 1].

    >>> confidence_ece(torch.tensor([[0.25], [0.75]]), torch.tensor([[0], [0]]))  # .75 sure, right half the time
    tensor([0.2500], dtype=torch.float64)
    """
    p, y = checked(probabilities, labels)
    present = p > 0.5
    return ece(torch.where(present, p, 1 - p), torch.where(present, y, 1 - y), bins=bins, scheme=scheme)


def top_label_ece(probabilities: Tensor, target: Tensor, *, bins: int = 15, scheme: str = "width") -> Tensor:
    """Top-label ECE of exclusive classes: the highest probability against how often it is right (Guo et al. 2017).

    Not for the report's five findings, of which an image may show several; for them see :func:`confidence_ece`.

    Args:
        probabilities: (N, K), rows that sum to 1; of equal ones the first class is the top one.
        target: class indices (N,).
        bins, scheme: as in :func:`ece`.

    Returns: a scalar, float64, in [0, 1].
    Raises: as :func:`ece`; ValueError for rows that do not sum to 1 within .01, or a target out of range.

    >>> top_label_ece(torch.tensor([[0.75, 0.25], [0.25, 0.75]]), torch.tensor([0, 0]))
    tensor(0.2500, dtype=torch.float64)
    """
    if target.ndim != 1 or target.shape != probabilities.shape[:1]:
        raise ValueError(
            f"expected probabilities (N, K) and target (N,), got {tuple(probabilities.shape)} and {tuple(target.shape)}"
        )
    p, _ = checked(probabilities, torch.zeros_like(probabilities))
    check_target(target, p.shape[1])
    sums = p.sum(1)
    if bool(((sums - 1).abs() > 0.01).any()):
        wrong = sums[(sums - 1).abs().argmax()].item()
        raise ValueError(f"probabilities: expected rows that sum to 1 (exclusive classes), got {wrong:.4g}")
    top, chosen = p.max(1)
    right = chosen == target.cpu()
    return ece(top[:, None], right[:, None], bins=bins, scheme=scheme)[0]


def check_target(target: Tensor, classes: int) -> None:
    """ValueError unless ``target`` holds class indices below ``classes``."""
    if target.is_floating_point() or target.is_complex() or target.dtype == torch.bool:
        raise ValueError(f"target: expected class indices, got {target.dtype}")
    if bool(((target < 0) | (target >= classes)).any()):
        raise ValueError(
            f"target: expected class indices in 0..{classes - 1}, got {int(target.min())} to {int(target.max())}"
        )


def _gaps(probabilities: Tensor, labels: Tensor, bins: int, scheme: str) -> tuple[Tensor, Tensor]:
    """|Σ of (probability - label)| of each bin, and the number of images in it: (K, bins) both."""
    p, y = checked(probabilities, labels)
    index = bins_of(p, bins, scheme).indices
    return bin_sums(p - y, index, bins).abs(), bin_sums(torch.ones_like(p), index, bins)
