"""Configs and metrics to JSON and back."""

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from papers_lib.sweep.encoding import decode, encode, json_digest

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
).filter(lambda value: "$float" not in repr(value))


@given(values)
@settings(max_examples=100, deadline=None)
def test_a_value_survives_valid_json(value: Any) -> None:
    text = json.dumps(encode(value, "value"), allow_nan=False)  # raises on NaN: JSON has none
    assert _same(decode(json.loads(text)), value)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    if isinstance(a, list):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[name], b[name]) for name in a)
    return type(a) is type(b) and a == b


def test_scalars_of_numpy_and_torch_become_numbers() -> None:
    found = encode(
        {"a": np.float32(0.5), "b": np.int64(3), "c": torch.tensor(float("nan")), "d": np.float64(2)}, "m"
    )
    assert found == {"a": 0.5, "b": 3, "c": {"$float": "nan"}, "d": 2.0}
    assert type(found["d"]) is float


@dataclass(frozen=True)
class Inner:
    sizes: tuple[int, ...] = (3, 5)


@dataclass(frozen=True)
class Outer:
    inner: Inner
    kernel: Any = None


def test_nested_dataclasses_become_dicts() -> None:
    assert encode(Outer(Inner()), "Outer") == {"inner": {"sizes": [3, 5]}, "kernel": None}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": [1, {2}]}, r"m\['a'\]\[1\]: builtins.set found; expected"),
        (Outer(Inner(), kernel=len), r"m.kernel: builtins.builtin_function_or_method found"),
        ({1: 2}, "m: builtins.dict found"),
        ({"$float": "x"}, "m: builtins.dict found"),
        ({"maps": np.zeros(2)}, r"m\['maps'\]: numpy.ndarray found"),
        ({"kind": Inner}, r"m\['kind'\]: builtins.type found"),
    ],
)
def test_what_json_cannot_hold_is_named_with_its_place(value: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        encode(value, "m")


def test_the_digest_is_that_of_the_text() -> None:
    # printf '{"a":1}' | sha256sum
    assert json_digest({"a": 1}) == "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
    assert json_digest({"a": 1}) != json_digest({"a": 1.0})
