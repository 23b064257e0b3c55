"""Configs and metrics as JSON, and the hash of such a value."""

import dataclasses
import hashlib
import json
import math
from typing import Any

NONFINITE = "$float"  # {"$float": "nan" | "inf" | "-inf"}: JSON has no such numbers


def json_digest(value: Any) -> str:
    """SHA-256 of the one JSON text of ``value``: sorted keys, no blanks.

    >>> json_digest({"b": 1, "a": 2}) == json_digest({"a": 2, "b": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def encode(value: Any, where: str) -> Any:
    """``value`` as JSON: dataclasses become dicts, tuples lists, NaN and infinities ``{"$float": "nan"}``.

    Raises:
        TypeError: something else than JSON knows; the line says where (``where`` names the outermost value).

    >>> encode({"a": (1, math.inf)}, "metrics")
    {'a': [1, {'$float': 'inf'}]}
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {NONFINITE: str(float(value))}
    if isinstance(value, (list, tuple)):
        return [encode(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            f.name: encode(getattr(value, f.name), f"{where}.{f.name}") for f in dataclasses.fields(value)
        }
    if isinstance(value, dict) and NONFINITE not in value and all(isinstance(name, str) for name in value):
        return {name: encode(item, f"{where}[{name!r}]") for name, item in value.items()}
    if getattr(value, "ndim", None) == 0 and hasattr(
        value, "item"
    ):  # a NumPy scalar or a tensor of one number
        return encode(value.item(), where)
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    raise TypeError(
        f"{where}: {kind} found; expected None, bool, int, float, str, or lists and dicts of them"
    )


def decode(value: Any) -> Any:
    """The inverse of ``encode`` (tuples and dataclasses come back as lists and dicts), keys sorted."""
    if isinstance(value, dict):
        if value.keys() == {NONFINITE}:
            return float(value[NONFINITE])
        return {name: decode(value[name]) for name in sorted(value)}
    return [decode(item) for item in value] if isinstance(value, list) else value
