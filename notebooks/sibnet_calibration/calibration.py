"""All runs as one table with their calibration errors, calibrators, and noise floors.

A floor is what a perfect model would show: labels are drawn from the model's own probabilities, each for
itself. Radiological findings go together in truth, so that ranges are a little too narrow.
"""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from papers_lib.metrics.calibration import (
    brier,
    confidence_ece,
    ece,
    ece_floor,
    fit_isotonic,
    fit_platt,
    fit_temperature,
)
from papers_lib.metrics.calibration_error import Range
from papers_lib.sweep import Record, records_frame
from sibnet_calibration.grid import Swept

NONE = "none"
CALIBRATORS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    NONE: lambda _fit, _labels, logits: logits.double().sigmoid(),
    "one_t": lambda fit, labels, logits: fit_temperature(fit, labels).probabilities(logits),
    "label_t": lambda fit, labels, logits: fit_temperature(fit, labels, per_label=True).probabilities(logits),
    "platt": lambda fit, labels, logits: fit_platt(fit, labels).probabilities(logits),
    "isotonic": lambda fit, labels, logits: fit_isotonic(fit, labels).probabilities(logits),
}
"""(logits (n, K) and labels of the calibration part, logits) -> probabilities; "one_t" is the report's (3.6.1)."""
ELSEWHERE = {"one_t_train": "train", "one_t_test": "test"}
"""One temperature, fitted on another part: the images that the model was trained on, or the test images themselves."""


def calibrated(
    one: Swept, record: Record, calibrator: str, seen: str = "test"
) -> tuple[Tensor, Tensor, Tensor]:
    """Probabilities (n, K), labels and P(y | x) of a model on the test part; or ("contrast") with half of it."""
    arrays, part = record.arrays(), ELSEWHERE.get(calibrator, "val")
    calibrate = CALIBRATORS["one_t" if calibrator in ELSEWHERE else calibrator]
    fitted, given = (torch.from_numpy(arrays[f"{name}_logits"]) for name in (part, seen))
    found = calibrate(fitted, torch.from_numpy(one.part(part).labels), given)
    test, truth = torch.from_numpy(one.part("test").labels).double(), torch.from_numpy(one.truth)
    return found, test[: len(found)], truth[: len(found)]


def tidy(sweeps: Sequence[Swept], bins: int) -> pd.DataFrame:
    """One row a model and calibrator: the record's columns, "data" (of the sweep), "setting", "calibrator", and

    ece and ece/CLASS (equal width, positive probability), ece_mass (equal mass), ece_confidence (on max(p, 1-p)), bias
    (mean predicted less share of positives), true_ece (against P(y | x), NaN where it is not known), ece_contrast (of
    the images with half their contrast), brier, nll_calibrated. Metrics that do not depend on the calibrator (AUROC,
    the maps') stand in the rows of "none" alone, so that no rule counts a model twice.
    """
    rows = []
    for one in sweeps:
        frame = records_frame(list(one.records)).assign(data=one.data)
        frame["setting"] = [record.config.setting() for record in one.records]
        for row, record in zip(frame.to_dict("records"), one.records, strict=True):
            ended = record.status == "ok"
            rows.append({**row, "calibrator": NONE, **(_scores(one, record, NONE, bins) if ended else {})})
            numbers = {key for key, value in record.metrics.items() if not isinstance(value, str)}
            blank = {**row, **dict.fromkeys(numbers - {"train_images"}, np.nan)}
            others = [*CALIBRATORS, *ELSEWHERE][1:] if ended else []
            rows += [{**blank, "calibrator": key, **_scores(one, record, key, bins)} for key in others]
    return pd.DataFrame(rows)


def _scores(one: Swept, record: Record, calibrator: str, bins: int) -> dict[str, float]:
    p, y, truth = calibrated(one, record, calibrator)
    shifted, labels, _ = calibrated(one, record, calibrator, "contrast")
    each, known = ece(p, y, bins=bins), not bool(truth.isnan().any())
    inside = p.clamp(1e-12, 1 - 1e-12)
    return {
        "ece": float(each.mean()),
        **dict(zip((f"ece/{label}" for label in one.part("test").classes), each.tolist(), strict=True)),
        "ece_mass": float(ece(p, y, bins=bins, scheme="mass").mean()),
        "ece_confidence": float(confidence_ece(p, y, bins=bins).mean()),
        "bias": float((p - y).mean()),
        "true_ece": float(ece(p, truth, bins=bins).mean()) if known else np.nan,
        "ece_contrast": float(ece(shifted, labels, bins=bins).mean()),
        "brier": float(brier(p, y).mean()),
        "nll_calibrated": float(-(y * inside.log() + (1 - y) * (1 - inside).log()).mean()),
    }


def floors(
    sweeps: Sequence[Swept],
    arms: Sequence[str],
    generator: torch.Generator,
    *,
    bins: int,
    calibrators: Sequence[str] = tuple(CALIBRATORS),
    draws: int = 200,
) -> pd.DataFrame:
    """Floor of the mean ECE (95 %) by set, comparison, setting and calibrator, of the first model that ended well."""
    rows = []
    settings = dict.fromkeys(record.config.setting() for one in sweeps for record in one.records)
    for one, arm, setting in product(sweeps, arms, settings):
        for record, calibrator in product(_first_seed(one.models(setting, (arm,))), calibrators):
            p, *_ = calibrated(one, record, calibrator)
            found = ece_floor(p, bins=bins, draws=draws, generator=generator).mean_over_labels
            rows.append((one.data, arm, setting, calibrator, found.low, found.mean, found.high))
    return pd.DataFrame(rows, columns=["data", "arm", "setting", "calibrator", "low", "mean", "high"])


def _first_seed(records: Sequence[Record]) -> list[Record]:
    return sorted(records, key=lambda record: record.config.seed != 0)[:1]


def floor_at(
    swept: Swept, n: int, generator: torch.Generator, *, bins: int, draws: int = 300
) -> Range | None:
    """Floor of cross entropy's mean ECE after one temperature with ``n`` drawn test images; None without a model."""
    found = _first_seed(swept.models("bce", ("losses", "mimo")))
    if not found:
        return None
    p, *_ = calibrated(swept, found[0], "one_t")
    drawn = []
    for _ in range(draws):
        rows = torch.randint(len(p), (n,), generator=generator)
        drawn.append(ece_floor(p[rows], bins=bins, draws=1, generator=generator).mean_over_labels.mean)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Range(float(np.mean(drawn)), float(low), float(high))
