"""Classification losses on sigmoid outputs, as in the heatmap paper: squared error and Keras's CCE."""

import torch.nn.functional as F
from torch import Tensor


def sigmoid_mse(logits: Tensor, target: Tensor) -> Tensor:
    """Mean over images and outputs of (y - sigmoid(z))², y one-hot (the paper's "MSE component", section 1).

    Args: logits z (B, K); target, class indices (B,). Half-precision logits are computed in float32.
    Returns: a scalar. Raises: ValueError for other shapes or a class out of range.

    >>> import torch
    >>> sigmoid_mse(torch.zeros(1, 4), torch.tensor([2])).item()  # each output is 1/2
    0.25
    """
    z = _checked(logits, target)
    return (F.one_hot(target.long(), z.shape[1]).to(z.dtype) - z.sigmoid()).square().mean()


def sigmoid_cce(logits: Tensor, target: Tensor) -> Tensor:
    """Keras's categorical cross entropy on sigmoid outputs: -log(p_c / sum_k p_k), p = sigmoid(z).

    Keras divides by the sum of the outputs whatever the last activation is. Deviation: computed from
    log-sigmoids, so without Keras's clipping of p to [1e-7, 1 - 1e-7]; finite and with a gradient at any z.

    Args: logits z (B, K); target, class indices (B,). Half-precision logits are computed in float32.
    Returns: a scalar, the mean over images. Raises: ValueError for other shapes or a class out of range.

    >>> import torch
    >>> round(sigmoid_cce(torch.zeros(1, 4), torch.tensor([2])).item(), 4)  # log 4
    1.3863
    """
    z = _checked(logits, target)
    return F.cross_entropy(F.logsigmoid(z), target.long())


def _checked(logits: Tensor, target: Tensor) -> Tensor:
    if logits.ndim != 2 or target.shape != logits.shape[:1] or logits.numel() == 0:
        raise ValueError(
            f"expected logits (B, K) and target (B,), got {tuple(logits.shape)} and {tuple(target.shape)}"
        )
    if target.is_floating_point() or bool(((target < 0) | (target >= logits.shape[1])).any()):
        raise ValueError(f"target: expected class indices in 0..{logits.shape[1] - 1}, got {target.tolist()}")
    return logits.float() if logits.dtype.itemsize == 2 else logits
