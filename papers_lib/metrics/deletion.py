"""Deletion: how fast does the class's probability fall when the hottest cells are taken out of the image?

Petsiuk et al. 2018 (RISE, arXiv 1806.07421): delete pixels in the order of the saliency map, hottest first,
and take the area under the curve of the probability against the share deleted. A low area says that the map
points at what the model uses. Beside it belongs the area of :func:`random_order_maps`.

Deviations: whole cells of the map are deleted, since a coarse map ranks nothing finer (the authors rank the
pixels of an enlarged map), and they are filled with the image's own mean colour unless told otherwise (the
authors use a constant).
"""

import itertools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor


@torch.no_grad()
def deletion_curve(
    predict: Callable[[Tensor], Tensor],
    images: Tensor,
    maps: Tensor,
    shares: Sequence[float],
    fill: Tensor | None = None,
) -> Tensor:
    """Probability of the class after each share of the map's cells is deleted, hottest cells first.

    A share s deletes ceil(s h w) cells, each with the pixels whose centres lie in it. Among equal cells the
    first in row-major order goes first; a constant map therefore deletes the image row by row.

    Args:
        predict: images (B, C, H, W) to the probability of the class wanted, (B,); called once a share.
        images: (B, C, H, W).
        maps: raw maps (B, h, w); only their order counts.
        shares: in [0, 1], increasing.
        fill: what replaces deleted pixels: a colour (C,), a colour an image (B, C), or images (B, C, H, W);
            None is the mean colour of each image.

    Returns: probabilities (B, len(shares)), without a graph.
    Raises: ValueError for shapes, shares out of order or range, or a map with NaN or infinity.

    >>> image, hot = torch.tensor([[[[1.0, 3.0]]]]), torch.tensor([[[0.0, 1.0]]])
    >>> deletion_curve(lambda x: x.sum((1, 2, 3)) / 4, image, hot, [0, 0.5, 1], fill=torch.zeros(1))
    tensor([[1.0000, 0.2500, 0.0000]])
    """
    _check_shares(shares)
    if images.ndim != 4 or maps.ndim != 3 or len(images) != len(maps):
        raise ValueError(
            f"expected images (B, C, H, W) and maps (B, h, w), got {tuple(images.shape)} and {tuple(maps.shape)}"
        )
    if not bool(maps.isfinite().all()):
        raise ValueError("maps: expected finite values, found NaN or infinity")
    filling = _filling(images, fill)
    ranks = _ranks(maps)
    rows, columns = (
        _cell_of_pixel(cells, pixels)
        for cells, pixels in zip(maps.shape[-2:], images.shape[-2:], strict=True)
    )
    pixel_ranks = ranks[:, rows][:, :, columns].unsqueeze(1).to(images.device)  # (B, 1, H, W)
    found = []
    for share in shares:
        deleted = deleted_cells(share, maps.shape[-2] * maps.shape[-1])
        probability = predict(torch.where(pixel_ranks < deleted, filling, images))
        if probability.shape != (len(images),):
            raise ValueError(f"predict: expected shape ({len(images)},), got {tuple(probability.shape)}")
        found.append(probability)
    return torch.stack(found, 1)


def deletion_area(probabilities: Tensor, shares: Sequence[float]) -> Tensor:
    """Area under the deletion curve by the trapezoid rule; low is good.

    In [0, last share - first share] for probabilities. The shares are those asked for: for the exact abscissa
    of a coarse map take multiples of 1 / (h w).

    Args: probabilities (..., S) of :func:`deletion_curve`; its S shares, at least two. Returns: (...).
    Raises: ValueError for another number of shares, or shares out of order or range.

    >>> deletion_area(torch.tensor([[1.0, 0.25, 0.0]]), [0, 0.5, 1])  # (1.25 + 0.25) / 4
    tensor([0.3750])
    """
    _check_shares(shares)
    if len(shares) < 2 or probabilities.ndim == 0 or probabilities.shape[-1] != len(shares):
        raise ValueError(
            f"expected probabilities (..., S) for S >= 2 shares, "
            f"got {tuple(probabilities.shape)} and {len(shares)} shares"
        )
    return torch.trapezoid(probabilities, probabilities.new_tensor(shares))


def random_order_maps(generator: torch.Generator, shape: Sequence[int]) -> Tensor:
    """Maps that rank their cells at random, without ties: the baseline that looks at nothing.

    Args: generator; shape (B, h, w). Returns: each map a permutation of 0 … h w - 1, (B, h, w), float32.
    """
    batch, height, width = shape
    draws = torch.rand(batch, height * width, generator=generator, device=generator.device)
    return draws.argsort(stable=True, dim=1).float().reshape(batch, height, width)


def deleted_cells(share: float, cells: int) -> int:
    """Number of cells that a share deletes, ceil(share * cells), safe from rounding: 0.28 of 25 are 7.

    >>> deleted_cells(0.25, 36), deleted_cells(0.28, 25), deleted_cells(0.01, 36)
    (9, 7, 1)
    """
    return min(cells, math.ceil(share * cells - 1e-9))


def _ranks(maps: Tensor) -> Tensor:
    """Place of each cell in the order of deletion, 0 for the hottest."""
    order = maps.flatten(1).argsort(stable=True, dim=1, descending=True)
    return order.argsort(1).reshape(maps.shape)


def _cell_of_pixel(cells: int, pixels: int) -> Tensor:
    """Cell in which each pixel's centre lies, floor((p + 1/2) cells / pixels), in integers."""
    return (2 * torch.arange(pixels) + 1) * cells // (2 * pixels)


def _filling(images: Tensor, fill: Tensor | None) -> Tensor:
    batch, channels = images.shape[:2]
    if fill is None:
        return images.mean((-2, -1), keepdim=True)
    if tuple(fill.shape) not in ((channels,), (batch, channels), tuple(images.shape)):
        raise ValueError(
            f"fill: expected shape ({channels},), ({batch}, {channels}) or that of the images, "
            f"got {tuple(fill.shape)}"
        )
    fill = fill.to(images)
    return fill if fill.ndim == 4 else fill[..., None, None]


def _check_shares(shares: Sequence[float]) -> None:
    rising = all(a < b for a, b in itertools.pairwise(shares))
    if not shares or not rising or not (shares[0] >= 0 and shares[-1] <= 1):
        raise ValueError(f"shares: expected increasing numbers in [0, 1], got {list(shares)}")
