"""Figures of the PYLON page: what they draw, read off the axes; None where there is nothing to draw."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from papers_lib.stats import wilson
from pylon import figures, heatmaps
from pylon.baselines import baselines
from pylon.drawing import architecture
from pylon.frame import hits_frame, tidy
from tests.notebooks.pylon.runs import NAMES, RUN, SIDE, Runs, images, peak, swept

matplotlib.use("Agg")
MAPS = [[peak(2, 2), peak(0, 0), peak(0, 0)], [peak(0, 0), peak(2, 2), peak(0, 0)]] * 2


@pytest.fixture
def runs(tmp_path):
    yield Runs(tmp_path)
    plt.close("all")


def test_strips_show_every_seed(runs):
    records = [
        runs.record({"point_macro": 0.2 + seed / 10, "point/Nodule": 0.1}, method=method, seed=seed)
        for method in ("pylon", "cam")
        for seed in range(3)
    ]
    frame, bounds = tidy([swept(*records)]), baselines(images(), SIDE)
    figure = figures.strips(frame, bounds)
    left, right = figure.axes
    assert [text.get_text() for text in left.get_yticklabels()] == ["CAM", "PYLON"]
    dots = [line for line in left.lines if line.get_marker() == "o"]
    assert [line.get_xdata().tolist() for line in dots] == [pytest.approx([0.2, 0.3, 0.4])] * 2
    assert right.get_title() == "Nodule"
    assert figures.strips(frame.iloc[:0], bounds) is None


def test_curves_count_epochs_on_over_phases(runs):
    table = np.array([[0, 1, 0.9, 0.1], [0, 2, 0.5, 0.1], [1, 1, 0.6, 0.1], [1, 2, 0.4, 0.1]])
    arrays = {"curves": table, "curve_names": NAMES}
    records = [runs.record({}, arrays), runs.record({}, arrays, method="cam"), runs.record(status="diverged")]
    panels = figures.curves(records).axes
    assert [axis.get_title() for axis in panels[:2]] == ["CAM", "PYLON"]
    line, kept, *_ = panels[1].lines
    assert line.get_xdata().tolist() == [1, 2, 3, 4]
    assert line.get_ydata().tolist() == [0.9, 0.5, 0.6, 0.4]
    assert kept.get_xdata().tolist() == [2, 4]
    assert figures.curves([]) is None


def test_hits_by_size_are_in_bins_of_as_many_pairs(runs):
    one = swept(runs.pointed([1, 0, 1, 0]), runs.pointed([1, 1, 1, 0], seed=1))
    frame = hits_frame(one, figures.ARMS)
    assert frame["hit"].tolist() == [True, False, True, False, True, True, True, False]
    table = figures.size_table(one, bins=2)
    assert table["smallest"].iloc[0] == pytest.approx(1 / 256)
    assert table["largest"].iloc[:2].tolist() == pytest.approx([0.25, 0.3125])
    small = table[table["method"].eq("pylon")].iloc[0]  # all areas up to the median: .25, .25, 1/256
    expected = wilson(5, 6)
    assert small[["pairs", "models", "share"]].tolist() == [3, 2, pytest.approx(5 / 6)]
    assert small[["low", "high"]].tolist() == pytest.approx([expected.low, expected.high])
    ceilings = table[table["name"].eq("ceiling, stride 4")]
    assert ceilings["share"].tolist() == [1, 1]
    assert len(figures.size_figure(table).axes[0].lines) >= 4
    assert figures.size_table(swept()).empty


def test_examples_are_of_each_class_in_turn_and_the_smallest_class_first(runs):
    one = swept(runs.mapped(MAPS))
    assert heatmaps.example_pairs(one) == [(1, 0), (3, 1)]
    assert heatmaps.example_pairs(one, 1, smallest=True) == [(3, 1)]
    assert heatmaps.several_objects(one) == [(4, 0)]
    assert heatmaps.example_pairs(swept()) == []


def test_panels_mark_hits_and_misses(runs):
    one = swept(runs.mapped(MAPS), runs.mapped(-np.array(MAPS), method="cam"))
    figure = heatmaps.heatmap_panels(one, ["cam", "pylon", "fpn"], count=2, cells=True)
    titles = [axis.get_title() for axis in figure.axes]
    above = ["CAM\n8 × 8 cells", "PYLON\n8 × 8 cells"]
    assert titles == ["Mass", *above, "Nodule", *above]
    marks = [axis.lines[0].get_marker() if axis.lines else "" for axis in figure.axes]
    assert marks[2] == marks[5] == "o"  # PYLON's hottest cells are in the boxes
    assert heatmaps.heatmap_panels(one, ["fpn"]) is None
    assert heatmaps.methods_of(one) == [
        "cam",
        "grad_cam",
        "grad_cam_pp",
        "xgrad_cam",
        "pylon",
    ]


def test_one_object_of_several(runs):
    maps = np.array(MAPS)
    maps[3, 0] = peak(2, 2) + 0.4 * peak(5, 5)  # two objects of Mass, one of them in the upper half
    one = swept(runs.mapped(maps))
    table = heatmaps.objects_table(one, ["pylon"])
    assert table.iloc[0]["method"] == "PYLON"
    assert table[["images", "boxes", "all found"]].iloc[0].tolist() == [1, 2, 0]
    assert table["in the upper half of the range"].tolist() == [0.5]
    figure = heatmaps.heatmap_panels(one, ["pylon"], heatmaps.several_objects(one), objects=True)
    assert [box.get_linestyle() for box in figure.axes[1].patches] == ["-", ":"]
    assert heatmaps.objects_table(swept(), ["pylon"]).empty


@pytest.mark.parametrize("ups", [0, 1, 3])
def test_the_architecture_is_read_off_the_model(ups):
    from dataclasses import replace

    figure = architecture(replace(RUN, ups=ups, backbone="resnet18", weights="random"), 64, classes=5)
    words = " ".join(text.get_text() for text in figure.axes[0].texts)
    side = 64 // (32 >> ups)
    assert f"maps 5×{side}×{side}" in words
    assert words.count("not read") == 3 - ups
    assert words.count("UP ") == ups
    assert "stage 4, stride 32\n512×2×2" in words
    assert pd.notna(figure.axes[0].get_ylim()[0])
    plt.close(figure)
