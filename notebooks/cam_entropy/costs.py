"""Costs of the sharpness terms, read from the timings that ``python -m benchmarks cam_entropy --publish`` wrote."""

import json
import math
from pathlib import Path

from papers_lib.errors import UserError

RATIO = "ratio to CE"
NAIVE = ("ce_autograd", "ce_image", "ce_second_pass")  # longer ways to the loss of "ce"
NAMES = ("step_ratio_ce", "step_ratio_ca", "step_ratio_cd", "costlier_measure_ratio", "step_ratio_naive")


def read(path: str | Path) -> dict[str, float]:
    """Time of a training step over a plain one with ce, ca, cd, naive ce; of the costlier of ca and cd over ce.

    The paper prints an epoch's 8:22 against 4:35 min for ce (section IV B, page 4), and "significantly greater
    computational effort" without a number for ca and cd (III B, page 2). Ours are medians of training steps
    alone; no test, no logging. ``step_ratio_naive``: the slowest of ``NAIVE`` over a plain step.

    Args: path, ``cam_entropy.timings.json``: ``rows`` with ``key`` "ce", "ca", "cd" and those of ``NAIVE``,
    and ``ratio to CE``.
    Returns: the five of ``NAMES``; NaN each where there is no such file, which was then not measured.
    Raises: UserError for a file that cannot be read so.
    """
    path = Path(path)
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
        found = {row["key"]: row[RATIO] for row in rows if "key" in row}
    except FileNotFoundError:
        return dict.fromkeys(NAMES, math.nan)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{path.name}: not a table of timings ({type(error).__name__}: {error})") from error
    for key in ("ce", "ca", "cd", *NAIVE):
        ratio = found.get(key)
        if isinstance(ratio, bool) or not isinstance(ratio, int | float) or not 0 < ratio < math.inf:
            raise UserError(f"{path.name}: row {key}: found {RATIO} {ratio!r}, expected a positive number")
    ce, ca, cd = (float(found[key]) for key in ("ce", "ca", "cd"))
    naive = max(float(found[key]) for key in NAIVE)
    return dict(zip(NAMES, (ce, ca, cd, max(ca, cd) / ce, naive), strict=True))
