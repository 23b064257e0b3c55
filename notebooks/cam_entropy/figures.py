"""The page's curves and scatter plots, and the long tables that they are drawn from."""

from collections.abc import Iterable, Mapping
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cam_entropy.tables import FORMS, curves_of, setting_name
from papers_lib.datasets.voc_store import CropSplit
from papers_lib.plots import DASHES, MARKERS, colours
from papers_lib.stats import student_t
from papers_lib.sweep import Record

SHARPNESS = {"ce": "entropy", "ca": "area, cells", "cd": "dispersion σ²/μ²", "cv": "σ/μ"}
PANELS = {"accuracy": "accuracy", **SHARPNESS, "dead_share": "share of dead maps"}
BETTER = {
    "object_mass": "heat on the object",
    "part_mass": "heat on the deciding part",
    "part_pointing": "points at the deciding part",
    "scene_pointing": "points into a box, scenes",
}
OVER_BETA = {
    "test_accuracy": "test accuracy",
    "ce_norm": "normalised entropy, live maps",
    "dead_share": "share of dead maps",
    "part_mass": "heat on the deciding part",
}
AT_ZERO = 0.003  # where β = 0 is drawn on the logarithmic axis
_NAMES = ["β = 0", FORMS["relu"], FORMS["shifted"]]
BY_FORM: dict[str, Any] = {"hue": "form", "palette": colours(_NAMES)}
BY_FORM |= {"style": "form", "markers": dict(zip(_NAMES, MARKERS, strict=False))}
GRID: dict[str, Any] = {"col": "panel", "height": 2.6, "aspect": 1.5, "facet_kws": {"sharey": False}}


def examples(split: CropSplit, each: int = 2) -> dict[str, Any]:
    """Arguments of ``map_grid``: the first ``each`` items of every class, row by row."""
    of_class = [np.flatnonzero(split.classes == kind) for kind in range(len(split.names))]
    # a class with fewer repeats its last, so that columns stay classes
    items = [found[min(turn, len(found) - 1)] for turn in range(each) for found in of_class if len(found)]
    titles = [split.names[split.classes[item]].replace("-", "\n") for item in items]
    return {"images": np.stack([split.images[item] for item in items]), "titles": titles}


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
    long = _long(_of_front(frame), BETTER).dropna()
    if long.empty:
        return None
    plot = sns.relplot(long, x="ce_norm", y="value", col_wrap=2, **GRID, **BY_FORM)
    return plot.set_titles("{col_name}").set_axis_labels("normalised entropy, live maps", "").figure


def over_beta(frame: pd.DataFrame) -> Figure:
    """Mean and interval over β; β = 0 belongs to both forms and stands at the left edge."""
    chosen = _of_front(frame)
    plain = chosen["beta"].eq(0)
    chosen = chosen.assign(beta=chosen["beta"].mask(plain, AT_ZERO))
    of_relu = chosen.assign(form=chosen["form"].mask(plain, FORMS["relu"]))
    long = _long(pd.concat([of_relu, chosen[plain].assign(form=FORMS["shifted"])]), OVER_BETA)
    dashes = dict(zip(_NAMES, DASHES, strict=False))
    look = {"kind": "line", "errorbar": t_interval, "dashes": dashes, "col_wrap": 2}
    plot = sns.relplot(long, x="beta", y="value", **look, **GRID, **BY_FORM)
    return plot.set_titles("{col_name}").set_axis_labels("β", "").set(xscale="log").figure


def t_interval(values: "pd.Series[float]") -> tuple[float, float]:
    """95 % interval of the mean (Student's t), as seaborn takes it; the point itself where there is no spread."""
    found = np.asarray(values.dropna(), dtype=float)
    if len(found) < 2 or np.ptp(found) == 0:
        middle = float(found.mean()) if len(found) else np.nan
        return middle, middle
    interval = student_t(found, 0.95, 0.0)
    return interval.low, interval.high


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
    for axis in plot.axes.flat:
        axis.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    return plot.figure


def _of_front(frame: pd.DataFrame) -> pd.DataFrame:
    """Models of the comparisons main and front, with their form in words; β = 0 is a form of its own."""
    chosen = frame[frame["status"].eq("ok") & frame["arm"].isin(["main", "front"])]
    return chosen.assign(form=chosen["form"].map(FORMS).where(chosen["beta"] > 0, "β = 0"))


def _long(frame: pd.DataFrame, panels: Mapping[str, str]) -> pd.DataFrame:
    """A row a model and panel; ``ce_norm``, which may be a panel of its own, stands beside."""
    parts = [
        frame[["beta", "form", "seed", "ce_norm"]].assign(panel=p, value=frame[c]) for c, p in panels.items()
    ]
    return pd.concat(parts, ignore_index=True)
