"""Stores with a few edits in a file: they open with what fits together, or one line names the file."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers_lib.datasets.chexpert_store import ChexpertStore, open_store, write_store
from papers_lib.datasets.image_store import ARRAYS
from tests.datasets.chexpert_tree import name, write_release
from tests.fuzz import damaged, flipped, fuzzed, no_hang, refused


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    root = write_release(tmp_path_factory.mktemp("chexpert") / "release")
    drawn = f"Path,Label,x_min,y_min,x_max,y_max\n{name('train', 2)},Edema,0.25,0.5,0.75,1\n"
    (root / "boxes.csv").write_text(drawn)
    return write_store(root.parent / "store", ChexpertStore("set", 4), root=root)


def edited(data, path):
    good = path.read_bytes()
    return good, data.draw(damaged(good, (b"{", b"1"))) if path.suffix == ".json" else data.draw(
        flipped(good)
    )


@no_hang
@given(
    data=st.data(),
    which=st.sampled_from(["images.json", *(f"{one}.npy" for one in (*ARRAYS, "images", "truth"))]),
)
@fuzzed
def test_fuzzed_image_stores_open_or_are_one_line(images, data, which):
    good, bad = edited(data, images / which)
    (images / which).write_bytes(bad)
    try:
        found = refused(lambda: open_store(images), images)
        if found is not None:
            boxes = np.concatenate([np.zeros((0, 4)), *found.images.boxes])
            assert ((boxes >= 0) & (boxes <= 1)).all()
            assert len(found.images) == len(found.pixels) == len(found.truth)
    finally:
        (images / which).write_bytes(good)
