"""The cache of results, and the table made from them."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from papers_lib.sweep import Record, records_frame
from papers_lib.sweep.cache import Store, Unusable, json_digest, plain
from tests.fuzz import damaged, flipped, fuzzed, no_hang

PARTS = {"config": {"seed": 1}, "data": "a"}
KEY = json_digest(PARTS)
RESULT = {"status": "ok", "reason": "", "metrics": {"dice": 0.5, "worst": math.nan}}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "toy")
    store.save(PARTS, "toy 1", RESULT, {"map": np.arange(3.0)})
    return store


def test_the_same_result_gives_the_same_bytes_and_is_read_back(store):
    before = {path.name: path.read_bytes() for path in store.folder.iterdir()}
    saved = store.save(PARTS, "toy 1", RESULT, {"map": np.arange(3.0)})
    assert {path.name: path.read_bytes() for path in store.folder.iterdir()} == before
    assert sorted(before) == [f"{KEY}.json", f"{KEY}.npz"]
    assert repr(store.load(KEY)) == repr(dict(sorted(saved.items())))
    assert store.load("0" * 64) is None
    store.path(KEY, ".checkpoint").touch()
    store.forget(KEY)
    assert list(store.folder.iterdir()) == []


def _rewrite(store: Store, **changes: Any) -> None:
    """Change an entry and give it a checksum that fits, as another version of the program might."""
    entry = {**json.loads(store.path(KEY).read_text()), **changes}
    entry.pop("check")
    store.path(KEY).write_text(json.dumps({**entry, "check": json_digest(entry)}))


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda s: s.path(KEY).write_text(s.path(KEY).read_text().replace("0.5", "0.9")), "checksum"),
        (lambda s: _rewrite(s, schema=0), "schema is 0, expected 2"),
        (lambda s: _rewrite(s, components={"config": {"seed": 2}}), "its name does not"),
        (lambda s: s.path(KEY, ".npz").unlink(), "array file is absent"),
    ],
)
def test_a_damaged_entry_is_not_trusted(store, damage, why):
    damage(store)
    with pytest.raises(Unusable, match=why):
        store.load(KEY)


@no_hang
@given(data=st.data(), suffix=st.sampled_from([".json", ".npz"]))
@fuzzed
def test_fuzzed_entries_are_the_result_or_unusable(store, data, suffix):
    path = store.path(KEY, suffix)
    good, whole = path.read_bytes(), repr(store.load(KEY))
    path.write_bytes(data.draw(damaged(good) if suffix == ".json" else flipped(good)))
    try:
        found = repr(store.load(KEY))
    except Unusable:
        found = whole
    finally:
        path.write_bytes(good)
    assert found == whole


@dataclass(frozen=True)
class Inner:
    rate: float = 0.1


@dataclass(frozen=True)
class Config:
    seed: int
    inner: Inner = Inner()
    sizes: tuple[int, ...] = (3, 5)


def test_values_come_as_they_will_be_read_back_or_are_refused():
    numbers = {"b": np.float32(0.5), "a": np.int64(3), "c": torch.tensor(float("nan")), "d": (1, -math.inf)}
    assert repr(plain(numbers, "m")) == "{'a': 3, 'b': 0.5, 'c': nan, 'd': [1, -inf]}"
    assert plain(Config(1), "m") == {"seed": 1, "inner": {"rate": 0.1}, "sizes": [3, 5]}
    for value, kind in (
        ({"a": [1, {2}]}, "builtins.set"),
        (np.zeros(2), "numpy.ndarray"),
        (Record, "builtins.type"),
    ):
        with pytest.raises(TypeError, match=rf"^m: {kind} found; expected"):
            plain(value, "m")


def _record(seed: int, status: str, metrics: dict[str, Any]) -> Record:
    return Record(Config(seed), f"toy {seed}", status, "" if status == "ok" else "why", metrics, "key")


def test_a_row_a_run_in_order_with_stable_columns():
    measured = {"z": 1.0, "boxes": {"iou": 0.25}, "curve": [1, 2]}
    records = [_record(2, "failed", {}), _record(1, "ok", measured)]
    frame = records_frame(records)
    expected = pd.DataFrame(
        [
            [2, 0.1, "3, 5", "failed", "why", math.nan, math.nan, math.nan],
            [1, 0.1, "3, 5", "ok", "", 0.25, "1, 2", 1.0],
        ],
        columns=["seed", "inner.rate", "sizes", "status", "reason", "boxes.iou", "curve", "z"],
    )
    pd.testing.assert_frame_equal(frame, expected)
    assert list(records_frame(records[::-1]).columns) == list(frame.columns)
    assert list(records_frame([]).columns) == ["status", "reason"]
    for name in ("seed", "reason"):  # a metric never hides a column
        with pytest.raises(ValueError, match=f"metric '{name}'"):
            records_frame([_record(1, "ok", {name: 3})])
