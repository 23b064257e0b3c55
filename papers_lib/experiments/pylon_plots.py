"""Plots of the PYLON page that show every run: point localization by method, and validation loss over epochs."""

from collections.abc import Iterable, Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from papers_lib.companion.figures import INK, PALETTE
from papers_lib.companion.plots import strip_by_group
from papers_lib.experiments.pylon_frame import POST_HOC, SMALL
from papers_lib.experiments.pylon_levels import BEST, CHANCE, MACRO, PRIOR
from papers_lib.experiments.pylon_settings import in_order, setting_names
from papers_lib.experiments.records import Record
from papers_lib.models.heatmap_methods import METHODS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINES = {CHANCE: "chance", PRIOR: "prior", BEST: "best fixed point"}
LINES |= {f"ceiling, stride {stride}": f"ceiling, {stride} px" for stride in (32, 8, 4)}
"""Columns of the levels that are drawn, and their words."""


def strip_figure(
    frame: pd.DataFrame,
    levels: pd.DataFrame | None = None,
    arms: Sequence[str] = ("main", "others"),
    methods: Sequence[str] | None = None,
    *,
    small: str = SMALL,
    lines: Sequence[str] = (CHANCE, PRIOR, BEST, "ceiling, stride 32"),
) -> "Figure | None":
    """Every seed as a dot by method, above the mean over classes, below the smallest class; None without a run.

    Args: frame, the tidy one; levels, of :func:`papers_lib.experiments.pylon_levels.levels`, whose columns ``lines``
    are dashed; methods, in their order. PYLON is blue, the baseline and maps read off it vermillion, others green.
    """
    import matplotlib.pyplot as plt

    chosen = frame[frame["status"].eq("ok") & frame["arm"].isin(list(arms))].dropna(subset=["point_macro"])
    order = [m for m in (methods or in_order(chosen["method"])) if chosen["method"].eq(m).any()]
    settings = dict.fromkeys(zip(chosen["method"], chosen["training"], strict=True))
    names = setting_names(key for method in order for key in settings if key[0] == method)
    if not names:
        return None
    chosen = chosen[chosen["method"].isin(order)]
    keys = zip(chosen["method"], chosen["training"], strict=True)
    chosen = chosen.assign(shown=[names[key] for key in keys])
    tint = {name: _colour(method) for (method, _), name in names.items()}
    panels = {"point_macro": ("mean over classes", MACRO), f"point/{small}": (small, small)}
    panels = {
        column: words for column, words in panels.items() if column in chosen and chosen[column].notna().any()
    }
    width = 1.6 + 0.42 * max(len(names), 6)
    figure, axes = plt.subplots(
        len(panels),
        1,
        figsize=(width, 2.5 * len(panels) + 1.0),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for axis, (column, (words, row)) in zip(axes.flat, panels.items(), strict=True):
        bounds = {} if levels is None or row not in levels.index else _bounds(levels.loc[row], lines)
        strip_by_group(
            chosen, "shown", column, order=list(names.values()), baselines=bounds, palette=tint,
            labels=("", "share of hits"), ax=axis,
        )  # fmt: skip
        axis.set_title(words)
    axes[-1, 0].set_xticks(
        range(len(names)), list(names.values()), rotation=45, ha="right", rotation_mode="anchor"
    )
    return figure


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


def curves_figure(curves: pd.DataFrame, *, a_line: int = 3) -> "Figure | None":
    """A panel a method, a line a model; the kept checkpoint of each phase is a dot, phases are parted by a line.

    Args: curves, of :func:`loss_curves`. Returns: None without a curve.
    """
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator

    known = curves[["method", "name"]].drop_duplicates()
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
        own = curves[curves["name"].eq(name)]
        colour = _colour(own["method"].iloc[0])
        for _, one in own.groupby(["seed", "fold"]):
            axis.plot(one["epoch"], one["loss"], color=colour, lw=1.1, alpha=0.8)
            kept = one[one["best"]]
            axis.plot(kept["epoch"], kept["loss"], "o", color=colour, ms=4, mec="none")
            for start in one.groupby("phase")["epoch"].max().iloc[:-1]:
                axis.axvline(start + 0.5, color=PALETTE["reference"], lw=0.8, ls=":")
        axis.set_title(fill(name, 22), fontsize=9)
        axis.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
        axis.tick_params(labelbottom=True)
    low, high = np.quantile(curves["loss"], [0, 0.98])
    axes[0, 0].set_ylim(low - 0.05 * (high - low), high + 0.1 * (high - low))
    figure.supxlabel("epoch", fontsize=9.5, color=INK)
    figure.supylabel("validation loss", fontsize=9.5, color=INK)
    return figure


def _colour(method: str) -> str:
    kind = "cam" if method in POST_HOC else METHODS[method].kind
    return PALETTE[{"pylon": "proposed", "conventional": "proposed", "cam": "baseline"}.get(kind, "variant")]


def _bounds(levels: "pd.Series[float]", lines: Sequence[str]) -> Mapping[str, float]:
    return {
        LINES[name]: float(levels[name]) for name in lines if name in levels and np.isfinite(levels[name])
    }
