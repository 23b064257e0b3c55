"""Tables of the Sibnet page but those on calibration: numbers by hand, and that no arm has to be there."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from papers_lib.companion.tables import save_table
from sibnet_calibration import tables
from sibnet_calibration.frame import tidy
from sibnet_calibration.printed import printed_table, read_numbers
from tests.notebooks.sibnet_calibration.frames import frame_of, model
from tests.notebooks.sibnet_calibration.runs import Runs
from tests.notebooks.sibnet_calibration.sets import logits, opened, swept

CLAIMS = Path(__file__).parents[3] / "notebooks/sibnet_calibration/printed"
ENSEMBLE = {"ensemble_auroc": 0.875, "ensemble_nll": 0.75, "ensemble_ece": 0.5, "ensemble_ece_one_t": 0.25}
NO_ENSEMBLE = dict.fromkeys(ENSEMBLE, np.nan)
FLOORS = pd.DataFrame(
    {
        "setting": ["bce", "bce", "bce"],
        "arm": ["mimo", "mimo", "losses"],
        "calibrator": ["none", "one_t", "none"],
    }
    | {"mean": [0.0625, 0.5, 0.03125]}
).set_index("setting")


def scores(edema, rib):
    return {"auroc_macro": (edema + rib) / 2, "auroc/Edema": edema, "auroc/Rib": rib}


@pytest.fixture
def frame():
    """Two seeds of weighted cross entropy, one of class distinctiveness, one that failed, and other sets and arms."""
    maps = {"distinctiveness": 0.5, "coherence": 0.25, "point_macro": 0.0}
    return frame_of(
        model("wbce", "saliency", **scores(0.75, 0.5), **maps, train_images=90, ece=0.25, nll=1.0),
        model("wbce", "saliency", 1, **scores(0.5, 0.75), **{**maps, "distinctiveness": 1.0}, ece=0.5),
        model("wbce", "saliency", 2, status="diverged"),
        model("cd", "saliency", **scores(0.25, 0.75), distinct=1.4),
        model("wbce", "imbalance", data="rare", **scores(0.125, 0.125)),
        model("mimo_2", "mimo", status="failed"),
    )


def test_auroc_stands_above_the_printed_row(frame, tmp_path):
    printed = printed_table(read_numbers(CLAIMS), "4.1")
    table = tables.auroc_table(frame, "saliency", printed, tables.PRINTED["41"])
    assert table.columns.tolist() == ["loss", "of", "Edema", "Rib", "mean", "sd", "seeds"]
    assert table["of"].tolist() == ["ours", "report"] * 2
    ours, report = table.iloc[0], table.iloc[1]
    assert ours["loss"] == report["loss"] == "weighted cross entropy"
    # Edema (.75 + .5) / 2, Rib (.5 + .75) / 2; both seeds have the mean .625
    assert ours["Edema":"seeds"].tolist() == [0.625, 0.625, 0.625, 0.0, 2]
    assert report[["Edema", "mean"]].tolist() == [0.675, 0.756]
    assert report[["Rib", "sd", "seeds"]].isna().all()
    assert np.isnan(table.loc[2, "sd"])  # one seed
    html = save_table(table, tmp_path, "t", caption="x").html
    assert re.findall(r"([^>]*)</td></tr>", html) == ["2", "–", "1", "–"]  # the last column
    rare = tables.auroc_table(frame, "imbalance", data="rare")
    assert rare["mean"].tolist() == [0.125]


def test_arms_that_share_a_setting_have_a_row_each_and_the_printed_one_stands_once():
    frame = frame_of(
        model("bce", **scores(0.75, 0.5)),
        model("bce", "mimo", **scores(0.25, 0.5)),
        model("mimo_2", "mimo", **scores(0.5, 0.5)),
    )
    printed = printed_table(read_numbers(CLAIMS), "4.2")
    table = tables.auroc_table(frame, ("losses", "mimo"), printed, tables.PRINTED["42"])
    names = ["cross entropy", "cross entropy", "one input, all trained", "MIMO, 2 inputs"]
    assert table["loss"].tolist() == names
    assert table["of"].tolist() == ["ours", "report", "ours", "ours"]
    assert table["mean"].tolist() == [0.625, 0.8841, 0.375, 0.5]


def test_printed_rows_need_a_name(frame):
    printed = printed_table(read_numbers(CLAIMS), "4.1")
    assert tables.auroc_table(frame, "saliency", printed, {"cd": "Custom"})["of"].tolist() == [
        "ours",
        "ours",
        "report",
    ]
    assert "report" not in set(tables.auroc_table(frame, "saliency", printed)["of"])


def test_maps_have_a_column_for_each_measure_that_a_run_has(frame):
    table = tables.map_table(frame, "saliency").set_index("loss")
    own = table.loc["weighted cross entropy"]
    assert own.to_dict() == {
        "cosine, re-encoded": 0.75,
        "coherence, mean over pairs": 0.25,
        "pointing": 0.0,
        "AUROC": 0.625,
        "seeds": 2,
    }
    assert np.isnan(table.loc["custom loss (class distinctiveness)", "pointing"])
    assert len(tables.map_table(frame, "weights").columns) == 9


def test_setup_counts_models_and_failures_and_lists_what_varies(frame):
    more = frame_of(model("sc", "weights", coherent=30.0), model("sc", "weights", train_from="", epochs=3))
    table = tables.setup_table(pd.concat([frame, more])).set_index(["arm", "set"])
    row = table.loc[("saliency", "first")]
    assert row[["settings", "models", "failed", "images", "batch"]].tolist() == [2, 4, 1, 90, 10]
    assert row[["network", "trained from", "λ1", "λ2", "rate", "epochs"]].tolist() == [
        "efficientnet_lite0",
        "blocks_4",
        "0, 1.4",
        "0",
        "0.0003",
        "2",
    ]
    assert table.loc[("weights", "first"), ["trained from", "λ2", "epochs"]].tolist() == [
        "blocks_4, the first layer",
        "30, 0",
        "2, 3",
    ]
    assert table.loc[("mimo", "first"), "failed"] == 1
    assert pd.isna(table.loc[("mimo", "first"), "images"])


def test_every_seed_has_a_row_before_and_after():
    rows = [
        model("bce", seed=seed, auroc_macro=0.5 + seed / 4, ece=0.5, nll=0.75, after={"one_t": {"ece": 0.25}})
        for seed in (0, 1)
    ]
    table = tables.seeds_table(frame_of(*rows, model("bce", "mimo", auroc_macro=0.75)), ["losses", "mimo"])
    assert table[["arm", "loss", "seed"]].to_numpy().tolist() == [
        ["losses", "cross entropy", 0],
        ["losses", "cross entropy", 1],
        ["mimo", "one input, all trained", 0],
    ]
    assert table["AUROC"].tolist() == [0.5, 0.75, 0.75]
    assert table.loc[0, ["ECE", "ECE, one T", "NLL"]].tolist() == [0.5, 0.25, 0.75]
    assert table["pointing"].isna().all()  # a set without boxes


def test_networks_with_cross_entropy():
    table = tables.backbone_table(
        frame_of(
            model("bce", auroc_macro=0.5, ece=0.25),
            model("bce", seed=1, auroc_macro=0.75, ece=0.75),
            model("focal", auroc_macro=0.0),
            model("bce", "backbones", backbone="vgg19", train_from="", auroc_macro=0.25),
            model("bce", "backbones", backbone="resnet101", status="died"),
        ),
        {("vgg19", str(frame_of(model("bce"))["weights"].iloc[0])): 0.125},
    )
    assert table[tables.LIKENESS].fillna(-1).tolist() == [0.125, -1]
    assert table[["backbone", "trained from", "AUROC", "seeds"]].to_numpy().tolist() == [
        ["vgg19", "the first layer", 0.25, 1],
        ["efficientnet_lite0", "blocks_4", 0.625, 2],
    ]
    assert table.loc[1, "ECE"] == 0.5


def test_mimo_beside_one_input_and_the_ensemble():
    frame = frame_of(
        model("bce", "mimo", auroc_macro=0.5, nll=1.0, ece=0.25, after={"one_t": {"ece": 0.125}}),
        model("mimo_2", "mimo", auroc_macro=0.75),
        model("bce", seed=0, auroc_macro=0.25),
        model("bce", seed=1, auroc_macro=0.75),
        model("focal", auroc_macro=1.0),
    )
    table = tables.mimo_table(frame, ENSEMBLE, FLOORS)
    assert table["loss"].tolist() == [
        "one input, all trained",
        "MIMO, 2 inputs",
        "cross entropy",
        "cross entropy, all together",
    ]
    assert table["AUROC"].tolist() == [0.5, 0.75, 0.5, 0.875]
    assert table["models"].tolist() == [1, 1, 2, 1]
    assert table.loc[0, ["NLL", "ECE", "ECE, one T"]].tolist() == [1.0, 0.25, 0.125]
    assert table.loc[3, ["NLL", "ECE", "ECE, one T"]].tolist() == [0.75, 0.5, 0.25]
    assert table["floor"].fillna(-1).tolist() == [0.0625, -1, 0.03125, -1]
    alone = tables.mimo_table(frame[frame["arm"].eq("mimo")], NO_ENSEMBLE, FLOORS)
    assert alone["loss"].tolist() == ["one input, all trained", "MIMO, 2 inputs"]  # no rows of nothing


def test_similarities_in_words():
    rows = [
        ("bce", "focal", "same seed", 2, 0.5, 0.25, 0.75, 0.625, 0.125, 40, 0, 0),
        ("wbce", "wbce", "two seeds", 1, 0.0, 0.0, 0.0, np.nan, 1.0, 20, 0, 3),
    ]
    raw = ["a", "b", "kind", "models", "rank", "rank_low", "rank_high", "ssim", "agree", "maps"]
    found = pd.DataFrame(rows, columns=[*raw, "skipped", "dead"])
    table = tables.similarity_words(found.iloc[:1])
    assert table.iloc[0].to_dict() == {
        "loss": "cross entropy",
        "beside": "focal loss",
        "models": "same seed",
        "pairs of models": 2,
        "rank correlation": 0.5,
        "lowest": 0.25,
        "highest": 0.75,
        "SSIM": 0.625,
        "same hottest cell": 0.125,
        "maps": 40,
    }
    both = tables.similarity_words(found)
    assert both.columns.tolist() == [*table.columns, "without SSIM"]
    assert both.loc[1, ["loss", "beside"]].tolist() == ["weighted cross entropy"] * 2
    assert both["without SSIM"].tolist() == [0, 3]
    assert tables.similarity_words(found.iloc[:0]).columns.tolist() == table.columns.tolist()
    assert found.columns.tolist() == [*raw, "skipped", "dead"]  # the caller's is as it was


@pytest.mark.parametrize("status", ["ok", "died"])
def test_nothing_has_to_be_there(status, tmp_path):
    """No row but those of an arm that no table is about, or of one run that failed and measured nothing."""
    some = frame_of(model("bce", "other" if status == "ok" else "losses", status=status))
    found = [
        tables.auroc_table(some, "losses"),
        tables.map_table(some, "saliency"),
        tables.backbone_table(some, {}),
        tables.seeds_table(some, ["losses", "saliency"]),
        tables.mimo_table(some, NO_ENSEMBLE, FLOORS),
    ]
    for table in found:
        assert table.empty
        formats = dict.fromkeys(table.columns[3:], ".3f")
        assert table.columns[-1] in save_table(table, tmp_path, "t", caption="x", formats=formats).html
    assert tables.setup_table(some)["failed"].tolist() == [int(status != "ok")]


def test_eight_classes_without_boxes_or_truth(tmp_path):
    found, runs = opened(8, known=False), Runs(tmp_path)
    each = {f"auroc/label {k}": 0.5 + k / 16 for k in range(8)}
    record = runs.record({"auroc_macro": 0.71875, **each, "nll": 0.5, "train_images": 20}, logits(found))
    frame = tidy([swept(found, record, runs.record(status="diverged", seed=1))])
    table = tables.auroc_table(frame, "losses")
    assert table.columns[2:10].tolist() == [f"label {k}" for k in range(8)]
    assert table.loc[0, [f"label {k}" for k in range(8)]].mean() == table.loc[0, "mean"] == 0.71875
    assert tables.setup_table(frame)[["images", "models", "failed"]].to_numpy().tolist() == [[20, 2, 1]]
    assert tables.seeds_table(frame, "losses")["NLL"].tolist() == [0.5]
    assert "–" in save_table(tables.backbone_table(frame, {}), tmp_path, "t", caption="x").html  # no boxes
