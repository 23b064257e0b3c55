"""Reliability: how often does it happen when the model says 70 %? Probabilities and labels, bin by bin.

Everything about calibration in this package counts through the two rules of this module:

* Bin i is (edge i, edge i+1], as in Guo et al. (2017); 0 belongs to the first bin and 1 to the last. netcal's
  bins are [edge i, edge i+1), the last one closed: the two differ for a probability that lies on an inner edge
  and for no other. torchmetrics gives a probability of exactly 1 a bin of its own, here it has none.
* ``labels`` are 0 and 1, or the expected shares P(y = 1 | x) between, where they are known (synthetic data).
  Then the noise of drawing labels is gone, and only that of drawing images remains.
"""

from typing import NamedTuple

import torch
from torch import Tensor

SCHEMES = ("width", "mass")


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

    Args:
        probabilities: of the positive class (N,), in [0, 1].
        labels: (N,), 0 and 1, or expected shares between.
        bins: how many; the report takes 15 (section 4.2.2).
        scheme: "width" cuts [0, 1] into equal parts; "mass" by rank, so that each bin holds N / bins images,
            one more or less. See :func:`bins_of`.

    Returns: :class:`Reliability`, float64; ``confidence`` and ``frequency`` are NaN for an empty bin.
    Raises: ValueError for shapes, values outside [0, 1], no image, unknown scheme, or fewer than one bin.

    >>> found = reliability(torch.tensor([0.0, 0.5, 0.75, 1.0]), torch.tensor([0, 1, 1, 0]), bins=2)
    >>> found.counts.tolist(), found.confidence.tolist(), found.frequency.tolist()
    ([2, 2], [0.25, 0.875], [0.5, 0.5])
    """
    if probabilities.ndim != 1 or labels.shape != probabilities.shape:
        raise ValueError(
            f"expected probabilities and labels (N,), got {tuple(probabilities.shape)} and {tuple(labels.shape)}"
        )
    p, y = checked(probabilities[:, None], labels[:, None])
    edges, index = bins_of(p, bins, scheme)
    counts, of_p, of_y = (bin_sums(values, index, bins)[0] for values in (torch.ones_like(p), p, y))
    return Reliability(edges[0], counts.long(), of_p / counts, of_y / counts)  # 0/0 is NaN


def bins_of(probabilities: Tensor, bins: int, scheme: str = "width") -> Bins:
    """The bin of each probability, label by label; equal probabilities always share one.

    "width": edge i is i / bins, in float64. "mass": inner edge i is the probability at rank ceil(i N / bins) of
    N in ascending order, the outer edges are 0 and 1. Ties are never split: they go to the lowest bin that their
    ranks reach, edges may coincide, and the bins between coinciding edges stay empty.

    Args: probabilities (N, K), float64, as :func:`checked` returns them; bins and scheme as above.
    Returns: :class:`Bins`. Raises: ValueError for an unknown scheme or fewer than one bin.

    >>> bins_of(torch.tensor([[0.1], [0.2], [0.2], [0.9]], dtype=torch.float64), 2, "mass").indices.flatten().tolist()
    [0, 0, 0, 1]
    """
    if isinstance(bins, bool) or not isinstance(bins, int) or bins < 1:
        raise ValueError(f"bins: expected an integer of at least 1, got {bins!r}")
    if scheme not in SCHEMES:
        raise ValueError(f"scheme: expected one of {', '.join(SCHEMES)}, got {scheme!r}")
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
    """Sums of ``values`` over the images of each bin.

    Args: values (N, K, ...), float64; index (N, K), the bin of each; bins, how many there are.
    Returns: (K, bins, ...).
    """
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
    _check_range(labels, "labels")
    if name == "probabilities":
        _check_range(values, name)
    elif not bool(values.isfinite().all()):
        raise ValueError(f"{name}: {int((~values.isfinite()).sum())} of {values.numel()} are not finite")
    return values, labels


def _check_range(values: Tensor, name: str) -> None:
    outside = ~((values >= 0) & (values <= 1))  # NaN is outside
    if bool(outside.any()):
        raise ValueError(
            f"{name}: expected within [0, 1], got {values[outside][0].item()} "
            f"({int(outside.sum())} of {values.numel()} are outside)"
        )
