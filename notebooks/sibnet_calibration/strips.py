"""Dots of the Sibnet page, a dot a seed: settings beside each other, weights of the saliency terms, calibration errors.

All take the tidy frame and return None where no run of what they show ended well.
"""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from papers_lib.companion.palette import INK, MARKERS, PALETTE
from pylon.ablation import interval
from sibnet_calibration.frame import CALIBRATORS, NONE
from sibnet_calibration.reliability import HUES, WORDS
from sibnet_calibration.settings import TINTS, family, rows_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = {
    "auroc_macro": "AUROC ↑",
    "distinctiveness": "distinctiveness ↓",
    "coherence": "coherence ↓",
    "point_macro": "pointing ↑",
}
"""Metrics of the saliency arms; the arrow shows what is better."""
SWEEPS = {
    "distinct": ("cd_two_stage", "λ1, class distinctiveness"),
    "coherent": ("sc_two_stage", "λ2, spatial coherence"),
}
"""Fields of a run that the arm "weights" varies: the setting, and the axis's words."""
GREY = PALETTE["reference"]


def weights_figure(frame: pd.DataFrame) -> "Figure | None":
    """Metrics of the modified pipeline by λ1 (left) and λ2 (right): a dot a seed, a line through the means.

    Runs of the arms "weights" and "saliency" of equal epochs. Dashed, in the grey range of its seeds: weighted cross
    entropy for as many epochs, both weights 0.
    """
    import matplotlib.pyplot as plt

    chosen = frame[frame["status"].eq("ok") & frame["calibrator"].eq(NONE) & frame["data"].eq("first")]
    epochs = chosen.loc[chosen["arm"].eq("weights"), "epochs"].unique()
    chosen = chosen[chosen["arm"].isin(["weights", "saliency"]) & chosen["epochs"].isin(epochs)]
    sweeps = {weight: chosen[chosen["setting"].eq(setting)] for weight, (setting, _) in SWEEPS.items()}
    sweeps = {weight: own for weight, own in sweeps.items() if own["arm"].eq("weights").any()}
    panels = [column for column in PANELS if any(_has(own, column) for own in sweeps.values())]
    if not panels:
        return None
    size = (0.7 + 2.5 * len(sweeps), 0.5 + 1.5 * len(panels))
    figure, axes = plt.subplots(
        len(panels),
        len(sweeps),
        figsize=size,
        sharex="col",
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    for line, column in zip(axes, panels, strict=True):
        plain = chosen.loc[chosen["setting"].eq("wbce"), column].dropna()
        for axis, (weight, own) in zip(line, sweeps.items(), strict=True):
            setting, _ = SWEEPS[weight]
            hue = PALETTE[TINTS[setting]]
            if len(plain):
                axis.axhspan(plain.min(), plain.max(), color=GREY, alpha=0.2, lw=0)
                axis.axhline(plain.mean(), color=GREY, lw=1.1, ls=(0, (4, 3)))
            axis.plot(own[weight], own[column], "o", color=hue, ms=4.5, mew=0)
            mean = own.groupby(weight)[column].mean()
            axis.plot(mean.index, mean, color=hue, lw=1.4)
        line[0].set_ylabel(PANELS[column])
    for axis, (weight, own) in zip(axes[-1], sweeps.items(), strict=True):
        values = sorted(own[weight].unique())
        axis.set_xscale("log")
        axis.set_xticks(values, [f"{value:g}" for value in values])
        axis.set_xticks([], minor=True)
        axis.set_xlabel(SWEEPS[weight][1])
    figure.align_ylabels(axes[:, 0])
    return figure


def strips_figure(
    frame: pd.DataFrame,
    metrics: Sequence[str] = tuple(PANELS),
    arms: Sequence[str] = ("saliency",),
    data: str = "first",
) -> "Figure | None":
    """Table 4.1's settings: every seed as a dot, a row a setting and a panel a metric.

    Diamond and line: mean and Student's 95 % interval. A panel is as wide as its dots ask for: an interval of
    two or three seeds may leave it.
    """
    import matplotlib.pyplot as plt

    frame = frame[frame["calibrator"].eq(NONE)]
    groups = list(rows_of(frame, arms, data))
    panels = [column for column in metrics if any(_has(group, column) for _, group in groups)]
    if not panels:
        return None
    size = (1.6 + 1.4 * len(panels), 0.8 + 0.4 * len(groups))
    figure, axes = plt.subplots(
        1, len(panels), figsize=size, sharey=True, squeeze=False, layout="constrained"
    )
    for axis, column in zip(axes.flat, panels, strict=True):
        seen = pd.concat([group[column] for _, group in groups]).dropna()
        for place, (_, group) in enumerate(groups):
            seeds = group[column].dropna().astype(float)
            if seeds.empty:
                continue
            found, hue = interval(seeds), family(group["setting"].iloc[0])
            axis.plot(seeds, np.full(len(seeds), place + 0.16), "o", color=hue, ms=4.5, mew=0)
            axis.plot(
                [found["low"], found["high"]], [place - 0.16] * 2, color=INK, lw=1.4, solid_capstyle="butt"
            )
            axis.plot(found["mean"], place - 0.16, "D", color=INK, ms=3.5)
        room = 0.25 * float(seen.max() - seen.min()) or 0.01
        axis.set_xlim(seen.min() - room, seen.max() + room)
        axis.set_title(PANELS.get(column, column), fontsize=9)
        _two_ticks(axis)
    axes[0, 0].set_yticks(range(len(groups)), [fill(words, 24) for words, _ in groups], fontsize=9)
    axes[0, 0].set_ylim(len(groups) - 0.5, -0.5)
    return figure


def ece_figure(
    frame: pd.DataFrame,
    floors: pd.DataFrame | None = None,
    *,
    arms: Sequence[str] = ("losses", "mimo"),
    calibrators: Sequence[str] = tuple(CALIBRATORS),
    data: str = "first",
) -> "Figure | None":
    """Mean ECE of every seed, a dot each, a row a setting and calibrator; grey bar: the floor's 95 % range.

    Args: frame, the tidy one; floors, of :func:`floors`.
    """
    import matplotlib.pyplot as plt

    groups = list(rows_of(frame, arms, data))
    shown = [key for key in calibrators if frame["calibrator"].eq(key).any()]
    if not groups or not shown or "ece" not in frame:
        return None
    height = len(shown) + 1.2
    figure, axis = plt.subplots(figsize=(5.8, 0.9 + 0.13 * height * len(groups)), layout="constrained")
    for place, (_, group) in enumerate(groups):
        arm, setting = group["arm"].iloc[0], group["setting"].iloc[0]
        for number, key in enumerate(shown):
            y = place * height + number
            bounds = _floor_of(floors, arm, setting, key)
            if bounds is not None:
                axis.barh(y, bounds["high"] - bounds["low"], 0.9, bounds["low"], color=GREY, alpha=0.45)
            seeds = group.loc[group["calibrator"].eq(key), "ece"].dropna()
            label = WORDS[key] if place == 0 else None
            axis.plot(
                seeds, [y] * len(seeds), MARKERS[number], color=PALETTE[HUES[key]], ms=5, mew=0, label=label
            )
    centre = (len(shown) - 1) / 2
    axis.set_yticks(
        [place * height + centre for place in range(len(groups))], [fill(words, 20) for words, _ in groups]
    )
    axis.set_ylim(len(groups) * height - 1, -1)
    _log_axis(axis, frame.loc[frame["calibrator"].isin(shown), "ece"])
    axis.set_xlabel("expected calibration error, mean over labels")
    figure.legend(*axis.get_legend_handles_labels(), loc="outside upper left", ncols=3, fontsize=9)
    return figure


def _floor_of(
    floors: pd.DataFrame | None, arm: str, setting: str, calibrator: str
) -> Mapping[str, float] | None:
    if floors is None or setting not in floors.index:
        return None
    own = floors.loc[[setting]]
    own = own[own["arm"].eq(arm) & own["calibrator"].eq(calibrator)]
    return None if own.empty else own.iloc[0].to_dict()


def _has(frame: pd.DataFrame, column: str) -> bool:
    return column in frame and bool(frame[column].notna().any())


def _two_ticks(axis: "Axes") -> None:
    """Of round numbers, the two furthest apart: narrow panels have no room for more."""
    from matplotlib.ticker import MaxNLocator

    low, high = axis.get_xlim()
    inside = [tick for tick in MaxNLocator(3).tick_values(low, high) if low <= tick <= high]
    axis.set_xticks(sorted({inside[0], inside[-1]}) if inside else [])


def _log_axis(axis: "Axes", values: "pd.Series[float]") -> None:
    """Logarithmic with plain ticks; from 0 and linear where a value is 0."""
    if not values.dropna().gt(0).all():
        axis.set_xlim(left=0)
        return
    axis.set_xscale("log")
    axis.set_xlim(left=0.95 * axis.dataLim.intervalx[0])  # bars have no margin of their own
    low, high = axis.get_xlim()
    ticks = [digit * 10.0**power for power in range(-5, 1) for digit in (1, 2, 5)]
    shown = [tick for tick in ticks if low <= tick <= high]
    axis.set_xticks(shown, [f"{tick:g}" for tick in shown])
    axis.set_xticks([], minor=True)
