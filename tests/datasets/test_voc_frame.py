"""The geometry shared by drawn and stored crops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from papers_lib.datasets.voc import load_voc
from papers_lib.datasets.voc_frame import crop_frame, in_frame, record_picture, square
from papers_lib.errors import UserError
from tests.datasets.voc_tree import SIZE, Tree, noise, object_xml

STEPS = st.integers(0, 30 * 64)  # of 1/64 pixel, so that differences are exact
EDGES = st.tuples(STEPS, STEPS).filter(lambda e: e[0] != e[1]).map(lambda e: sorted(n / 64 for n in e))


@given(EDGES, EDGES, st.integers(1, 50))
def test_a_frame_is_the_least_that_holds_its_box_and_lands_on_the_whole_square(across, down, side):
    box = np.array([across[0], down[0], across[1], down[1]], np.float32)
    frame = crop_frame(box)
    assert (np.array(frame[:2]) <= box[:2]).all()
    assert (np.array(frame[2:]) >= box[2:]).all()
    assert (abs(np.array(frame) - box) < 1).all()
    assert frame[0] < frame[2]
    assert frame[1] < frame[3]
    assert in_frame(np.array([frame]), frame, side).tolist() == [[0, 0, side, side]]
    inside = in_frame(box[None], frame, side)
    assert inside.dtype == np.float32
    assert (inside >= 0).all()
    assert (inside <= side).all()


def test_a_square_sees_the_pixels_of_its_frame_alone():
    pixels = noise()
    frame = (5, 6, 18, 21)
    shown = square(Image.fromarray(pixels), frame, 8)
    outside = 255 - pixels
    outside[6:21, 5:18] = pixels[6:21, 5:18]
    assert (shown == square(Image.fromarray(outside), frame, 8)).all()
    assert (
        square(Image.fromarray(pixels), (3, 4, 11, 12), 8) == pixels[4:12, 3:11]
    ).all()  # nothing to resize
    assert (square(Image.fromarray(pixels), (7, 9, 8, 10), 4) == pixels[9, 7]).all()  # one pixel


def test_a_picture_that_changed_since_loading_is_named(tmp_path):
    tree = Tree(tmp_path)
    path = tree.add("a", [object_xml("cat", (1, 1, 9, 9))])
    record = load_voc(tree.root, "train").records[0]
    assert record_picture(record).size == SIZE
    Image.new("RGB", (5, 5)).save(path)
    with pytest.raises(UserError, match=r"a\.png: found size \(5, 5\), expected \(40, 30\)"):
        record_picture(record)
