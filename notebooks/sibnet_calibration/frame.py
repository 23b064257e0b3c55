"""All runs of the Sibnet experiment as one table: a row for each model and each way to calibrate it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from papers_lib.metrics.calibration import (
    brier,
    confidence_ece,
    ece,
    fit_isotonic,
    fit_platt,
    fit_temperature,
)
from papers_lib.metrics.classification import auroc
from papers_lib.sweep.core import records_frame
from papers_lib.sweep.records import Record
from sibnet_calibration.sweeps import Swept

BINS = 15
"""Section 4.2.2."""
NONE = "none"
Calibrate = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(logits to fit on (n, K), their labels, logits) -> probabilities."""
CALIBRATORS: dict[str, Calibrate] = {
    NONE: lambda _fit, _labels, logits: logits.double().sigmoid(),
    "one_t": lambda fit, labels, logits: fit_temperature(fit, labels).probabilities(logits),
    "label_t": lambda fit, labels, logits: fit_temperature(fit, labels, per_label=True).probabilities(logits),
    "platt": lambda fit, labels, logits: fit_platt(fit, labels).probabilities(logits),
    "isotonic": lambda fit, labels, logits: fit_isotonic(fit, labels).probabilities(logits),
}
"""Each is fitted on the calibration part; the report has the second (section 3.6.1)."""
ELSEWHERE = {"one_t_train": "train", "one_t_test": "test"}
"""One temperature, fitted on another part: the images that the model was trained on, or the test images themselves."""


@dataclass(frozen=True)
class Scored:
    """Probabilities (n, K) of a model on the test part after a calibrator, with labels (n, K) and P(y | x) or NaN."""

    probabilities: Tensor
    labels: Tensor
    truth: Tensor


def calibrated(one: Swept, record: Record, calibrator: str, seen: str = "test") -> Scored:
    """The test part of a model, calibrated; labels are those of the set.

    Args: seen, "test", or "contrast" for the first test images with half their contrast.
    """
    arrays, images = record.arrays(), one.opened.images.images
    rows = {part: images.split == part for part in ("train", "val", "test")}
    labels = {part: torch.from_numpy(images.labels[chosen]) for part, chosen in rows.items()}
    part = ELSEWHERE.get(calibrator, "val")
    calibrate = CALIBRATORS[calibrator.removesuffix(f"_{part}") if calibrator in ELSEWHERE else calibrator]
    fitted = torch.from_numpy(arrays[f"{part}_logits"])
    found = calibrate(fitted, labels[part], torch.from_numpy(arrays[f"{seen}_logits"]))
    truth = torch.from_numpy(one.opened.images.truth[rows["test"]])
    return Scored(found, labels["test"].double()[: len(found)], truth[: len(found)])


def tidy(sweeps: Sequence[Swept]) -> pd.DataFrame:
    """One row a model and calibrator: the record's columns, and

    data (of the sweep), setting (see ``SibnetRun.setting``), calibrator (a key of ``CALIBRATORS`` or ``ELSEWHERE``),
    ece and ece/CLASS (equal width, positive probability), ece_mass (equal mass), ece_confidence (on max(p, 1-p)), bias
    (mean predicted less share of positives), true_ece (against P(y | x), NaN where it is not known), ece_contrast (of
    the images with half their contrast), brier, nll_calibrated.

    Columns that do not depend on the calibrator (AUROC, the maps') stand in the rows of "none" alone, so that no rule
    counts a model twice; ``auroc_macro`` of a monotone calibrator is the same for each label.
    """
    frames = [_of_sweep(one) for one in sweeps if one.records]
    if not frames:
        raise ValueError("sweeps: expected at least one record")
    return pd.concat(frames, ignore_index=True).copy()


def _of_sweep(one: Swept) -> pd.DataFrame:
    frame = records_frame(list(one.records)).assign(data=one.data)
    frame["setting"] = [record.config.setting() for record in one.records]
    plain = [name for name in _measured(one.records) if name in frame]
    rows = []
    for (_, row), record in zip(frame.iterrows(), one.records, strict=True):
        if record.status != "ok":
            rows.append({**row.to_dict(), "calibrator": NONE})
            continue
        for name in (*CALIBRATORS, *ELSEWHERE):
            own = row.to_dict() | {"calibrator": name} | _scores(one, record, name)
            rows.append(own if name == NONE else {**own, **dict.fromkeys(plain, np.nan)})
    return pd.DataFrame(rows)


def _measured(records: Sequence[Record]) -> list[str]:
    """Names of the metrics that are numbers."""
    found = {
        name: None
        for record in records
        for name, value in record.metrics.items()
        if isinstance(value, int | float)
    }
    return [name for name in found if name != "train_images"]


def _scores(one: Swept, record: Record, calibrator: str) -> dict[str, Any]:
    scored = calibrated(one, record, calibrator)
    shifted = calibrated(one, record, calibrator, "contrast")
    p, y = scored.probabilities, scored.labels
    classes = one.opened.images.images.classes
    each = ece(p, y, bins=BINS)
    known = not bool(scored.truth.isnan().any())
    inside = p.clamp(1e-12, 1 - 1e-12)
    return {
        "ece": float(each.mean()),
        **{f"ece/{name}": float(value) for name, value in zip(classes, each, strict=True)},
        "ece_mass": float(ece(p, y, bins=BINS, scheme="mass").mean()),
        "ece_confidence": float(confidence_ece(p, y, bins=BINS).mean()),
        "bias": float((p - y).mean()),
        "true_ece": float(ece(p, scored.truth, bins=BINS).mean()) if known else np.nan,
        "ece_contrast": float(ece(shifted.probabilities, shifted.labels, bins=BINS).mean()),
        "brier": float(brier(p, y, bins=BINS).score.mean()),
        "nll_calibrated": float(-(y * inside.log() + (1 - y) * (1 - inside).log()).mean()),
    }


def oracle(one: Swept) -> dict[str, float]:
    """What P(y | x) itself would score on the test part: "oracle_auroc", "oracle_ece"; NaN where it is not known."""
    images = one.opened.images
    rows = images.images.split == "test"
    truth, labels = torch.from_numpy(images.truth[rows]), torch.from_numpy(images.images.labels[rows])
    if bool(truth.isnan().any()):
        return {"oracle_auroc": np.nan, "oracle_ece": np.nan}
    return {
        "oracle_auroc": auroc(truth, labels).macro,
        "oracle_ece": float(ece(truth, labels.double(), bins=BINS).mean()),
    }
