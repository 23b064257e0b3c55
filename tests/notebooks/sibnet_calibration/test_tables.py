"""Tables of the page: golden values of a small frame made by hand, and that no comparison has to be there."""

import math

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from papers_lib.companion.tables import save_table
from papers_lib.metrics.calibration_error import Range
from sibnet_calibration import tables
from sibnet_calibration.calibration import tidy
from sibnet_calibration.printed import deviations, printed_table
from tests.notebooks.sibnet_calibration.runs import frame_of, logits, model, opened, swept

ONE_T = {"one_t": {"ece": 0.125, "bias": 0.25, "ece_contrast": 0.375}}
FLOORS = pd.DataFrame(
    [
        ("first", "losses", "bce", "none", 0.01, 0.02, 0.03),
        ("first", "losses", "bce", "one_t", 0.02, 0.03, 0.04),
        ("first", "mimo", "bce", "none", 0.05, 0.06, 0.07),
        ("first", "mimo", "bce", "one_t", 0.04, 0.05, 0.06),
        ("rare", "imbalance", "bce", "none", 0.0, 0.25, 0.5),
    ],
    columns=["data", "arm", "setting", "calibrator", "low", "mean", "high"],
)


@pytest.fixture
def frame():
    """Two seeds of cross entropy, one of focal loss, one that failed, and cross entropy in other comparisons."""
    return frame_of(
        model("focal", ece=0.75, bias=0.5, ece_contrast=0.5, after=ONE_T),
        model("bce", ece=0.5, bias=-0.25, auroc_macro=0.5, nll=1.0, **{"auroc/Edema": 0.5}, after=ONE_T),
        model("bce", seed=1, ece=0.25, bias=0.0, auroc_macro=0.75, after={"one_t": {"ece": 0.375}}),
        model("bce", seed=2, status="diverged"),
        model("bce", "imbalance", data="rare", ece=0.0625, auroc_macro=0.875, after=ONE_T),
        model("wbce", "imbalance", data="rare", ece=0.5),
        model("bce", "mapping", data="zeros", ece=1.0, auroc_macro=0.25, after=ONE_T),
        model("bce", "mimo", auroc_macro=0.5, ece=0.25, train_from="", after=ONE_T),
        model("bce", "backbones", backbone="vgg19", train_from="", auroc_macro=0.25),
    )


def floored(frame):
    return tables.with_floors(frame, FLOORS)


def cells(table):
    return table.astype(object).where(table.notna(), None).to_numpy().tolist()


def test_auroc_with_the_report_s_rows_below_ours(frame):
    table = tables.auroc_table(frame, ["losses", "mimo"], printed_table("4.2"), tables.PRINTED["42"])
    assert table.columns.tolist() == ["loss", "of", "Edema", "mean", "sd", "seeds"]
    assert cells(table) == [
        ["focal loss", "ours", None, None, None, 1],
        ["focal loss", "report", 0.8447, 0.8867, None, None],
        ["cross entropy", "ours", 0.5, 0.625, pytest.approx(0.1767766953), 2],
        ["cross entropy", "report", 0.8489, 0.8841, None, None],
        ["one input, all trained", "ours", None, 0.5, None, 1],
    ]


def test_ece_beside_the_printed_value_and_the_floor(frame):
    table = tables.ece_table(floored(frame), printed_table("4.3"))
    assert table.columns.tolist()[:5] == ["loss", "before", "before, report", "before, floor", "one T"]
    assert cells(table) == [
        ["focal loss", 0.75, 0.1763, None, 0.125, 0.1091, None, None, None, None],
        ["cross entropy", 0.375, 0.1147, 0.02, 0.25, 0.0996, 0.03, None, None, None],
    ]


def test_readings_of_a_loss_stand_together(frame):
    table = tables.calibrator_table(floored(frame))
    assert table.columns.tolist() == ["loss", "calibrator", "ECE", "floor", "bias", "seeds"]
    assert cells(table) == [
        ["focal loss", "none", 0.75, None, 0.5, 1],
        ["", "one t", 0.125, None, 0.25, 1],
        ["cross entropy", "none", 0.375, 0.02, -0.125, 2],
        ["", "one t", 0.25, 0.03, 0.25, 2],
    ]
    shifted = tables.shift_table(frame).set_index("loss")
    assert shifted.loc["focal loss"].dropna().tolist() == [0.75, 0.5, 0.125, 0.375]


def test_floors_have_a_row_a_setting_and_a_column_a_calibrator():
    own = FLOORS[FLOORS["data"].eq("first")]
    assert cells(tables.floor_table(own, Range(mean=0.07, low=0.06, high=0.08))) == [
        ["cross entropy", 0.02, 0.03, None, None, None],
        ["one input, all trained", 0.06, 0.05, None, None, None],
        ["cross entropy, 200 images", None, 0.07, None, None, None],
    ]
    assert tables.floor_table(own.iloc[:0], None).empty


def test_other_sets(frame):
    rare = tables.rare_table(floored(frame))
    columns = ["loss", "set", "AUROC", *tables.ECES, "pointing", "seeds"]
    assert rare.columns.tolist() == columns
    assert cells(rare) == [
        ["cross entropy", "rare", 0.875, 0.0625, 0.25, None, 0.125, None, None, 1],
        ["weighted cross entropy", "rare", None, 0.5, None, None, None, None, None, 1],
        ["cross entropy", "first", 0.625, 0.375, 0.02, -0.125, 0.25, 0.03, None, 2],
    ]
    mapped = tables.mapping_table(floored(frame), "common")
    assert mapped["uncertain labels"].tolist() == ["1 for Atelectasis and Edema", "0 for all"]
    assert mapped["ECE"].tolist() == [0.375, 1.0]
    assert mapped["floor"].fillna(-1).tolist() == [0.02, -1]
    assert mapped["seeds"].tolist() == [2, 1]


def test_networks_and_seeds(frame):
    assert cells(tables.mimo_table(floored(frame))) == [
        ["one input, all trained", 0.5, None, 0.25, 0.06, 0.125, 1],
        ["cross entropy", 0.625, 1.0, 0.375, 0.02, 0.25, 2],
    ]
    other = tables.backbone_table(frame)
    assert other.columns.tolist()[:3] == ["backbone", "weights", "trained from"]
    assert cells(other[["backbone", "trained from", "AUROC", "seeds"]]) == [
        ["vgg19", "the first layer", 0.25, 1],
        ["efficientnet_lite0", "blocks_4", 0.625, 2],
    ]
    setup = tables.setup_table(frame).set_index(["comparison", "set"])
    assert setup.loc[("losses", "first"), ["models", "failed", "settings"]].tolist() == [4, 1, 2]
    assert setup.loc[("backbones", "first"), "trained from"] == "the first layer"


@pytest.mark.parametrize("status", ["ok", "died"])
def test_nothing_has_to_be_there(status, tmp_path):
    """No row but those of a comparison that no table is about, or of one run that failed and measured nothing."""
    some = frame_of(model("bce", "other" if status == "ok" else "losses", status=status))
    makers = [
        tables.map_table,
        tables.shift_table,
        tables.rare_table,
        tables.mimo_table,
        tables.backbone_table,
    ]
    found = [maker(some) for maker in makers]
    found += [tables.auroc_table(some, "losses", printed_table("4.2"), tables.PRINTED["42"])]
    found += [tables.ece_table(some, printed_table("4.3"))]
    found += [tables.mapping_table(some, "report")]
    for table in found:
        assert table.empty
        assert table.columns[-1] in save_table(table, tmp_path, "t", caption="x").html


def test_values_are_means_and_a_bootstrap(runs):
    found = opened(1)  # one label, so that scikit-learn's area is the macro one
    focal = runs.record({}, logits(found, seed=7), loss="focal")
    one = swept(found, runs.record({"auroc_macro": 0.5}, logits(found)), focal)
    given = tables.values(tidy([one], 15), one)
    labels = found.images.images.part("test").labels[:, 0]
    assert 0 < given["few_sd"] < 0.1
    assert 0 <= given["few_wrong"] <= 1
    assert given["oracle_auroc"] == pytest.approx(roc_auc_score(labels, found.images.truth[-90:, 0]))
    assert 0 < given["mean_ece_bce_one_t"] < 0.5
    assert math.isnan(given["mean_auroc_auc_pesg"])
    alone = swept(found, one.records[0])
    assert given.keys() == tables.values(tidy([alone], 15), alone).keys()
    assert math.isnan(tables.values(tidy([alone], 15), alone)["few_sd"])


def test_printed_tables_are_those_of_the_report():
    # Typed from the report, column by column where the files go row by row.
    assert printed_table("4.1")["Cardiomegaly"].tolist() == [0.764, 0.807, 0.810]
    assert printed_table("4.1")["Mean"].tolist() == [0.756, 0.745, 0.749]
    assert printed_table("4.2")["Edema"].tolist() == [0.8489, 0.8447, 0.8269]
    assert printed_table("4.2")["Mean"].to_dict() == {
        "Cross Entropy": 0.8841,
        "Focal": 0.8867,
        "DeepAUC": 0.8291,
    }
    assert printed_table("4.3").to_numpy().T.tolist() == [[0.1147, 0.1763, 0.2348], [0.0996, 0.1091, 0.0992]]


def test_sentences_on_what_disagrees_have_the_numbers():
    numbers = [("0.010", "0.016", "-0.014"), ("0.756", "0.8841", "0 of"), ("1 are",), ("1 of 5",)]
    numbers += [("place 1", "2 after")]
    for expected, sentence in zip(numbers, deviations().splitlines(), strict=True):
        assert all(number in sentence for number in expected), sentence
