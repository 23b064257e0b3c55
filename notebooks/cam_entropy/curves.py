"""Curves of the CAM-entropy runs over their epochs, in long form, and how they are drawn."""

from collections.abc import Iterable, Mapping
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from papers_lib.companion.palette import DASHES, colours
from papers_lib.sweep.records import Record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = {"none": "β = 0"}
FORMS = {"relu": "ReLU", "shifted": "M − min M", "offset": "1 + M"}
SHARPNESS = {"ce": "entropy", "ca": "area, cells", "cd": "dispersion σ²/μ²", "cv": "σ/μ"}
PANELS = {"accuracy": "accuracy", **SHARPNESS, "dead_share": "share of dead maps"}
RANGE: dict[str, Any] = {"kind": "line", "errorbar": ("pi", 100)}
CURVES = {
    **RANGE,
    **{"x": "epoch", "y": "value", "hue": "split", "style": "split", "col": "panel", "col_wrap": 3},
    **{"height": 2.5, "aspect": 1.2, "facet_kws": {"sharey": False}},
}
"""Of ``seaborn.relplot`` for figures 1 and 2: the paper's four panels, σ/μ and dead maps."""
DEAD_CURVES = {
    **RANGE,
    "x": "epoch",
    "y": "dead",
    "hue": "loss",
    "style": "loss",
    "height": 3.4,
    "aspect": 1.6,
}


def drawn(
    long: pd.DataFrame, how: Mapping[str, Any], labels: tuple[str, str] = ("epoch", "")
) -> "Figure | None":
    """``seaborn.relplot`` over whole epochs, with the panels' names as titles; None where there is nothing to draw."""
    import seaborn as sns
    from matplotlib.ticker import MaxNLocator

    if long.empty:
        return None
    tints = colours(list(dict.fromkeys(long[how["hue"]])))
    dashes = dict(zip(tints, cycle(DASHES), strict=False))
    plot = sns.relplot(long, palette=tints, dashes=dashes, **how).set_axis_labels(*labels)
    if "col" in how:
        plot.set_titles("{col_name}")
    for axis in plot.axes.flat:
        axis.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    return plot.figure


def setting_name(setting: str) -> str:
    """A setting in words.

    >>> setting_name("none"), setting_name("ca_shifted_3"), setting_name("relu_0.3_others_1")
    ('β = 0', 'ca, β = 3, M − min M', 'β = 0.3, ReLU, others pushed')
    """
    if setting in NAMES:
        return NAMES[setting]
    head, _, others = setting.partition("_others_")
    *measure, form, beta = head.split("_")
    words = [*measure, f"β = {beta}", FORMS[form]]
    return ", ".join([*words, "others pushed"] if others else words)


def curves(records: Iterable[Record], setting: str, arm: str = "main") -> pd.DataFrame:
    """Figures 1 and 2 in long form: epoch, panel, split, seed, value; training values are running means of an epoch."""
    rows = []
    for record in records:
        if record.status != "ok" or (record.config.arm, record.config.setting()) != (arm, setting):
            continue
        found = _curves(record)
        live = 1 - found["dead_share"]
        for name, panel in PANELS.items():
            with np.errstate(invalid="ignore", divide="ignore"):
                train = found[f"live_{name}"] / live if name in SHARPNESS else found[name]
            for split, values in (("train", train), ("test", found[f"test_{name}"])):
                rows += [
                    {
                        "epoch": epoch,
                        "panel": panel,
                        "split": split,
                        "seed": record.config.seed,
                        "value": value,
                    }
                    for epoch, value in enumerate(values, 1)
                ]
    return pd.DataFrame(rows, columns=["epoch", "panel", "split", "seed", "value"])


def dead_curves(records: Iterable[Record]) -> pd.DataFrame:
    """Share of dead test maps after each epoch, main arm: epoch, form, beta, seed, value."""
    rows = [
        {
            "epoch": epoch,
            "loss": setting_name(record.config.setting()),
            "seed": record.config.seed,
            "dead": value,
        }
        for record in records
        if record.status == "ok" and record.config.arm == "main"
        for epoch, value in enumerate(_curves(record)["test_dead_share"], 1)
    ]
    return pd.DataFrame(rows, columns=["epoch", "loss", "seed", "dead"])


def _curves(record: Record) -> dict[str, np.ndarray]:
    arrays = record.arrays()
    return dict(zip(map(str, arrays["curve_names"]), arrays["curves"].T, strict=True))


def ends(record: Record) -> dict[str, float]:
    """Test entropy, area and dispersion after the first and the last epoch: ce_first, ce_last, …"""
    names = [f"{name}_{end}" for name in ("ce", "ca", "cd") for end in ("first", "last")]
    if record.status != "ok":
        return dict.fromkeys(names, np.nan)
    found = _curves(record)
    return {name: float(found[f"test_{name[:2]}"][0 if name.endswith("first") else -1]) for name in names}
