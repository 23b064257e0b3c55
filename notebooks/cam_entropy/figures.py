"""The page's curves and scatter plots, and the long tables that they are drawn from."""

from collections.abc import Iterable, Mapping
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from cam_entropy.tables import BETTER, FORMS, curves_of, setting_name
from papers_lib.datasets.voc_store import CropSplit
from papers_lib.plots import DASHES, colours
from papers_lib.sweep import Record

SHARPNESS = {"ce": "entropy", "ca": "area, cells", "cd": "dispersion σ²/μ²", "cv": "σ/μ"}
PANELS = {"accuracy": "accuracy", **SHARPNESS, "dead_share": "share of dead maps"}
SCATTERED = ("object_mass", "part_mass", "part_pointing", "scene_pointing")


def examples(split: CropSplit) -> dict[str, Any]:
    """Arguments of ``map_grid``: the first item of every class."""
    classes, items = np.unique(split.classes, return_index=True)
    titles = [split.names[kind].replace("-", "\n") for kind in classes]
    return {"images": np.asarray(split.images[items]), "titles": titles}


def epochs(records: Iterable[Record]) -> pd.DataFrame:
    """Curves of the main comparison, a row an epoch: setting, loss in words, seed, epoch, then every value."""
    columns = ["setting", "loss", "seed", "epoch"]
    found = []
    for record in records:
        if record.status == "ok" and record.config.arm == "main":
            setting = record.config.setting()
            curves = pd.DataFrame(curves_of(record))
            names = (setting, setting_name(setting), record.config.seed, curves.index + 1)
            found.append(curves.assign(**dict(zip(columns, names, strict=True))))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=columns)


def curves_long(records: Iterable[Record], setting: str) -> pd.DataFrame:
    """Figures 1 and 2: epoch, panel, split, seed, value; training values are running means of an epoch."""
    found = epochs(records)
    found = found[found["setting"].eq(setting)]
    parts = []
    for name, panel in PANELS.items() if len(found) else ():
        train = found[f"live_{name}"] / (1 - found["dead_share"]) if name in SHARPNESS else found[name]
        for split, values in (("train", train), ("test", found[f"test_{name}"])):
            parts.append(found[["epoch", "seed"]].assign(panel=panel, split=split, value=values))
    return pd.concat(parts, ignore_index=True) if parts else found


def curves(records: Iterable[Record], setting: str) -> Figure | None:
    """The paper's four panels, σ/μ and dead maps over the epochs; None where no run of the setting ended well."""
    look = {"col": "panel", "col_wrap": 3, "height": 2.5, "aspect": 1.2, "facet_kws": {"sharey": False}}
    return _over_epochs(curves_long(records, setting), "value", "split", look, "")


def dead(records: Iterable[Record]) -> Figure | None:
    """Share of dead test maps over the epochs, one line per setting; None where no run ended well."""
    look = {"height": 3.4, "aspect": 1.6}
    return _over_epochs(epochs(records), "test_dead_share", "loss", look, "share of dead test maps")


def better(frame: pd.DataFrame) -> Figure | None:
    """Localization against entropy, every model with a live map; None where the data lack every target."""
    chosen = frame[frame["status"].eq("ok") & frame["arm"].isin(["main", "front"])]
    form = chosen["form"].map(FORMS).where(chosen["beta"] > 0, "β = 0")
    named = chosen.assign(form=form).rename(columns=BETTER)
    long = named.melt(["form", "ce_norm"], [BETTER[name] for name in SCATTERED], var_name="panel").dropna()
    if long.empty:
        return None
    look: dict[str, Any] = {"height": 2.6, "aspect": 1.5, "facet_kws": {"sharey": False}}
    look |= {"hue": "form", "style": "form", "palette": colours(["β = 0", FORMS["relu"], FORMS["shifted"]])}
    plot = sns.relplot(long, x="ce_norm", y="value", col="panel", col_wrap=2, **look)
    return plot.set_titles("{col_name}").set_axis_labels("normalised entropy, live maps", "").figure


def _over_epochs(long: pd.DataFrame, y: str, hue: str, look: Mapping[str, Any], label: str) -> Figure | None:
    """Mean over seeds with their range."""
    if long.empty:
        return None
    tints = colours(list(dict.fromkeys(long[hue])))
    told = {"hue": hue, "style": hue, "palette": tints}
    told["dashes"] = dict(zip(tints, cycle(DASHES), strict=False))
    plot = sns.relplot(long, x="epoch", y=y, kind="line", errorbar=("pi", 100), **told, **look)
    plot.set_axis_labels("epoch", label)
    if "col" in look:
        plot.set_titles("{col_name}")
    return plot.figure
