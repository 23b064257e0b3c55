"""The two tables of a VinDr-CXR release with a few edits: boxes that are boxes, or one line that names a file."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.datasets.vindr_tree import healthy, load, row, tree
from tests.fuzz import damaged, fuzzed, no_hang, refused

ROWS = (row("a"), row("a", "ILD", reader="R2", box=(0.5, 0, 100, 80)), healthy("b"), row("c", "Nodule/Mass"))


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return tree(tmp_path_factory.mktemp("vindr"), *ROWS)


@no_hang
@pytest.mark.parametrize("name", ["train.csv", "train_meta.csv"])
@given(data=st.data())
@fuzzed
def test_fuzzed_tables_load_or_are_one_line(release, name, data):
    path = release / name
    good = path.read_bytes()
    path.write_bytes(data.draw(damaged(good, (b"No finding", b"Other lesion", b"14", b"b", b"110", b"111"))))
    try:
        found = refused(lambda: load(release), release)
    finally:
        path.write_bytes(good)
    if found is not None:
        boxes = np.concatenate([np.zeros((0, 4)), *found.boxes])
        assert ((boxes >= 0) & (boxes <= 1)).all()
        assert (boxes[:, :2] < boxes[:, 2:]).all()
