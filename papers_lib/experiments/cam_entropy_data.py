"""Data of the CAM-entropy experiment: a set in Pascal VOC's layout, the user's or the synthetic stand-in, as crops."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from data_gen.scenes import ScenesSpec, write
from data_gen.store import ensure
from papers_lib.datasets.fingerprint import tree_fingerprint
from papers_lib.datasets.voc_crop_split import CropSplit
from papers_lib.datasets.voc_store import CropSpec, write_crops
from papers_lib.experiments.cam_entropy_localization import GRID, SIZE, object_masks, on_grid, part_boxes
from papers_lib.experiments.sweep import DataRef
from papers_lib.metrics.localization import (
    PointHits,
    chance,
    class_mean_centre,
    fixed_point_hits,
    point_localization,
    reachable,
)
from papers_lib.metrics.masks import box_mask
from papers_lib.metrics.overlap import best_cell_share, heat_share

STRIDE = 32
"""Pixels a cell of the last map stands for, in every backbone that the notebook offers."""


class Opened(NamedTuple):
    """The crops that runs read, and the fingerprint and kind of the set that they were cut from."""

    crops: DataRef
    fingerprint: str


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
        UserError: a set that cannot be read; the line names the file.
    """
    if data_root:
        root = Path(data_root).expanduser()
        fingerprint = tree_fingerprint(root)[:16]
    else:
        root = ensure(folder, "scenes", ScenesSpec(seed=seed, **sizes), partial(write, jobs=jobs))
        fingerprint = root.name.rpartition("-")[2]
    spec = CropSpec(data=fingerprint, **crops)  # type: ignore[arg-type]
    cut = ensure(folder, "crops", spec, partial(write_crops, root=root, jobs=jobs))
    return Opened(DataRef(cut, cut.name.rpartition("-")[2], _kind(root)), fingerprint)


def _kind(root: Path) -> Literal["stand-in", "real data"]:
    """Generated sets say so in dataset.json, wherever they were copied to."""
    described = root / "dataset.json"
    generated = (
        described.is_file() and json.loads(described.read_text(encoding="utf-8")).get("kind") == "stand-in"
    )
    return "stand-in" if generated else "real data"


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
    masked, masks = object_masks(test)
    if len(masked):
        fitted = train if train.has_mask.any() else test
        known, fitted_masks = object_masks(fitted)
        mean = _mean_masks(fitted_masks, fitted.classes[known], len(train.names))
        prior = torch.stack([mean[int(kind)] for kind in test.classes[masked]])
        area = float(masks.double().mean())
        found["object_mass"] = _mass_levels(masks, prior, cells)
        hit = [masks[i][row, column] > 0.5 for i, (row, column) in enumerate(map(_hottest, prior))]
        found["object_pointing"] = {
            "chance": area,
            "prior": fmean(map(float, hit)),
            "ceiling": _pointing_ceiling(masks > 0.5, cells),
        }
    boxes = part_boxes(test)
    if any(len(box) for box in boxes):
        found |= _part_levels(train, test, boxes, cells)
    if test.scenes is not None:
        found |= _scene_levels(test)
    return found


def _mean_masks(masks: Tensor, classes: np.ndarray, count: int) -> list[Tensor]:
    """Mean mask of each class, (GRID, GRID); that of all where the class has none."""
    chosen = [masks[torch.from_numpy(np.asarray(classes) == kind)] for kind in range(count)]
    return [(some if len(some) else masks).double().mean(0) for some in chosen]


def _mean_of_others(masks: Tensor) -> Tensor:
    """Mean mask of all but each, (n, GRID, GRID); without preference where there is no other."""
    every = masks.double()
    return (every.sum(0) - every) / (len(every) - 1) if len(every) > 1 else torch.ones_like(every)


def _pointing_ceiling(masks: Tensor, cells: int) -> float:
    """Share of masks (n, GRID, GRID), boolean, that the hottest point of some map of ``cells`` x ``cells`` can hit."""
    points = reachable(cells, GRID)
    return float(masks[:, points][:, :, points].any(2).any(1).double().mean())


def _mass_levels(masks: Tensor, prior: Tensor, cells: int) -> dict[str, float]:
    """Share of heat in masks (n, GRID, GRID): without preference, by the prior's maps, all in the best cell."""
    return {
        "chance": float(masks.double().mean()),
        "prior": float(heat_share(prior, masks).mean()),
        "ceiling": float(best_cell_share(masks, (cells, cells)).mean()),
    }


def _hottest(mask: Tensor) -> tuple[int, int]:
    index = int(mask.argmax())
    return index // mask.shape[1], index % mask.shape[1]


def _part_levels(
    train: CropSplit, test: CropSplit, boxes: list[Tensor], cells: int
) -> dict[str, dict[str, float]]:
    parted = [i for i, box in enumerate(boxes) if len(box)]
    masks = torch.stack([box_mask(boxes[i], SIZE) for i in parted])
    fitted = test if np.isnan(train.parts).all() else train
    known = part_boxes(fitted)
    seen = [i for i, box in enumerate(known) if len(box)]
    train_masks = torch.stack([box_mask(known[i], SIZE) for i in seen])
    mean = _mean_masks(train_masks, fitted.classes[seen], len(train.names))
    of_class = [[known[i] for i in seen if fitted.classes[i] == kind] for kind in range(len(train.names))]
    centres = [class_mean_centre(some or [known[i] for i in seen], SIZE) for some in of_class]
    kinds = [int(test.classes[i]) for i in parted]
    hits = [
        bool(fixed_point_hits(centres[kind], [boxes[i]], SIZE).hit[0])
        for i, kind in zip(parted, kinds, strict=True)
    ]
    return {
        "part_mass": _mass_levels(masks, torch.stack([mean[kind] for kind in kinds]), cells),
        "part_pointing": {
            "chance": float(masks.double().mean()),
            "prior": fmean(hits),
            "ceiling": _pointing_ceiling(masks, cells),
        },
    }


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
    masks = [torch.stack([box_mask(row, SIZE) for row in rows]) for rows in by_class]
    mass = [_mass_levels(some, _mean_of_others(some), cells) for some in masks]
    return {
        "scene_mass": {level: fmean(one[level] for one in mass) for level in ("chance", "prior", "ceiling")},
        "scene_pointing": {
            "chance": fmean(chance(rows, SIZE) for rows in by_class),
            "prior": point_localization(prior).macro,
            "ceiling": fmean(_pointing_ceiling(some, cells) for some in masks),
        },
    }
