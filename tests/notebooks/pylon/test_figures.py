"""Figures of the PYLON page: what they draw, read off the axes; None where there is nothing to draw."""

from dataclasses import replace

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from pylon import figures, heatmaps
from pylon.baselines import baselines
from pylon.frame import tidy
from tests.notebooks.pylon.runs import RUN, SIDE, Runs, images, peak, swept

matplotlib.use("Agg")
MAPS = [[peak(2, 2), peak(0, 0), peak(0, 0)], [peak(0, 0), peak(2, 2), peak(0, 0)]] * 2


@pytest.fixture
def runs(tmp_path):
    yield Runs(tmp_path)
    plt.close("all")


def test_strips_show_every_seed(runs):
    values = [{"point_macro": 0.2 + seed / 10, "point/Nodule": 0.1} for seed in range(3)]
    records = [runs.record(v, method=m, seed=n) for m in ("pylon", "cam") for n, v in enumerate(values)]
    frame, bounds = tidy([swept(*records)]), baselines(images(), SIDE)
    figure = figures.strips(frame, bounds)
    left, right = figure.axes
    assert [text.get_text() for text in left.get_yticklabels()] == ["CAM", "PYLON"]
    dots = [line for line in left.lines if line.get_marker() == "o"]
    assert [line.get_xdata().tolist() for line in dots] == [pytest.approx([0.2, 0.3, 0.4])] * 2
    assert right.get_title() == "Nodule"
    assert figures.strips(frame.iloc[:0], bounds) is None


def test_examples_are_of_each_class_in_turn_and_the_smallest_class_first(runs):
    one = swept(runs.mapped(MAPS))
    assert heatmaps.example_pairs(one, 6) == [(1, 0), (3, 1)]
    assert heatmaps.example_pairs(one, 1, smallest=True) == [(3, 1)]
    assert heatmaps.several_objects(one) == [(4, 0)]
    assert heatmaps.example_pairs(swept(), 6) == []


def test_panels_mark_hits_and_misses(runs):
    one = swept(runs.mapped(MAPS), runs.mapped(-np.array(MAPS), method="cam"))
    pairs = heatmaps.example_pairs(one, 2)
    figure = heatmaps.heatmap_panels(one, ["cam", "pylon", "fpn"], pairs, cells=True)
    above = ["CAM\n8 × 8 cells", "PYLON\n8 × 8 cells"]
    assert [axis.get_title() for axis in figure.axes] == ["Mass", *above, "Nodule", *above]
    marks = [axis.lines[0].get_marker() if axis.lines else "" for axis in figure.axes]
    assert marks[2] == marks[5] == "o"  # PYLON's hottest cells are in the boxes
    assert heatmaps.heatmap_panels(one, ["fpn"], pairs) is None
    maps = np.array(MAPS)
    maps[3, 0] = peak(2, 2) + 0.4 * peak(5, 5)  # two objects of Mass, one of them in the upper half
    two = swept(runs.mapped(maps))
    figure = heatmaps.heatmap_panels(two, ["pylon"], heatmaps.several_objects(two), objects=True)
    assert [box.get_linestyle() for box in figure.axes[1].patches] == ["-", ":"]
    trained = [("cam", "frozen"), ("pylon", "one_phase")]
    paper = heatmaps.heatmap_panels(one, trained, pairs[:1])
    assert [axis.get_title() for axis in paper.axes] == ["Mass", "CAM"]


def test_the_architecture_is_read_off_the_model():
    config = replace(RUN, ups=1, backbone="resnet18", weights="random")
    words = " ".join(text.get_text() for text in figures.architecture(config, 64, classes=5).axes[0].texts)
    assert all(one in words for one in ("maps 5×4×4", "stage 4, stride 32\n512×2×2"))
    assert words.count("UP ") == 1
