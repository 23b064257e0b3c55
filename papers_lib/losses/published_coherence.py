"""Spatial coherence as the loss paper's public code is described to compute it, beside the printed equation."""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from papers_lib.losses.spatial_coherence import components


def published_coherence(
    maps: Tensor, *, window: int = 9, erosion: int = 1, reduction: Literal["sum", "mean"] = "sum"
) -> Tensor:
    """Squared differences between the pixels of the components and all of their window, averaged over the maps.

    For one map: Σ_{p in a component, the last left out} Σ_{q in the window x window square around p} (x_p - x_q)².

    Of the public code of Mahapatra et al. 2022 (ubern-mia/sibnet), whose loss section 3.1.2 of the report takes over.
    **Written from a description of that code, not from it**, which says: components by Otsu's threshold, erosion and
    labelling; pairs inside and outside the component are counted; the last component is dropped; the window ignores
    mask and border, with zero padding. Taken to mean, against :func:`papers_lib.losses.spatial_coherence`:

    - x_q is any pixel of the square, of the same component, of another, of the background;
    - beyond the border x_q is 0 and counts, so that a component at the border pays for its own values;
    - the component with the largest number, the last in the order of rows, pays nothing; a map with a single component
      (after erosion, of 3x3, once) therefore costs 0. The components are 8-connected.

    The description also says that each loss is divided by its value on the first batch, and that the maps are
    enlarged Grad-CAMs: both the caller's, with a weight and ``saliency_images.as_images``.

    The square is summed by Σ_q (x_p - x_q)² = n x_p² - 2 x_p Σ x_q + Σ x_q², in double precision, where the
    difference of near values loses nothing that float32 would show. Twice differentiable.

    Args:
        maps: (..., H, W), floating point.
        window: side of the square, odd, at least 3.
        erosion: times that the thresholded region is eroded.
        reduction: within a map: "sum", or "mean" over the window² - 1 pairs of each counted pixel (0 for a map without
            one), ours, to stand beside that of ``spatial_coherence``.

    Returns: a scalar, at least 0; float32 unless the maps are double. NaN if a map holds NaN.
    Raises: ValueError for a shape, no map, whole numbers, or an option outside its range.

    >>> import torch
    >>> row = torch.tensor([[3.0, 0.0, 0.0, 2.0]])  # the component of 2 is the last
    >>> published_coherence(row, window=3, erosion=0).item()  # 8 neighbours of the 3, all 0: 8 · 9
    72.0
    """
    if maps.ndim < 2 or maps.numel() == 0:
        raise ValueError(f"maps: expected (..., H, W), not empty, got {tuple(maps.shape)}")
    if window < 3 or window % 2 == 0:
        raise ValueError(f"window: expected an odd number of at least 3, got {window}")
    if reduction not in ("sum", "mean"):
        raise ValueError(f"reduction: expected sum or mean, got {reduction!r}")
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
