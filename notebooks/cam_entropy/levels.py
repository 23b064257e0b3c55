"""Levels of the localization measures without a model: a prior's and the ceiling, summed a few masks at a time.

Masks and priors are functions of items' numbers: all maps of VOC 2007 and 2012 at once would take gigabytes.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from cam_entropy.localization import GRID, SIZE, in_chunks
from papers_lib.metrics.localization import reachable
from papers_lib.metrics.masks import box_mask
from papers_lib.metrics.overlap import best_cell_share, heat_share

ByNumber = Callable[[np.ndarray], Tensor]
"""Maps (n, GRID, GRID) of the items with these numbers (n,), made when they are asked for."""


def _sums(masks: ByNumber, classes: np.ndarray, count: int) -> Tensor:
    """Sum of the masks of each of ``count`` classes, float64 (count, GRID, GRID)."""
    sums = torch.zeros(count, GRID, GRID, dtype=torch.float64)
    for some in in_chunks(np.arange(len(classes))):
        sums.index_add_(0, torch.from_numpy(np.asarray(classes[some])), masks(some).double())
    return sums


def mean_masks(masks: ByNumber, classes: np.ndarray, count: int) -> Tensor:
    """Mean mask of each class, (count, GRID, GRID); that of all where the class has none."""
    sums, number = _sums(masks, classes, count), torch.from_numpy(np.bincount(classes, minlength=count))
    number = number[:, None, None]
    return torch.where(number > 0, sums / number, sums.sum(0) / len(classes))


def means_of_others(masks: ByNumber, count: int) -> ByNumber:
    """Mean of all ``count`` masks but the item's own; without preference where there is no other."""
    total = _sums(masks, np.zeros(count, np.int64), 1)

    def others(some: np.ndarray) -> Tensor:
        own = masks(some).double()
        return (total - own) / (count - 1) if count > 1 else torch.ones_like(own)

    return others


def box_masks(boxes: list[Tensor]) -> ByNumber:
    """Pixels of the grid inside the boxes (k, 4) of each item."""
    return lambda some: torch.stack([box_mask(boxes[item], SIZE) for item in some])


def reached(masks: Tensor, cells: int) -> Tensor:
    """Which masks (n, GRID, GRID), boolean, the hottest point of some map of ``cells`` x ``cells`` can hit, (n,)."""
    points = reachable(cells, GRID)
    return masks[:, points][:, :, points].any(2).any(1)


def levels_of(
    masks: ByNumber, prior: ByNumber, count: int, cells: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Levels of the share of heat in ``count`` masks, and of the hottest point being inside.

    Chance is the masks' area; the prior's maps are as fine as the masks; the ceiling is that of ``cells`` x ``cells``.
    """
    chunks = []
    for some in in_chunks(np.arange(count)):
        there, guess = masks(some), prior(some)
        inside = there > 0.5
        hit = inside.flatten(1).gather(1, guess.flatten(1).argmax(1)[:, None])[:, 0]
        best = best_cell_share(there, (cells, cells))
        areas = there.double().sum((1, 2))
        columns = (areas, heat_share(guess, there), best, hit.double(), reached(inside, cells).double())
        chunks.append(torch.stack(columns))
    area, *means = (column.sum().item() / count for column in torch.cat(chunks, 1))
    area /= GRID**2
    mass, pointing = means[:2], means[2:]
    return (
        {"chance": area, "prior": mass[0], "ceiling": mass[1]},
        {"chance": area, "prior": pointing[0], "ceiling": pointing[1]},
    )
