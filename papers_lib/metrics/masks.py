"""Maps and boxes on the pixel grid of the image: what the overlap and localization metrics share."""

from collections.abc import Sequence

import torch
from torch import Tensor


def bilinear_weights(cells: int, pixels: int, device: torch.device | str = "cpu") -> Tensor:
    """Weights W with which bilinear resizing (align_corners=False) takes ``cells`` values to ``pixels``.

    The same numbers as torch's interpolate along one axis, made from integers: pixels at equal distance from
    a cell's centre, and those beyond the outermost centres, get equal weights to the last bit. So ties
    between pixels are exact, and the weights do not depend on the device.

    Args: cells and pixels, both at least 1. Returns: (pixels, cells), float64, rows summing to 1.

    >>> bilinear_weights(2, 4).tolist()
    [[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]]
    """
    # Centre of pixel p in cells, (p + 1/2) cells / pixels - 1/2, in units of 1 / (2 pixels).
    centre = (2 * torch.arange(pixels) + 1) * cells - pixels
    centre = centre.clamp(0, 2 * pixels * (cells - 1))
    distance = (centre[:, None] - 2 * pixels * torch.arange(cells)).abs()
    return ((2 * pixels - distance).clamp(min=0).double() / (2 * pixels)).to(device)


def resize_maps(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps resized bilinearly (align_corners=False), in float64: see :func:`bilinear_weights`.

    Args: maps (..., h, w); size (H, W). Returns: (..., H, W), float64.
    """
    rows = bilinear_weights(maps.shape[-2], size[0], maps.device)
    columns = bilinear_weights(maps.shape[-1], size[1], maps.device)
    return rows @ maps.double() @ columns.T


def box_mask(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Pixels (x, y) inside any of the boxes: x_min <= x <= x_max and y_min <= y <= y_max.

    Args: boxes (n, 4) as x_min, y_min, x_max, y_max in pixels; n may be 0. size (H, W).
    Returns: (H, W), boolean. A box that falls between two pixels holds none.

    >>> box_mask(torch.tensor([[1.0, 0.0, 2.0, 0.0]]), (2, 4)).int().tolist()
    [[0, 1, 1, 0], [0, 0, 0, 0]]
    """
    x_min, y_min, x_max, y_max = boxes.double().T[..., None]
    y, x = torch.arange(size[0], device=boxes.device), torch.arange(size[1], device=boxes.device)
    rows, columns = (y >= y_min) & (y <= y_max), (x >= x_min) & (x <= x_max)
    return (rows[:, :, None] & columns[:, None, :]).any(0)


def joined_boxes(boxes: Sequence[Tensor], size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """All boxes in one tensor, and the image of each; refuses what can only be an error in the boxes.

    Args: boxes, a tensor (n_i, 4) an image: x_min, y_min, x_max, y_max in pixels; size (H, W).
    Returns: boxes (N, 4), float64, and images (N,), both on the CPU.
    Raises: ValueError naming the image and the box: a shape other than (n, 4), a value that is not finite,
        a maximum below its minimum, or a box wholly outside the image (coordinates of another scale). Parts of
        a box beyond the image are no error.
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
