"""Plots of the PYLON page that show every run: point localization by method and by object size, validation loss."""

from collections.abc import Iterable, Sequence
from itertools import cycle
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from papers_lib.metrics.localization import stride_ceiling
from papers_lib.models.heatmap_methods import METHODS
from papers_lib.plots import INK, MARKERS, PALETTE, colours
from papers_lib.stats import wilson
from papers_lib.sweep import Record
from pylon.baselines import BEST, CHANCE, area_share
from pylon.frame import POST_HOC, SMALL, Swept, by_seed, by_setting, hits_frame, interval, label, ok
from pylon.printed import MACRO

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ARMS = ("main", "others")
STRIDES = (32, 8, 4)
LINES = ("cam", "li2018", "fpn", "pylon_0up", "pylon_2up", "pylon")
"""Methods that are drawn against size: as many as there are colours to tell apart."""
SIZE_COLUMNS = "name method bin smallest largest area pairs models share low high"


def strips(frame: pd.DataFrame, beside: pd.DataFrame) -> "Figure | None":
    """One dot per seed, a row a method: left the mean over classes, right the smallest class; None without a run.

    Diamond and line: mean and Student's 95 % interval. Grey bar: the ceiling of the method's own stride. Vertical
    lines: chance (dotted) and the best fixed point (dashed). PYLON is blue, the baseline and the maps read off it are
    vermillion, the others green.

    Args: frame, the tidy one; beside, of :func:`pylon.baselines.baselines`.
    """
    import matplotlib.pyplot as plt

    chosen = ok(frame, ARMS)
    groups = dict(by_setting(chosen[chosen["point_macro"].notna()]))
    if not groups:
        return None
    panels = [("point_macro", "mean over classes", MACRO), (f"point/{SMALL}", SMALL, SMALL)]
    panels = [panel for panel in panels if panel[0] in chosen and chosen[panel[0]].notna().any()]
    size = (1.5 + 2.4 * len(panels), 1.0 + 0.34 * len(groups))
    figure, axes = plt.subplots(
        1, len(panels), figsize=size, sharey=True, squeeze=False, layout="constrained"
    )
    grey = PALETTE["reference"]
    for axis, (column, words, row) in zip(axes.flat, panels, strict=True):
        for place, group in enumerate(groups.values()):
            seeds = by_seed(group, column)
            found, tint = interval(seeds), _colour(group["method"].iloc[0])
            axis.plot(seeds, np.full(len(seeds), place + 0.14), "o", color=tint, ms=5, mew=0)
            axis.plot([found["low"], found["high"]], [place - 0.18] * 2, color=INK, lw=1.4)
            axis.plot(found["mean"], place - 0.18, "D", color=INK, ms=4)
            ceiling = beside.loc[row].get(f"ceiling, stride {group['stride'].iloc[0]:g}", np.nan)
            axis.plot([ceiling] * 2, [place - 0.42, place + 0.42], color=grey, lw=3, zorder=1)
        for name, dash in ((CHANCE, ":"), (BEST, (0, (4, 3)))):
            axis.axvline(beside.loc[row, name], color=grey, lw=1.1, ls=dash, zorder=0)
        axis.set(title=words, xlabel="share of hits", xlim=(-0.03, 1.03))
    axes[0, 0].set_yticks(range(len(groups)), list(groups))
    axes[0, 0].set_ylim(len(groups) - 0.5, -0.5)
    return figure


def curves(records: Iterable[Record], a_line: int = 3) -> "Figure | None":
    """Validation loss over epochs, counted on over phases: a panel a method, a line a model; None without a run.

    The kept checkpoint of each phase is a dot, phases are parted by a line.
    """
    import matplotlib.pyplot as plt

    parts = []
    for record in (one for one in records if one.status == "ok" and one.config.arm in ARMS):
        arrays = record.arrays()
        one = pd.DataFrame(arrays["curves"], columns=arrays["curve_names"].tolist())
        phases = one.groupby("phase")
        one["best"] = phases["loss"].transform("idxmin") == one.index
        one["epoch"] += one["phase"].map(phases["epoch"].max().cumsum().shift(fill_value=0.0))
        config = record.config
        parts.append(one.assign(method=config.method, training=config.training(), model=record.label))
    if not parts:
        return None
    found = pd.concat(parts, ignore_index=True)
    groups = dict(by_setting(found))
    rows = -(-len(groups) // a_line)
    size = (1.95 * a_line, 1.75 * rows + 0.35)
    figure, axes = plt.subplots(
        rows, a_line, figsize=size, sharex=True, sharey=True, squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(groups) :]:
        axis.set_axis_off()
    for axis, (name, own) in zip(axes.flat, groups.items(), strict=False):
        tint = _colour(own["method"].iloc[0])
        for _, one in own.groupby("model"):
            axis.plot(one["epoch"], one["loss"], color=tint, lw=1.1)
            axis.plot(one["epoch"][one["best"]], one["loss"][one["best"]], "o", color=tint, ms=4, mec="none")
            for start in one.groupby("phase")["epoch"].max().iloc[:-1]:
                axis.axvline(start + 0.5, color=PALETTE["reference"], lw=0.8, ls=":")
        axis.set_title(fill(name, 22), fontsize=9)
        axis.tick_params(labelbottom=True)
    low, high = np.quantile(found["loss"], [0, 0.98])
    axes[0, 0].set_ylim(low - 0.05 * (high - low), high + 0.1 * (high - low))
    figure.supxlabel("epoch", fontsize=9.5, color=INK)
    figure.supylabel("validation loss", fontsize=9.5, color=INK)
    return figure


def size_table(swept: Swept, methods: Sequence[str] = LINES, bins: int = 5) -> pd.DataFrame:
    """Share of hits by the area of the class's boxes in the image, in bins of as many pairs each.

    PYLON's lead on "small objects" (Discussion) is read off classes there, which differ in more than their size; here
    every pair of image and class counts by the area of its own boxes.

    Args: methods, in their order; bins, at most (equal areas stay together).

    Returns: a row a method and bin, then a ceiling and bin: name, method ("" for a ceiling), bin, smallest, largest
    and median area, pairs, models, share, low and high. These two are Wilson's 95 % interval over the pairs of all
    seeds pooled, which is too narrow: seeds point at the same pairs, so that they are not independent.
    """
    columns, keys = SIZE_COLUMNS.split(), ["row", "class"]
    frame = hits_frame(swept, ARMS)
    if frame.empty:
        return pd.DataFrame(columns=columns)
    pairs = frame[keys].drop_duplicates(ignore_index=True)
    boxes = [_boxes(swept, row, k) for row, k in pairs.itertuples(index=False)]
    pairs["area"] = [area_share(one, 1) for one in boxes]
    edges = np.unique(np.quantile(pairs["area"], np.linspace(0, 1, bins + 1)))
    pairs["bin"] = np.searchsorted(
        edges[1:-1], pairs["area"], side="left"
    )  # an inner edge is of the lower bin
    frame = frame.merge(pairs, on=keys)
    rows = [
        {"name": label(method), "method": method, "bin": number, **_bin(one)}
        for method in methods
        for number, one in frame[frame["method"].eq(method)].groupby("bin")
    ]
    size = (swept.side, swept.side)
    for stride in STRIDES:
        hits = [stride_ceiling([one * swept.side], size, stride) for one in boxes]
        for number, one in pairs.assign(seed=0, hit=hits).groupby("bin"):
            names = {"name": f"ceiling, stride {stride}", "method": "", "bin": number}
            rows.append({**names, **_bin(one), "low": np.nan, "high": np.nan})
    return pd.DataFrame(rows, columns=columns)


def _bin(found: pd.DataFrame) -> dict[str, float]:
    """What one bin holds, and its share of hits."""
    area = found.drop_duplicates(["row", "class"])["area"]
    score = wilson(int(found["hit"].sum()), len(found))
    sizes = {"smallest": area.min(), "largest": area.max(), "area": area.median(), "pairs": len(area)}
    shares = {"share": score.estimate, "low": score.low, "high": score.high}
    return {**sizes, "models": found["seed"].nunique(), **shares}


def size_figure(table: pd.DataFrame) -> "Figure":
    """Lines over the median area of each bin, a method each with Wilson's intervals; ceilings dashed in grey.

    Args: table, of :func:`size_table`.
    """
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(5.6, 4.6), layout="constrained")
    lines = dict(iter(table[table["method"].ne("")].groupby("name", sort=False)))
    tint, middle = colours(list(lines)), (len(lines) - 1) / 2
    for place, (name, own) in enumerate(lines.items()):
        at = own["area"] * 1.035 ** (place - middle)  # side by side, or intervals hide each other
        bars = np.stack([own["share"] - own["low"], own["high"] - own["share"]]).clip(0)
        mark = MARKERS[place % len(MARKERS)]
        axis.errorbar(at, own["share"], bars, color=tint[name], marker=mark, ms=5, lw=1.6, label=name)
    dashes = cycle([(0, (5, 2)), (0, (5, 2, 1, 2)), (0, (1, 1.6))])
    for name, own in table[table["method"].eq("")].groupby("name", sort=False):
        grey, dash = PALETTE["reference"], next(dashes)
        axis.plot(own["area"], own["share"], color=grey, lw=1.5, ls=dash, zorder=0, label=name)
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
    axis.set_xlabel("area of the class's boxes in the image (median of the bin)")
    axis.set(ylabel="share of hits", ylim=(-0.03, 1.05))
    axis.legend(ncols=3, loc="lower left", bbox_to_anchor=(-0.02, 1.0), borderpad=0, columnspacing=1.2)
    return figure


def _boxes(swept: Swept, row: int, k: int) -> torch.Tensor:
    """Boxes (n, 4) of a class in an image, as shares of it."""
    return torch.from_numpy(swept.images.boxes[row][swept.images.box_classes[row] == k])


def _colour(method: str) -> str:
    kind = "cam" if method in POST_HOC else METHODS[method].kind
    return PALETTE[{"pylon": "proposed", "conventional": "proposed", "cam": "baseline"}.get(kind, "variant")]
