"""The tables of a CheXpert release with a few edits: labels and boxes that are some, or one line that names a file."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers_lib.datasets.chexpert import CLASSES, list_chexpert
from papers_lib.datasets.chexpert_rows import check_rows
from papers_lib.datasets.chexpert_store import read_truth
from tests.datasets.chexpert_tree import TRAIN, name, write_release
from tests.fuzz import damaged, fuzzed, no_hang, refused

WORDS = (b"-1.0", b"2.0", b"valid", b"Lateral", b"patient00002", b"Edema", b"0.3", b"1e-46")
BOXES = "Path,Label,x_min,y_min,x_max,y_max"
TRUTH = ",".join(["Path", *(f"P({one})" for one in CLASSES)])


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    root = write_release(tmp_path_factory.mktemp("chexpert") / "release")
    drawn = [f"{name('train', 2)},Edema,0.25,0.5,0.75,1", f"{name('valid', 64541)},Cardiomegaly,0,0,1,1"]
    known = [f"{row.split(',')[0]},0.1,0.2,0.3,0.4,{k / 4}" for k, row in enumerate(TRAIN)]
    (root / "boxes.csv").write_text("\n".join([BOXES, *drawn]) + "\n")
    (root / "truth.csv").write_text("\n".join([TRUTH, *known]) + "\n")
    return root


def everything(root):
    check_rows(root)
    images, raw = list_chexpert(root, calibration_share=0)
    return images, raw, read_truth(root, images.names)


@no_hang
@pytest.mark.parametrize("table", ["train.csv", "valid.csv", "boxes.csv", "truth.csv"])
@given(data=st.data())
@fuzzed
def test_fuzzed_tables_load_or_are_one_line(release, table, data):
    path = release / table
    good = path.read_bytes()
    path.write_bytes(data.draw(damaged(good, WORDS)))
    try:
        found = refused(lambda: everything(release), release)
    finally:
        path.write_bytes(good)
    if found is not None:
        images, raw, truth = found
        boxes = np.concatenate([np.zeros((0, 4)), *images.boxes])
        assert ((boxes >= 0) & (boxes <= 1)).all()
        assert (boxes[:, :2] < boxes[:, 2:]).all()
        assert np.isin(raw[~np.isnan(raw)], (-1, 0, 1)).all()
        assert (np.isnan(truth) | ((truth >= 0) & (truth <= 1))).all()
