"""Tables of the PYLON page: numbers by hand, and that no arm has to be there."""

import numpy as np
import pandas as pd
import pytest

from papers_lib.companion.tables import save_table
from pylon import tables
from pylon.frame import tidy
from pylon.levels import levels
from pylon.printed import MACRO, WEIGHTED, printed_table, read_numbers
from pylon.shares import shares_table
from tests.notebooks.pylon.runs import CLAIMS, SIDE, Runs, images, swept


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path)


def metrics(mass, nodule, **more):
    macro = (mass + nodule) / 2
    found = {"point_macro": macro, "point_weighted": mass, "point/Mass": mass, "point/Nodule": nodule}
    found |= {
        "auroc_macro": 0.8,
        "auroc/Mass": 0.9,
        "auroc/Hernia": np.nan,
        "iou_macro": 0.1,
        "iou/Mass": 0.2,
    }
    return {**found, "train_images": 90, "epochs_run": 3, "converged": True, **more}


@pytest.fixture
def frame(runs):
    cams = {
        f"{name}.{key}": value
        for name in ("grad_cam",)
        for key, value in metrics(0.2, 0.0).items()
        if "point" in key
    }
    masked = {
        "masked_out_macro": 0.3,
        "masked_out_weighted": 0.2,
        "masked_out_negative": 0.5,
        "masked_out_never": 0.0,
    }
    masked |= {"masked_out_passes": 20.0, "masked_out_all_passes": 200.0}
    records = [
        runs.record(metrics(0.2, 0.0, **cams), method="cam", masked=8),
        runs.record(metrics(0.8, 0.4, **masked), method="pylon", masked=8),
        runs.record(
            metrics(0.6, 0.2, **{**masked, "masked_out_macro": 0.5}), method="pylon", seed=1, masked=8
        ),
        runs.record(status="diverged", method="pylon", seed=2, masked=8),
        runs.record({"masked_out_negative": 1.0, **metrics(0.4, 0.0)}, method="fpn", arm="others"),
    ]
    return tidy([swept(*records)])


def test_ours_beside_the_printed_values(frame):
    printed = printed_table(read_numbers(CLAIMS), 1)
    table = tables.table_by_class(frame, printed, ("main", "others"), levels=levels(images(), SIDE))
    assert table.index[:4].tolist() == [MACRO, WEIGHTED, "Mass", "Nodule"]
    assert table.loc[[MACRO, WEIGHTED, "Mass", "Nodule"], "PYLON ours"].tolist() == pytest.approx(
        [0.5, 0.7, 0.7, 0.3]
    )
    assert table.loc["Mass", ["PYLON paper", "CAM paper", "FPN paper", "area paper"]].tolist() == [
        0.67,
        0.42,
        0.59,
        0.04,
    ]
    assert table.loc["Nodule", "CAM ours"] == 0
    assert table.loc["Mass", "Grad-CAM ours"] == 0.2
    assert np.isnan(table.loc["Effusion", "PYLON ours"])  # a class of the paper alone
    assert table.loc["Effusion", "PYLON paper"] == 0.54
    assert len(table) == 2 + 8
    columns = [name for name in table if name.endswith(" ours")]
    assert columns == ["area ours", "CAM ours", "Grad-CAM ours", "FPN ours", "PYLON ours"]
    assert table.loc["Nodule", "area ours"] == pytest.approx(1 / 256)
    assert table.loc["Mass", ["best fixed point", "ceiling, stride 4"]].tolist() == [1, 1]
    assert table.index.name == "class"


def test_names_are_matched_less_case_and_punctuation(runs):
    one = runs.record(
        {"point_macro": 0.5, "point/Pleural_Thickening": 0.25, "point/Dog": 0.5}, method="pylon"
    )
    printed = printed_table(read_numbers(CLAIMS), 3)
    table = tables.table_by_class(tidy([swept(one)]), printed)
    columns = ["area paper", "PYLON ours", "PYLON paper"]
    assert table.loc["Pleural_Thickening", columns].tolist() == [0.01, 0.25, 0.03]
    assert "Pleural thickening" not in table.index
    assert np.isnan(table.loc["Dog", "PYLON paper"])  # a class of ours alone


def test_trainings_are_columns_of_their_own(runs):
    phases = {"one": ("all",), "two": ("decoder", "all")}
    records = [
        runs.record({"point_macro": 0.1}, arm="transfer", phases=phases["one"]),
        runs.record({"point_macro": 0.2}, arm="transfer", phases=phases["one"], source="k"),
        runs.record({"point_macro": 0.3}, arm="transfer", phases=phases["two"], source="k"),
    ]
    printed = printed_table(read_numbers(CLAIMS), 3)
    frame = tidy([swept(*records, data="vindr")])
    row = tables.table_by_class(frame, printed, "transfer").loc[MACRO]
    assert row["PYLON, one phase ours":].to_dict() == {
        "PYLON, one phase ours": 0.1,
        "PYLON, one phase paper": 0.42,
        "PYLON, transfer, one phase ours": 0.2,
        "PYLON, transfer, one phase paper": 0.49,
        "PYLON, transfer, two phases ours": 0.3,
        "PYLON, transfer, two phases paper": 0.56,
    }
    alone = tables.table_by_class(frame, printed, "transfer", ["pylon"], trainings=["transfer_two_phase"])
    assert [*alone] == ["area paper", "PYLON ours", "PYLON paper"]


def test_every_seed_is_shown(frame):
    table = tables.seeds_table(frame).set_index(["method", "of"])
    row = table.loc[("PYLON", "macro")]
    assert row[["mean", "seed 0", "seed 1"]].tolist() == pytest.approx([0.5, 0.6, 0.4])
    assert row["sd"] == pytest.approx(0.2 / np.sqrt(2))
    assert table.loc[("PYLON", "Nodule"), "mean"] == pytest.approx(0.3)
    assert np.isnan(table.loc[("FPN", "macro"), "sd"])
    assert table.columns.tolist() == ["epochs", "mean", "sd", "seed 0", "seed 1"]


def test_setup_counts_models_and_failures(frame):
    table = tables.setup_table(frame).set_index("arm")
    assert table.loc["main", ["methods", "seeds", "models", "failed"]].tolist() == [2, 3, 4, 1]
    assert table.loc["main", ["trained", "phases", "from", "images"]].tolist() == [
        "decoder",
        1,
        "packaged weights",
        90,
    ]


def test_setup_says_what_was_trained_and_from_where(runs):
    records = [
        runs.record(
            {"train_images": 5, "epochs_run": 1, "converged": False}, phases=("decoder", "all"), source="k"
        ),
        runs.record({"train_images": 5, "epochs_run": 1, "converged": False}, phases=("all",), train_from=0),
    ]
    table = tables.setup_table(tidy([swept(*records)]))
    assert table["trained"].tolist() == ["decoder and stages 3 to 4", "decoder and encoder"]
    assert table["from"].tolist() == ["the model of arm source", "packaged weights"]
    assert table["phases"].tolist() == [2, 1]


def test_share_of_what_the_stride_allows(frame):
    table = shares_table(frame.assign(nodule_share=frame["point/Nodule"] * 2)).set_index("method")
    found = table.loc["PYLON", ["stride", "hits", "share of the ceiling", "n"]]
    assert found.tolist() == pytest.approx([4, 0.3, 0.6, 2])
    assert table.loc["PYLON", "low"] == pytest.approx(
        0.6 - 12.706 * 0.2, abs=1e-3
    )  # t of one degree of freedom
    assert table.loc["CAM", "stride"] == 32


def test_masked_out_area_and_its_cost(frame):
    table = tables.masked_table(frame).set_index("method")
    assert table.index.tolist() == ["FPN", "PYLON"]  # the baseline's was not measured
    row = table.loc["PYLON", ["models", "macro avg.", "already negative", "passes, in lockstep", "factor"]]
    assert row.tolist() == pytest.approx([2, 0.4, 0.5, 20, 10])
    assert table.loc["FPN", "already negative"] == 1  # all negative at once: no area
    assert np.isnan(table.loc["FPN", "macro avg."])


def test_iou_and_auroc_of_each_set_are_apart(frame):
    larger = frame.assign(arm="large", **{"auroc/Mass": 0.1})
    table = tables.by_set(pd.concat([frame, larger]), "auroc").set_index(["set", "class"])
    first = table.loc[("first", "Mass"), ["CAM", "FPN", "PYLON"]]
    assert first.tolist() == pytest.approx([0.9, 0.9, 0.9])
    assert table.loc[("larger images", "Mass"), "PYLON"] == pytest.approx(0.1)
    assert tables.by_set(frame, "iou").set_index("class").loc[MACRO, "PYLON"] == pytest.approx(0.1)


def test_nothing_has_to_be_there(frame, tmp_path):
    bare = frame[["arm", "status", "method", "training", "seed"]]
    nothing = frame[frame["arm"].eq("no such arm")]
    numbers = read_numbers(CLAIMS)
    for some in (bare, nothing):
        assert tables.seeds_table(some).empty
        assert tables.masked_table(some).empty
        assert shares_table(some).empty
        table = tables.table_by_class(some, printed_table(numbers, 1), levels=levels(images(), SIDE))
        assert [name for name in table if name.endswith(" ours")] == ["area ours"]
        assert not {"PYLON", "FPN"} & {*tables.by_set(some, "iou")}
    assert tables.setup_table(nothing).empty
    everything = tables.table_by_class(frame, printed_table(numbers, 1), ("main", "others"))
    assert "–" in save_table(everything, tmp_path, "table1", caption="x").html


def test_columns_keep_one_order_whatever_the_arms(frame):
    table = tables.table_by_class(frame.iloc[::-1], None, ("main", "others"))
    names = [name.removesuffix(" ours") for name in table]
    assert names == ["CAM", "Grad-CAM", "FPN", "PYLON"]
