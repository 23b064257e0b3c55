"""Isotonic calibration: the rising function that fits the labels best (Zadrozny and Elkan 2002; report, 3.6).

The report names it and takes temperature scaling. It assumes no shape, and needs more images for it: on a few
hundred it fits the noise. Fit it on a split of its own; on its own images it looks perfectly calibrated.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from papers_lib.metrics.reliability import checked


@dataclass(frozen=True, eq=False)
class Isotonic:
    """For each label the distinct ``scores`` of the fit, ascending, and the fitted ``values`` there, float64."""

    scores: tuple[Tensor, ...]
    values: tuple[Tensor, ...]

    def probabilities(self, scores: Tensor) -> Tensor:
        """The fitted function: linear between the fit's scores, constant beyond them. (N, K), float64, CPU.

        Raises: ValueError if K is not that of the fit, or for NaN.
        """
        if scores.ndim != 2 or scores.shape[1] != len(self.scores):
            raise ValueError(f"scores: expected (N, {len(self.scores)}), got {tuple(scores.shape)}")
        if bool(scores.isnan().any()):
            raise ValueError(f"scores: {int(scores.isnan().sum())} of {scores.numel()} are NaN")
        columns = scores.detach().cpu().double().numpy().T
        found = [
            np.interp(column, known.numpy(), value.numpy())
            for column, known, value in zip(columns, self.scores, self.values, strict=True)
        ]
        return torch.from_numpy(np.stack(found, axis=1))


def fit_isotonic(scores: Tensor, labels: Tensor) -> Isotonic:
    """The non-decreasing function of the score with the least squared error to the labels, for each label.

    By pooling adjacent violators; images of equal score count as one, with their mean label. Between scores it
    is linear and beyond them constant, as scikit-learn's ``IsotonicRegression(out_of_bounds="clip")``. It never
    reverses the order of two images, but makes many equal, so that AUROC may move.

    Args:
        scores: logits or probabilities (N, K), finite.
        labels: (N, K), 0 and 1, or expected shares.

    Returns: :class:`Isotonic`; values in [0, 1].
    Raises: ValueError for shapes, scores that are not finite, labels outside [0, 1], or no image.

    >>> found = fit_isotonic(torch.tensor([[1.0], [2.0], [3.0], [4.0]]), torch.tensor([[0], [1], [0], [1]]))
    >>> found.values[0].tolist()  # 1 and 0 in the wrong order: pooled
    [0.0, 0.5, 0.5, 1.0]
    >>> found.probabilities(torch.tensor([[0.0], [1.5], [9.0]])).flatten().tolist()
    [0.0, 0.25, 1.0]
    """
    x, y = checked(scores, labels, name="scores")
    known, values = [], []
    for k in range(x.shape[1]):
        distinct, place, counts = np.unique(x[:, k].numpy(), return_inverse=True, return_counts=True)
        sums = np.bincount(place, weights=y[:, k].numpy())
        known.append(torch.from_numpy(distinct))
        values.append(torch.from_numpy(_pool(sums, counts)))
    return Isotonic(tuple(known), tuple(values))


def _pool(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Non-decreasing means: a block whose mean is not above that of the block before it joins it."""
    blocks: list[list[float]] = []  # sum of labels, images, distinct scores
    for total, images in zip(sums.tolist(), counts.tolist(), strict=True):
        blocks.append([total, images, 1])
        while len(blocks) > 1 and blocks[-1][0] / blocks[-1][1] <= blocks[-2][0] / blocks[-2][1]:
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
    means = np.array([total / images for total, images, _ in blocks])
    return np.repeat(means, [int(width) for *_, width in blocks])
