"""Several objects of one class: which a map finds, by hand."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from pylon.objects import found_objects, objects_table, several_objects, several_panels
from tests.notebooks.pylon.runs import MASS, SIDE, Runs, peak, swept

BOXES = np.float32([[0, 0, 7, 7], [8, 8, 15, 15]])
PIXELS = np.zeros((6, SIDE, SIDE), np.uint8)


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path)


def maps(one):
    """Maps of Mass in rows 1, 3, 2, 4; the last of them is ``one``."""
    found = np.zeros((4, 3, 8, 8))
    found[3, MASS] = one
    return found


def test_a_box_with_a_pixel_in_the_upper_half_is_found():
    raw = np.zeros((16, 16))
    raw[3, 3], raw[10, 10], raw[10, 2] = 1.0, 0.5, 0.6
    found = found_objects(raw, BOXES, (16, 16))
    assert found.boxes.tolist() == [True, True]
    assert found.pointed == 1
    assert found.outside == pytest.approx(1 / (256 - 128))
    raw[10, 10] = 0.49
    assert found_objects(raw, BOXES, (16, 16)).boxes.tolist() == [True, False]


def test_the_range_is_the_map_s_own():
    raw = np.full((16, 16), -8.0)
    raw[3, 3] = -7.0
    assert found_objects(raw, BOXES, (16, 16)).boxes.tolist() == [True, False]


def test_boxes_that_share_the_hottest_pixel_both_hold_it():
    raw = np.zeros((16, 16))
    raw[7, 7] = 1
    assert found_objects(raw, np.float32([[0, 0, 7, 7], [7, 7, 9, 9]]), (16, 16)).pointed == 2


def test_a_constant_map_finds_nothing():
    found = found_objects(np.ones((4, 4)), BOXES, (16, 16))
    assert (found.boxes.any(), found.pointed, found.outside) == (False, 0, 0)


def test_images_with_several_objects_of_a_class(runs):
    assert several_objects(swept(runs.mapped(maps(0)))) == [(4, MASS)]
    assert several_objects(swept(runs.mapped(maps(0)[:2], rows=(1, 3)))) == []


def test_table_by_hand(runs):
    """Row 4 has Mass at pixels 0 to 32 and 32 to 48; a cell of 8 x 8 has 8 pixels."""
    one = swept(
        runs.mapped(maps(peak(1, 1)), method="pylon"),  # in the first box
        runs.mapped(maps(peak(7, 0)), method="fpn"),  # in none
        runs.mapped(maps(peak(1, 1) + 0.8 * peak(5, 5)), method="cam"),  # in both
    )
    table = objects_table(one, ["pylon", "fpn", "cam", "unet"]).set_index("method")
    assert table.index.tolist() == ["PYLON", "FPN", "CAM"]
    assert table[["images", "boxes"]].to_numpy().tolist() == [[1, 2]] * 3
    assert table["held the hottest pixel"].tolist() == [0.5, 0, 0.5]
    assert table["in the upper half of the range"].tolist() == [0.5, 0, 1]
    assert table["all found"].tolist() == [0, 0, 1]
    assert table.loc["PYLON", "upper half elsewhere"] == 0 < table.loc["FPN", "upper half elsewhere"]


def test_boxes_that_are_found_are_solid(runs):
    one = swept(runs.mapped(maps(peak(1, 1)), method="pylon"))
    figure = several_panels(one, PIXELS)
    plain, pylon = figure.axes
    assert [box.get_linestyle() for box in plain.patches] == ["-", "-"]
    assert [box.get_linestyle() for box in pylon.patches] == ["-", ":"]
    plt.close(figure)


def test_nothing_to_show(runs):
    assert several_panels(swept(runs.mapped(maps(0)[:2], rows=(1, 3))), PIXELS) is None
    assert several_panels(swept(runs.mapped(maps(0), method="unet")), PIXELS) is None
    assert objects_table(swept(runs.mapped(maps(0), method="unet")), ["pylon"]).empty
