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
    stride_ceiling,
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
    kinds = range(len(split.names))
    rows = [np.flatnonzero(split.classes == kind)[turn : turn + 1] for turn in range(each) for kind in kinds]
    items = np.concatenate(rows)
    return {
        "images": np.stack([split.images[item] for item in items]),
        "titles": [split.names[split.classes[item]].replace("-", "\n") for item in items],
    }


def levels(train: CropSplit, test: CropSplit) -> dict[str, dict[str, float]]:
    """What the localization measures come to without a model: chance, a trivial prior, the ceiling of the stride.

    Priors: the mean mask or mean centre of the class, which never look at the picture; of parts and masks fitted on
    the training split, of scenes on the pictures they are scored on, so a little too high. Ceilings: all heat in the
    best cell, and the best pixel that a map of this stride can point at. What the data do not have is left out.
    """
    cells = test.images.shape[1] // STRIDE
    found: dict[str, dict[str, float]] = {}
    masked, masks = object_masks(test)
    if len(masked):
        mean = _mean_masks(train)
        prior = torch.stack([mean[int(kind)] for kind in test.classes[masked]])
        area = float(masks.double().mean())
        found["object_mass"] = {
            "chance": area,
            "prior": float(heat_share(prior, masks).mean()),
            "ceiling": float(best_cell_share(masks, (cells, cells)).mean()),
        }
        points = reachable(cells, GRID)
        hit = [masks[i][row, column] > 0.5 for i, (row, column) in enumerate(map(_hottest, prior))]
        ceiling = (masks[:, points][:, :, points] > 0.5).any(2).any(1)
        found["object_pointing"] = {
            "chance": area,
            "prior": fmean(map(float, hit)),
            "ceiling": float(ceiling.double().mean()),
        }
    boxes = part_boxes(test)
    if any(len(box) for box in boxes):
        found |= _part_levels(train, test, boxes, cells)
    if test.scenes is not None:
        found["scene_pointing"] = _scene_levels(test)
    return found


def _mean_masks(split: CropSplit) -> dict[int, Tensor]:
    masked, masks = object_masks(split)
    classes = torch.from_numpy(np.asarray(split.classes[masked]))
    every = masks.double().mean(0)
    kinds = range(len(split.names))
    return {k: masks[classes == k].double().mean(0) if bool((classes == k).any()) else every for k in kinds}


def _hottest(mask: Tensor) -> tuple[int, int]:
    index = int(mask.argmax())
    return index // mask.shape[1], index % mask.shape[1]


def _part_levels(
    train: CropSplit, test: CropSplit, boxes: list[Tensor], cells: int
) -> dict[str, dict[str, float]]:
    parted = [i for i, box in enumerate(boxes) if len(box)]
    masks = torch.stack([box_mask(boxes[i], SIZE) for i in parted])
    known = part_boxes(train)
    centres = {
        kind: class_mean_centre([box for box, k in zip(known, train.classes, strict=True) if k == kind], SIZE)
        for kind in {int(k) for k, box in zip(train.classes, known, strict=True) if len(box)}
    }
    hits = [
        bool(
            fixed_point_hits(
                centres.get(int(test.classes[i]), torch.tensor([0.5, 0.5])), [boxes[i]], SIZE
            ).hit[0]
        )
        for i in parted
    ]
    area = float(masks.double().mean())
    return {
        "part_mass": {"chance": area, "ceiling": float(best_cell_share(masks, (cells, cells)).mean())},
        "part_pointing": {
            "chance": area,
            "prior": fmean(hits),
            "ceiling": stride_ceiling([boxes[i] for i in parted], SIZE, GRID // cells),
        },
    }


def _scene_levels(test: CropSplit) -> dict[str, float]:
    assert test.scenes is not None
    side = test.scenes.shape[1]
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
    stride = GRID // (side // STRIDE)
    return {
        "chance": fmean(chance(rows, SIZE) for rows in by_class),
        "prior": point_localization(prior).macro,
        "ceiling": fmean(stride_ceiling(rows, SIZE, stride) for rows in by_class),
    }
