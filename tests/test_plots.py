"""Colours that every reader can tell apart, and plots that show what the data say."""

from itertools import combinations

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from papers_lib import plots
from papers_lib.errors import UserError
from papers_lib.plots import map_grid, strip_panels

mpl.use("agg")

import matplotlib.pyplot as plt

# The two pages of templates/page.css.j2, and the card of raster figures.
LIGHT, DARK, CARD = "#fdfdfc", "#14171b", "#f6f5f2"

# Machado, Oliveira and Fernandes 2009, full severity, on linear RGB.
VISION = {
    "all cones": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
LEAST = 16.0  # CIE76

FRAME = pd.DataFrame({"group": ["a", "a", "a", "b"], "x": [1.0, 2.0, 9.0, 4.0], "arm": ["u", "v", "u", "u"]})


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def linear(colour: str) -> np.ndarray:
    """Linear RGB of ``#rrggbb``, in [0, 1]."""
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    """Contrast ratio of WCAG 2.2, 1 to 21."""
    low, high = sorted(float(linear(colour) @ TO_XYZ[1]) for colour in (a, b))
    return (high + 0.05) / (low + 0.05)


def lab(colour: str, vision: str) -> np.ndarray:
    """CIE Lab under D65, as seen with this vision."""
    xyz = TO_XYZ @ np.clip(VISION[vision] @ linear(colour), 0, 1) / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("role", list(plots.PALETTE))
def test_every_colour_is_visible_on_its_grounds(role):
    light, dark = plots.PALETTE[role], plots.DARK[role]
    assert min(contrast(light, LIGHT), contrast(light, CARD), contrast(dark, DARK)) >= 3


@pytest.mark.parametrize("vision", list(VISION))
@pytest.mark.parametrize("hues", [plots.PALETTE, plots.DARK])
def test_every_pair_is_told_apart_by_every_reader(hues, vision):
    seen = {role: lab(hue, vision) for role, hue in hues.items()}
    found = {(a, b): float(np.linalg.norm(seen[a] - seen[b])) for a, b in combinations(seen, 2)}
    assert {pair: apart for pair, apart in found.items() if apart < LEAST} == {}


def test_a_group_keeps_its_colour_and_there_is_a_second_cue():
    assert plots.colours(["cce", "heatmap"])["heatmap"] == plots.colours(["heatmap"])["heatmap"]
    assert len({*plots.colours(["cce", "heatmap", "third", "fourth"]).values()}) == 4
    assert plots.colours(["cce"], {"cce": "#123456"}) == {"cce": "#123456"}
    for cues in (plots.MARKERS, plots.DASHES):
        assert len(set(cues)) == len(cues) >= len(plots.PALETTE)


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


def test_hues_have_a_legend_and_close_labels_are_moved_apart():
    assert [text.get_text() for text in panel(hue="arm").get_legend().get_texts()] == ["u", "v"]
    heights = [text.get_position()[1] for text in panel(baselines={"one": 3.0, "two": 3.01}).texts]
    assert heights[1] - heights[0] >= 0.07


def test_a_panel_without_rows_is_left_out():
    empty = {"frame": FRAME.head(0), "y": "x"}
    assert len(strip_panels([empty, {"frame": FRAME, "y": "x"}], x="group").axes) == 1
    with pytest.raises(UserError, match="no panel has a row"):
        strip_panels([empty], x="group")


def test_map_grid_has_a_panel_an_image_and_one_colour_bar():
    figure = map_grid(np.zeros((5, 8, 10)), np.ones((5, 2, 2)), ["t"] * 5, columns=3)
    panels = [axis for axis in figure.axes if axis.images and axis.get_label() != "<colorbar>"]
    assert len(panels) == 5
    assert panels[0].images[1].get_extent() == [-0.5, 9.5, 7.5, -0.5]  # a coarse map covers its whole image
    assert len(figure.axes) == 6 + 1
    with pytest.raises(UserError, match="expected as many"):
        map_grid(np.zeros((5, 8, 8)), np.zeros((4, 2, 2)))
