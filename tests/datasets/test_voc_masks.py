"""Masks of objects: numbers as the annotation counts, faults by file, cells against a plain average."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from papers_lib.datasets.voc import load_voc
from papers_lib.datasets.voc_masks import mask_in_frame, object_masks
from papers_lib.errors import UserError
from tests.datasets.voc_tree import SIZE, Tree, object_xml

BOX = (1, 1, 20, 10)


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def numbers(**pixels):
    """An empty mask with single pixels (column, row) of each number."""
    out = np.zeros(SIZE[::-1], np.uint8)
    for name, (x, y) in pixels.items():
        out[y, x] = int(name[1:])
    return out


def record_of(tree, *difficult, **loading):
    tree.add("a", [object_xml("cat", BOX, difficult=d) for d in difficult])
    return load_voc(tree.root, "train", **loading).records[0]


def test_a_number_is_the_place_in_the_annotation_and_void_belongs_to_nobody(tree):
    record = record_of(tree, 0, 1, 0, difficult=False)  # the second is left out, the third keeps number 3
    assert object_masks(record) is None
    for mode in ("P", "L"):
        tree.mask("a", numbers(n1=(4, 5), n2=(6, 7), n3=(8, 9), n255=(10, 11)), mode)
        masks = object_masks(record)
        assert (masks.dtype, masks.shape) == (np.bool_, (2, 30, 40))
        assert [np.argwhere(mask).tolist() for mask in masks] == [[[5, 4]], [[9, 8]]]


def test_only_a_difficult_object_may_be_void(tree):
    record = record_of(tree, 0, 1)
    tree.mask("a", numbers(n1=(4, 5), n255=(6, 7)))
    assert [int(mask.sum()) for mask in object_masks(record)] == [1, 0]
    tree.mask("a", numbers(n2=(4, 5)))
    with pytest.raises(UserError, match=r"SegmentationObject/a\.png: found no pixel of object number 1"):
        object_masks(record)


def test_each_fault_names_the_file(tree):
    record = record_of(tree, 0)
    path = tree.mask("a", numbers(n1=(1, 1), n2=(2, 2)))
    with pytest.raises(UserError, match=r"a\.png: found object number 2, expected 1 to 1 as in .*a\.xml"):
        object_masks(record)
    tree.mask("a", np.ones((5, 7)))
    with pytest.raises(UserError, match=r"a\.png: found size \(7, 5\), expected \(40, 30\)"):
        object_masks(record)
    tree.mask("a", np.ones(SIZE[::-1]), "RGB")
    with pytest.raises(UserError, match=r"a\.png: found mode RGB, expected a PNG with a palette"):
        object_masks(record)
    tree.mask("a", np.random.default_rng(0).integers(0, 2, SIZE[::-1]))
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:20], b"", b"GIF89a", whole[:-60] + b"?" * 60):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"a\.png: cannot be decoded") as caught:
            object_masks(record)
        assert "\n" not in str(caught.value)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 4), st.floats(0.02, 0.9))
def test_cells_are_those_covered_by_half_as_a_plain_average_says(seed, side, factor, density):
    edge = side * factor
    mask = np.random.default_rng(seed).random((edge + 5, edge + 3)) < density
    frame = (2, 4, 2 + edge, 4 + edge)
    cells = mask_in_frame(mask, frame, side)
    share = mask[4 : 4 + edge, 2 : 2 + edge].reshape(side, factor, side, factor).mean((1, 3))
    if share.max() == 0:
        assert cells is None
    else:
        assert cells.tolist() == (share > min(0.5, share.max()) - 1e-6).tolist()


def test_a_thin_object_never_vanishes_and_one_pixel_becomes_a_whole_mask():
    mask = np.zeros((300, 400), bool)
    mask[7, 9] = True
    assert np.argwhere(mask_in_frame(mask, (0, 0, 400, 300), 4)).tolist() == [[0, 0]]
    assert mask_in_frame(mask, (9, 7, 10, 8), 3).all()
    assert mask_in_frame(mask, (10, 7, 11, 8), 3) is None
