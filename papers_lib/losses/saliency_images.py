"""Saliency maps as images: what the class-distinctiveness loss feeds back into the network (sections 3.1.1, 3.2)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from papers_lib.cams import full_precision


def scaled(maps: Tensor) -> Tensor:
    """Each map (..., H, W) min-max scaled to [0, 1]: (x - min) / (max - min), differentiable, the two ends included.

    Ours. A constant map, or one whose range has no finite inverse, becomes 0 with gradient 0.

    >>> scaled(torch.tensor([[-1.0, 0.0, 3.0], [0.0, 1.0, 3.0]])).tolist()
    [[0.0, 0.25, 1.0], [0.25, 0.5, 1.0]]
    """
    values = full_precision(maps)
    low, high = values.amin((-2, -1), keepdim=True), values.amax((-2, -1), keepdim=True)
    span = high - low
    # The gradient goes with 1 / span, which must not overflow; NaN compares false, so that it stays visible.
    constant = span <= max(1e-30, torch.finfo(values.dtype).tiny)
    return torch.where(constant, 0.0, (values - low) / torch.where(constant, 1.0, span))


def as_images(maps: Tensor, size: tuple[int, int], channels: int = 1, *, relu: bool = True) -> Tensor:
    """Maps as a batch of images in [0, 1]: ReLU, :func:`scaled`, then bilinear (align_corners=False) to ``size``.

    Args: maps, raw (N, h, w), with their graph; size (H, W); channels, all alike; relu, Grad-CAM's final ReLU
    (section 3.2). Returns: (N, channels, H, W).

    >>> as_images(torch.tensor([[[-5.0, 0.0], [1.0, 2.0]]]), (2, 2), channels=2)[0].tolist()
    [[[0.0, 0.0], [0.5, 1.0]], [[0.0, 0.0], [0.5, 1.0]]]
    """
    if maps.ndim != 3:
        raise ValueError(f"maps: expected (N, h, w), got {tuple(maps.shape)}")
    values = full_precision(maps)
    small = scaled(values.relu() if relu else values)
    if small.shape[-2:] != tuple(size):
        small = F.interpolate(small[:, None], size, mode="bilinear", align_corners=False)[:, 0]
    # A copy, not a view: the network's first layer may work in place.
    return small[:, None].repeat(1, channels, 1, 1)
