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


def test_what_is_saved_is_read_back(store: Store) -> None:
    result = store.load(KEY)
    assert result is not None
    record = store.record("config", "toy 1", KEY, result)
    assert record.status == "ok"
    assert record.metrics["dice"] == 0.5
    assert math.isnan(record.metrics["worst"])
    np.testing.assert_array_equal(record.arrays()["map"], [0.0, 1.0, 2.0])
    assert store.load("0" * 64) is None


def test_the_same_result_gives_the_same_bytes_with_no_time_in_them(store: Store) -> None:
    before = {path.name: path.read_bytes() for path in store.folder.iterdir()}
    store.save(PARTS, "toy 1", RESULT, {"map": np.arange(3.0)})
    assert {path.name: path.read_bytes() for path in store.folder.iterdir()} == before
    assert sorted(before) == [f"{KEY}.json", f"{KEY}.npz"]
    entry = json.loads(before[f"{KEY}.json"])
    assert sorted(entry) == ["check", "components", "key", "label", "result", "schema"]
    assert sorted(entry["result"]) == ["arrays", "metrics", "reason", "status"]


def _rewrite(store: Store, **changes: Any) -> None:
    """Change an entry and give it a checksum that fits, as another version of the program might."""
    entry = {**json.loads(store.path(KEY).read_text()), **changes}
    entry.pop("check")
    store.path(KEY).write_text(json.dumps({**entry, "check": json_digest(entry)}))


def test_every_truncation_is_noticed(store: Store) -> None:
    whole = store.path(KEY).read_bytes()
    for length in range(0, len(whole) - 2, 7):
        store.path(KEY).write_bytes(whole[:length])
        with pytest.raises(Unusable, match="truncated"):
            store.load(KEY)


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda s: s.path(KEY).write_text(s.path(KEY).read_text().replace("0.5", "0.9")), "checksum"),
        (lambda s: s.path(KEY).write_text("[1]"), "truncated or not a record"),
        (lambda s: s.path(KEY).write_bytes(b"\xff\xfe"), "truncated or not a record"),
        (lambda s: _rewrite(s, schema=0), "schema is 0, expected 2"),
        (lambda s: _rewrite(s, components={"config": {"seed": 2}}), "key does not fit"),
        (lambda s: _rewrite(s, result={**RESULT, "status": "died"}), "status is not a result"),
        (
            lambda s: s.path(KEY, ".npz").write_bytes(s.path(KEY, ".npz").read_bytes()[:-9]),
            "array file is truncated",
        ),
        (lambda s: s.path(KEY, ".npz").unlink(), "array file cannot be read"),
    ],
)
def test_a_damaged_entry_is_not_trusted(store: Store, damage: Any, why: str) -> None:
    damage(store)
    with pytest.raises(Unusable, match=why):
        store.load(KEY)


def test_an_entry_under_another_name_is_not_trusted(store: Store) -> None:
    store.path(KEY).rename(store.path("0" * 64))
    with pytest.raises(Unusable, match="another run"):
        store.load("0" * 64)


def test_forgetting_takes_arrays_and_checkpoint_along(store: Store) -> None:
    store.path(KEY, ".checkpoint").touch()
    store.forget(KEY)
    assert list(store.folder.iterdir()) == []
    store.forget(KEY)


def test_entries_are_told_by_label_without_damaged_ones(store: Store) -> None:
    store.save({"data": "b"}, "toy 1", RESULT, {})
    store.save({"data": "c"}, "toy 2", RESULT, {})
    store.path("broken").write_text("{")
    found = store.entries()
    assert [len(found[label]) for label in ("toy 1", "toy 2")] == [2, 1]
    assert PARTS in found["toy 1"]


READ = {"arrays": None, "metrics": RESULT["metrics"], "reason": "", "status": "ok"}


@no_hang
@given(data=st.data(), suffix=st.sampled_from([".json", ".npz"]))
@fuzzed
def test_fuzzed_entries_are_the_result_or_unusable(store: Store, data: Any, suffix: str) -> None:
    path = store.path(KEY, suffix)
    good = path.read_bytes()
    path.write_bytes(data.draw(damaged(good) if suffix == ".json" else flipped(good)))
    try:
        found, message = store.load(KEY), "-"
    except Unusable as error:
        found, message = None, str(error)
    finally:
        path.write_bytes(good)
    assert len(message.splitlines()) == 1
    assert found is None or repr({**found, "arrays": None}) == repr(READ)


def test_values_come_as_they_will_be_read_back() -> None:
    numbers = {"b": np.float32(0.5), "a": np.int64(3), "c": torch.tensor(float("nan")), "d": (1, -math.inf)}
    found = plain(numbers, "m")
    assert repr(found) == "{'a': 3, 'b': 0.5, 'c': nan, 'd': [1, -inf]}"
    assert plain(Config(1), "m") == {"seed": 1, "inner": {"rate": 0.1}, "sizes": [3, 5]}


@pytest.mark.parametrize("value", [{"a": [1, {2}]}, {"maps": np.zeros(2)}, {"kind": Record}], ids=str)
def test_what_cannot_be_stored_is_named(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^m: (builtins.set|numpy.ndarray|builtins.type) found; expected"):
        plain(value, "m")


def test_the_digest_is_that_of_the_text() -> None:
    # printf '{"a":1}' | sha256sum
    assert json_digest({"a": 1}) == "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
    assert json_digest({"a": 1}) != json_digest({"a": 1.0})


@dataclass(frozen=True)
class Inner:
    rate: float = 0.1


@dataclass(frozen=True)
class Config:
    seed: int
    inner: Inner = Inner()
    sizes: tuple[int, ...] = (3, 5)


def _record(seed: int, status: str, metrics: dict[str, Any]) -> Record:
    return Record(Config(seed), f"toy {seed}", status, "" if status == "ok" else "why", metrics, "key")


def test_a_row_a_run_in_order_with_stable_columns() -> None:
    records = [
        _record(2, "failed", {}),
        _record(1, "ok", {"z": 1.0, "boxes": {"iou": 0.25}, "curve": [1, 2]}),
    ]
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


@pytest.mark.parametrize("name", ["seed", "reason"])
def test_a_metric_never_hides_a_column(name: str) -> None:
    with pytest.raises(ValueError, match=f"metric '{name}'"):
        records_frame([_record(1, "ok", {name: 3})])
