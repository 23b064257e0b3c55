"""Numbers of the Sibnet runs that claims and prose refer to by name; NaN where the runs for one are missing."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from papers_lib.metrics.calibration import ece, fit_temperature
from papers_lib.metrics.classification import auroc
from papers_lib.metrics.ece_floor import Range
from sibnet_calibration.frame import BINS, ELSEWHERE, NONE, oracle
from sibnet_calibration.settings import NAMES, models
from sibnet_calibration.sweeps import Swept
from sibnet_calibration.tables import chosen, mean_of

FEW = 200
"""Images of the report's validation set (section 4.1)."""
RESAMPLES = 200
MEASURES = ("distinctiveness", "raw_distinctiveness", "coherence", "point_macro", "code_negative")
"""Of the maps."""


def scalars(
    frame: pd.DataFrame, first: Swept, similar: Mapping[str, float], few: Range | None = None
) -> dict[str, float]:
    """Numbers by name, all of them whatever was trained.

    Args: frame, the tidy one; first, the sweep of the first data set; similar, rank correlations of maps by name, of
        ``sibnet_calibration_similarity.similarity_scalars``; few, the floor of the mean ECE on 200 images.

    Returns: mean_auroc_SETTING, mean_MEASURE_SETTING of ``MEASURES``, mean_ece_SETTING_CALIBRATOR, of the arms
        "losses" and "saliency"; oracle_auroc,
        oracle_ece of P(y | x) itself; few_sd, standard deviation of focal loss less cross entropy in mean AUROC over
        draws of 200 test images (of the models of the first seed that both have), and few_wrong, the share of draws in
        which the sign is another than on all test images; ensemble_auroc, _nll, _ece and _ece_one_t of cross entropy's
        models together; rank_bce_focal, rank_bce_seeds, rank_bce_auc_pesg, rank_bce_auc_adam and ssim_bce_focal of
        ``similar``, and rank_focal_less_auc, rank_focal_less_pesg, rank_focal_less_seeds, see the claims file;
        floor_200 with floor_200_low and _high.
    """
    found = {**oracle(first), **few_images(first), **ensemble(first)}
    for setting in dict.fromkeys([*NAMES, *frame["setting"]]):
        found[f"mean_auroc_{setting}"] = _mean(frame, setting, NONE, "auroc_macro")
        for measure in MEASURES:
            found[f"mean_{measure}_{setting}"] = _mean(frame, setting, NONE, measure)
        for calibrator in (NONE, "one_t", "label_t", "platt", "isotonic", *ELSEWHERE):
            found[f"mean_ece_{setting}_{calibrator}"] = _mean(frame, setting, calibrator, "ece")
    likeness = (
        *(f"rank_bce_{other}" for other in ("focal", "seeds", "auc_pesg", "auc_adam")),
        "ssim_bce_focal",
    )
    found |= {key: similar.get(key, np.nan) for key in likeness}
    found["rank_focal_less_auc"] = found["rank_bce_focal"] - found["rank_bce_auc_adam"]
    found["rank_focal_less_pesg"] = found["rank_bce_focal"] - found["rank_bce_auc_pesg"]
    found["rank_focal_less_seeds"] = found["rank_bce_focal"] - found["rank_bce_seeds"]
    low, mean, high = (np.nan, np.nan, np.nan) if few is None else (few.low, few.mean, few.high)
    return {**found, "floor_200": mean, "floor_200_low": low, "floor_200_high": high}


def few_images(first: Swept) -> dict[str, float]:
    """How far 200 images tell focal loss from cross entropy: see :func:`scalars`."""
    found = models(first, ("bce", "focal"), ("losses",))
    of = {name: {one.config.seed: one for one in found.get(name, [])} for name in ("focal", "bce")}
    seeds = of["focal"].keys() & of["bce"].keys()  # with one seed both started from the same weights
    if not seeds:
        return {"few_sd": np.nan, "few_wrong": np.nan}
    images = first.opened.images.images
    labels = torch.from_numpy(images.part("test").labels)
    a, b = (torch.from_numpy(own[min(seeds)].arrays()["test_logits"]) for own in of.values())
    whole = auroc(a, labels).macro - auroc(b, labels).macro
    generator = torch.Generator().manual_seed(0)
    drawn = []
    for _ in range(RESAMPLES):
        rows = torch.randint(len(labels), (min(FEW, len(labels)),), generator=generator)
        if bool((labels[rows].any(0) & ~labels[rows].all(0)).any()):
            drawn.append(auroc(a[rows], labels[rows]).macro - auroc(b[rows], labels[rows]).macro)
    if len(drawn) < 2:  # labels so rare that few draws have one with both values
        return {"few_sd": np.nan, "few_wrong": np.nan}
    values = np.array(drawn)
    return {
        "few_sd": float(values.std(ddof=1)),
        "few_wrong": float((np.sign(values) != np.sign(whole)).mean()),
    }


def ensemble(first: Swept) -> dict[str, float]:
    """Cross entropy's models together, their probabilities averaged: what MIMO imitates in one network."""
    several = [record.arrays() for record in models(first, ("bce",), ("losses",)).get("bce", [])]
    if len(several) < 2:
        return dict.fromkeys(("ensemble_auroc", "ensemble_nll", "ensemble_ece", "ensemble_ece_one_t"), np.nan)
    images = first.opened.images.images
    logits, labels = {}, {}
    for part in ("val", "test"):
        each = torch.stack([torch.from_numpy(arrays[f"{part}_logits"]).double() for arrays in several])
        logits[part] = torch.logit(each.sigmoid().mean(0), eps=1e-12)
        labels[part] = torch.from_numpy(images.part(part).labels).double()
    after = fit_temperature(logits["val"], labels["val"]).probabilities(logits["test"])
    return {
        "ensemble_auroc": auroc(logits["test"], labels["test"]).macro,
        "ensemble_nll": float(binary_cross_entropy_with_logits(logits["test"], labels["test"])),
        "ensemble_ece": float(ece(logits["test"].sigmoid(), labels["test"], bins=BINS).mean()),
        "ensemble_ece_one_t": float(ece(after, labels["test"], bins=BINS).mean()),
    }


def _mean(frame: pd.DataFrame, setting: str, calibrator: str, column: str) -> float:
    own = chosen(frame, ["losses", "saliency"], calibrator)
    return mean_of(own[own["setting"].eq(setting)], column)
