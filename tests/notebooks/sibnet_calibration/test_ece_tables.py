"""Tables of the Sibnet page on calibration: numbers by hand, and that no arm has to be there."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from papers_lib.metrics.ece_floor import Range

from papers_lib.companion.tables import save_table
from sibnet_calibration import ece_tables as tables
from sibnet_calibration.frame import CALIBRATORS, ELSEWHERE, tidy
from sibnet_calibration.printed import printed_table, read_numbers
from sibnet_calibration.reliability import floors as floors_of
from sibnet_calibration.reliability import floors_by_set
from sibnet_calibration.tables import PRINTED
from tests.notebooks.sibnet_calibration.frames import frame_of, model
from tests.notebooks.sibnet_calibration.runs import Runs
from tests.notebooks.sibnet_calibration.sets import logits, opened, swept

CLAIMS = Path(__file__).parents[3] / "notebooks/sibnet_calibration/printed"
ONE_T = {"one_t": {"ece": 0.125, "bias": 0.25, "ece_contrast": 0.375}}
FEW = Range(mean=0.07, low=0.06, high=0.08)


@pytest.fixture
def frame():
    """Two seeds of cross entropy, one of focal loss, one that failed, and cross entropy on other sets."""
    return frame_of(
        model("focal", ece=0.75, bias=0.5, after=ONE_T),
        model("bce", ece=0.5, bias=-0.25, auroc_macro=0.5, after=ONE_T),
        model("bce", seed=1, ece=0.25, bias=0.0, auroc_macro=0.75, after={"one_t": {"ece": 0.375}}),
        model("bce", seed=2, status="diverged"),
        model("bce", "imbalance", data="rare", ece=0.0625, auroc_macro=0.875, after=ONE_T),
        model("wbce", "imbalance", data="rare", ece=0.5),
        model("bce", "mapping", data="zeros", ece=1.0, auroc_macro=0.25, after=ONE_T),
    )


@pytest.fixture
def floors():
    rows = [
        ("bce", "losses", "none", 0.01, 0.02, 0.03),
        ("bce", "losses", "one_t", 0.02, 0.03, 0.04),
        ("bce", "mimo", "one_t", 0.04, 0.05, 0.06),
    ]
    columns = ["setting", "arm", "calibrator", "low", "mean", "high"]
    return pd.DataFrame(rows, columns=columns).set_index("setting")


def test_ece_stands_beside_the_printed_value_and_the_floor(frame, floors):
    printed = printed_table(read_numbers(CLAIMS), "4.3")
    table = tables.ece_table(frame, "losses", printed, PRINTED["42"], floors).set_index("loss")
    assert table.columns.tolist() == [
        *("before", "before, report", "before, floor", "one T", "one T, report", "one T, floor"),
        *("T a label", "Platt", "isotonic"),
    ]
    own = table.loc["cross entropy"]
    assert own["before":"one T, floor"].tolist() == [0.375, 0.1147, 0.02, 0.25, 0.0996, 0.03]
    assert own["T a label":].isna().all()
    assert table.loc["focal loss", ["before", "before, report"]].tolist() == [0.75, 0.1763]
    assert np.isnan(table.loc["focal loss", "before, floor"])
    rare = tables.ece_table(frame, "imbalance", printed, PRINTED["42"], floors, data="rare")
    assert rare["before"].tolist() == [0.0625, 0.5]
    assert rare["before, floor"].isna().all()  # floors are of the first set's arms
    assert np.isnan(rare.loc[1, "before, report"])


def test_two_arms_with_one_setting_share_a_floor(frame, floors):
    table = tables.ece_table(frame, ["losses", "mimo"], floors=floors)
    assert table.loc[1, "one T, floor"] == pytest.approx(0.04)
    assert "before, report" not in table


def test_readings_of_a_loss_stand_together_in_the_order_of_the_losses(frame):
    table = tables.calibrator_table(frame, "losses")
    assert table.columns.tolist() == ["loss", "calibrator", "ECE", "bias", "seeds"]
    assert table.to_numpy().tolist() == [
        ["focal loss", "none", 0.75, 0.5, 1],
        ["", "one t", 0.125, 0.25, 1],
        ["cross entropy", "none", 0.375, -0.125, 2],
        ["", "one t", 0.25, 0.25, 2],
    ]


def test_half_the_contrast_beside_the_test_part():
    frame = frame_of(
        model("focal", ece=0.75, ece_contrast=0.875, after={"platt": {"ece": 0.0625, "ece_contrast": 0.5}}),
        model("bce", ece=0.5, ece_contrast=0.625, after=ONE_T),
        model("bce", seed=1, ece=0.25, ece_contrast=0.875, after={"one_t": {"ece": 0.375}}),
        model("bce", seed=2, status="diverged", ece=9.0),
    )
    table = tables.shift_table(frame, "losses").set_index("loss")
    assert table.columns.tolist() == [
        *(
            "before",
            "before, half contrast",
            "one T",
            "one T, half contrast",
            "Platt",
            "Platt, half contrast",
        ),
    ]
    assert table.index.tolist() == ["focal loss", "cross entropy"]
    # before (.5 + .25) / 2 and (.625 + .875) / 2; one T (.125 + .375) / 2, half contrast of one seed alone
    assert table.loc["cross entropy"].tolist()[:4] == [0.375, 0.75, 0.25, 0.375]
    assert table.loc["cross entropy"].isna().tolist() == [False] * 4 + [True] * 2
    assert table.loc["focal loss"].dropna().tolist() == [0.75, 0.875, 0.0625, 0.5]


def test_floors_have_a_row_a_setting_and_a_column_a_calibrator(floors, tmp_path):
    table = tables.floor_table(floors, FEW)
    assert table.columns.tolist() == [
        *("loss", "before", "one T", "T a label", "Platt", "isotonic", "range, one T"),
    ]
    assert table.astype(object).fillna("").to_numpy().tolist() == [
        ["cross entropy", 0.02, 0.03, "", "", "", ".020 to .040"],
        ["one input, all trained", "", 0.05, "", "", "", ".040 to .060"],
        ["cross entropy, 200 images", "", 0.07, "", "", "", ".060 to .080"],
    ]
    formats = dict.fromkeys(table.columns[1:-1], ".4f")
    page = save_table(table, tmp_path, "t", caption="x", formats=formats).html
    assert "0.0700" in page
    assert ".060 to .080" in page
    assert len(tables.floor_table(floors, None)) == 2
    none = tables.floor_table(floors[floors["calibrator"].eq("none")], None)
    assert none[["before", "range, one T"]].to_numpy().tolist() == [[0.02, None]]
    empty = tables.floor_table(floors.iloc[:0], None)
    assert empty.empty
    assert empty.columns.tolist() == table.columns.tolist()


def test_each_way_to_map_uncertain_labels(frame):
    measured = frame["data"].eq("zeros")
    table = tables.mapping_table(frame.assign(true_ece=frame["ece"].where(measured) / 2))
    assert table.columns.tolist() == [
        *("uncertain labels", "AUROC", "ECE", "ECE, one T", "ECE against P(y | x)"),
        *("ECE against P(y | x), one T", "bias", "seeds"),
    ]
    assert table["uncertain labels"].str[:5].tolist() == ["1 for", "0 for"]
    assert table["AUROC"].tolist() == [0.625, 0.25]
    assert table["ECE"].tolist() == [0.375, 1.0]
    assert table["ECE, one T"].tolist() == [0.25, 0.125]
    assert table["ECE against P(y | x)"].fillna(-1).tolist() == [-1, 0.5]
    assert table["ECE against P(y | x), one T"].fillna(-1).tolist() == [-1, 0.0625]
    assert table.loc[0, "bias"] == -0.125
    assert table["seeds"].tolist() == [2, 1]
    other = tables.mapping_table(frame, "common")
    assert other.loc[0, "uncertain labels"] == "1 for Atelectasis and Edema"


def test_rare_findings_beside_the_first_set(frame):
    table = tables.rare_table(frame)
    assert table[["loss", "set", "ECE", "seeds"]].to_numpy().tolist() == [
        ["cross entropy", "rare", 0.0625, 1],
        ["weighted cross entropy", "rare", 0.5, 1],
        ["cross entropy", "first", 0.375, 2],  # weighted cross entropy has no run there
    ]
    assert table.loc[[0, 2], "ECE, one T"].tolist() == [0.125, 0.25]
    assert table.loc[2, ["AUROC", "bias"]].tolist() == [0.625, -0.125]
    assert table["pointing"].isna().all()


def test_floors_stand_beside_the_ece_of_each_set(frame):
    drawn = [("bce", "losses", "first"), ("bce", "imbalance", "rare"), ("bce", "mapping", "zeros")]
    lines = [
        (setting, arm, data, calibrator, 0.01 * number + more)
        for number, (setting, arm, data) in enumerate(drawn, 1)
        for calibrator, more in (("none", 0.0), ("one_t", 0.001))
    ]
    columns = ["setting", "arm", "data", "calibrator", "mean"]
    floors = pd.DataFrame(lines, columns=columns).set_index("setting")
    rare = tables.rare_table(frame, floors)
    assert rare.columns.tolist()[3:8] == ["ECE", "floor", "bias", "ECE, one T", "floor, one T"]
    assert rare["floor"].fillna(-1).tolist() == [0.02, -1, 0.01]  # none was drawn for the weighted one
    assert rare["floor, one T"].fillna(-1).tolist() == [0.021, -1, 0.011]
    mapped = tables.mapping_table(frame, floors=floors)
    assert mapped[["floor", "floor, one T"]].to_numpy().tolist() == [[0.01, 0.011], [0.03, 0.031]]
    read = tables.calibrator_table(frame, "losses", floors[floors["data"].eq("first")])
    assert read.columns.tolist()[2:4] == ["ECE", "floor"]
    assert read["floor"].fillna(-1).tolist() == [-1, -1, 0.01, 0.011]


@pytest.mark.parametrize("status", ["ok", "died"])
def test_nothing_has_to_be_there(status, tmp_path, floors):
    some = frame_of(model("bce", "other" if status == "ok" else "losses", status=status))
    printed = printed_table(read_numbers(CLAIMS), "4.3")
    found = [
        tables.ece_table(some, "losses"),
        tables.ece_table(some, "losses", printed, PRINTED["42"], floors),
        tables.calibrator_table(some, "losses"),
        tables.shift_table(some, "losses"),
        tables.mapping_table(some),
        tables.rare_table(some),
    ]
    for table in found:
        assert table.empty
        formats = dict.fromkeys(table.columns[2:], ".3f")
        assert table.columns[-1] in save_table(table, tmp_path, "t", caption="x", formats=formats).html


def test_eight_classes_whose_truth_is_not_known(tmp_path):
    found, runs = opened(8, known=False), Runs(tmp_path)
    good, bad = runs.record({"auroc_macro": 0.5}, logits(found, 4.0)), runs.record(status="died", seed=1)
    one = swept(found, good, bad)
    frame = tidy([one])
    table = tables.calibrator_table(frame, "losses")
    assert "ECE against P(y | x)" not in table
    assert len(table) == len(CALIBRATORS) + len(ELSEWHERE)
    assert table["seeds"].eq(1).all()
    after = table.set_index("calibrator")
    assert after.loc["one t", "NLL"] < after.loc["none", "NLL"]  # logits four times too far out
    assert np.isnan(tables.mapping_table(frame).loc[0, "ECE against P(y | x)"])
    generator = torch.Generator().manual_seed(0)
    simulated = floors_of(one, ["bce"], generator, calibrators=("none", "one_t"), draws=5)
    of_sets = floors_by_set({"first": one}, ["bce"], torch.Generator().manual_seed(0), draws=5)
    assert of_sets.drop(columns="data").equals(simulated[simulated["arm"].eq("losses")])
    assert of_sets["data"].eq("first").all()
    row = tables.ece_table(frame, "losses", floors=simulated).iloc[0]
    assert row["before, floor"] == simulated["mean"].iloc[0]
    wide = tables.floor_table(simulated, None).iloc[0]
    assert wide[["before", "one T"]].tolist() == simulated["mean"].tolist()
    low, high = map(float, wide["range, one T"].split(" to "))
    assert low <= wide["one T"].round(3) <= high
    assert tables.shift_table(frame, "losses").iloc[0].drop("loss").notna().all()
