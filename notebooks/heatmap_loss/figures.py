"""What the page's figures are drawn from, and the plots that are more than one call."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
import torch
from matplotlib.figure import Figure

from heatmap_loss.tables import NAMES
from papers_lib.cams import display_map
from papers_lib.datasets.cardiac import CLASSES, CardiacSplit
from papers_lib.losses.heatmap import heatmap_loss, shrink_mask
from papers_lib.metrics.overlap import heat_share
from papers_lib.plots import PALETTE, strip_panels
from papers_lib.sweep import Record

ORDER = list(NAMES.values())


def sixteen(split: CardiacSplit, name: str) -> np.ndarray:
    """The first sixteen slices of a class, as in figures 2 to 5."""
    return split.images[split.classes == CLASSES.index(name)][:16]


def explained(records: Sequence[Record]) -> Record | None:
    """The first kept heatmap-loss model of the matched groups, or None if there is none."""
    wanted = (one for one in records if (one.config.group, one.config.arm) == ("heatmap", "main"))
    return next((one for one in wanted if one.metrics.get("kept")), None)


def equal_loss_pair(
    maps: np.ndarray, heart: np.ndarray, images: np.ndarray, tolerance: float = 0.01
) -> tuple[float, dict[str, Any]] | None:
    """Figure 1: the slices whose shares of heat in the heart differ most among all pairs whose losses agree.

    Of raw maps (n, h, w), masks and slices (n, H, W): the difference, and arguments of ``map_grid``. None where no two
    positive losses are as close as that.
    """
    raw, mask = torch.from_numpy(maps).double(), torch.from_numpy(heart)
    outside = shrink_mask(1.0 - mask.double(), (maps.shape[1], maps.shape[2]), "point")
    losses = heatmap_loss(raw, outside, reduction="none")
    shares = heat_share(raw, mask)
    close = (losses[:, None] - losses).abs() <= tolerance * (losses[:, None] + losses) / 2
    alive = (losses > 0) & (losses[:, None] > 0)
    gaps = torch.where(close & alive, shares[:, None] - shares, -1.0)
    if not gaps.max() > 0:
        return None
    both = list(divmod(int(gaps.argmax()), len(losses)))
    heat, inside = display_map(raw[both], size=(heart.shape[1], heart.shape[2])), mask[both]
    blank = torch.full_like(heat, torch.nan)
    parts = [blank, heat, torch.where(inside, blank, heat), torch.where(inside, heat, blank)]
    titles = [
        title
        for loss, share in zip(losses[both].tolist(), shares[both].tolist(), strict=True)
        for title in (f"slice, loss {loss:.4f}", f"HiResCAM: {share:.0%} in heart", "outside", "inside")
    ]
    shown = {"images": np.repeat(images[both], 4, axis=0), "titles": titles}
    return float(gaps.max()), {**shown, "maps": torch.stack(parts, dim=1).flatten(0, 1).numpy()}


def confound(frame: pd.DataFrame) -> Figure:
    """Kept CCE and heatmap-loss models: matched, confounded as the authors' groups are, and frozen alone."""
    arms = {"main": "matched", "authors": "as the authors"}
    arms |= {"pretrained": "pretrained", "frozen": "pretrained, frozen"}
    chosen = frame["kept"] & frame["arm"].isin(list(arms)) & frame["group"].isin(["cce", "heatmap"])
    both = frame[chosen].replace({"group": NAMES, "arm": arms})
    panels = [
        {"frame": both[both["experiment"] == e], "labels": (f"experiment {e}", "heat in the heart")}
        for e in sorted(frame["experiment"].unique())
    ]
    return strip_panels(panels, x="arm", y="heart_share", hue="group", hue_order=ORDER[::2])


def rates(frame: pd.DataFrame) -> Figure | None:
    """Learning rate against heat in the heart, kept CCE models of the authors' kind; None without one."""
    rows = frame[frame["kept"] & frame["arm"].eq("authors") & frame["group"].eq("cce")]
    if rows.empty:
        return None
    axes = {"x": "learning_rate", "y": "heart_share", "col": "experiment", "color": PALETTE["baseline"]}
    plot = sns.relplot(rows, **axes, height=3.2, aspect=1.3).set_titles("experiment {col_name}")
    plot.set(xscale="log").set_axis_labels("learning rate", "heat in the heart")
    return plot.figure


def weights(frame: pd.DataFrame) -> Figure:
    """Heat in the heart and validation accuracy over the weight of each definition: medians and quartiles."""
    runs = frame["group"].eq("heatmap") & frame["arm"].isin(["main", "weight"]) & frame["status"].eq("ok")
    titles = {"heart_share": "heat in the heart", "val_accuracy": "validation accuracy"}
    named = frame[runs].rename(columns={**titles, "form": "definition"})
    long = named.melt(
        ["experiment", "definition", "weight", "seed"], list(titles.values()), var_name="measure"
    )
    look: dict[str, Any] = {"hue": "definition", "style": "definition", "markers": True, "kind": "line"}
    look |= {"estimator": "median", "errorbar": ("pi", 50), "height": 2.7, "aspect": 1.5}
    plot = sns.relplot(long, x="weight", y="value", row="measure", col="experiment", **look)
    plot.set(xscale="log", xlabel="weight of the term", ylabel="")
    return plot.set_titles("{row_name}, experiment {col_name}").figure
