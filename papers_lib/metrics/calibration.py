"""Calibration: probabilities that can be read as frequencies (Sibnet report, sections 3.6, 4.2.2 and 4.7).

Each calibrator is fitted on a split of its own and applied by ``.probabilities(logits)``: (N, K), float64, on the CPU.

- :func:`fit_temperature`, sigmoid(z / T) (Guo et al. 2017; the report prints softmax). It keeps AUROC.
- :func:`fit_platt`, sigmoid(a z + b) (Platt 1999): it mends an offset too, such as an AUC margin loss leaves.
- :func:`fit_isotonic`, any rising function (Zadrozny and Elkan 2002): on a few hundred images it fits the noise.

Arguments of all three: logits (isotonic: scores) (N, K), finite; labels (N, K), 0 and 1, or expected shares.

>>> logits, labels = torch.tensor([[2.0], [2.0], [2.0], [-2.0]]), torch.tensor([[1], [1], [0], [0]])
>>> calibrated = fit_temperature(logits, labels).probabilities(logits)  # 3/4, 3/4, 3/4, 1/4
>>> [round(ece(p, labels, bins=2).item(), 4) for p in (logits.sigmoid(), calibrated)]
[0.1904, 0.125]
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from papers_lib.errors import needed
from papers_lib.metrics.calibration_error import brier as brier
from papers_lib.metrics.calibration_error import checked
from papers_lib.metrics.calibration_error import confidence_ece as confidence_ece
from papers_lib.metrics.calibration_error import ece as ece
from papers_lib.metrics.calibration_error import ece_floor as ece_floor
from papers_lib.metrics.calibration_error import reliability as reliability
from papers_lib.metrics.calibration_error import top_label_ece as top_label_ece

LOWEST, HIGHEST = 1e-3, 1e3
STEPS = 200


@dataclass(frozen=True, eq=False)
class Temperature:
    """``values`` (1,), or (K,) with one per label, float64; ``at_bound``, same shape: T is 1e-3 or 1e3."""

    values: Tensor
    at_bound: Tensor

    def logits(self, logits: Tensor) -> Tensor:
        """z / T."""
        return _as_fitted(logits, len(self.values)) / self.values

    def probabilities(self, logits: Tensor) -> Tensor:
        """sigmoid(z / T)."""
        return ordered_sigmoid(self.logits(logits))


def fit_temperature(logits: Tensor, labels: Tensor, *, per_label: bool = False) -> Temperature:
    """The T of sigmoid(z / T) with the least negative log likelihood; one for all labels, or each with ``per_label``.

    Zero of the slope in 1 / T by bisection over log T in [1e-3, 1e3]; ``at_bound`` where there is none: logits that
    separate the labels give 1e-3, logits that say the opposite, or nothing, 1e3; logits that are all 0 give T = 1.
    """
    z, y = checked(logits, labels, name="logits")
    # d NLL / d(1/T), summed over the images, and its limit for T to 0: the |z| on the wrong side.
    wrong = torch.where(z > 0, z * (1 - y), -z * y)

    def by_temperature(per_logit: Tensor) -> Tensor:
        return per_logit.sum(0) if per_label else per_logit.sum()[None]

    def slope(inverse: Tensor) -> Tensor:
        return by_temperature(z * ((z * inverse).sigmoid() - y))

    return Temperature(*_search(slope, by_temperature(wrong), by_temperature(z.abs()) == 0))


@dataclass(frozen=True, eq=False)
class Platt:
    """``slope`` and ``offset`` of each label (K,), float64."""

    slope: Tensor
    offset: Tensor

    def logits(self, logits: Tensor) -> Tensor:
        """a z + b."""
        return _as_fitted(logits, len(self.slope)) * self.slope + self.offset

    def probabilities(self, logits: Tensor) -> Tensor:
        """sigmoid(a z + b)."""
        return ordered_sigmoid(self.logits(logits))


def fit_platt(logits: Tensor, labels: Tensor) -> Platt:
    """Slope and offset with the least negative log likelihood, by Newton's method, for each label.

    As in Platt's paper positives count as (n₊ + 1) / (n₊ + 2) and negatives as 1 / (n₋ + 2), so that separable labels
    and those with no positive have a finite answer.
    """
    z, y = checked(logits, labels, name="logits")
    positives = y.sum(0)
    high, low = (positives + 1) / (positives + 2), 1 / (len(y) - positives + 2)
    y = low + y * (high - low)
    fits = [_newton(z[:, k], y[:, k]) for k in range(z.shape[1])]
    return Platt(torch.stack([slope for slope, _ in fits]), torch.stack([offset for _, offset in fits]))


@dataclass(frozen=True, eq=False)
class Isotonic:
    """For each label the distinct ``scores`` of the fit, ascending, and the fitted ``values`` there, float64."""

    scores: tuple[Tensor, ...]
    values: tuple[Tensor, ...]

    def probabilities(self, scores: Tensor) -> Tensor:
        """The fitted function: linear between the fit's scores, constant beyond them."""
        columns = _as_fitted(scores, len(self.scores)).numpy().T
        found = [
            np.interp(column, known.numpy(), value.numpy())
            for column, known, value in zip(columns, self.scores, self.values, strict=True)
        ]
        return torch.from_numpy(np.stack(found, axis=1))


def fit_isotonic(scores: Tensor, labels: Tensor) -> Isotonic:
    """The non-decreasing function of the score with the least squared error, for each label (scikit-learn).

    Between scores it is linear, beyond them constant. It makes many scores equal, so that AUROC may move.

    >>> found = fit_isotonic(torch.tensor([[1.0], [2.0], [3.0], [4.0]]), torch.tensor([[0], [1], [0], [1]]))
    >>> found.values[0].tolist()  # 1 and 0 in the wrong order: pooled
    [0.0, 0.5, 0.5, 1.0]
    >>> found.probabilities(torch.tensor([[0.0], [1.5], [9.0]])).flatten().tolist()
    [0.0, 0.25, 1.0]
    """
    x, y = checked(scores, labels, name="scores")
    known, values = [], []
    for k in range(x.shape[1]):
        fit = needed("sklearn.isotonic").IsotonicRegression()
        fitted = fit.fit_transform(x[:, k].numpy(), y[:, k].numpy())
        distinct, first = np.unique(x[:, k].numpy(), return_index=True)
        known.append(torch.from_numpy(distinct))
        values.append(torch.from_numpy(fitted[first]))
    return Isotonic(tuple(known), tuple(values))


def _as_fitted(scores: Tensor, labels: int) -> Tensor:
    """Scores (N, K) in float64 on the CPU; ValueError for NaN, or another K than the fit's, unless that is 1."""
    if scores.ndim != 2 or labels not in (1, scores.shape[1]) or bool(scores.isnan().any()):
        raise ValueError(f"scores: expected (N, {labels}) without NaN, got {tuple(scores.shape)}")
    return scores.detach().cpu().double()


def ordered_sigmoid(logits: Tensor) -> Tensor:
    """sigmoid that never reverses an order and keeps ties, which torch's vectorised one may split by a last digit."""
    distinct, place = logits.unique(return_inverse=True)
    return distinct.sigmoid().cummax(0).values[place]


def _search(slope: Callable[[Tensor], Tensor], slope_at_zero: Tensor, flat: Tensor) -> tuple[Tensor, Tensor]:
    """Zeros of ``slope``, which grows with 1 / T, over T in [1e-3, 1e3]; and which of them are bounds.

    ``slope_at_zero``: its limit for T to 0 (0: separable); ``flat``: the likelihood does not depend on T.
    """
    low = torch.full_like(slope_at_zero, LOWEST).log()
    high = torch.full_like(slope_at_zero, HIGHEST).log()
    separable = (slope_at_zero == 0) | (slope((-low).exp()) < 0)
    opposite = slope((-high).exp()) >= 0
    for _ in range(60):  # 13.8 / 2^60: below the last digit of log T
        middle = (low + high) / 2
        too_sharp = slope((-middle).exp()) > 0
        low, high = torch.where(too_sharp, middle, low), torch.where(too_sharp, high, middle)
    values = ((low + high) / 2).exp()
    values = torch.where(opposite, HIGHEST, torch.where(separable, LOWEST, values))
    return torch.where(flat, 1.0, values), (opposite | separable) & ~flat


def _newton(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Slope and offset of one label, targets ``y`` that are not separable.

    By hand: where the labels are all alike the slope's last bits decide the order, and so the bins of equal mass.
    """
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
