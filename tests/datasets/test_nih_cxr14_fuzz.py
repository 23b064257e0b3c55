"""The four text files of an NIH release with a few edits: boxes that are boxes, or one line that names a file."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers_lib.datasets.nih_cxr14 import load_nih
from tests.datasets.nih_tree import write_release
from tests.fuzz import damaged, fuzzed, no_hang, refused

FILES = ("Data_Entry_2017.csv", "BBox_List_2017.csv", "train_val_list.txt", "test_list.txt")


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return write_release(tmp_path_factory.mktemp("release") / "nih")


@no_hang
@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
@fuzzed
def test_fuzzed_files_load_or_are_one_line(release, name, data):
    path = release / name
    good = path.read_bytes()
    path.write_bytes(data.draw(damaged(good, (b"Infiltrate", b"No Finding", b"00000001_000.png", b"1040"))))
    try:
        found = refused(lambda: load_nih(release, val_share=0), *(release / one for one in FILES))
    finally:
        path.write_bytes(good)
    if found is not None:
        boxes = np.concatenate(found.boxes)
        assert ((boxes >= 0) & (boxes <= 1)).all()
        assert (boxes[:, :2] < boxes[:, 2:]).all()
        assert len(found) >= 2
