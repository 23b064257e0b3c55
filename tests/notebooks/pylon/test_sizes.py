"""Hits by area: bins by hand, ceilings against the metric, and a figure that shows what the table has."""

import numpy as np
import pytest
from papers_lib.plots import PALETTE
from papers_lib.stats_proportions import wilson

from papers_lib.metrics.localization import stride_ceiling
from papers_lib.models.heatmap_methods import METHODS
from pylon.sizes import LINES, size_figure, size_frame, size_table
from tests.notebooks.pylon.runs import SIDE, Runs, images, swept

AREAS = {(1, "Mass"): 0.25, (2, "Mass"): 0.25, (3, "Nodule"): 1 / 256, (4, "Mass"): 0.3125}


@pytest.fixture
def one(tmp_path):
    runs = Runs(tmp_path)
    return swept(
        runs.pointed([1, 1, 0, 1], method="pylon"),
        runs.pointed([1, 0, 1, 1], method="pylon", seed=1),
        runs.pointed([0, 0, 0, 1], method="cam"),
        runs.pointed([1, 1, 1, 1], method="pylon", arm="large", seed=2),
        runs.record(status="diverged", method="pylon", seed=3),
    )


def test_a_row_a_pair_and_model(one):
    frame = size_frame(one)
    assert frame.groupby("method").size().to_dict() == {
        "pylon": 8,
        **dict.fromkeys(["cam", "grad_cam", "grad_cam_pp", "xgrad_cam"], 4),
    }
    found = {(row.row, row["class"]): row.area for _, row in frame.iterrows()}
    assert found == pytest.approx(AREAS)
    pylon = frame[frame["method"].eq("pylon") & frame["seed"].eq(0)]
    assert pylon["hit"].tolist() == [True, True, False, True]


def test_bins_by_hand(one):
    table = size_table(size_frame(one), images(), SIDE, bins=2, strides=(32, 4)).set_index(["name", "bin"])
    assert table.loc["PYLON", "pairs"].tolist() == [
        3,
        1,
    ]  # the median of the four areas is 1/4, and stays in the lower bin
    small = table.loc[("PYLON", 0)]
    assert (small["share"], small["models"]) == (4 / 6, 2)
    assert small[["smallest", "largest", "area"]].tolist() == pytest.approx([1 / 256, 0.25, 0.25])
    assert [small["low"], small["high"]] == pytest.approx([wilson(4, 6).low, wilson(4, 6).high])
    assert table.loc[("PYLON", 1), "share"] == 1
    assert table.loc[("CAM", 0), "share"] == 0
    assert table.index.get_level_values(0).unique().tolist() == [
        "CAM",
        "PYLON",
        "ceiling, stride 32",
        "ceiling, stride 4",
    ]


def test_ceilings_are_those_of_the_metric(one):
    table = size_table(size_frame(one), images(), SIDE, bins=1, strides=(32, 16, 4))
    every = images()
    boxes = [every.of_class(k, (SIDE, SIDE))[row] for row, k in ((1, 0), (2, 0), (3, 1), (4, 0))]
    found = table[table["method"].eq("")].set_index("name")["share"]
    for stride in (32, 16, 4):
        assert found[f"ceiling, stride {stride}"] == stride_ceiling(boxes, (SIDE, SIDE), stride)
    assert found["ceiling, stride 32"] < 1


def test_methods_asked_for_and_those_drawn_by_default(one):
    table = size_table(size_frame(one), images(), SIDE, methods=["xgrad_cam", "pylon"])
    assert table["method"].drop_duplicates().tolist() == ["xgrad_cam", "pylon", ""]
    assert {*LINES} <= {*METHODS}
    assert len(LINES) <= len(PALETTE) - 1  # grey is for ceilings


def test_equal_areas_are_one_bin(tmp_path):
    runs = Runs(tmp_path)
    some = swept(runs.pointed([1, 0], method="pylon", pairs=np.array([[1, 0], [2, 0]])))
    table = size_table(size_frame(some), images(), SIDE, bins=5)
    assert table.loc[table["method"].eq("pylon"), "pairs"].tolist() == [2]


def test_without_runs(tmp_path):
    frame = size_frame(swept(Runs(tmp_path).record({"auroc_macro": 0.5})))
    assert frame.empty
    table = size_table(frame, images(), SIDE)
    assert table.empty
    with pytest.raises(ValueError, match="found no row"):
        size_figure(table)


def test_the_figure_has_a_line_a_method_and_a_dashed_one_a_ceiling(one):
    table = size_table(size_frame(one), images(), SIDE, bins=2)
    (axis,) = size_figure(table).axes
    assert {text.get_text() for text in axis.get_legend().get_texts()} == {*table["name"]}
    drawn = {line.get_label(): line for line in axis.lines if not line.get_label().startswith("_")}
    dashed = [drawn[f"ceiling, stride {stride}"] for stride in (32, 8, 4)]
    assert [line.get_ydata().tolist() for line in dashed] == [
        table.loc[table["name"].eq(line.get_label()), "share"].tolist() for line in dashed
    ]
    assert len({str(line.get_linestyle()) + str(line._dash_pattern) for line in dashed}) == 3
    assert len(axis.containers) == 2
