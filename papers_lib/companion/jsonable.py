"""Values as results.json holds them: the same run on the same machine gives the same bytes."""

import math
import numbers
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from papers_lib.companion.tables import is_missing
from papers_lib.errors import UserError

SIGNIFICANT_DIGITS = 10


def plain(value: Any) -> Any:
    """A value as results.json holds it: builtin types, floats to ten significant digits, NaN as None.

    >>> plain({"a": (1 / 3, float("nan"), True)})
    {'a': [0.3333333333, None, True]}
    """
    if isinstance(value, str | bool) or is_missing(value):
        return None if is_missing(value) else value
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if type(value).__module__ == "numpy":
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(f"{float(value):.{SIGNIFICANT_DIGITS}g}") if math.isfinite(value) else None
    raise UserError(
        f"results: found {value!r} of type {type(value).__name__}; expected a number, text or a list"
    )


def portable(value: Any) -> Any:
    """A parameter without the folders of this machine: of an absolute path only the last name stays."""
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value
