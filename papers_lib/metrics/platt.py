"""Platt scaling: slope and offset for each label, sigmoid(a z + b) (Platt 1999; report, section 3.6).

The report names it and takes temperature scaling, of which it says that it extends Platt scaling; it is the other
way round: T is the slope 1 / a without an offset. A loss on the order of the images alone (DeepAUC) leaves the
offset free, and then a temperature cannot mend the probabilities while Platt scaling can. Fit it on a split of
its own.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from papers_lib.metrics.reliability import checked
from papers_lib.metrics.temperature import ordered_sigmoid

STEPS = 200


@dataclass(frozen=True, eq=False)
class Platt:
    """``slope`` and ``offset`` of each label (K,), float64."""

    slope: Tensor
    offset: Tensor

    def logits(self, logits: Tensor) -> Tensor:
        """a z + b, (N, K), float64 on the CPU. Raises: ValueError if K is not that of the fit."""
        if logits.ndim != 2 or logits.shape[1] != len(self.slope):
            raise ValueError(f"logits: expected (N, {len(self.slope)}), got {tuple(logits.shape)}")
        return logits.detach().cpu().double() * self.slope + self.offset

    def probabilities(self, logits: Tensor) -> Tensor:
        """sigmoid(a z + b), (N, K), float64 on the CPU."""
        return ordered_sigmoid(self.logits(logits))


def fit_platt(logits: Tensor, labels: Tensor, *, smooth: bool = True) -> Platt:
    """Slope and offset with the least negative log likelihood, by Newton's method, for each label.

    With ``smooth``, as in Platt's paper, positives count as (n₊ + 1) / (n₊ + 2) and negatives as 1 / (n₋ + 2)
    instead of 1 and 0, so that separable labels and those with no positive have a finite answer. Without, it is
    a logistic regression with no penalty. The slope may be negative: such logits were upside down. Logits that
    are all equal get the slope 0. For expected shares n₊ is their sum, and each share is moved in proportion.

    Args:
        logits: (N, K), finite.
        labels: (N, K), 0 and 1, or expected shares.
        smooth: Platt's targets.

    Returns: :class:`Platt`.
    Raises: ValueError for shapes, logits that are not finite, labels outside [0, 1], no image; without
        ``smooth`` also for a label with one value only, or one that a cut separates: there is no finite answer.

    >>> found = fit_platt(torch.tensor([[1.0], [-1.0], [1.0], [-1.0]]), torch.tensor([[1], [0], [1], [0]]))
    >>> round(found.slope.item(), 6), round(abs(found.offset.item()), 6)  # sigmoid(a) = 3 / 4: a = ln 3
    (1.098612, 0.0)
    """
    z, y = checked(logits, labels, name="logits")
    if smooth:
        positives = y.sum(0)
        high, low = (positives + 1) / (positives + 2), 1 / (len(y) - positives + 2)
        y = low + y * (high - low)
    else:
        for k in range(y.shape[1]):
            _check_overlap(z[:, k], y[:, k], k)
    fits = [_newton(z[:, k], y[:, k]) for k in range(z.shape[1])]
    return Platt(torch.stack([slope for slope, _ in fits]), torch.stack([offset for _, offset in fits]))


def _check_overlap(z: Tensor, y: Tensor, k: int) -> None:
    """ValueError if the likelihood of label ``k`` has no maximum."""
    positive, negative = z[y > 0], z[y < 1]
    advice = "no finite slope or offset; use smooth=True"
    if len(positive) == 0 or len(negative) == 0:
        raise ValueError(f"labels: label {k} is {int(y[0])} for all of {len(y)} images: {advice}")
    apart = bool(negative.max() <= positive.min()) or bool(positive.max() <= negative.min())
    if apart and bool(z.min() < z.max()):
        raise ValueError(f"logits: a cut separates the {len(y)} images of label {k}: {advice}")


def _newton(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Slope and offset of one label, targets ``y`` that are not separable."""
    middle, spread = z.mean(), z.max() - z.min()
    if bool(spread == 0):
        return torch.zeros_like(middle), y.mean().logit()
    columns = torch.stack([(z - middle) / spread, torch.ones_like(z)], dim=1)
    theta = torch.stack([torch.zeros_like(middle), y.mean().logit()])

    def loss(theta: Tensor) -> Tensor:
        eta = columns @ theta
        return (torch.nn.functional.softplus(eta) - y * eta).sum()

    for _ in range(STEPS):
        p = (columns @ theta).sigmoid()
        gradient = columns.T @ (p - y)
        hessian = columns.T @ (columns * (p * (1 - p))[:, None])
        step = torch.linalg.solve(hessian, gradient)
        scale, now = 1.0, loss(theta)
        if bool(gradient @ step < 1e-14 * now):  # twice what is left to gain; the last step squares it
            theta = theta - step
            break
        while scale > 1e-10 and not bool(loss(theta - scale * step) < now):
            scale /= 2  # a full step may overshoot where the sigmoid is nearly flat
        theta = theta - scale * step
    slope = theta[0] / spread
    return slope, theta[1] - slope * middle
