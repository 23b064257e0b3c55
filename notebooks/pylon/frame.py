"""All runs of the PYLON experiment as one table: a row a model, and a row for each map read off the baseline."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.metrics.localization import stride_ceiling
from papers_lib.models.heatmap_methods import METHODS
from papers_lib.sweep.core import Record, records_frame
from pylon.measures import CAMS

POST_HOC = {"grad_cam": "Grad-CAM", "grad_cam_pp": "Grad-CAM++", "xgrad_cam": "XGrad-CAM"}
PRINTED = {"grad_cam": "GradCAM", "grad_cam_pp": "GradCAM++", "xgrad_cam": "XGradCAM"}
"""Names in the paper's tables."""
SMALL = "Nodule"
EXTREMES = 3  # classes at either end of the sizes
TRAININGS = {
    "frozen": "encoder frozen",
    "one_phase": "one phase",
    "two_phase": "two phases",
    "transfer_one_phase": "transfer, one phase",
    "transfer_two_phase": "transfer, two phases",
    "transfer_two_phase_moving": "transfer, two phases, statistics moving",
}


class Swept(NamedTuple):
    """The records of one sweep, the images that it ran on with side and pixels, and kind and name of the set."""

    data: str
    records: Sequence[Record]
    images: BoxedImages
    side: int
    pixels: "np.ndarray[Any, Any] | None" = None
    kind: str = "stand-in"
    fingerprint: str = ""


def label(method: str) -> str:
    """The name of a method for readers."""
    return POST_HOC.get(method) or METHODS[method].label


def tidy(sweeps: Sequence[Swept]) -> pd.DataFrame:
    """One row a model and map: the record's columns, and

    data (of the sweep), name (of the method, for readers), setting ("METHOD_TRAINING", with "_long" in the arms
    "long" and "budget"), side, stride (of the map), nodule_share (of what the stride allows in the smallest class),
    size_gain (macro point localization less that of the same method and seed in the arm "main"), small_less_large
    (see below).
    """
    frames = [_of_sweep(one) for one in sweeps if one.records]
    if not frames:
        raise ValueError("sweeps: expected at least one record")
    frame = pd.concat(frames, ignore_index=True)
    longer = frame["arm"].isin(["long", "budget"]).map({True: "_long", False: ""})
    frame["setting"] = frame["method"] + "_" + frame["training"] + longer
    frame["name"] = frame["method"].map(label)
    main = frame[frame["arm"].isin(["main", "others"])].drop_duplicates(["method", "seed", "fold"])
    small = main.set_index(["method", "seed", "fold"]).get("point_macro", pd.Series(dtype=float))
    at = pd.MultiIndex.from_frame(frame[["method", "seed", "fold"]])
    gain = frame.get("point_macro") - small.reindex(at).to_numpy() if len(small) else None
    frame["size_gain"] = None if gain is None else gain.where(frame["arm"].eq("large"))
    frame["size_gain"] = frame["size_gain"].astype(float)
    frame["small_less_large"] = pd.concat(
        [_small_less_large(frame[frame["data"].eq(one.data)], one.images) for one in sweeps if one.records]
    )
    return frame.copy()


def _small_less_large(frame: pd.DataFrame, images: BoxedImages) -> "pd.Series[float]":
    """Gain over the baseline of the same arm, training, seed and fold: mean of the classes with the smallest boxes
    less mean of those with the largest, ``EXTREMES`` each; NaN where there are too few classes."""
    areas = mean_areas(images)
    order = [f"point/{name}" for name in sorted(areas, key=areas.__getitem__) if f"point/{name}" in frame]
    if len(order) < 2 * EXTREMES:
        return pd.Series(float("nan"), index=frame.index)
    spread = frame[order[:EXTREMES]].mean(axis=1) - frame[order[-EXTREMES:]].mean(axis=1)
    keys = ["arm", "training", "seed", "fold"]
    own = frame[frame["method"].eq("cam")].drop_duplicates(keys)
    baseline = spread[own.index].set_axis(pd.MultiIndex.from_frame(own[keys]))
    return spread - baseline.reindex(pd.MultiIndex.from_frame(frame[keys])).to_numpy()


def mean_areas(images: BoxedImages) -> dict[str, float]:
    """Mean share of the image that a box of each boxed class has."""
    boxes = np.concatenate(images.boxes) if len(images) else np.zeros((0, 4))
    kinds = np.concatenate(images.box_classes) if len(images) else np.zeros(0)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    return {
        name: float(area[kinds == k].mean()) for k, name in enumerate(images.classes) if (kinds == k).any()
    }


def ceilings(
    images: BoxedImages, side: int, stride: float, part: Literal["test", "all"] = "test"
) -> dict[str, float]:
    """What a map of this stride can reach in each boxed class of the test part, or of all images."""
    test = images.part("test") if part == "test" else images
    found = {}
    for k, name in enumerate(test.classes):
        boxes = [box for box in test.of_class(k, (side, side)) if len(box)]
        if boxes:
            found[name] = stride_ceiling(boxes, (side, side), round(stride))
    return found


def _of_sweep(one: Swept) -> pd.DataFrame:
    frame = records_frame(list(one.records))
    frame = frame.assign(data=one.data, side=one.side, training=[r.config.training() for r in one.records])
    parts = [frame[[name for name in frame if not name.startswith(tuple(f"{cam}." for cam in CAMS))]]]
    for cam in CAMS:
        columns = [name for name in frame if name.startswith(f"{cam}.")]
        if not columns:
            continue
        keep = ["arm", "seed", "fold", "folds", "status", "training", "data", "side", "backbone", "phases"]
        own = frame[frame[f"{cam}.point_macro"].notna()]
        parts.append(
            own[[*(name for name in keep if name in own), *columns]]
            .rename(columns={name: name.removeprefix(f"{cam}.") for name in columns})
            .assign(method=cam)
        )
    joined = pd.concat(parts, ignore_index=True)
    joined["stride"] = joined["method"].map(lambda method: _stride(method, one.side))
    joined["nodule_share"] = _share(joined, one)
    return joined


def _stride(method: str, side: int) -> float:
    return 32.0 if method in POST_HOC else float(METHODS[method].stride_at(side))


def _share(frame: pd.DataFrame, one: Swept) -> "pd.Series[float]":
    column = f"point/{SMALL}"
    if column not in frame:
        return pd.Series(float("nan"), index=frame.index)
    folded = any(record.config.fold >= 0 for record in one.records)
    top: Mapping[Any, float] = {
        stride: ceilings(one.images, one.side, stride, "all" if folded else "test").get(SMALL, float("nan"))
        for stride in frame["stride"].dropna().unique()
    }
    reach = frame["stride"].map(top)
    return frame[column] / reach.where(reach > 0)
