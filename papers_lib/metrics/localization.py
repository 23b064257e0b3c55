"""Point localization: does the hottest pixel of a class's map fall into one of the class's boxes?

The pointing game as PYLON evaluates it (Preechakul et al., Evaluation), one class at a time, beside what needs no
model: `chance`, `class_mean_centre` scored with `fixed_point_hits`, and `stride_ceiling`.

Boxes are a list of tensors (n_i, 4), one an image: x_min, y_min, x_max, y_max in pixels, edges included; images
without a box are skipped.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from papers_lib.metrics.classification import ClassMeans, class_means
from papers_lib.metrics.overlap import box_mask, joined_boxes, resize_maps


class PointHits(NamedTuple):
    """One class, on the CPU: ``hit`` and ``counted``, boolean (B,); ``point`` (B, 2), the pixel (x, y)."""

    hit: Tensor
    counted: Tensor
    point: Tensor


def point_hits(maps: Tensor, boxes: Sequence[Tensor], size: tuple[int, int], *, chunk: int = 64) -> PointHits:
    """Hits of the argmax pixel of each map, resized bilinearly (align_corners=False) to the input's size.

    The first of equal pixels counts. A constant map is a miss, its point (-1, -1) (the authors': the upper left
    pixel). Args: maps, raw, of the class (B, h, w), finite; boxes, B tensors (n_i, 4); size (H, W) of the input;
    chunk, images resized at a time.

    >>> peak = torch.tensor([[[0.0, 1.0], [0.0, 0.0]]])
    >>> point_hits(peak, [torch.tensor([[3.0, 0.0, 3.0, 1.0]])], (4, 4))
    PointHits(hit=tensor([True]), counted=tensor([True]), point=tensor([[3, 0]]))
    """
    if maps.ndim != 3 or len(maps) != len(boxes):
        raise ValueError(
            f"expected maps (B, h, w) and B box tensors, got {tuple(maps.shape)} and {len(boxes)}"
        )
    finite = maps.detach().isfinite().flatten(1).all(1)
    if not bool(finite.all()):
        raise ValueError(f"map {int(finite.int().argmin())} holds NaN or infinity")
    flat = maps.detach().flatten(1)
    first = [resize_maps(part, size).flatten(1).argmax(1) for part in maps.detach().split(max(chunk, 1))]
    index = torch.cat(first) if first else torch.zeros(0, dtype=torch.int64, device=maps.device)
    point = torch.stack([index % size[1], index // size[1]], 1)
    point[(flat == flat[:, :1]).all(1)] = -1
    return _hits(point.cpu(), boxes, size)


def fixed_point_hits(centre: Tensor, boxes: Sequence[Tensor], size: tuple[int, int]) -> PointHits:
    """Hits of one fixed point (x, y), relative to width and height, for every image: the score of a prior."""
    height, width = size
    pixel = (centre.double().cpu() * torch.tensor([width, height]) + 0.5).floor().long()
    pixel = pixel.clamp(min=torch.tensor([0, 0]), max=torch.tensor([width - 1, height - 1]))
    return _hits(pixel.expand(len(boxes), 2), boxes, size)


def point_localization(classes: Sequence[PointHits]) -> ClassMeans:
    """Share of hits of each class, their mean (macro) and the share over all counted images (weighted)."""
    hits = torch.tensor([int((one.hit & one.counted).sum()) for one in classes])
    return class_means(hits, torch.tensor([int(one.counted.sum()) for one in classes]))


def chance(boxes: Sequence[Tensor], size: tuple[int, int]) -> float:
    """Hit rate of a random pixel: the mean over images of the area share of the union of the boxes.

    >>> chance([torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.zeros(0, 4)], (4, 4))  # 4 of 16 pixels
    0.25
    """
    masks = _masks(boxes, size)
    return float(torch.stack([mask.double().mean() for mask in masks]).mean())


def class_mean_centre(boxes: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
    """Mean centre of the class's boxes, (x, y) relative to width and height, (2,), float64: the trivial prior.

    >>> class_mean_centre([torch.tensor([[0.0, 0.0, 2.0, 2.0], [2.0, 4.0, 4.0, 8.0]])], (10, 10)).tolist()
    [0.2, 0.35]
    """
    every, _ = joined_boxes(boxes, size)
    if len(every) == 0:
        raise ValueError("no image has a box of the class")
    return (every[:, :2] + every[:, 2:]).mean(0) / 2 / torch.tensor([size[1], size[0]])


def stride_ceiling(boxes: Sequence[Tensor], size: tuple[int, int], stride: int) -> float:
    """Share of images in which some map of this stride can put its argmax pixel into a box.

    Bilinear maps peak beside the centre of a cell, so a coarse map cannot point at every pixel.

    >>> boxes = [torch.tensor([[4.0, 4.0, 5.0, 5.0]]), torch.tensor([[1.0, 1.0, 4.0, 4.0]])]
    >>> stride_ceiling(boxes, (12, 12), 4)  # rows and columns that can be hit: 0, 5, 6, 10
    0.5
    """
    height, width = size
    cells = -(-height // stride), -(-width // stride)
    if cells == (1, 1):  # a single cell is a constant map, which points nowhere
        return 0.0
    rows, columns = reachable(cells[0], height), reachable(cells[1], width)
    found = [bool(mask[rows][:, columns].any()) for mask in _masks(boxes, size)]
    return sum(found) / len(found)


def reachable(cells: int, pixels: int) -> Tensor:
    """Pixels of one axis at which a bilinearly enlarged row of ``cells`` values can have its first maximum.

    >>> reachable(3, 12).tolist()  # centres at 1.5, 5.5 and 9.5
    [0, 5, 6, 10]
    """
    # Centres in units of 1 / (2 cells pixels); integers, so that ties are exact.
    pixel = ((2 * torch.arange(pixels) + 1) * cells).clamp(pixels, (2 * cells - 1) * pixels)
    centre = (2 * torch.arange(cells) + 1) * pixels
    before = pixel[torch.searchsorted(pixel, centre, right=True) - 1]
    return torch.cat([torch.searchsorted(pixel, before), torch.searchsorted(pixel, centre)]).unique()


def _masks(boxes: Sequence[Tensor], size: tuple[int, int]) -> list[Tensor]:
    """Pixel masks of the images that have a box."""
    every, images = joined_boxes(boxes, size)
    if len(every) == 0:
        raise ValueError("no image has a box of the class")
    return [box_mask(every[images == image], size) for image in images.unique()]


def _hits(point: Tensor, boxes: Sequence[Tensor], size: tuple[int, int]) -> PointHits:
    every, images = joined_boxes(boxes, size)
    at = point[images]  # the point that each box has to hold
    inside = ((every[:, :2] <= at) & (at <= every[:, 2:])).all(1) & (at[:, 0] >= 0)
    hit, counted = torch.zeros(len(boxes), dtype=torch.bool), torch.zeros(len(boxes), dtype=torch.bool)
    hit[images[inside]] = True
    counted[images] = True
    return PointHits(hit, counted, point)
