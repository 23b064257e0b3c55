"""Heatmap figures: what is drawn where, read back from the axes."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from papers_lib.metrics.localization import point_hits
from pylon import figures
from pylon.heat import draw_heat, draw_image, enlarged, image_grid, scaled
from tests.notebooks.pylon.runs import MASS, NODULE, SIDE, Runs, images, peak, swept

PIXELS = np.random.default_rng(0).integers(0, 256, (6, SIDE, SIDE), dtype=np.uint8)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path)


@pytest.fixture
def one(runs):
    maps = np.stack([np.stack([peak(1, 1), peak(2, 2), peak(0, 0)])] * 4)
    return swept(
        runs.mapped(maps, method="pylon"),
        runs.mapped(maps[..., ::2, ::2], method="fpn"),
        runs.mapped(maps, method="pylon", phases=("all",), seed=1),
    )


def titles(figure):
    return [axis.get_title() for axis in figure.axes]


def heat(axis):
    """The upper of the two pictures."""
    return axis.images[-1].get_array()


def test_a_row_an_image_and_a_column_a_method(one):
    figure = figures.heatmap_panels(one, PIXELS, ["pylon", "fpn", "unet"])
    assert titles(figure) == ["Mass", "PYLON", "FPN", "Nodule", "", ""]
    first, pylon, fpn = figure.axes[:3]
    np.testing.assert_array_equal(first.images[0].get_array(), PIXELS[1])
    assert len(first.images) == 1
    np.testing.assert_allclose(
        heat(pylon), enlarged(peak(1, 1), (SIDE, SIDE)) / enlarged(peak(1, 1), (SIDE, SIDE)).max()
    )
    assert heat(fpn).shape == (SIDE, SIDE)
    assert [(p.get_x(), p.get_y(), p.get_width()) for p in pylon.patches] == [(0, 0, 32)]


def test_the_hottest_pixel_is_a_ring_in_the_box_and_a_cross_outside(one):
    figure = figures.heatmap_panels(one, PIXELS, ["pylon"])
    mass, nodule = figure.axes[1], figure.axes[3]
    boxes = images().of_class(MASS, (SIDE, SIDE))[1]
    found = point_hits(torch.tensor(peak(1, 1))[None], [boxes], (SIDE, SIDE))
    assert found.hit.tolist() == [True]
    for line in mass.lines:
        assert line.get_marker() == "o"
        assert [line.get_xdata()[0], line.get_ydata()[0]] == found.point[0].tolist()
    assert {line.get_marker() for line in nodule.lines} == {"o"}  # cell 2 begins at pixel 16
    cells = figures.heatmap_panels(one, PIXELS, ["fpn"], [(1, MASS), (3, NODULE)]).axes
    assert {line.get_marker() for line in cells[3].lines} == {"x"}


def test_many_methods_take_even_lines_each_with_its_titles(one):
    figure = figures.heatmap_panels(one, PIXELS, ["pylon", "fpn", ("pylon", "one_phase")], a_line=3)
    assert len({round(axis.get_position().x0, 3) for axis in figure.axes}) == 2  # four pictures, lines of two
    names = ["PYLON, encoder\nfrozen", "FPN, encoder\nfrozen", "PYLON, one\nphase"]
    assert titles(figure) == ["Mass", *names, "Nodule", *names]


def test_cells_are_shown_as_they_are(one):
    figure = figures.resolution_panels(one, PIXELS, ["fpn", "pylon"])
    assert titles(figure)[:3] == ["Nodule", "FPN\n4 × 4 cells", "PYLON\n8 × 8 cells"]
    assert heat(figure.axes[1]).shape == (4, 4)
    assert titles(figure)[3] == "Mass"


def test_phases_side_by_side(runs):
    maps = np.zeros((4, 3, 2, 2))
    one = swept(
        runs.mapped(maps, arm="transfer", phases=("all",)),
        runs.mapped(maps, arm="transfer", phases=("decoder", "all"), source="k"),
    )
    assert titles(figures.phase_panels(one, PIXELS))[:3] == [
        "Mass",
        "PYLON, one\nphase",
        "PYLON,\ntransfer, two\nphases",
    ]


def test_nothing_to_show(runs):
    empty = swept(runs.record({"auroc_macro": 0.5}))
    assert figures.heatmap_panels(empty, PIXELS) is None
    assert figures.resolution_panels(empty, PIXELS) is None
    assert figures.heatmap_panels(swept(runs.mapped(np.zeros((4, 3, 2, 2)))), PIXELS, ["fpn"]) is None


def test_examples_are_of_the_test_part():
    figure = figures.example_images(images(), PIXELS)
    assert titles(figure) == ["Mass", "Nodule"]
    np.testing.assert_array_equal(
        figure.axes[0].images[0].get_array(), PIXELS[1]
    )  # row 0 is of the training part
    assert figures.example_images(images().take([5]), PIXELS) is None


def test_a_constant_map_has_no_hottest_pixel():
    _, axis = plt.subplots()
    draw_heat(axis, PIXELS[0], np.full((4, 4), 3.0, np.float32), np.zeros((0, 4), np.float32))
    assert len(axis.lines) == 0
    assert np.ptp(heat(axis)) == 0


def test_colour_pictures_are_grey_under_the_heat():
    _, axis = plt.subplots()
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    picture[..., 1] = 200
    draw_heat(axis, picture, peak(1, 1).astype(np.float32), np.zeros((0, 4), np.float32))
    np.testing.assert_allclose(axis.images[0].get_array(), 0.587 * 200)


def test_an_image_without_a_map_is_shown_plain():
    _, axis = plt.subplots()
    draw_heat(axis, PIXELS[0], None, np.float32([[1, 2, 3, 4]]))
    assert (len(axis.images), len(axis.lines), len(axis.patches)) == (1, 0, 1)


def test_boxes_at_the_edge_do_not_shrink_the_picture():
    _, axis = plt.subplots()
    draw_image(axis, PIXELS[0], np.float32([[40, 40, 64, 64]]))
    axis.plot(64, 64, "o")
    assert axis.get_xlim() == (-0.5, SIDE - 0.5)
    assert axis.get_ylim() == (SIDE - 0.5, -0.5)


def test_scales():
    assert scaled(np.array([0.0, np.log(3)]), "probability").tolist() == pytest.approx([0.5, 0.75])
    assert scaled(np.array([-1e9, 1e9]), "probability").tolist() == pytest.approx([0, 1])
    assert scaled(np.array([2.0, 2.0])).tolist() == [0, 0]


def test_pictures_of_a_grid_do_not_overlap():
    figure, axes = image_grid([["a", "b\nb", "c"], ["", "", ""]], a_line=2, side=1.0)
    boxes = [axis.get_position() for row in axes for axis in row]
    assert [len(row) for row in axes] == [3, 3]
    size = figure.get_size_inches()
    assert all(box.width * size[0] == pytest.approx(1) == box.height * size[1] for box in boxes)
    assert not any(
        a.x0 < b.x1 and b.x0 < a.x1 and a.y0 < b.y1 and b.y0 < a.y1
        for i, a in enumerate(boxes)
        for b in boxes[:i]
    )
    assert min(box.y0 for box in boxes) >= 0
