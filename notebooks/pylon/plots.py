"""Plots of the PYLON page that show every run: point localization by method, and validation loss over epochs."""

from collections.abc import Iterable, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from papers_lib.companion.palette import INK, PALETTE
from papers_lib.models.heatmap_methods import METHODS
from papers_lib.sweep.records import Record
from pylon.ablation import interval
from pylon.frame import POST_HOC, SMALL
from pylon.levels import BEST, CHANCE
from pylon.printed import MACRO
from pylon.settings import by_seed, by_setting, in_order, ok, setting_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def strips(
    frame: pd.DataFrame,
    levels: pd.DataFrame | None = None,
    arms: Sequence[str] = ("main", "others"),
    methods: Sequence[str] | None = None,
    *,
    small: str = SMALL,
) -> "Figure | None":
    """Every seed as a dot, a row a method: left the mean over classes, right the smallest class; None without a run.

    Diamond and line: mean and Student's 95 % interval. Grey bar: the ceiling of the method's own stride. Vertical
    lines: chance (dotted) and the best fixed point (dashed). PYLON is blue, the baseline and the maps read off it are
    vermillion, the others green.

    Args: frame, the tidy one, folds as :func:`pylon.settings.by_seed` joins them; levels, of
    :func:`pylon.levels.levels`; methods, in their order.
    """
    import matplotlib.pyplot as plt

    groups = {
        name: group for name, group in by_setting(ok(frame, arms)) if group["point_macro"].notna().any()
    }
    if methods is not None:
        groups = {name: group for name, group in groups.items() if group["method"].iloc[0] in methods}
    if not groups:
        return None
    panels = {"point_macro": ("mean over classes", MACRO), f"point/{small}": (small, small)}
    panels = {
        column: words for column, words in panels.items() if column in frame and frame[column].notna().any()
    }
    figure, axes = plt.subplots(
        1,
        len(panels),
        figsize=(1.5 + 2.4 * len(panels), 1.0 + 0.34 * len(groups)),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for axis, (column, (words, row)) in zip(axes.flat, panels.items(), strict=True):
        bounds = levels.loc[row] if levels is not None and row in levels.index else pd.Series(dtype=float)
        for place, group in enumerate(groups.values()):
            _row(axis, place, group, column, bounds)
        for name, dash in ((CHANCE, ":"), (BEST, (0, (4, 3)))):
            if name in bounds:
                axis.axvline(bounds[name], color=PALETTE["reference"], lw=1.1, ls=dash, zorder=0)
        axis.set_title(words)
        axis.set_xlabel("share of hits")
        axis.set_xlim(-0.03, 1.03)
    axes[0, 0].set_yticks(range(len(groups)), list(groups))
    axes[0, 0].set_ylim(len(groups) - 0.5, -0.5)
    return figure


def _row(axis: "Axes", place: int, group: pd.DataFrame, column: str, bounds: "pd.Series[Any]") -> None:
    """One method: its seeds, a little above them mean and interval, and the ceiling of its stride."""
    seeds = by_seed(group, column)
    found = interval(seeds)
    tint = _colour(group["method"].iloc[0])
    axis.plot(seeds, np.full(len(seeds), place + 0.14), "o", color=tint, ms=5, mew=0)
    axis.plot([found["low"], found["high"]], [place - 0.18] * 2, color=INK, lw=1.4, solid_capstyle="butt")
    axis.plot(found["mean"], place - 0.18, "D", color=INK, ms=4)
    ceiling = bounds.get(f"ceiling, stride {group['stride'].iloc[0]:g}")
    if ceiling is not None:
        grey = PALETTE["reference"]
        axis.plot(
            [ceiling] * 2, [place - 0.42, place + 0.42], color=grey, lw=3, solid_capstyle="butt", zorder=1
        )


def loss_curves(records: Iterable[Record], arms: Sequence[str] = ("main", "others")) -> pd.DataFrame:
    """Validation loss, a row a check: name, method, training, seed, fold, phase, epoch (counted on), loss, rate.

    And "best": whether its phase ended with the weights of this check.
    """
    rows = []
    for record in records:
        if record.status != "ok" or record.config.arm not in arms:
            continue
        arrays = record.arrays()
        found = dict(zip(map(str, arrays["curve_names"]), arrays["curves"].T, strict=True))
        one = pd.DataFrame({name: found[name] for name in ("phase", "epoch", "loss", "rate")})
        ends = one.groupby("phase")["epoch"].max().cumsum().shift(fill_value=0.0)
        one["epoch"] += one["phase"].map(ends)
        one["best"] = one.groupby("phase")["loss"].transform("idxmin") == one.index
        config = record.config
        one["method"], one["training"] = config.method, config.training()
        one["seed"], one["fold"] = config.seed, config.fold
        rows.append(one)
    columns = ["name", "method", "training", "seed", "fold", "phase", "epoch", "loss", "rate", "best"]
    if not rows:
        return pd.DataFrame(columns=columns)
    joined = pd.concat(rows, ignore_index=True)
    keys = list(zip(joined["method"], joined["training"], strict=True))
    names = setting_names(dict.fromkeys(keys))
    return joined.assign(name=[names[key] for key in keys])[columns]


def curves(found: pd.DataFrame, *, a_line: int = 3) -> "Figure | None":
    """A panel a method, a line a model; the kept checkpoint of each phase is a dot, phases are parted by a line.

    Args: found, of :func:`loss_curves`. Returns: None without a curve.
    """
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator

    known = found[["method", "name"]].drop_duplicates()
    panels = [
        name for method in in_order(known["method"]) for name in known.loc[known["method"].eq(method), "name"]
    ]
    if not panels:
        return None
    rows = -(-len(panels) // a_line)
    size = (1.95 * a_line, 1.75 * rows + 0.35)
    figure, axes = plt.subplots(
        rows, a_line, figsize=size, sharex=True, sharey=True, squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    for axis, name in zip(axes.flat, panels, strict=False):
        own = found[found["name"].eq(name)]
        colour = _colour(own["method"].iloc[0])
        for _, one in own.groupby(["seed", "fold"]):
            axis.plot(one["epoch"], one["loss"], color=colour, lw=1.1)
            kept = one[one["best"]]
            axis.plot(kept["epoch"], kept["loss"], "o", color=colour, ms=4, mec="none")
            for start in one.groupby("phase")["epoch"].max().iloc[:-1]:
                axis.axvline(start + 0.5, color=PALETTE["reference"], lw=0.8, ls=":")
        axis.set_title(fill(name, 22), fontsize=9)
        axis.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
        axis.tick_params(labelbottom=True)
    low, high = np.quantile(found["loss"], [0, 0.98])
    axes[0, 0].set_ylim(low - 0.05 * (high - low), high + 0.1 * (high - low))
    figure.supxlabel("epoch", fontsize=9.5, color=INK)
    figure.supylabel("validation loss", fontsize=9.5, color=INK)
    return figure


def _colour(method: str) -> str:
    kind = "cam" if method in POST_HOC else METHODS[method].kind
    return PALETTE[{"pylon": "proposed", "conventional": "proposed", "cam": "baseline"}.get(kind, "variant")]
