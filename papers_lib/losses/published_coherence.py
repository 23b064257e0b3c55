"""Spatial coherence as the loss paper's public code is described to compute it, beside the printed equation."""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from papers_lib.losses.spatial_coherence import check_options, components


def published_coherence(
    maps: Tensor, *, window: int = 9, erosion: int = 1, reduction: Literal["sum", "mean"] = "sum"
) -> Tensor:
    """Squared differences between the pixels of the components and all of their window, averaged over the maps.

    For one map: Σ_{p in a component, the last left out} Σ_{q in the window x window square around p} (x_p - x_q)². Of
    the public code of Mahapatra et al. 2022 (ubern-mia/sibnet), whose loss section 3.1.2 of the report takes over.
    **Written from a description of that code, not from it.** Components by Otsu's threshold, erosion (3x3) and
    8-connected labelling; x_q is any pixel of the square, beyond the border 0; the last component pays nothing.

    Twice differentiable. Args: maps (..., H, W); window, odd, at least 3; reduction within a map, "sum", or "mean"
    over the window² - 1 pairs of each counted pixel.

    >>> import torch
    >>> row = torch.tensor([[3.0, 0.0, 0.0, 2.0]])  # the component of 2 is the last
    >>> published_coherence(row, window=3, erosion=0).item()  # 8 neighbours of the 3, all 0: 8 · 9
    72.0
    """
    check_options(maps, window, reduction)
    labels = components(maps, threshold="otsu", erosion=erosion)
    labels = labels.reshape(-1, 1, *maps.shape[-2:])
    counted = (labels > 0) & (labels < labels.amax((-2, -1), keepdim=True))
    x = maps.reshape(labels.shape).double()
    around, squares = _box_sum(x, window), _box_sum(x.square(), window)
    cost = window**2 * x.square() - 2 * x * around + squares
    # Times the mask: a NaN outside the components is not to be lost.
    sums = (cost * counted).sum((1, 2, 3))
    pairs = (window**2 - 1) * counted.sum((1, 2, 3)).clamp(min=1)
    total = (sums / pairs if reduction == "mean" else sums).mean()
    return total if maps.dtype == x.dtype else total.float()


def _box_sum(x: Tensor, window: int) -> Tensor:
    return F.avg_pool2d(x, window, stride=1, padding=window // 2, divisor_override=1)
