"""Temperature scaling: the logits divided by one learned number (Guo et al. 2017; report, section 3.6.1).

The report prints softmax(z / T) though its five findings do not exclude each other and are trained with a
sigmoid each. So the one to use there is :func:`fit_temperature`, sigmoid(z / T); the printed one, for exclusive
classes, is :func:`fit_softmax_temperature`. It names no images to fit T on: use a split of its own, neither that
of the training nor that of the test.

T keeps the order of the images in each label, so AUROC stays (that of the logits; a sigmoid rounds to 1 above 37);
and it cannot move a prediction across 1/2: an offset, such as an AUC margin loss leaves, needs
:func:`papers_lib.metrics.platt.fit_platt`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from papers_lib.metrics.calibration_error import check_target
from papers_lib.metrics.reliability import checked

LOWEST, HIGHEST = 1e-3, 1e3


@dataclass(frozen=True, eq=False)
class Temperature:
    """``values`` (1,), or (K,) with one per label, float64; ``at_bound``, same shape: T is 1e-3 or 1e3."""

    values: Tensor
    at_bound: Tensor

    def logits(self, logits: Tensor) -> Tensor:
        """z / T, (N, K), float64 on the CPU. Raises: ValueError if K is not that of the fit."""
        if logits.ndim != 2 or len(self.values) not in (1, logits.shape[1]):
            raise ValueError(f"logits: expected (N, {len(self.values)}), got {tuple(logits.shape)}")
        return logits.detach().cpu().double() / self.values

    def probabilities(self, logits: Tensor) -> Tensor:
        """sigmoid(z / T), (N, K), float64 on the CPU."""
        return ordered_sigmoid(self.logits(logits))


class SoftmaxTemperature(Temperature):
    """As :class:`Temperature`, for exclusive classes."""

    def probabilities(self, logits: Tensor) -> Tensor:
        """softmax(z / T) over the classes, (N, K), float64 on the CPU: the report's equation (section 3.6.1)."""
        return self.logits(logits).softmax(dim=1)


def fit_temperature(logits: Tensor, labels: Tensor, *, per_label: bool = False) -> Temperature:
    """The T of sigmoid(z / T) with the least negative log likelihood; one for all labels, or one for each.

    The likelihood is convex in 1 / T, so its slope has one zero, found by bisection over log T in [1e-3, 1e3]
    to the last digits. Where there is none: logits that separate the labels give 1e-3 (the sharper the better),
    logits that say the opposite of the labels, or nothing, give 1e3; ``at_bound`` says so. If every logit is 0,
    T does nothing and is 1.

    Args:
        logits: (N, K), finite.
        labels: (N, K), 0 and 1, or expected shares.
        per_label: a temperature for each label. The order of the labels within an image may change then.

    Returns: :class:`Temperature`.
    Raises: ValueError for shapes, logits that are not finite, labels outside [0, 1], or no image.

    >>> logits = torch.tensor([[2.0], [2.0], [2.0], [-2.0]])  # right 3 times of 4: sigmoid(2 / T) = 3 / 4
    >>> round(fit_temperature(logits, torch.tensor([[1], [1], [0], [0]])).values.item(), 6)  # 2 / ln 3
    1.820478
    """
    z, y = checked(logits, labels, name="logits")
    # d NLL / d(1/T), summed over the images, and its limit for T to 0: the |z| on the wrong side.
    wrong = torch.where(z > 0, z * (1 - y), -z * y)

    def by_temperature(per_logit: Tensor) -> Tensor:
        return per_logit.sum(0) if per_label else per_logit.sum()[None]

    def slope(inverse: Tensor) -> Tensor:
        return by_temperature(z * ((z * inverse).sigmoid() - y))

    return Temperature(*_search(slope, by_temperature(wrong), by_temperature(z.abs()) == 0))


def fit_softmax_temperature(logits: Tensor, target: Tensor) -> SoftmaxTemperature:
    """The T of softmax(z / T) with the least negative log likelihood, for exclusive classes (section 3.6.1).

    Args: logits (N, K), finite; target, class indices (N,).
    Returns: :class:`SoftmaxTemperature` with one value; bounds as in :func:`fit_temperature`, and 1 where the
        logits of each image are all equal.
    Raises: ValueError for shapes, logits that are not finite, a target out of range, or no image.

    >>> logits = torch.tensor([[2.0, 0.0], [2.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
    >>> round(fit_softmax_temperature(logits, torch.tensor([0, 0, 1, 1])).values.item(), 6)  # 2 / ln 3
    1.820478
    """
    if target.ndim != 1 or target.shape != logits.shape[:1]:
        raise ValueError(
            f"expected logits (N, K) and target (N,), got {tuple(logits.shape)} and {tuple(target.shape)}"
        )
    z, _ = checked(logits, torch.zeros_like(logits), name="logits")
    check_target(target, z.shape[1])
    z = z - z.gather(1, target.cpu().long()[:, None])  # the target's logit is 0, which softmax does not see

    def slope(inverse: Tensor) -> Tensor:
        return ((z * inverse).softmax(dim=1) * z).sum()[None]

    return SoftmaxTemperature(*_search(slope, z.amax(1).sum()[None], z.abs().sum()[None] == 0))


def ordered_sigmoid(logits: Tensor) -> Tensor:
    """sigmoid that never reverses an order and keeps ties.

    torch computes most elements several at a time and the last few singly, in another way: equal logits can come
    out one last digit apart, which would split ties between bins and in AUROC.
    """
    distinct, place = logits.unique(return_inverse=True)
    return distinct.sigmoid().cummax(0).values[place]


def _search(slope: Callable[[Tensor], Tensor], slope_at_zero: Tensor, flat: Tensor) -> tuple[Tensor, Tensor]:
    """Zeros of ``slope``, which grows with 1 / T, over T in [1e-3, 1e3]; and which of them are bounds.

    ``slope_at_zero`` is its limit for T to 0, never negative; 0 means separable: known exactly, where the slope
    itself would underflow. ``flat`` marks a likelihood that does not depend on T.
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
