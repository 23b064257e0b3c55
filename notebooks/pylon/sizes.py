"""Point localization against the size of what is pointed at, with the ceiling that a map's stride sets at each size.

"PYLON … small objects" (Preechakul et al., iScience 25 (2022) 103933, Discussion) is read off classes there, which
differ in more than their size; here every pair of an image and a class counts by the area of its own boxes.
"""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.metrics.masks import box_mask
from papers_lib.stats_proportions import wilson
from pylon.frame import Swept, label
from pylon.levels import area_share, can_reach
from pylon.measures import CAMS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STRIDES = (32, 8, 4)
CEILING = "ceiling, stride {}"
LINES = ("cam", "li2018", "fpn", "pylon_0up", "pylon_2up", "pylon")
"""Methods that are drawn unless others are asked for: as many as there are colours to tell apart."""


def size_frame(swept: Swept, arms: Sequence[str] = ("main", "others")) -> pd.DataFrame:
    """A row a tested pair of image and class and model: did it point into one of the boxes, and how large are they.

    Returns: columns method, training, seed, fold, row (of the image), class, area (of the union of the class's boxes,
    as a share of the image) and hit, of all runs of ``arms`` that ended well.
    """
    parts = []
    areas: dict[tuple[int, int], float] = {}
    for record in swept.records:
        config, arrays = record.config, record.arrays() if record.status == "ok" else {}
        if config.arm not in arms or "pairs" not in arrays:
            continue
        pairs = [(int(row), int(k)) for row, k in arrays["pairs"]]
        for row, k in pairs:
            if (row, k) not in areas:
                areas[row, k] = _area(swept.images, row, k)
        shared = {"training": config.training(), "seed": config.seed, "fold": config.fold}
        shared |= {"row": [row for row, _ in pairs], "class": [swept.images.classes[k] for _, k in pairs]}
        shared["area"] = [areas[pair] for pair in pairs]
        for prefix, method in [("", config.method), *((f"{cam}.", cam) for cam in CAMS)]:
            if f"{prefix}hits" in arrays:
                parts.append(
                    pd.DataFrame({"method": method, **shared, "hit": arrays[f"{prefix}hits"].astype(bool)})
                )
    columns = ["method", "training", "seed", "fold", "row", "class", "area", "hit"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def size_table(
    frame: pd.DataFrame,
    images: BoxedImages,
    side: int,
    *,
    methods: Sequence[str] | None = None,
    bins: int = 5,
    strides: Sequence[int] = STRIDES,
) -> pd.DataFrame:
    """Share of hits by area, in bins of as many pairs each.

    Args: frame, of :func:`size_frame`; images, the same set; side, of the input in pixels; methods, in their order,
    None for those of ``LINES``; bins, at most (equal areas stay together); strides, whose ceilings are given.

    Returns: a row a method and bin, then a ceiling and bin: name, method ("" for a ceiling), bin, smallest, largest
    and median area, pairs, models, share, low and high. These two are Wilson's 95 % interval over the pairs of all
    seeds pooled, which is too narrow: seeds point at the same pairs, so that they are not independent.
    """
    if frame.empty:
        return pd.DataFrame(columns=[*_COLUMNS])
    pairs = frame.drop_duplicates(["row", "class"])[["row", "class", "area"]]
    edges = np.unique(np.quantile(pairs["area"], np.linspace(0, 1, bins + 1)))
    frame, pairs = (one.assign(bin=_bin(one["area"], edges)) for one in (frame, pairs))
    order = methods if methods is not None else [one for one in LINES if frame["method"].eq(one).any()]
    rows = [
        {"name": label(method), "method": method, **_row(one, number)}
        for method in order
        for number, one in frame[frame["method"].eq(method)].groupby("bin")
    ]
    for stride in strides:
        known = pairs.assign(seed=0, fold=-1, training="", hit=_reached(pairs, images, side, stride))
        rows += [
            {"name": CEILING.format(stride), "method": "", **_row(one, number), "low": np.nan, "high": np.nan}
            for number, one in known.groupby("bin")
        ]
    return pd.DataFrame(rows, columns=[*_COLUMNS])


def size_figure(table: pd.DataFrame, palette: Mapping[str, str] | None = None) -> "Figure":
    """Lines over the median area of each bin, a method each with Wilson's intervals; ceilings dashed in grey.

    Args: table, of :func:`size_table`; palette, colours by name.
    Raises: ValueError for a table without a row.
    """
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    from papers_lib.companion.palette import MARKERS, PALETTE, colours

    if table.empty:
        raise ValueError("table: found no row, expected at least one")
    figure, axis = plt.subplots(figsize=(5.6, 4.6), layout="constrained")
    lines = table[table["method"].ne("")]
    dashes = cycle([(0, (5, 2)), (0, (5, 2, 1, 2)), (0, (1, 1.6))])
    names = list(dict.fromkeys(lines["name"]))
    tint = colours(names, palette)
    for place, name in enumerate(names):
        own = lines[lines["name"].eq(name)]
        at = own["area"] * 1.035 ** (
            place - (len(names) - 1) / 2
        )  # side by side, or intervals hide each other
        bars = np.stack([own["share"] - own["low"], own["high"] - own["share"]]).clip(0)
        marker = MARKERS[place % len(MARKERS)]
        axis.errorbar(
            at, own["share"], bars, color=tint[name], marker=marker, ms=5, lw=1.6, elinewidth=1.1, label=name
        )
    for name, own in table[table["method"].eq("")].groupby("name", sort=False):
        axis.plot(
            own["area"],
            own["share"],
            color=PALETTE["reference"],
            lw=1.5,
            ls=next(dashes),
            label=name,
            zorder=0,
        )
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_xlabel("area of the class's boxes in the image (median of the bin)")
    axis.set_ylabel("share of hits")
    axis.set_ylim(-0.03, 1.05)
    axis.legend(ncols=3, loc="lower left", bbox_to_anchor=(-0.02, 1.0), borderpad=0, columnspacing=1.2)
    return figure


_COLUMNS = ("name", "method", "bin", "smallest", "largest", "area", "pairs", "models", "share", "low", "high")


def _area(images: BoxedImages, row: int, k: int) -> float:
    boxes = images.boxes[row][images.box_classes[row] == k]
    return area_share(torch.from_numpy(boxes), 1)


def _bin(area: "pd.Series[float]", edges: np.ndarray) -> np.ndarray:
    """Number of the bin, from 0; a value on an inner edge belongs to the lower one."""
    return np.searchsorted(edges[1:-1], area.to_numpy(), side="left")


def _row(found: pd.DataFrame, number: object) -> dict[str, object]:
    pairs = found.drop_duplicates(["row", "class"])
    score = wilson(int(found["hit"].sum()), len(found))
    return {
        "bin": number,
        "smallest": pairs["area"].min(),
        "largest": pairs["area"].max(),
        "area": pairs["area"].median(),
        "pairs": len(pairs),
        "models": found["seed"].nunique(),
        "share": score.estimate,
        "low": score.low,
        "high": score.high,
    }


def _reached(pairs: pd.DataFrame, images: BoxedImages, side: int, stride: int) -> list[bool]:
    found = []
    for row, name in zip(pairs["row"], pairs["class"], strict=True):
        own = images.box_classes[row] == images.classes.index(name)
        found.append(
            can_reach(box_mask(torch.from_numpy(images.boxes[row][own]) * side, (side, side)), stride)
        )
    return found
