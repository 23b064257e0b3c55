"""Scores of the localization measures without a model: chance, a prior, the ceiling of the map's stride."""

from collections.abc import Callable
from statistics import fmean

import numpy as np
import torch
from torch import Tensor

from cam_entropy.localization import CHUNK, GRID, SIZE, in_chunks, object_masks, on_grid, part_boxes
from cam_entropy.parameters import STRIDE
from papers_lib.datasets.voc_store import CropSplit
from papers_lib.metrics.localization import (
    chance,
    class_mean_centre,
    fixed_point_hits,
    point_localization,
    reachable,
)
from papers_lib.metrics.overlap import best_cell_share, box_mask, heat_share

ByNumber = Callable[[np.ndarray], Tensor]
"""Maps (n, GRID, GRID) of the items with these numbers, made when asked for: VOC's would take gigabytes."""
Scores = dict[str, float]
"""By name: chance, prior, ceiling."""


def baselines(train: CropSplit, test: CropSplit) -> dict[str, Scores]:
    """Chance, prior and ceiling of each measure that the data allow.

    Priors, mean mask and mean centre of the class, are fitted on the training split (where it has any); those of scenes
    on the test pictures but the one scored on. Ceilings: of the best cell, and of what a map of this stride can hit.
    """
    found: dict[str, Scores] = {}
    cells = test.images.shape[1] // STRIDE
    masked = np.flatnonzero(test.has_mask)
    if len(masked):
        fitted = train if train.has_mask.any() else test
        known = np.flatnonzero(fitted.has_mask)
        mean = mean_masks(
            lambda some: object_masks(fitted, known[some]), fitted.classes[known], len(train.names)
        )
        kinds = test.classes[masked]
        found["object_mass"], found["object_pointing"] = scores(
            lambda some: object_masks(test, masked[some]), lambda some: mean[kinds[some]], len(masked), cells
        )
    if any(len(box) for box in part_boxes(test)):
        found["part_mass"], found["part_pointing"] = _of_parts(train, test, cells)
    if test.scenes is not None:
        found["scene_mass"], found["scene_pointing"] = _of_scenes(test)
    return found


def scores(masks: ByNumber, prior: ByNumber, count: int, cells: int) -> tuple[Scores, Scores]:
    """Of the share of heat in ``count`` masks, and of the hottest point being inside.

    Chance is the masks' area; the prior's maps are as fine as the masks; the ceiling is that of ``cells`` x ``cells``.
    """

    def each(some: np.ndarray) -> Tensor:
        there, guess = masks(some), prior(some)
        inside = there > 0.5
        hit = inside.flatten(1).gather(1, guess.flatten(1).argmax(1)[:, None])[:, 0]
        best = best_cell_share(there, (cells, cells))
        area = there.double().sum((1, 2))
        points = reachable(cells, GRID)
        reached = inside[:, points][:, :, points].any(2).any(1)
        columns = (area, heat_share(guess, there), best, hit.double(), reached.double())
        return torch.stack(columns, 1)

    columns = in_chunks(each, np.arange(count)).T.contiguous()
    area, mass, best, hit, reachable_share = (column.sum().item() / count for column in columns)
    share = {"chance": area / GRID**2}
    return share | {"prior": mass, "ceiling": best}, share | {"prior": hit, "ceiling": reachable_share}


def mean_masks(masks: ByNumber, classes: np.ndarray, count: int) -> Tensor:
    """Mean mask of each of ``count`` classes, (count, GRID, GRID); that of all where the class has none."""
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


def _sums(masks: ByNumber, classes: np.ndarray, count: int) -> Tensor:
    sums = torch.zeros(count, GRID, GRID, dtype=torch.float64)
    for some in np.split(np.arange(len(classes)), range(CHUNK, len(classes), CHUNK)):
        sums.index_add_(0, torch.from_numpy(classes[some]), masks(some).double())
    return sums


def _box_masks(boxes: list[Tensor]) -> ByNumber:
    return lambda some: torch.stack([box_mask(boxes[item], SIZE) for item in some])


def _of_parts(train: CropSplit, test: CropSplit, cells: int) -> tuple[Scores, Scores]:
    fitted = test if np.isnan(train.parts).all() else train
    known, boxes = part_boxes(fitted), part_boxes(test)
    seen, parted = ([i for i, box in enumerate(some) if len(box)] for some in (known, boxes))
    mean = mean_masks(_box_masks([known[i] for i in seen]), fitted.classes[seen], len(train.names))
    of_class = [[known[i] for i in seen if fitted.classes[i] == kind] for kind in range(len(train.names))]
    centres = [class_mean_centre(some or [known[i] for i in seen], SIZE) for some in of_class]
    kinds, there = test.classes[parted], [boxes[i] for i in parted]
    hits = [
        fixed_point_hits(centres[kind], [box], SIZE).hit.item()
        for box, kind in zip(there, kinds, strict=True)
    ]
    mass, pointing = scores(_box_masks(there), lambda some: mean[kinds[some]], len(parted), cells)
    return mass, pointing | {"prior": fmean(hits)}


def _of_scenes(test: CropSplit) -> tuple[Scores, Scores]:
    assert test.scenes is not None
    side = test.scenes.shape[1]
    mass, pointing = [], []
    for kind in range(len(test.names)):
        rows = [
            on_grid(boxes[np.asarray(kinds) == kind], side)
            for boxes, kinds in zip(test.scene_boxes, test.scene_classes, strict=True)
        ]
        if rows := [row for row in rows if len(row)]:
            masks = _box_masks(rows)
            of_class = scores(masks, means_of_others(masks, len(rows)), len(rows), side // STRIDE)
            mass.append(of_class[0])
            prior = point_localization([fixed_point_hits(class_mean_centre(rows, SIZE), rows, SIZE)]).macro
            pointing.append(of_class[1] | {"chance": chance(rows, SIZE), "prior": prior})
    both = ({level: fmean(one[level] for one in found) for level in found[0]} for found in (mass, pointing))
    return next(both), next(both)
