"""Data of the CAM-entropy experiment: a set in Pascal VOC's layout, the user's or the synthetic stand-in, as crops."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cam_entropy.experiment import run
from cam_entropy.levels import box_masks, levels_of, mean_masks, means_of_others
from cam_entropy.localization import SIZE, object_masks, on_grid, part_boxes
from data_gen.scenes import ScenesSpec, write
from data_gen.store import ensure
from papers_lib.datasets.data_kind import data_kind
from papers_lib.datasets.fingerprint import tree_fingerprint
from papers_lib.datasets.voc_crop_split import CropSplit
from papers_lib.datasets.voc_store import CropSpec, write_crops
from papers_lib.errors import UserError
from papers_lib.metrics.localization import (
    PointHits,
    chance,
    class_mean_centre,
    fixed_point_hits,
    point_localization,
)
from papers_lib.models.classifier import pooled_classifier
from papers_lib.sweep.core import DataRef
from papers_lib.sweep.one_pool import one_pool

STRIDE = 32
"""Pixels a cell of the last map stands for; :func:`check_backbone` refuses other backbones."""


class Opened(NamedTuple):
    """The crops that runs read, and the fingerprint and kind of the set that they were cut from."""

    crops: DataRef
    fingerprint: str


@torch.no_grad()
def check_backbone(backbone: str, weights: str) -> None:
    """Build a backbone once, so that weights out of reach are told before anything is drawn or trained.

    Args: as :func:`papers_lib.models.classifier.pooled_classifier` has them.

    Raises:
        UserError: no such network or weights; a network whose map has another stride than ``STRIDE``, with which
            chance and ceilings are worked out, or that does not take pictures of any size.
    """
    model = pooled_classifier(backbone, 2, generator=torch.Generator().manual_seed(0), weights=weights)  # type: ignore[arg-type]
    side = 2 * STRIDE
    try:
        found = tuple(model.eval().features(torch.zeros(1, 3, side, side)).shape[-2:])
    except (RuntimeError, AssertionError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(
            f"parameter backbone: {backbone} takes no pictures of {side} x {side} ({reason})"
        ) from error
    if found != (2, 2):
        raise UserError(
            f"parameter backbone: found {backbone!r}, whose map of {side} x {side} pixels has "
            f"{found[0]} x {found[1]} cells, expected one with 2 x 2 (a stride of {STRIDE})"
        )


@one_pool(run)
def open_data(
    data_root: str, folder: Path, sizes: Mapping[str, int], seed: int, crops: Mapping[str, object], jobs: int
) -> Opened:
    """The data set, and its crops.

    Args:
        data_root: folder of a set in VOC's layout (docs/data_voc.md), or "" for synthetic scenes.
        folder: where generated sets and crops are kept.
        sizes: scenes by split ("train", "test") of the synthetic set.
        seed: of the synthetic set.
        crops: the fields of ``CropSpec`` but ``data``.
        jobs: processes that write; 0 means one a core.

    Raises:
        UserError: a set that cannot be read, or a single class to train on; the line names the file.
    """
    if data_root:
        root = Path(data_root).expanduser()
        fingerprint = tree_fingerprint(root)[:16]
    else:
        root = ensure(folder, "scenes", ScenesSpec(seed=seed, **sizes), partial(write, jobs=jobs))
        fingerprint = root.name.rpartition("-")[2]
    spec = CropSpec(data=fingerprint, **crops)  # type: ignore[arg-type]
    cut = ensure(folder, "crops", spec, partial(write_crops, root=root, jobs=jobs))
    return Opened(DataRef(cut, cut.name.rpartition("-")[2], data_kind(root)), fingerprint)


def examples(split: CropSplit, each: int = 2) -> dict[str, object]:
    """Arguments of ``map_grid``: the first ``each`` items of every class, row by row."""
    of_class = [np.flatnonzero(split.classes == kind) for kind in range(len(split.names))]
    # a class with fewer repeats its last, so that columns stay classes
    items = [found[min(turn, len(found) - 1)] for turn in range(each) for found in of_class if len(found)]
    return {
        "images": np.stack([split.images[item] for item in items]),
        "titles": [split.names[split.classes[item]].replace("-", "\n") for item in items],
    }


def levels(train: CropSplit, test: CropSplit) -> dict[str, dict[str, float]]:
    """What the localization measures come to without a model: chance, a trivial prior, the ceiling of the stride.

    Priors never look at the picture: mean mask and mean centre of the class. Those of parts and objects are fitted on
    the training split (where it has any), those of scenes on the test pictures, masks on all but the one scored
    on. Ceilings: all heat in the best cell, and the best pixel that a map of this stride can point at. What the data do
    not have is left out.
    """
    cells = test.images.shape[1] // STRIDE
    found: dict[str, dict[str, float]] = {}
    masked = np.flatnonzero(test.has_mask)
    if len(masked):
        fitted = train if train.has_mask.any() else test
        known = np.flatnonzero(fitted.has_mask)
        mean = mean_masks(
            lambda some: object_masks(fitted, known[some]), fitted.classes[known], len(train.names)
        )
        kinds = test.classes[masked]
        found["object_mass"], found["object_pointing"] = levels_of(
            lambda some: object_masks(test, masked[some]), lambda some: mean[kinds[some]], len(masked), cells
        )
    boxes = part_boxes(test)
    if any(len(box) for box in boxes):
        found |= _part_levels(train, test, boxes, cells)
    if test.scenes is not None:
        found |= _scene_levels(test)
    return found


def _part_levels(
    train: CropSplit, test: CropSplit, boxes: list[Tensor], cells: int
) -> dict[str, dict[str, float]]:
    parted = [i for i, box in enumerate(boxes) if len(box)]
    fitted = test if np.isnan(train.parts).all() else train
    known = part_boxes(fitted)
    seen = [i for i, box in enumerate(known) if len(box)]
    mean = mean_masks(box_masks([known[i] for i in seen]), fitted.classes[seen], len(train.names))
    of_class = [[known[i] for i in seen if fitted.classes[i] == kind] for kind in range(len(train.names))]
    centres = [class_mean_centre(some or [known[i] for i in seen], SIZE) for some in of_class]
    kinds = test.classes[parted]
    hits = [
        bool(fixed_point_hits(centres[kind], [boxes[i]], SIZE).hit[0])
        for i, kind in zip(parted, kinds, strict=True)
    ]
    mass, pointing = levels_of(
        box_masks([boxes[i] for i in parted]), lambda some: mean[kinds[some]], len(parted), cells
    )
    return {"part_mass": mass, "part_pointing": pointing | {"prior": fmean(hits)}}


def _scene_levels(test: CropSplit) -> dict[str, dict[str, float]]:
    assert test.scenes is not None
    side = test.scenes.shape[1]
    cells = side // STRIDE
    by_class: list[list[Tensor]] = []
    for kind in range(len(test.names)):
        rows = [
            on_grid(boxes[np.asarray(kinds) == kind], side)
            for boxes, kinds in zip(test.scene_boxes, test.scene_classes, strict=True)
        ]
        if any(len(row) for row in rows):
            by_class.append([row for row in rows if len(row)])
    prior: list[PointHits] = [
        fixed_point_hits(class_mean_centre(rows, SIZE), rows, SIZE) for rows in by_class
    ]
    masks = [box_masks(rows) for rows in by_class]
    both = [
        levels_of(some, means_of_others(some, len(rows)), len(rows), cells)
        for some, rows in zip(masks, by_class, strict=True)
    ]
    return {
        "scene_mass": {
            level: fmean(mass[level] for mass, _ in both) for level in ("chance", "prior", "ceiling")
        },
        "scene_pointing": {
            "chance": fmean(chance(rows, SIZE) for rows in by_class),
            "prior": point_localization(prior).macro,
            "ceiling": fmean(pointing["ceiling"] for _, pointing in both),
        },
    }
