"""Losses against class imbalance, multi-label: weighted binary cross-entropy and the focal loss (report, 3.4)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from papers_lib.cams import full_precision


def balance_weights(labels: Tensor) -> Tensor:
    """Weights (K, 2) of a label's negatives and positives: the share of the other kind among the N images.

    w- = n+ / N and w+ = n- / N, as in CheXNet (Rajpurkar et al. 2017): a choice, the report gives none. labels (N,
    K): of the whole training set.

    >>> balance_weights(torch.tensor([[1, 0], [0, 0], [0, 0], [0, 0]])).tolist()
    [[0.25, 0.75], [0.0, 1.0]]
    """
    if labels.ndim != 2 or labels.numel() == 0:
        raise ValueError(f"labels: expected shape (N, K), not empty, got {tuple(labels.shape)}")
    _check_binary(labels)
    positive_share = (labels == 1).double().mean(0)
    return torch.stack([positive_share, 1 - positive_share], 1).float()


def weighted_bce(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Mean of -w+ y log p - w- (1 - y) log(1 - p), with p = sigmoid(z) and a pair of weights for each label.

    With w+ / w- = n- / n+ the odds come out n- / n+ times too high. Args: logits z (N, K); labels y (N, K), boolean
    or 0 and 1; weights (K, 2), finite, see :func:`balance_weights`.
    """
    z, positive = checked(logits, labels)
    if weights.shape != (z.shape[1], 2):
        raise ValueError(f"weights: expected shape ({z.shape[1]}, 2), got {tuple(weights.shape)}")
    if not bool(((weights >= 0) & weights.isfinite()).all()):
        raise ValueError(f"weights: expected finite values of at least 0, got {weights.tolist()}")
    of_negatives, of_positives = weights.to(z).unbind(1)
    return (torch.where(positive, of_positives, of_negatives) * -_log_p_true(z, positive)).mean()


def focal_loss(logits: Tensor, labels: Tensor, gamma: float = 2.0, alpha: float | None = None) -> Tensor:
    """Mean of -(1 - p_t)^gamma log p_t, with p_t = p for a positive and 1 - p for a negative, p = sigmoid(z).

    Section 3.4.1, after Lin et al. 2017; the report gives neither gamma nor alpha. Args: logits z (N, K); labels y
    (N, K), boolean or 0 and 1; gamma, finite, at least 0; alpha, weight of the positives in [0, 1], 1 - alpha that of
    the negatives, or None.
    """
    if not 0 <= gamma < float("inf"):
        raise ValueError(f"gamma: expected a finite value of at least 0, got {gamma}")
    z, positive = checked(logits, labels)
    # (1 - p_t)^gamma through the logarithm of 1 - p_t: no power of a rounded 0, whose slope would be infinite
    factor = (gamma * _log_p_true(z, ~positive)).exp()
    loss = factor * -_log_p_true(z, positive)
    if alpha is not None:
        loss = torch.where(positive, alpha, 1 - alpha) * loss
    return loss.mean()


def checked(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (N, K), half precision as float32, and labels as booleans on their device; ValueError for a mistake."""
    if logits.ndim != 2 or labels.shape != logits.shape or logits.numel() == 0:
        raise ValueError(
            "expected logits and labels of one shape (N, K), not empty, "
            f"got {tuple(logits.shape)} and {tuple(labels.shape)}"
        )
    _check_binary(labels)
    return full_precision(logits), labels.to(logits.device) == 1


def _check_binary(labels: Tensor) -> None:
    wrong = labels[(labels != 0) & (labels != 1)]
    if len(wrong):
        raise ValueError(f"labels: expected 0 and 1 only, got {wrong[0].item()}")


def _log_p_true(z: Tensor, positive: Tensor) -> Tensor:
    """log p_t: log p of a positive, log(1 - p) of a negative; finite for every finite logit."""
    return F.logsigmoid(torch.where(positive, z, -z))
