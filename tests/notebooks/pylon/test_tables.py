"""Tables of the PYLON page by hand on a tiny frame, with no comparison that has to be there; the printed numbers."""

import numpy as np
import pandas as pd
import pytest

from papers_lib.metrics.localization import stride_ceiling
from pylon import tables
from pylon.baselines import baselines
from pylon.frame import interval, printed_name, tidy
from pylon.measures import CAMS
from pylon.printed import MACRO, WEIGHTED, ablations, printed_table, sentences
from tests.notebooks.pylon.runs import PAIRS, SIDE, Runs, images, swept


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path)


def metrics(mass, nodule, **more):
    found = {"point_macro": (mass + nodule) / 2, "point_weighted": mass, "point/Mass": mass}
    found |= {"point/Nodule": nodule, "auroc_macro": 0.8, "auroc/Mass": 0.9, "auroc/Hernia": np.nan}
    found |= {"iou_macro": 0.1, "iou/Mass": 0.2, "train_images": 90, "epochs_run": 3, "converged": True}
    return {**found, **more}


@pytest.fixture
def frame(runs):
    cams = {f"grad_cam.{key}": value for key, value in metrics(0.2, 0.0).items() if "point" in key}
    masked = {"masked_out_weighted": 0.2, "masked_out_negative": 0.5}
    masked |= {"masked_out_never": 0.0, "masked_out_passes": 20.0, "masked_out_all_passes": 200.0}
    records = [
        runs.record(metrics(0.2, 0.0, **cams), method="cam", masked=8),
        runs.record(metrics(0.8, 0.4, **masked, masked_out_macro=0.3), masked=8),
        runs.record(metrics(0.6, 0.2, **masked, masked_out_macro=0.5), seed=1, masked=8),
        runs.record(status="diverged", seed=2, masked=8),
        runs.record({"masked_out_negative": 1.0, **metrics(0.4, 0.0)}, method="fpn", arm="others"),
    ]
    return tidy([swept(*records)])


def test_a_row_a_model_and_a_row_for_each_map_of_the_baseline(frame):
    assert frame["method"].tolist() == ["cam", "pylon", "pylon", "pylon", "fpn", "grad_cam"]
    own = frame.iloc[-1]
    assert (own["name"], own["setting"], own["stride"]) == ("Grad-CAM", "grad_cam_frozen", 32)
    assert np.isnan(own["auroc_macro"])
    assert not any(column.startswith(tuple(f"{cam}." for cam in CAMS)) for column in frame)
    boxes = [box for box in images().part("test").of_class(1, (SIDE, SIDE)) if len(box)]
    top = stride_ceiling(boxes, (SIDE, SIDE), 4)
    assert frame.iloc[1]["nodule_share"] == pytest.approx(0.4 / top)
    assert np.isnan(frame.iloc[3]["nodule_share"])  # failed


def test_settings_and_gains_by_size(runs):
    small = swept(*(runs.record(metrics(0.2 + seed / 10, 0.0), seed=seed) for seed in (0, 1)))
    larger = [runs.record(metrics(0.6, 0.0), arm="large", seed=seed) for seed in (0, 1)]
    frame = tidy([small, swept(*larger, runs.record(metrics(1, 0), arm="long"), data="nih_large", side=128)])
    gains = frame["size_gain"].tolist()
    assert gains[2:4] == pytest.approx([0.2, 0.15])
    assert np.isnan([*gains[:2], *gains[4:]]).all()  # not larger
    assert frame["setting"].iloc[-1] == "pylon_frozen_long"
    assert frame["side"].tolist() == [64, 64, 128, 128, 128]


def test_small_against_large_classes(runs, monkeypatch):
    monkeypatch.setattr("pylon.frame.EXTREMES", 1)
    frame = tidy([swept(runs.record(metrics(0.2, 0.1), method="cam"), runs.record(metrics(0.5, 0.8)))])
    assert frame["small_less_large"].tolist() == pytest.approx([0.0, (0.8 - 0.1) - (0.5 - 0.2)])


def test_ours_beside_the_printed_values(frame):
    bounds = baselines(images(), SIDE)
    table = tables.table_by_class(frame, printed_table(1), ("main", "others"), beside=bounds)
    assert table.index[:4].tolist() == [MACRO, WEIGHTED, "Mass", "Nodule"]
    assert table["PYLON ours"].iloc[:4].tolist() == pytest.approx([0.5, 0.7, 0.7, 0.3])
    paper = table.loc["Mass", ["PYLON paper", "CAM paper", "FPN paper", "area paper"]]
    assert paper.tolist() == [0.67, 0.42, 0.59, 0.04]
    assert np.isnan(table.loc["Effusion", "PYLON ours"])  # a class of the paper alone
    assert table.loc["Effusion", "PYLON paper"] == 0.54
    columns = [name for name in table if name.endswith(" ours")]
    assert columns == ["CAM ours", "Grad-CAM ours", "FPN ours", "PYLON ours"]
    assert table.loc["Mass", ["best fixed point", "ceiling, stride 4"]].tolist() == [1, 1]
    turned = tables.table_by_class(frame.iloc[::-1], None, ("main", "others"))
    assert [*turned] == columns  # one order, whatever the rows'


@pytest.fixture
def transfer(runs):
    phases, kinds = {"one": ("all",), "two": ("decoder", "all")}, {"arm": "transfer"}
    values = {("one", "", 0): 0.1, ("one", "k", 0): 0.2, ("two", "k", 0): 0.3}
    values |= {("one", "", 1): 0.1, ("one", "k", 1): 0.3, ("two", "k", 1): 0.6}
    records = [
        runs.record({"point_macro": value}, phases=phases[many], source=source, seed=seed, **kinds)
        for (many, source, seed), value in values.items()
    ]
    records.append(runs.record({"point_macro": 0.9}, arm="budget", phases=("all",), source="k"))
    return tidy([swept(*records, data="vindr")])


def test_trainings_are_apart_and_their_gain_is_paired_by_seed(transfer):
    by_class = tables.table_by_class(transfer, printed_table(3), "transfer").loc[MACRO]
    columns = [f"PYLON, transfer, two phases {whose}" for whose in ("ours", "paper")]
    assert by_class[columns].tolist() == pytest.approx([0.45, 0.56])
    table = tables.phases_table(transfer, {3: printed_table(3), 4: printed_table(4)}).set_index("training")
    assert table.index.tolist()[1:] == ["transfer, one phase", "transfer, two phases", tables.LONGER]
    row = table.loc["transfer, two phases"]
    assert row[["mean", "paper", "gain", "paper gain"]].tolist() == pytest.approx([0.45, 0.56, 0.2, 0.07])
    # differences .1 and .3: .2 ± 12.706 · .1
    assert row[["gain low", "gain high"]].tolist() == pytest.approx([0.2 - 1.2706, 0.2 + 1.2706], abs=1e-3)
    assert table.loc[tables.LONGER, "mean"] == 0.9
    assert np.isnan(table.loc[tables.LONGER, "paper"])
    assert table["gain"].notna().sum() == 1


def test_setup_says_what_was_trained_and_from_where(frame, runs):
    row = tables.setup_table(frame).set_index("comparison").loc["main"]
    assert row[["models", "failed"]].tolist() == [4, 1]
    assert row[["trained", "phases", "from", "images"]].tolist() == ["decoder", 1, "packaged weights", 90]
    changes = ({"phases": ("decoder", "all"), "source": "k"}, {"phases": ("all",), "train_from": 0})
    table = tables.setup_table(tidy([swept(*(runs.record(metrics(0, 0), **change) for change in changes))]))
    assert table["trained"].tolist() == ["decoder and stages 3 to 4", "decoder and encoder"]
    assert table["from"].tolist() == ["the model of comparison source", "packaged weights"]


def test_seeds_masked_out_area_and_ablations(frame):
    seeds = tables.seeds_table(frame).set_index(["method", "of"])
    row = seeds.loc[("PYLON", "macro"), ["mean", "seed 0", "seed 1", "sd"]]
    assert row.tolist() == pytest.approx([0.5, 0.6, 0.4, 0.2 / np.sqrt(2)])
    assert np.isnan(seeds.loc[("FPN", "macro"), "sd"])
    masked = tables.masked_table(frame).set_index("method")
    assert masked.index.tolist() == ["FPN", "PYLON"]  # the baseline's was not measured
    row = masked.loc["PYLON", ["models", "macro avg.", "already negative", "passes, in lockstep"]]
    assert row.tolist() == pytest.approx([2, 0.4, 0.5, 20])
    assert np.isnan(masked.loc["FPN", "macro avg."])
    table = tables.ablation_table(frame, ablations()).set_index(["part", "model"])
    row = table.loc[("number of UPs, proposed", "PYLON")]
    assert row[["mean", "n", "paper"]].tolist() == pytest.approx([0.5, 2, 0.6])
    assert table.loc[("head, AUROC", "PYLON"), "mean"] == pytest.approx(0.8)
    assert table.loc[("global average pool", "PAN"), ["n", "paper", "paper sd"]].tolist() == [0, 0.37, 0.16]


def test_the_hits_of_folds_are_joined(runs):
    parts = [([1, 0, 1], PAIRS[:3]), ([0], PAIRS[3:])]
    records = [runs.pointed(*part, fold=fold, folds=2) for fold, part in enumerate(parts)]
    records.append(runs.pointed([1], PAIRS[3:], fold=1, folds=2, seed=1))  # its other fold is missing
    (row,) = tables.pooled_folds(swept(*records)).to_dict("records")
    assert (row["point/Mass"], row["point/Nodule"], row["point_weighted"]) == (pytest.approx(1 / 3), 1, 0.5)
    assert row["point_macro"] == pytest.approx(2 / 3)
    table = tables.folds_table(swept(*records))
    assert table.loc["Mass", ["images", "PYLON ours"]].tolist() == pytest.approx([4, 1 / 3])
    words = tables.folds_verdict(table)
    assert "PYLON, points into 0.67 of the boxes" in words
    assert "teach nothing" in words  # the best fixed point is in every box of Mass, and of Nodule


def test_scalars(frame, runs):
    record = runs.record({}, {"grad_cam.points_apart": np.array(2)}, method="cam")
    found = tables.scalars(frame, [record, record])
    assert found["gradcam_points_apart"] == 4
    assert found["nodule_share_pylon"] == pytest.approx(frame["nodule_share"].iloc[1:3].mean())
    assert np.isnan(found["sd_ratio_pan"])
    assert np.isnan(tables.scalars(frame)["gradcam_points_apart"])


def test_nothing_has_to_be_there(frame):
    bare, nothing = frame[["arm", "status", "method", "training", "seed"]], frame.iloc[:0]
    for some in (bare, nothing):
        assert tables.seeds_table(some).empty
        assert tables.masked_table(some).empty
        assert tables.shares_table(some).empty
        table = tables.table_by_class(some, printed_table(1), beside=baselines(images(), SIDE))
        assert not any(name.endswith(" ours") for name in table)
        assert tables.ablation_table(some, ablations())["n"].eq(0).all()
    assert tables.setup_table(nothing).empty
    assert np.isnan(interval(pd.Series([1.0]))["low"])


def test_macro_averages_are_those_of_the_printed_classes_within_rounding():
    for number in (1, 2, 3, 4):
        table = printed_table(number)
        classes = table.drop(index=[MACRO, WEIGHTED])
        assert (classes.mean() - table.loc[MACRO]).abs().max() <= 0.01 + 1e-9


def test_ablations_repeat_table_1():
    own, table = ablations(), printed_table(1)
    full = own[own["method"].isin(["pylon", "fpn", "deeplab", "li2018"]) & own["measure"].ne("AUROC")]
    assert len(full) == 7
    for row in full.to_dict("records"):
        assert row["paper"] == table.loc[MACRO, printed_name(row["method"])]


def test_sentences_are_computed():
    found = " ".join(sentences())
    assert len(sentences()) <= 6
    for words in (
        "in 1 of 50 classes",
        "strictly best in 1 of 20 classes and FPN is above it in 16",
        "strictly best in 9 of 14 classes of Table 3 (text: 10)",
        "16 of Table 4 (text: 17)",
        "Atelectasis is 0.39 (text: 0.38)",
        "weighted ones (0.46, 0.58); its macro averages are 0.49 and 0.56",
        "4,385 patients",
    ):
        assert words in found
