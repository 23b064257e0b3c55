"""A cardiac set with a few edits in its table, its description or a PNG: it loads, or one line names the file."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from papers_lib.datasets.cardiac import describe, load_cardiac
from tests.fuzz import damaged, flipped, fuzzed, no_hang, rechunked, refused

FILES = ("slices.csv", "dataset.json")
PICTURES = ("images/a.png", "masks/a.png")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("cardiac")
    for folder in ("images", "masks"):
        (root / folder).mkdir()
        for name in "abc":
            values = np.arange(20, dtype=np.uint8).reshape(4, 5)
            Image.fromarray(values if folder == "images" else values % 6).save(root / folder / f"{name}.png")
    (root / "slices.csv").write_text(
        "id,split,class,sex,note\na,train,NOR,M,1\nb,train,ARV,,x\nc,test,HCM,F,\n"
    )
    (root / "dataset.json").write_text('{"name": "ours", "kind": "real", "more": [1, {"a": null}]}\n')
    return root


@no_hang
@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
@fuzzed
def test_fuzzed_tables_load_or_are_one_line(root, name, data):
    path = root / name
    good = path.read_bytes()
    path.write_bytes(data.draw(damaged(good, (b"val", b"stand-in", b"DCM", b"b", b"{"))))
    try:
        described = refused(lambda: describe(root), path)
        found = refused(lambda: load_cardiac(root, "train"), root)
    finally:
        path.write_bytes(good)
    assert name != "slices.csv" or described is not None
    if found is not None:
        check(found)


def check(found):
    assert found.images.shape == found.masks.shape
    assert found.masks.max() <= 5
    assert found.heart.any(axis=(1, 2)).all()


@no_hang
@pytest.mark.parametrize("name", PICTURES)
@given(data=st.data())
@fuzzed
@pytest.mark.filterwarnings("ignore")  # Pillow's, about what it finds
def test_fuzzed_pictures_load_or_are_one_line(root, name, data):
    path = root / name
    good = path.read_bytes()
    path.write_bytes(data.draw(st.one_of(flipped(good), rechunked(good))))
    try:
        found = refused(
            lambda: load_cardiac(root, "train"), path, root / "masks/a.png", root / "images/b.png"
        )
    finally:
        path.write_bytes(good)
    if found is not None:
        check(found)
