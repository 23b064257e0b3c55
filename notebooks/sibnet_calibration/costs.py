"""Costs of the Sibnet report's losses, read from the timings that ``python -m benchmarks`` wrote for it."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from papers_lib.errors import UserError

SAMPLED = ("share_1_4", "share_1_2", "share_1")
STEPS = {
    "exact": "class distinctiveness, all pairs",
    "maps": "all pairs, gradient through the maps only",
    "encoder": "all pairs, gradient through the second pass only",
    "share_1": "a pair of every image",
    "share_1_2": "a pair of half of the images",
    "share_1_4": "a pair of a quarter of the images",
    "raw": "the maps themselves, not encoded",
    "random_encoded": "noise in place of maps, encoded",
    "random": "noise in place of maps, not encoded",
    "coherence": "spatial coherence",
    "both": "both, all pairs",
}
LOOPS = ("autograd", "numpy")
SIDES = (56, 224)
COUNTS = (1, 20)
NAMES = (
    *(f"step_ratio_{key}" for key in STEPS),
    *(f"term_share_{key}" for key in STEPS),
    *(f"{what}_{key}" for key in SAMPLED for what in ("variance", "variance_cost")),
    *(f"coherence_{loop}_{side}_{count}" for side in SIDES for count in COUNTS for loop in LOOPS),
    "mimo_step_ratio",
)
WAYS = {"before": "before the second stage", "no term": "cross entropy only", "exact": "all pairs"}


def read(path: str | Path) -> dict[str, float]:
    """What a training step costs with each loss, what sampling adds in variance, and what MIMO costs.

    The report gives no times. Ours are medians of training steps, all ways in turn in one process.

    Args: path, ``sibnet_calibration.timings.json``: ``rows`` with ``key`` and ``ratio``.
    Returns: those of ``NAMES``; NaN each that was not measured, all of them where there is no such file.

    - step_ratio_WAY: a training step over that of BCE;
    - term_share_WAY: what the way adds to BCE's step over what the exact loss adds;
    - variance_SHARE: total variance of the sampled gradient over the squared norm of the exact one;
      variance_cost_SHARE: times the step's ratio;
    - coherence_LOOP_SIDE_COUNT: time of a loop over pixels over the library's, value and gradient of COUNT maps;
    - mimo_step_ratio: a step with two inputs over one with one, at an equal number of images.

    Raises: UserError for a file that cannot be read so.
    """
    path = Path(path)
    found = {row["key"]: row for row in _content(path)["rows"] if "key" in row}

    def value(key: str, column: str = "ratio") -> float:
        return _number(path, found, key, column)

    ratios = {key: value(key) for key in STEPS}
    added = ratios["exact"] - 1
    costs = {f"step_ratio_{key}": ratio for key, ratio in ratios.items()}
    costs |= {
        f"term_share_{key}": (ratio - 1) / added if added else math.nan for key, ratio in ratios.items()
    }
    for key in SAMPLED:
        costs[f"variance_{key}"] = value(key, "variance")
        costs[f"variance_cost_{key}"] = value(key, "variance") * value(key)
    for side in SIDES:
        for count in COUNTS:
            costs |= {
                f"coherence_{loop}_{side}_{count}": value(f"coherence_{side}_{count}_{loop}")
                for loop in LOOPS
            }
    return costs | {"mimo_step_ratio": value("mimo_2")}


def steps_table(found: Mapping[str, float]) -> pd.DataFrame:
    """What :func:`read` gives of steps, a row a loss; of the sampled ones with the variance. Empty if not measured."""
    rows = [
        {
            "loss beside BCE": words,
            "training step": found[f"step_ratio_{key}"],
            "of what all pairs add": found[f"term_share_{key}"],
            "variance of the gradient": found.get(f"variance_{key}", math.nan),
            "variance x step": found.get(f"variance_cost_{key}", math.nan),
        }
        for key, words in STEPS.items()
    ]
    rows.append({"loss beside BCE": "none, MIMO with two inputs", "training step": found["mimo_step_ratio"]})
    return pd.DataFrame(rows).dropna(subset="training step").reset_index(drop=True)


def coherence_table(found: Mapping[str, float]) -> pd.DataFrame:
    """Time of loops over pixels over the library's, a row a side and number of maps. Empty if not measured."""
    rows = [
        {
            "maps": count,
            "side, px": side,
            **{f"loop in {loop}, times ours": found[f"coherence_{loop}_{side}_{count}"] for loop in LOOPS},
        }
        for side in SIDES
        for count in COUNTS
    ]
    return pd.DataFrame(rows).dropna().reset_index(drop=True)


def rates_table(path: str | Path) -> pd.DataFrame:
    """Held-out distinctiveness after equal time of training, a row a way to estimate the loss. Empty if not measured.

    Args: path, as :func:`read` has it; its ``rates`` were written by ``benchmarks.sibnet_calibration_rates``.
    Raises: UserError for a file that cannot be read so.
    """
    rows = [
        {
            "distinctiveness by": WAYS.get(row["key"], row["key"]),
            "step, of all pairs'": row.get("step", math.nan),
            "epochs": row["epochs"],
            "seconds, of all pairs'": row.get("seconds", math.nan),
            "held-out distinctiveness": row["distinctiveness"],
            "less that of all pairs": row.get("less exact", math.nan),
            "held-out AUROC": row["auroc"],
        }
        for row in _rates(Path(path))["rows"]
    ]
    return pd.DataFrame(rows)


def rates_note(path: str | Path) -> str:
    """How the rates were measured, in words; "" if not measured."""
    return str(_rates(Path(path))["note"])


def best_share(path: str | Path) -> float:
    """The share of lowest held-out distinctiveness among those whose term costs at most half of the exact loss's.

    NaN if not measured, or if none is that cheap; 1 is a pair of every image.

    Raises: UserError for a file that cannot be read so.
    """
    rows = _rates(Path(path))["rows"]
    cheap = [row for row in rows if row.get("share") is not None and row.get("term", math.inf) <= 0.5]
    return float(min(cheap, key=lambda row: row["distinctiveness"])["share"]) if cheap else math.nan


def _rates(path: Path) -> dict[str, Any]:
    """``rates`` of the file, of which each row has all that is needed; no rows where it was not measured."""
    content = _content(path)
    if "rates" not in content:
        return {"note": "", "rows": []}
    try:
        note, rows = content["rates"].get("note", ""), content["rates"]["rows"]
        for row in rows:
            if missing := {"key", "epochs", "distinctiveness", "auroc"} - set(row):
                raise KeyError(*sorted(missing))
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path.name}: rates: not a table ({type(error).__name__}: {error})") from error
    return {"note": note, "rows": rows}


def _content(path: Path) -> dict[str, Any]:
    """The file; without rows where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        rows = found["rows"]
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise TypeError("rows: expected a list of objects")
    except FileNotFoundError:
        return {"rows": []}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{path.name}: not a table of timings ({type(error).__name__}: {error})") from error
    return found


def _number(path: Path, found: Mapping[str, Any], key: str, column: str) -> float:
    """NaN for what was not measured."""
    if key not in found or column not in found[key]:
        return math.nan
    number = found[key][column]
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number < math.inf:
        raise UserError(f"{path.name}: row {key}: found {column} {number!r}, expected a number of at least 0")
    return float(number)
