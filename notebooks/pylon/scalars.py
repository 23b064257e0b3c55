"""Numbers of the PYLON runs that claims and prose refer to by name."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from papers_lib.sweep.records import Record
from pylon.ablation import PART_ARMS, ROWS, TABLES, interval, phase_gains
from pylon.arms import FAIR
from pylon.frame import POST_HOC
from pylon.settings import by_seed, ok

APART = "grad_cam.points_apart"
_METHODS = tuple(dict.fromkeys(["cam", "unet", *(row.method for row in ROWS)]))


def scalars(frame: pd.DataFrame, records: Iterable[Record] = ()) -> dict[str, float]:
    """Every number is there whatever was trained; NaN without its runs.

    Args: frame, the tidy one of all arms; records, of the runs in it.

    Returns: of the arms in ``PART_ARMS``, over seeds:
        mean_point_METHOD, mean_auroc_METHOD: macro averages; the maps read off the baseline have its AUROC.
        nodule_share_METHOD: of what the map's stride allows.
        sd_pan, sd_pan_no_gap, sd_ratio_pan: of the macro point localization, and the first over the second.
        masked_passes, masked_all_passes: of the network an image, in lockstep and over all levels.
        two_phase_gain_DATA_METHOD: macro point localization, two phases less one from the same start.
        gradcam_points_apart, gradcam_points: pairs of image and class, over all runs of the baseline, in which
            CAM and Grad-CAM point at different pixels, and of how many.
    """
    chosen = ok(frame, PART_ARMS)
    found: dict[str, float] = {}
    for method in (*_METHODS, *POST_HOC):
        own = chosen[chosen["method"].eq(method)]
        found[f"mean_point_{method}"] = _mean(own, "point_macro")
        found[f"nodule_share_{method}"] = _mean(own, "nodule_share")
        if method not in POST_HOC:
            found[f"mean_auroc_{method}"] = _mean(own, "auroc_macro")
    for method in ("pan", "pan_no_gap"):
        found[f"sd_{method}"] = interval(by_seed(chosen[chosen["method"].eq(method)], "point_macro"))["sd"]
    found["sd_ratio_pan"] = found["sd_pan"] / (found["sd_pan_no_gap"] or np.nan)
    for name in ("passes", "all_passes"):
        column = f"masked_out_{name}"
        found[f"masked_{name}"] = float(chosen[column].mean()) if column in chosen else np.nan
    trained = ok(frame, ("transfer", "voc"))
    for data in TABLES:
        training = "transfer_two_phase" if data == "vindr" else "two_phase"
        own = trained[trained["data"].eq(data)]
        for method in FAIR:
            found[f"two_phase_gain_{data}_{method}"] = float(phase_gains(own, method, training).mean())
    return {**found, **_points(records)}


def _mean(frame: pd.DataFrame, column: str) -> float:
    return float(by_seed(frame, column).mean())


def _points(records: Iterable[Record]) -> dict[str, float]:
    apart, points = [], []
    for record in records:
        if record.config.method.startswith("cam") and record.status == "ok":
            arrays = record.arrays()
            if APART in arrays:
                apart.append(float(arrays[APART]))
                points.append(len(arrays["pairs"]))
    known = bool(apart)
    return {
        "gradcam_points_apart": sum(apart) if known else np.nan,
        "gradcam_points": float(sum(points)) if known else np.nan,
    }
