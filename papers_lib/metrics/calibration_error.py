"""Calibration measures: reliability, expected calibration error and its noise floor, Brier score.

Bin i is (edge i, edge i+1], as in Guo et al. (2017); 0 belongs to the first bin; netcal's bins are [edge i, edge i+1).
``labels`` are 0 and 1, or the expected shares P(y = 1 | x) between, where they are known (synthetic data).

The report prints ECE = Σ_i b_i ‖p_i - c_i‖ over N = 15 bins (section 4.2.2) and defines none of the letters. We read:
b_i is the share of images in bin i, p_i the share of positives there, c_i the mean prediction; bins of equal width; one
ECE per label, then the mean over labels. Every ECE is above 0 even for a perfect model: see :func:`ece_floor`.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from papers_lib.cams import class_indices
from papers_lib.errors import one_of

CHUNK = 4_000_000  # labels drawn at once by ece_floor: bounds the memory


class Reliability(NamedTuple):
    """Edges (bins + 1,), ``counts`` (bins,) int64, mean predicted probability and share of positives (bins,)."""

    edges: Tensor
    counts: Tensor
    confidence: Tensor
    frequency: Tensor


class Bins(NamedTuple):
    """``edges`` (K, bins + 1) of each label, and ``indices`` (N, K): the bin of each probability."""

    edges: Tensor
    indices: Tensor


def reliability(
    probabilities: Tensor, labels: Tensor, *, bins: int = 15, scheme: str = "width"
) -> Reliability:
    """The reliability diagram of one label: mean prediction and share of positives of each bin (report, 3.6).

    Args: probabilities (N,), in [0, 1]; labels (N,); scheme, "width" or "mass": :func:`bins_of`. Float64; NaN for an
    empty bin.

    >>> found = reliability(torch.tensor([0.0, 0.5, 0.75, 1.0]), torch.tensor([0, 1, 1, 0]), bins=2)
    >>> found.counts.tolist(), found.confidence.tolist(), found.frequency.tolist()
    ([2, 2], [0.25, 0.875], [0.5, 0.5])
    """
    p, y = checked(probabilities[:, None], labels[:, None])
    edges, index = bins_of(p, bins, scheme)
    counts, of_p, of_y = (bin_sums(values, index, bins)[0] for values in (torch.ones_like(p), p, y))
    return Reliability(edges[0], counts.long(), of_p / counts, of_y / counts)  # 0/0 is NaN


def ece(probabilities: Tensor, labels: Tensor, *, bins: int = 15, scheme: str = "width") -> Tensor:
    """Expected calibration error (K,) of each label on the probability of its presence (section 4.2.2).

    ECE = 1/N Σ_i |Σ of (probability - label) over bin i|: the printed sum, its b_i multiplied out. Args:
    probabilities, labels (N, K); bins, scheme as in :func:`reliability`. Float64, in [0, 1], lower is better.

    >>> ece(torch.tensor([[0.25], [0.25], [0.75], [1.0]]), torch.tensor([[0], [1], [1], [1]]), bins=2)
    tensor([0.1875], dtype=torch.float64)
    """
    p, y = checked(probabilities, labels)
    index = bins_of(p, bins, scheme).indices
    return bin_sums(p - y, index, bins).abs().sum(1) / len(p)


def confidence_ece(probabilities: Tensor, labels: Tensor, *, bins: int = 15, scheme: str = "width") -> Tensor:
    """The binary top-label reading: confidence max(p, 1 - p) against the share of right decisions, per label.

    The decision is "present if p > 1/2": for a rare label nearly always "absent", whatever its positives are like.

    >>> confidence_ece(torch.tensor([[0.25], [0.75]]), torch.tensor([[0], [0]]))  # .75 sure, right half the time
    tensor([0.2500], dtype=torch.float64)
    """
    p, y = checked(probabilities, labels)
    present = p > 0.5
    return ece(torch.where(present, p, 1 - p), torch.where(present, y, 1 - y), bins=bins, scheme=scheme)


def top_label_ece(probabilities: Tensor, target: Tensor, *, bins: int = 15, scheme: str = "width") -> Tensor:
    """Top-label ECE of exclusive classes: the highest probability against how often it is right (Guo et al. 2017).

    Args: probabilities (N, K), rows that sum to 1 within .01, or ValueError; target, class indices (N,).

    >>> top_label_ece(torch.tensor([[0.75, 0.25], [0.25, 0.75]]), torch.tensor([0, 0]))
    tensor(0.2500, dtype=torch.float64)
    """
    p, _ = checked(probabilities, torch.zeros_like(probabilities))
    off = (p.sum(1) - 1).abs().max().item()
    if off > 0.01:
        raise ValueError(
            f"probabilities: expected rows that sum to 1 (exclusive classes), one is {off:.4g} off"
        )
    top, chosen = p.max(1)
    right = chosen == class_indices(target, *p.shape).cpu()
    return ece(top[:, None], right[:, None], bins=bins, scheme=scheme)[0]


def brier(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Brier score (K,) of each label, float64, lower is better; for expected shares that of the labels' expectation.

    Unlike the ECE it is proper: it does not reward a model that always predicts the prevalence.

    >>> brier(torch.tensor([[0.0], [0.5], [1.0], [1.0]]), torch.tensor([[0], [1], [1], [1]])).item()
    0.0625
    """
    p, y = checked(probabilities, labels)
    return ((p - y) ** 2 + y * (1 - y)).mean(0)  # the second term is 0 for labels of 0 and 1


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

    Chance moves each bin's share of positives, so a perfect model's ECE is above 0 (about .07 ± .013 for the report's
    200 images). Labels are drawn from the predictions and scored (consistency resampling, Bröcker and Smith 2007),
    those of an image independently: the range of the mean over labels is a little too narrow. ``generator`` on the
    CPU.

    >>> sure = torch.tensor([[0.0], [1.0]])  # certain and right: no noise
    >>> ece_floor(sure, generator=torch.Generator().manual_seed(0)).mean_over_labels
    Range(mean=0.0, low=0.0, high=0.0)
    """
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
    ends, over_labels = drawn.new_tensor([0.025, 0.975]), drawn.mean(0)
    low, high = over_labels.quantile(ends).tolist()
    each = drawn.quantile(ends, dim=1)
    return EceFloor(drawn.mean(1), each[0], each[1], Range(over_labels.mean().item(), low, high))


def bins_of(probabilities: Tensor, bins: int, scheme: str = "width") -> Bins:
    """The bin of each probability (N, K), float64, label by label; equal probabilities always share one.

    "width": edge i is i / bins, in float64. "mass": inner edge i is the probability at rank ceil(i N / bins) of N in
    ascending order. Ties are never split: they go to the lowest bin that their ranks reach, edges may coincide.

    >>> bins_of(torch.tensor([[0.1], [0.2], [0.2], [0.9]], dtype=torch.float64), 2, "mass").indices.flatten().tolist()
    [0, 0, 0, 1]
    """
    one_of("scheme", scheme, ("width", "mass"))
    if bins < 1:
        raise ValueError(f"bins: expected at least 1, got {bins}")
    number, labels = probabilities.shape
    if scheme == "width":
        edges = (torch.arange(bins + 1, dtype=torch.float64) / bins).repeat(labels, 1)
    else:
        # The rank ceil(i N / bins), counted from 0, in integers.
        ranks = torch.tensor([-(-i * number // bins) - 1 for i in range(1, bins)], dtype=torch.long)
        inner = probabilities.sort(dim=0).values[ranks].T
        outer = torch.tensor([[0.0, 1.0]], dtype=torch.float64).repeat(labels, 1)
        edges = torch.cat([outer[:, :1], inner, outer[:, 1:]], dim=1)
    # The number of inner edges below a probability is its bin: (edge i, edge i+1].
    index = torch.searchsorted(edges[:, 1:-1].contiguous(), probabilities.T.contiguous()).T
    return Bins(edges, index)


def bin_sums(values: Tensor, index: Tensor, bins: int) -> Tensor:
    """Sums (K, bins, ...) of ``values`` (N, K, ...), float64, over the images of each bin; index (N, K)."""
    labels, rest = index.shape[1], values.shape[2:]
    flat = index + bins * torch.arange(labels)
    sums = values.new_zeros(labels * bins, rest.numel())
    sums.index_add_(0, flat.flatten(), values.reshape(index.numel(), rest.numel()))
    return sums.reshape(labels, bins, *rest)


def checked(values: Tensor, labels: Tensor, *, name: str = "probabilities") -> tuple[Tensor, Tensor]:
    """Both (N, K) in float64 on the CPU, without graph; ValueError for what can only be a mistake.

    With ``name`` "probabilities" the values must lie in [0, 1]; under another name (logits, scores) be finite.
    """
    if values.ndim != 2 or labels.shape != values.shape:
        raise ValueError(
            f"expected {name} and labels (N, K), got {tuple(values.shape)} and {tuple(labels.shape)}"
        )
    if values.numel() == 0:
        raise ValueError(f"{name}: expected at least one image and one label, got {tuple(values.shape)}")
    values, labels = values.detach().cpu().double(), labels.detach().cpu().double()
    for word, given in (("labels", labels), (name, values)):
        good = given.isfinite() if word in ("logits", "scores") else (given >= 0) & (given <= 1)
        if not bool(good.all()):
            wanted = "finite values" if word in ("logits", "scores") else "values within [0, 1]"
            raise ValueError(f"{word}: expected {wanted}, {int((~good).sum())} of {good.numel()} are not")
    return values, labels
