"""Figure 3 and Table I: one test sample, chosen by a rule, with the maps of several models."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from cam_entropy.measures import classification, sharpness
from cam_entropy.tables import setting_name
from papers_lib.datasets.voc_store import CropSplit
from papers_lib.metrics.sharpness import dead_maps, heat
from papers_lib.sweep import Record

ROWS = {
    "true_probability": "class probability",
    "max_logit": "max logit",
    "min_logit": "min logit",
    "max_map": "max GradCAM",
    "min_map": "min GradCAM",
    "ce": "ce",
    "ce_norm": "ce / ln HW",
    "ca": "ca",
    "cd": "cd = σ²/μ²",
    "cv": "σ/μ",
    "relative_difference": "(max − min) / min",
    "spread": "(max − min) / mean",
}


class Sample(NamedTuple):
    """A test item: its crop (H, W, 3), class, and by setting logits (K,), raw map (h, w); why it was chosen."""

    crop: np.ndarray
    label: str
    target: int
    logits: dict[str, np.ndarray]
    maps: dict[str, np.ndarray]
    chosen: str


def choose(records: Sequence[Record], crops: CropSplit, settings: Sequence[str]) -> Sample | None:
    """The first test picture that beta 0 and 100 (or beta 0 alone) of seed 0 classify correctly with live maps."""
    shown = {
        record.config.setting(): record.arrays()
        for record in records
        if record.status == "ok" and record.config.arm == "main" and record.config.seed == 0
    }
    shown = {name: shown[name] for name in settings if name in shown}
    if "none" not in shown:
        return None
    items = shown["none"]["items"]
    classes = np.asarray(crops.classes[items])

    def good(name: str) -> np.ndarray:
        live = ~dead_maps(torch.from_numpy(shown[name]["maps"])).numpy()
        return (shown[name]["logits"].argmax(1) == classes) & live

    fit, why = good("none"), "the first test picture that β = 0 classifies correctly with a live map"
    if "relu_100" in shown:
        if (both := fit & good("relu_100")).any():
            fit, why = both, "the first test picture that both classify correctly with a live map"
        else:
            why += "; at β = 100 there is none of the kept ones"
    if not fit.any():
        return None
    at = int(fit.argmax())
    target = int(classes[at])
    logits, maps = ({name: found[what][at] for name, found in shown.items()} for what in ("logits", "maps"))
    return Sample(np.asarray(crops.images[items[at]]), crops.names[target], target, logits, maps, why)


def panels(sample: Sample) -> dict[str, Any]:
    """Arguments of ``map_grid``: above, each map scaled to its own range; below, all on one scale."""
    raw = heat(torch.from_numpy(np.stack(list(sample.maps.values())))).numpy()
    low, high = raw.min((1, 2), keepdims=True), raw.max((1, 2), keepdims=True)
    own = (raw - low) / np.where(high > low, high - low, 1) * (high > 0)
    titles = [
        setting_name(name).replace(", ", "\n", 1) + ("" if top > 0 else " (dead)")
        for name, top in zip(sample.maps, high.flat, strict=True)
    ]
    return {
        "images": np.stack([sample.crop] * (2 * len(raw))),
        "maps": np.concatenate([own, raw / (raw.max() or 1.0)]),
        "titles": titles + ["unscaled"] * len(raw),
        "columns": len(raw),
        "label": "share of the scale",
        "limits": (0, 1),
    }


def characteristics(logits: np.ndarray, target: int, raw: np.ndarray) -> dict[str, float]:
    """The rows of Table I for one map; sharpness of a dead map is NaN."""
    found = sharpness(torch.from_numpy(raw)[None])
    found |= classification(torch.from_numpy(logits)[None], torch.tensor([target]))
    return found | {"max_map": 0.0, "min_map": 0.0} if found["dead_share"] else found


def table(
    sample: Sample | None, frame: pd.DataFrame, printed: Mapping[str, Any], settings: Sequence[str]
) -> pd.DataFrame:
    """Table I: as ``printed`` (its cd in the row of equation 3), ours for the sample, means over test set and seeds."""
    paper = pd.DataFrame(printed).T.rename(index={"class_probability": "true_probability"})
    columns = {
        f"paper, {setting_name(s)}": paper[at] for s, at in (("none", "beta0"), ("relu_100", "beta100"))
    }
    for name in settings:
        if sample and name in sample.maps:
            found = characteristics(sample.logits[name], sample.target, sample.maps[name])
            columns[f"sample, {setting_name(name)}"] = pd.Series(found)
    main = frame[frame["status"].eq("ok") & frame["arm"].eq("main")]
    means = main.groupby("setting")[[*ROWS, "without_zero_share"]].mean()
    few = means["without_zero_share"] < 0.5  # of a few maps, and huge: most have a cell of zero
    means["relative_difference"] = means["relative_difference"].mask(few)
    columns |= {f"mean, {setting_name(name)}": means.loc[name] for name in settings if name in means.index}
    rows = pd.DataFrame(columns).astype(float).reindex([*ROWS]).rename(index=ROWS)
    return rows.reset_index(names="quantity")
