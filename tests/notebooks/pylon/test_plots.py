"""Plots of every run: the numbers are read back from the axes."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from papers_lib.plots import PALETTE

from pylon.ablation import interval
from pylon.frame import tidy
from pylon.levels import levels
from pylon.plots import curves, loss_curves, strips
from pylon.settings import by_seed
from tests.notebooks.pylon.runs import NAMES, SIDE, Runs, images, swept


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path)


def points(macro, **fields):
    return {"point_macro": macro, "point/Nodule": macro / 2}


@pytest.fixture
def frame(runs):
    records = [runs.record(points(value), method="pylon", seed=seed) for seed, value in enumerate((0.2, 0.6))]
    records += [
        runs.record(points(0.1), method="cam"),
        runs.record({"auroc_macro": 0.5}, method="conventional"),
    ]
    return tidy([swept(*records, runs.record(points(0.9), method="unet", arm="large"))])


def dots(axis):
    """Heights and values of the seeds, by the axis's rows."""
    found = [line for line in axis.lines if line.get_marker() == "o"]
    return {round(float(line.get_ydata()[0])): sorted(line.get_xdata()) for line in found}


def test_every_seed_is_a_dot(frame):
    figure = strips(frame)
    macro, nodule = figure.axes
    assert [text.get_text() for text in macro.get_yticklabels()] == ["CAM", "PYLON"]
    assert dots(macro) == {0: [0.1], 1: [0.2, 0.6]}
    assert dots(nodule) == {0: [0.05], 1: [0.1, 0.3]}
    assert [axis.get_title(loc="left") or axis.get_title() for axis in figure.axes] == [
        "mean over classes",
        "Nodule",
    ]


def test_mean_and_interval_stand_beside(frame):
    macro = strips(frame).axes[0]
    means = [line.get_xdata()[0] for line in macro.lines if line.get_marker() == "D"]
    assert means == pytest.approx([0.1, 0.4])
    expected = interval(by_seed(frame[frame["method"].eq("pylon")], "point_macro"))
    assert [expected["low"], expected["high"]] in [list(line.get_xdata()) for line in macro.lines]


def test_levels_and_the_ceiling_of_each_method_s_own_stride(frame):
    bounds = levels(images(), SIDE)
    macro, nodule = strips(frame, bounds).axes
    for axis, row in ((macro, "Macro avg."), (nodule, "Nodule")):
        bars = [line for line in axis.lines if line.get_linewidth() == 3]
        own = [bounds.loc[row, f"ceiling, stride {stride}"] for stride in (32, 4)]  # CAM and PYLON
        assert [line.get_xdata()[0] for line in bars] == own
        upright = [line.get_xdata()[0] for line in axis.lines if list(line.get_ydata()) == [0, 1]]
        assert upright == [bounds.loc[row, "chance"], bounds.loc[row, "best fixed point"]]


def test_colours_are_by_role(frame):
    macro = strips(frame).axes[0]
    found = [line.get_color() for line in macro.lines if line.get_marker() == "o"]
    assert found == [PALETTE["baseline"], PALETTE["proposed"]]


def test_a_set_without_the_small_class_has_one_panel(runs):
    frame = tidy([swept(runs.record({"point_macro": 0.5}, method="pylon"))])
    assert len(strips(frame).axes) == 1
    assert strips(frame, methods=["cam"]) is None
    assert strips(frame, arms=("voc",)) is None


def trained(runs, checks, **fields):
    return runs.record({}, {"curves": np.array(checks), "curve_names": NAMES}, **fields)


def test_epochs_are_counted_on_over_phases(runs):
    checks = [[0, 1, 0.5, 1e-3], [0, 2, 0.6, 1e-3], [1, 1, 0.4, 1e-3], [1, 3, 0.3, 1e-3]]
    one = trained(runs, checks, method="pylon", phases=("decoder", "all"))
    found = loss_curves([one, trained(runs, checks[:1], method="cam"), runs.record(status="diverged")])
    own = found[found["method"].eq("pylon")]
    assert own["epoch"].tolist() == [1, 2, 3, 5]
    assert own["loss"].tolist() == [0.5, 0.6, 0.4, 0.3]
    assert own["best"].tolist() == [True, False, False, True]
    assert found["name"].unique().tolist() == ["PYLON, two phases", "CAM, encoder frozen"]


def test_a_panel_a_method_and_a_line_a_model(runs):
    checks = [[0, 1, 0.5, 1e-3], [0, 2, 0.4, 1e-3]]
    records = [
        trained(runs, checks, method=method, seed=seed) for method in ("pylon", "cam") for seed in (0, 1)
    ]
    records.append(trained(runs, [[0, 1, 0.5, 0.1], [1, 1, 0.4, 0.1]], method="fpn"))
    figure = curves(loss_curves(records))
    cam, fpn, pylon = figure.axes
    assert [axis.get_title(loc="left") or axis.get_title() for axis in figure.axes] == ["CAM", "FPN", "PYLON"]
    assert sum(len(line.get_xdata()) == 2 and line.get_marker() == "None" for line in cam.lines) == 2
    kept = [line for line in pylon.lines if line.get_marker() == "o"]
    assert [(line.get_xdata().tolist(), line.get_ydata().tolist()) for line in kept] == [([2], [0.4])] * 2
    parted = [line.get_xdata()[0] for line in fpn.lines if line.get_linestyle() == ":"]
    assert parted == [1.5]


def test_no_curve_no_figure(runs):
    assert curves(loss_curves([runs.record(status="diverged")])) is None
    assert curves(loss_curves([trained(runs, [[0, 1, 0.5, 0.1]], arm="voc")])) is None
