"""Cache entries with a few edits: they are the result that was stored, or cannot be used and say so in one line."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers_lib.sweep.encoding import json_digest
from papers_lib.sweep.records import Store, Unusable
from tests.fuzz import damaged, flipped, fuzzed, no_hang

PARTS = {"config": {"seed": 1, "nested": [1, {"a": None}]}, "data": "a"}
KEY = json_digest(PARTS)
RESULT = {"status": "ok", "reason": "", "metrics": {"dice": 0.5, "worst": {"$float": "nan"}}}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("cache") / "toy")
    store.save(PARTS, "toy 1", RESULT, {"map": np.arange(3.0)})
    return store


@no_hang
@given(data=st.data(), suffix=st.sampled_from([".json", ".npz"]))
@fuzzed
def test_fuzzed_entries_are_the_result_or_unusable(store, data, suffix):
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
    assert found is None or {**found, "arrays": None} == {**RESULT, "arrays": None}
    store.entries()
