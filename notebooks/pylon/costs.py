"""Costs of the methods, read from the timings that ``python -m benchmarks pylon --publish`` wrote."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from papers_lib.errors import UserError
from papers_lib.models.heatmap_methods import METHODS as METHODS_TABLE

METHODS = ("li2018", "unet", "fpn", "pan", "deeplab", "pylon_2up", "pylon")
STEPS = (*METHODS, "pylon_frozen", "pylon_stored")
PARAMETERS = "decoder, million parameters"
KEPT = "kept for backward, MiB an image"
MASKED = ("masked_plain", "masked_lockstep")
NAMES = (
    *(f"step_ratio_{key}" for key in STEPS),
    *(f"decoder_millions_{key}" for key in ("cam", *METHODS)),
    *(f"kept_ratio_{key}" for key in METHODS),
    "stored_features_speedup",
    "grad_cam_ratio",
    "masked_out_speedup",
    "masked_out_passes_share",
)


def read(path: str | Path) -> dict[str, float]:
    """What a step of each method costs, and what stored features, CAM in place of Grad-CAM and lockstep spare.

    The paper gives no times. Ours are medians of training steps, all methods in turn in one process.

    Args: path, ``pylon.timings.json``: ``rows`` with ``key`` and ``ratio``.
    Returns: those of ``NAMES``; NaN each where there is no such file, which was then not measured.

    - step_ratio_METHOD: a training step over CAM's; ..._pylon_frozen and ..._pylon_stored, PYLON's decoder alone on an
      encoder that runs, and on stored features;
    - decoder_millions_METHOD: parameters of the decoder; kept_ratio_METHOD: bytes kept for backward over CAM's;
    - stored_features_speedup: step on an encoder that runs over one on stored features;
    - grad_cam_ratio: Grad-CAM of all classes over CAM;
    - masked_out_speedup: one pair after the other over lockstep; masked_out_passes_share: passes of either over
      those of a loop that never stops early.

    Raises: UserError for a file that cannot be read so.
    """
    path = Path(path)
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
        found = {row["key"]: row for row in rows if "key" in row}
    except FileNotFoundError:
        return dict.fromkeys(NAMES, math.nan)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{path.name}: not a table of timings ({type(error).__name__}: {error})") from error

    def value(key: str, column: str = "ratio") -> float:
        return _positive(path, found, key, column)

    costs = {f"step_ratio_{key}": value(key) for key in STEPS}
    costs |= {f"decoder_millions_{key}": value(key, PARAMETERS) for key in ("cam", *METHODS)}
    costs |= {f"kept_ratio_{key}": value(key, KEPT) / value("cam", KEPT) for key in METHODS}
    plain, lockstep = MASKED
    return costs | {
        "stored_features_speedup": value("pylon_frozen") / value("pylon_stored"),
        "grad_cam_ratio": value("maps_grad_cam"),
        "masked_out_speedup": 1 / value(lockstep),
        "masked_out_passes_share": value(plain, "passes") / value(plain, "passes to the end"),
    }


def table(found: Mapping[str, float]) -> pd.DataFrame:
    """What :func:`read` gives, a row a method: parameters of the decoder, memory and a training step over CAM's."""
    rows = [
        {"method": METHODS_TABLE["cam"].label, "decoder, million parameters": found["decoder_millions_cam"]}
    ]
    rows[0] |= {"kept for the backward pass": 1.0, "training step": 1.0}
    for key in METHODS:
        row = {
            "method": METHODS_TABLE[key].label,
            "decoder, million parameters": found[f"decoder_millions_{key}"],
        }
        row |= {
            "kept for the backward pass": found[f"kept_ratio_{key}"],
            "training step": found[f"step_ratio_{key}"],
        }
        rows.append(row)
    for key, words in (("pylon_frozen", "PYLON, frozen encoder"), ("pylon_stored", "PYLON, stored features")):
        rows.append({"method": words, "training step": found[f"step_ratio_{key}"]})
    return pd.DataFrame(rows)


def _positive(path: Path, found: dict[str, Any], key: str, column: str) -> float:
    number = found.get(key, {}).get(column)
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number < math.inf:
        raise UserError(f"{path.name}: row {key}: found {column} {number!r}, expected a positive number")
    return float(number)
