"""Overlap of maps with a mask: the model score of the heatmap paper, its ceiling, and what it hides.

Higher is better, except for :func:`hot_cells`, which is a description. One value an image, in float64.
"""

import torch
from torch import Tensor

from papers_lib.metrics.masks import bilinear_weights, resize_maps


def heat_share(maps: Tensor, mask: Tensor, *, dead: float = 0.0) -> Tensor:
    """Share of the heat that lies inside the mask: sum Ĥ · mask / sum Ĥ, Ĥ = upsampled relu(H).

    The overlap of figures 6 and 7 of the heatmap paper (Callanan et al.). Its text does not say how the map
    meets the mask: bilinear enlargement of the rectified map to the full mask is inferred from the authors'
    result tables. Independent of a positive factor of the map; its chance level is the mask's share of area.

    Args:
        maps: raw H (B, h, w).
        mask: (B, H, W), boolean or in [0, 1].
        dead: value for a map without positive heat. 0: such a map finds nothing. NaN mimics the authors,
            whose 0/0 makes the class mean NaN and so excludes the model.

    Returns: (B,) in [0, 1]; NaN for a map that holds one. Raises: ValueError for shapes or mask values.

    >>> heat_share(torch.tensor([[[3.0, 1.0]]]), torch.tensor([[[True, False]]])).item()
    0.75
    """
    _check(maps, mask)
    heat = resize_maps(_heat(maps), (mask.shape[1], mask.shape[2]))
    total = heat.sum((1, 2))
    share = (heat * mask).sum((1, 2)) / total
    return torch.where(total == 0, dead, share.clamp(max=1.0))


def soft_dice(maps: Tensor, mask: Tensor) -> Tensor:
    """Soft Dice coefficient 2 sum Ĥ · mask / (sum Ĥ + sum mask), Ĥ the upsampled relu(H) / max H (Dice 1945).

    Unlike :func:`heat_share` it asks for the whole mask to be hot, not for a few cells in it.

    Args: maps, raw H (B, h, w); mask (B, H, W), boolean or in [0, 1].
    Returns: (B,) in [0, 1], 0 for a map without positive heat. Raises: ValueError for shapes or mask values.

    >>> soft_dice(torch.tensor([[[2.0, 1.0]]]), torch.tensor([[[True, False]]])).item()  # 2 / (1.5 + 1)
    0.8
    """
    _check(maps, mask)
    heat = resize_maps(_heat(maps), (mask.shape[1], mask.shape[2]))
    both = heat.sum((1, 2)) + mask.double().sum((1, 2))
    dice = 2 * (heat * mask).sum((1, 2)) / torch.where(both == 0, 1.0, both)
    return dice.clamp(max=1.0)


def hot_cells(maps: Tensor, threshold: float = 0.5) -> Tensor:
    """Number of cells above ``threshold`` times the map's maximum.

    A max-normalised loss rewards few hot cells, not attention to the whole organ: this counts them.

    Args: maps, raw (B, h, w); threshold in [0, 1). Returns: (B,) integers, 0 for a map without positive heat.
    Raises: ValueError for a shape, a threshold outside [0, 1) or a NaN in the maps.

    >>> hot_cells(torch.tensor([[[4.0, 3.0, 2.0, -9.0]]])).tolist()
    [2]
    """
    if maps.ndim != 3 or bool(maps.isnan().any()):
        raise ValueError(f"maps: expected shape (B, h, w) without NaN, got {tuple(maps.shape)}")
    if not 0 <= threshold < 1:
        raise ValueError(f"threshold: expected a number in [0, 1), got {threshold}")
    return (_heat(maps) > threshold).sum((1, 2))


def best_cell_share(masks: Tensor, map_size: tuple[int, int]) -> Tensor:
    """Ceiling of :func:`heat_share`: its value when all heat sits in the best single cell.

    The share of any map is a mean of its cells' shares, weighted by their heat, so no map exceeds it.

    Args: masks (B, H, W), boolean or in [0, 1]; map_size (h, w).
    Returns: (B,) in [0, 1]. Raises: ValueError for a shape or mask values.

    >>> best_cell_share(torch.tensor([[[True, False, False, False]]]), (1, 2)).item()  # 1 of 1 + .75 + .25
    0.5
    """
    if masks.ndim != 3:
        raise ValueError(f"masks: expected shape (B, H, W), got {tuple(masks.shape)}")
    _check_values(masks)
    rows = bilinear_weights(map_size[0], masks.shape[1], masks.device)
    columns = bilinear_weights(map_size[1], masks.shape[2], masks.device)
    inside = rows.T @ masks.double() @ columns  # heat in the mask, if cell (i, j) alone is hot
    total = rows.sum(0)[:, None] * columns.sum(0)
    share = torch.where(total == 0, 0.0, inside / torch.where(total == 0, 1.0, total))
    return share.amax((1, 2)).clamp(max=1.0)


def _heat(maps: Tensor) -> Tensor:
    """relu(H) / max H in float64; all zero without positive heat; NaN stays."""
    heat = maps.double().relu()
    peak = heat.amax((1, 2), keepdim=True)
    return heat / torch.where(peak == 0, 1.0, peak)


def _check(maps: Tensor, mask: Tensor) -> None:
    if maps.ndim != 3 or mask.ndim != 3 or len(maps) != len(mask):
        raise ValueError(
            f"expected maps (B, h, w) and mask (B, H, W), got {tuple(maps.shape)} and {tuple(mask.shape)}"
        )
    _check_values(mask)


def _check_values(mask: Tensor) -> None:
    if mask.numel() and not (float(mask.min()) >= 0 and float(mask.max()) <= 1):
        raise ValueError(f"mask: expected values in [0, 1], got {float(mask.min())} to {float(mask.max())}")
