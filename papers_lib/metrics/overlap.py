"""Maps, masks and boxes on the pixel grid of the image: the heatmap paper's model score, and its ceiling.

Higher is better, except for :func:`hot_cells`, which is a description. One value an image, in float64.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def heat_share(maps: Tensor, mask: Tensor, *, dead: float = 0.0) -> Tensor:
    """Share (B,) of the heat that lies inside the mask: sum Ĥ · mask / sum Ĥ, Ĥ = upsampled relu(H).

    Figures 6 and 7 of the heatmap paper (Callanan et al.); bilinear enlargement is inferred from the authors' tables.
    Its chance level is the mask's share of area. Args: maps, raw H (B, h, w); mask (B, H, W), boolean or in [0, 1];
    dead, value for a map without positive heat (NaN mimics the authors, whose 0/0 excludes the model).

    >>> heat_share(torch.tensor([[[3.0, 1.0]]]), torch.tensor([[[True, False]]])).item()
    0.75
    """
    if maps.ndim != 3 or mask.ndim != 3 or len(maps) != len(mask):
        shapes = f"{tuple(maps.shape)} and {tuple(mask.shape)}"
        raise ValueError(f"expected maps (B, h, w) and mask (B, H, W), got {shapes}")
    _check_values(mask)
    heat = resize_maps(_heat(maps), (mask.shape[1], mask.shape[2]))
    total = heat.sum((1, 2))
    share = (heat * mask).sum((1, 2)) / total
    return torch.where(total == 0, dead, share.clamp(max=1.0))


def hot_cells(maps: Tensor) -> Tensor:
    """Number of cells (B,) above half of the map's maximum.

    >>> hot_cells(torch.tensor([[[4.0, 3.0, 2.0, -9.0]]])).tolist()
    [2]
    """
    if maps.ndim != 3 or bool(maps.isnan().any()):
        raise ValueError(f"maps: expected shape (B, h, w) without NaN, got {tuple(maps.shape)}")
    return (_heat(maps) > 0.5).sum((1, 2))


def best_cell_share(masks: Tensor, map_size: tuple[int, int]) -> Tensor:
    """Ceiling (B,) of :func:`heat_share` for masks (B, H, W): all heat in the best single cell of (h, w).

    >>> best_cell_share(torch.tensor([[[True, False, False, False]]]), (1, 2)).item()  # 1 of 1 + .75 + .25
    0.5
    """
    _check_values(masks)
    rows = bilinear_weights(map_size[0], masks.shape[1], masks.device)
    columns = bilinear_weights(map_size[1], masks.shape[2], masks.device)
    inside = rows.T @ masks.double() @ columns  # heat in the mask, if cell (i, j) alone is hot
    total = rows.sum(0)[:, None] * columns.sum(0)
    share = torch.where(total == 0, 0.0, inside / torch.where(total == 0, 1.0, total))
    return share.amax((1, 2)).clamp(max=1.0)


def bilinear_weights(cells: int, pixels: int, device: torch.device | str = "cpu") -> Tensor:
    """Weights (pixels, cells), float64, of bilinear resizing (align_corners=False) of ``cells`` values to ``pixels``.

    As torch's interpolate, but made from integers: ties between pixels are exact on every device.
    """
    # Centre of pixel p in cells, (p + 1/2) cells / pixels - 1/2, in units of 1 / (2 pixels).
    centre = (2 * torch.arange(pixels) + 1) * cells - pixels
    centre = centre.clamp(0, 2 * pixels * (cells - 1))
    distance = (centre[:, None] - 2 * pixels * torch.arange(cells)).abs()
    return ((2 * pixels - distance).clamp(min=0).double() / (2 * pixels)).to(device)


def resize_maps(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps (..., h, w) resized bilinearly to ``size``, in float64: see :func:`bilinear_weights`."""
    rows = bilinear_weights(maps.shape[-2], size[0], maps.device)
    columns = bilinear_weights(maps.shape[-1], size[1], maps.device)
    return rows @ maps.double() @ columns.T


def box_mask(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Pixels of (H, W) inside any of the boxes (n, 4), edges included, boolean; n may be 0.

    >>> box_mask(torch.tensor([[1.0, 0.0, 2.0, 0.0]]), (2, 4)).int().tolist()
    [[0, 1, 1, 0], [0, 0, 0, 0]]
    """
    x_min, y_min, x_max, y_max = boxes.double().T[..., None]
    y, x = torch.arange(size[0], device=boxes.device), torch.arange(size[1], device=boxes.device)
    rows, columns = (y >= y_min) & (y <= y_max), (x >= x_min) & (x <= x_max)
    return (rows[:, :, None] & columns[:, None, :]).any(0)


def joined_boxes(boxes: Sequence[Tensor], size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """All boxes (N, 4), float64, and the image of each (N,), on the CPU; refuses what can only be an error.

    Raises: ValueError naming the image and the box: another shape, a value that is not finite, a maximum below its
    minimum, or a box wholly outside the image.
    """
    height, width = size
    for image, found in enumerate(boxes):
        if found.ndim != 2 or found.shape[1] != 4:
            raise ValueError(f"boxes of image {image}: expected shape (n, 4), got {tuple(found.shape)}")
    every = torch.cat([torch.zeros(0, 4, dtype=torch.float64), *(found.double().cpu() for found in boxes)])
    number = torch.tensor([len(found) for found in boxes], dtype=torch.int64)
    images = torch.arange(len(boxes)).repeat_interleave(number)
    x_min, y_min, x_max, y_max = every.T
    for good, fault in (
        (every.isfinite().all(1), "is not finite"),
        ((x_min <= x_max) & (y_min <= y_max), "has a maximum below its minimum"),
        (
            (x_max >= 0) & (y_max >= 0) & (x_min < width) & (y_min < height),
            f"lies outside the image of {width}x{height} pixels",
        ),
    ):
        if not bool(good.all()):
            bad = int(good.int().argmin())
            image = int(images[bad])
            box = bad - int(number[:image].sum())
            raise ValueError(f"box {box} of image {image}, {every[bad].tolist()}, {fault}")
    return every, images


def _heat(maps: Tensor) -> Tensor:
    """relu(H) / max H in float64; all zero without positive heat; NaN stays."""
    heat = maps.double().relu()
    peak = heat.amax((1, 2), keepdim=True)
    return heat / torch.where(peak == 0, 1.0, peak)


def _check_values(mask: Tensor) -> None:
    if mask.numel() and not (float(mask.min()) >= 0 and float(mask.max()) <= 1):
        raise ValueError(f"mask: expected values in [0, 1], got {float(mask.min())} to {float(mask.max())}")
