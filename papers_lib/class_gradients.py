"""Gradients of chosen logits by the activations of one layer: what every gradient-based CAM starts from."""

from typing import Literal

import torch
from torch import Tensor

Target = Tensor | Literal["predicted", "all"]


def source_of(activations: Tensor, attached: bool) -> Tensor:
    """The tensor to differentiate by: the activations in their graph, or else a leaf with their values.

    Args: activations of any shape; attached, whether to stay in the graph where there is one.
    Returns: a tensor that requires a gradient; ``activations`` itself is never changed.
    """
    if attached and activations.requires_grad:
        return activations
    leaf = activations.detach()
    return (leaf.clone() if leaf.is_inference() else leaf).requires_grad_()


def may_write(head: object) -> bool:
    """Whether a head may change its input in place: a module with an in-place layer, or no module at all.

    >>> may_write(torch.nn.ReLU()), may_write(torch.nn.Sequential(torch.nn.ReLU(inplace=True)))
    (False, True)
    """
    if not isinstance(head, torch.nn.Module):
        return True
    return any(getattr(layer, "inplace", False) for layer in head.modules())


def class_gradients(logits: Tensor, source: Tensor, target: Target, *, create_graph: bool) -> Tensor:
    """G = d S_c / d A for one class an image or for all of them; the graph of the logits is kept.

    Args:
        logits: (B, K), computed from ``source``.
        source: activations (B, C, H, W) that require a gradient.
        target: class indices (B,), "predicted" (argmax of the logits) or "all".
        create_graph: whether the result can be differentiated again.

    Returns: (B, C, H, W), or (B, K, C, H, W) for "all".
    Raises: ValueError for shapes, a target out of range, or logits that do not depend on ``source``.

    >>> A = torch.tensor([[[[1.0, 2.0]]]], requires_grad=True)
    >>> class_gradients((A**2).sum((2, 3)), A, "predicted", create_graph=False).tolist()
    [[[[2.0, 4.0]]]]
    """
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != len(source):
        found = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(f"logits: expected shape ({len(source)}, K), got {found}")
    chosen = _chosen(logits, target)
    if not logits.requires_grad:
        raise ValueError("the logits do not depend on the activations")

    def gradient(weights: Tensor, batched: bool) -> Tensor:
        (found,) = torch.autograd.grad(
            logits,
            source,
            weights,
            retain_graph=True,  # the logits go on into the classification loss
            create_graph=create_graph,
            allow_unused=True,
            is_grads_batched=batched,
        )
        if found is None:
            raise ValueError("the logits do not depend on the activations")
        return found

    if chosen.ndim == 2:
        return gradient(chosen, False)
    try:
        classes_first = gradient(chosen, True)
    except (RuntimeError, NotImplementedError):  # an operation of the head has no batching rule
        classes_first = torch.stack([gradient(weights, False) for weights in chosen])
    return classes_first.transpose(0, 1)


def _chosen(logits: Tensor, target: Target) -> Tensor:
    """One-hot choice of logits: (B, K), or (K, B, K) for all classes."""
    batch, classes = logits.shape
    if isinstance(target, Tensor):
        if target.shape != (batch,) or target.dtype.is_floating_point or target.dtype == torch.bool:
            raise ValueError(
                f"target: expected {batch} class indices, got shape {tuple(target.shape)}, {target.dtype}"
            )
        if bool(((target < 0) | (target >= classes)).any()):
            raise ValueError(f"target: expected indices in 0..{classes - 1}, got {target.tolist()}")
        index = target.to(logits.device, torch.int64)
    elif target == "predicted":
        index = logits.detach().argmax(1)
    elif target == "all":
        each = torch.eye(classes, dtype=logits.dtype, device=logits.device)
        return each[:, None].expand(-1, batch, -1)
    else:
        raise ValueError(f'target: expected class indices, "predicted" or "all", got {target!r}')
    return torch.zeros_like(logits).scatter_(1, index[:, None], 1.0)
