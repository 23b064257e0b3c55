"""The AUC margin loss for multi-label networks, a min-max problem (Yuan et al. 2021, ICCV; the report, 3.4.2).

With h the scores, m the margin, and means and variances over the positives (+) and the negatives (-) of a label:

    var+ h + var- h + max(0, m + mean- h - mean+ h)^2  =  min over a, b, max over alpha >= 0 of
    mean+ (h - a)^2 + mean- (h - b)^2 + 2 alpha (m + mean- h - mean+ h) - alpha^2.

Times p (1 - p), with the prevalence p, each mean over one kind becomes a mean over all samples of a minibatch.
"""

from typing import Any

import torch
from torch import Tensor, nn

from papers_lib.cams import full_precision
from papers_lib.losses.imbalance import checked


def auc_margin_loss(
    scores: Tensor,
    labels: Tensor,
    a: Tensor,
    b: Tensor,
    alpha: Tensor,
    prevalence: Tensor,
    margin: float = 1.0,
) -> Tensor:
    """The min-max objective (K,) of each label: to be minimised over scores, a and b, and maximised over alpha >= 0.

    Mean over samples of (1-p) (h-a)^2 1[y=1] + p (h-b)^2 1[y=0] + 2 alpha (p (1-p) m + p h 1[y=0] - (1-p) h 1[y=1]) -
    p (1-p) alpha^2. Where the batch's prevalence is p, its saddle point is a = mean+ h, b = mean- h, alpha = max(0, m
    + b - a).

    Args: scores h (B, K), probabilities; labels y (B, K), boolean or 0 and 1; a, b, alpha and prevalence p (K,), p
    the share of positives in the training set, 0 < p < 1; margin m.

    >>> h, y = torch.tensor([[0.75], [0.25]]), torch.tensor([[1], [0]])
    >>> half = torch.tensor([0.5])  # alpha and p; p (1-p) (m + .25 - .75)^2 = .25 * .25
    >>> auc_margin_loss(h, y, torch.tensor([0.75]), torch.tensor([0.25]), half, half).item()
    0.0625
    """
    h, positive = checked(scores, labels)
    a, b, alpha, p = (value.to(h) for value in (a, b, alpha, prevalence))
    y = positive.to(h.dtype)
    spread = (1 - p) * (h - a).square() * y + p * (h - b).square() * (1 - y)
    violation = p * (1 - p) * margin + p * h * (1 - y) - (1 - p) * h * y
    return (spread + 2 * alpha * violation).mean(0) - p * (1 - p) * alpha.square()


class AucMargin(nn.Module):
    """:func:`auc_margin_loss` on sigmoid(logits), mean over the labels, with a, b and alpha (K,) as parameters.

    Made for :class:`papers_lib.losses.pesg.PESG`, which ascends on alpha. Under any other optimizer **alpha descends,
    unless** ``ascend`` **is True**: below 0 its term rewards scores in the wrong order. The report used Adam (section
    4.6) and does not say what became of alpha.

    Args: prevalence p (K,) in the training set, 0 < p < 1: smooth it first, as (n + 1) / (N + 2); margin m, above 0;
    ascend, the gradient that reaches alpha is negated, and is 0 where it would push alpha further below 0.

    >>> loss = AucMargin(torch.tensor([0.5]))
    >>> loss(torch.zeros(2, 1), torch.tensor([[1], [0]])).item()  # .5 (1/2)^2, as a = b = alpha = 0
    0.125
    """

    prevalence: Tensor

    def __init__(self, prevalence: Tensor, margin: float = 1.0, *, ascend: bool = False) -> None:
        super().__init__()
        if prevalence.ndim != 1 or not bool(((prevalence > 0) & (prevalence < 1)).all()):
            raise ValueError(f"prevalence: expected (K,), every value in 0 < p < 1, got {prevalence}")
        if not 0 < margin < float("inf"):
            raise ValueError(f"margin: expected a finite value above 0, got {margin}")
        self.register_buffer("prevalence", prevalence.detach().float().clone())
        self.margin, self.ascend = margin, ascend
        self.a, self.b, self.alpha = (nn.Parameter(torch.zeros_like(self.prevalence)) for _ in range(3))

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        scores = full_precision(logits).sigmoid()
        alpha = _Ascending.apply(self.alpha) if self.ascend else self.alpha
        per_label = auc_margin_loss(scores, labels, self.a, self.b, alpha, self.prevalence, self.margin)
        return per_label.mean()


class _Ascending(torch.autograd.Function):
    """max(0, alpha), for an optimizer that minimises to maximise over it."""

    @staticmethod
    def forward(ctx: Any, alpha: Tensor) -> Tensor:
        ctx.save_for_backward(alpha)
        return alpha.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (alpha,), (gradient,) = ctx.saved_tensors, gradients
        return torch.where((alpha <= 0) & (gradient < 0), 0.0, -gradient)
