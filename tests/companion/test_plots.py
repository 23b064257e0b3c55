"""The shared plots: what is drawn is what the data says."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from papers_lib.plots import map_grid, strip_panels
from papers_lib.errors import UserError

mpl.use("agg")

import matplotlib.pyplot as plt


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


FRAME = pd.DataFrame({"group": ["a", "a", "a", "b"], "x": [1.0, 2.0, 9.0, 4.0], "arm": ["u", "v", "u", "u"]})


def panel(frame=FRAME, **arguments):
    """The axes of one panel."""
    return strip_panels([{"frame": frame, "x": "group", "y": "x", **arguments}]).axes[0]


def test_every_run_and_each_median_is_drawn():
    axis = panel(baselines={"chance": 0.5})
    dots = [line for line in axis.lines if line.get_marker() in ("o", "s")]  # a marker a group
    assert sorted(value for line in dots for value in line.get_ydata()) == [1, 2, 4, 9]
    medians = [line.get_ydata() for line in axis.lines if line.get_marker() == "D"]
    assert [float(np.ravel(m)[0]) for m in medians] == [2, 4]
    (interval,) = (
        line.get_ydata() for line in axis.lines if len({*line.get_xdata()}) == 1 < len(line.get_ydata())
    )
    assert interval[0] <= 2 <= interval[1]
    assert [text.get_text() for text in axis.texts] == ["chance"]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["a", "b"]


def test_one_run_has_no_interval_and_missing_values_are_left_out():
    axis = panel(FRAME.assign(x=[1.0, np.nan, np.nan, 4.0]))
    assert [line.get_marker() for line in axis.lines] == ["o", "D", "s", "D"]


def test_hues_stand_side_by_side_with_a_legend():
    assert [text.get_text() for text in panel(hue="arm").get_legend().get_texts()] == ["u", "v"]


def test_close_reference_labels_are_moved_apart():
    heights = [text.get_position()[1] for text in panel(baselines={"one": 3.0, "two": 3.01}).texts]
    assert heights[1] - heights[0] >= 0.07


def test_a_panel_without_rows_is_left_out_and_what_is_wrong_is_named():
    empty = {"frame": FRAME.head(0), "y": "x"}
    assert len(strip_panels([empty, {"frame": FRAME, "y": "x"}], x="group").axes) == 1
    with pytest.raises(UserError, match="no panel has a row"):
        strip_panels([empty], x="group")
    with pytest.raises(UserError, match="no column 'y'; expected one of group, x, arm"):
        panel(y="y")


def test_map_grid_has_a_panel_an_image_and_one_colour_bar():
    figure = map_grid(np.zeros((5, 8, 10)), np.ones((5, 2, 2)), ["t"] * 5, columns=3)
    panels = [axis for axis in figure.axes if axis.images and axis.get_label() != "<colorbar>"]
    assert len(panels) == 5
    assert panels[0].images[1].get_extent() == [-0.5, 9.5, 7.5, -0.5]  # a coarse map covers its whole image
    assert len(figure.axes) == 6 + 1


@pytest.mark.parametrize(("maps", "titles"), [(np.zeros((4, 2, 2)), None), (None, ["a"])])
def test_map_grid_counts(maps, titles):
    with pytest.raises(UserError, match="for 5 images"):
        map_grid(np.zeros((5, 8, 8)), maps, titles)
