"""All runs of the PYLON experiment as one table, and how tables and figures choose among its rows."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import pandas as pd

from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.metrics.localization import stride_ceiling
from papers_lib.models.heatmap_methods import METHODS
from papers_lib.stats import UndefinedStatistic, student_t
from papers_lib.sweep import DataRef, Record, records_frame
from pylon.measures import CAMS

POST_HOC = {"grad_cam": "Grad-CAM", "grad_cam_pp": "Grad-CAM++", "xgrad_cam": "XGrad-CAM"}
SMALL = "Nodule"
EXTREMES = 3  # classes at either end of the sizes
SHARED = ["arm", "seed", "fold", "folds", "status", "training", "data", "side", "backbone", "phases"]
PART_ARMS = ("main", "others", "parts", "pools")
TRAININGS = {
    "frozen": "encoder frozen",
    "one_phase": "one phase",
    "two_phase": "two phases",
    "transfer_one_phase": "transfer, one phase",
    "transfer_two_phase": "transfer, two phases",
    "transfer_two_phase_moving": "transfer, two phases, statistics moving",
}
ORDER = f"cam {' '.join(POST_HOC)} li2018 unet pan deeplab fpn pylon_0up pylon_1up pylon_2up pylon".split()
Arms = str | Sequence[str]
Setting = tuple[str, str]  # a method and how it was trained


class Swept(NamedTuple):
    """The records of one part of the plan, and the images that it ran on."""

    data: str
    records: Sequence[Record]
    images: BoxedImages
    pixels: np.ndarray
    store: DataRef

    @property
    def side(self) -> int:
        """Of an image in pixels."""
        return int(self.pixels.shape[1])


def tidy(sweeps: Sequence[Swept]) -> pd.DataFrame:
    """One row a model and map: the record's columns, data, name and setting ("METHOD_TRAINING", with "_long" in "long"
    and "budget"), side, stride, nodule_share (of what the stride allows in the smallest class), size_gain (over the
    same method and seed in "main"), small_less_large (see below)."""
    frame = pd.concat([_of_sweep(one) for one in sweeps], ignore_index=True)
    frame["point_macro"] = frame.get("point_macro", np.nan)
    longer = frame["arm"].isin(["long", "budget"]).map({True: "_long", False: ""})
    frame["setting"] = frame["method"] + "_" + frame["training"] + longer
    frame["name"] = frame["method"].map(label)
    keys = ["method", "seed", "fold"]
    small = frame[frame["arm"].isin(["main", "others"])].drop_duplicates(keys).set_index(keys)["point_macro"]
    gain = frame["point_macro"] - small.reindex(pd.MultiIndex.from_frame(frame[keys])).to_numpy()
    frame["size_gain"] = gain.where(frame["arm"].eq("large")).astype(float)
    frame["small_less_large"] = pd.concat(
        [_small_less_large(frame[frame["data"].eq(one.data)], one.images) for one in sweeps]
    )
    return frame.copy()


def _of_sweep(one: Swept) -> pd.DataFrame:
    """Rows of a part's models, then of each map read off the baseline."""
    configs = [record.config for record in one.records]
    frame = records_frame(list(one.records))
    frame = frame.assign(data=one.data, side=one.side, training=[config.training() for config in configs])
    own = [name for name in frame if not name.startswith(tuple(f"{cam}." for cam in CAMS))]
    parts = [frame[own].assign(stride=[config.stride(one.side) for config in configs])]
    for cam in CAMS:
        columns = {name: name.removeprefix(f"{cam}.") for name in frame if name.startswith(f"{cam}.")}
        if columns:
            rows = frame[frame[f"{cam}.point_macro"].notna()]
            parts.append(rows[[*SHARED, *columns]].rename(columns=columns).assign(method=cam, stride=32.0))
    joined = pd.concat(parts, ignore_index=True)
    joined["nodule_share"] = np.nan
    if f"point/{SMALL}" in joined:
        folded = any(config.fold >= 0 for config in configs)
        tested = one.images if folded else one.images.part("test")
        size = (one.side, one.side)
        boxes = [box for box in tested.of_class(tested.classes.index(SMALL), size) if len(box)]
        strides = joined["stride"].dropna().unique() if boxes else ()
        top = {stride: stride_ceiling(boxes, size, round(stride)) for stride in strides}
        reach = joined["stride"].map(top).astype(float)
        joined["nodule_share"] = joined[f"point/{SMALL}"] / reach.where(reach > 0)
    return joined


def _small_less_large(frame: pd.DataFrame, images: BoxedImages) -> "pd.Series[float]":
    """Gain over the baseline of the same comparison, training, seed and fold: mean of the classes of the smallest boxes
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
    boxes, kinds = np.concatenate(images.boxes), np.concatenate(images.box_classes)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    return {images.classes[k]: float(area[kinds == k].mean()) for k in np.unique(kinds)}


def label(method: str) -> str:
    """The name of a method for readers."""
    return POST_HOC.get(method) or METHODS[method].label


def ok(frame: pd.DataFrame, arms: Arms) -> pd.DataFrame:
    """Runs of these comparisons that ended well."""
    return frame[frame["status"].eq("ok") & frame["arm"].isin([arms] if isinstance(arms, str) else arms)]


def by_seed(frame: pd.DataFrame, column: str) -> "pd.Series[float]":
    """Values of a column by seed, the mean of its folds; seeds without a value are left out."""
    if column not in frame:
        return pd.Series(dtype=float)
    return frame.groupby("seed")[column].mean().dropna().astype(float)


def in_order(settings: Iterable[Setting]) -> list[Setting]:
    """The settings once each, those of methods in :data:`ORDER` first, each method's as they come."""
    found = list(dict.fromkeys(settings))
    methods = list(dict.fromkeys([*ORDER, *(method for method, _ in found)]))
    return sorted(found, key=lambda one: methods.index(one[0]))


def setting_names(settings: Iterable[Setting]) -> dict[Setting, str]:
    """Names for readers; the training is named where the settings differ in it."""
    settings = list(settings)
    several = len({training for _, training in settings}) > 1
    return {one: f"{label(one[0])}, {TRAININGS[one[1]]}" if several else label(one[0]) for one in settings}


def by_setting(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Runs of each method and training, under its name for readers."""
    found = dict(iter(frame.groupby(["method", "training"], sort=False)))
    return {name: found[key] for key, name in setting_names(in_order(found)).items()}


def printed_name(method: str, training: str = "") -> str:
    """The column of a method in Tables 1 to 4, or ""; ours with a frozen encoder are beside its one-phase numbers.

    >>> printed_name("cam", "transfer_one_phase"), printed_name("xgrad_cam"), printed_name("pylon_2up")
    ('Baseline with transfer', 'XGradCAM', '')
    """
    name = POST_HOC[method].replace("-", "") if method in POST_HOC else METHODS[method].printed
    transfer = " with transfer" if "transfer" in training else ""
    return f"{name}{' two-phase' if 'two_phase' in training else transfer}" if name else ""


def interval(values: "pd.Series[float]") -> dict[str, float]:
    """Keys mean, low and high of Student's 95 % interval, n and sd; NaN where the values do not define them."""
    low = high = np.nan
    with suppress(UndefinedStatistic):  # one value, or all equal
        found = student_t(values)
        low, high = found.low, found.high
    return {"mean": float(values.mean()), "low": low, "high": high, "n": len(values), "sd": values.std()}
