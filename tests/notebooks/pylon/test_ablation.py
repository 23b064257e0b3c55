"""Ablations beside the printed numbers, and one phase against two."""

import numpy as np
import pandas as pd
import pytest

from papers_lib.models.heatmap_methods import METHODS
from pylon import ablation
from pylon.arms import FAIR, PARTS, POOLS_AND_NORMS
from pylon.frame import tidy
from pylon.printed import read_numbers
from tests.notebooks.pylon.runs import CLAIMS, Runs, swept

NUMBERS = read_numbers(CLAIMS)


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path)


def test_every_part_that_is_trained_is_in_the_table():
    methods = {row.method for row in ablation.ROWS}
    assert {*PARTS, *POOLS_AND_NORMS} <= methods <= {*METHODS}


def test_means_intervals_and_printed_numbers(runs):
    points = {("pan", "others"): (0.2, 0.4, 0.6), ("pan_no_gap", "pools"): (0.5,)}
    records = [
        runs.record({"point_macro": value}, method=method, arm=arm, seed=seed)
        for (method, arm), values in points.items()
        for seed, value in enumerate(values)
    ]
    table = ablation.ablation_table(tidy([swept(*records)]), NUMBERS).set_index("model")
    row = table.loc["PAN"]
    assert row[["mean", "n", "sd", "paper", "paper sd"]].tolist() == pytest.approx([0.4, 3, 0.2, 0.37, 0.16])
    half = 4.302653 * 0.2 / np.sqrt(3)  # t of 97.5 % with two degrees of freedom
    assert row[["low", "high"]].tolist() == pytest.approx([0.4 - half, 0.4 + half], abs=1e-6)
    one = table.loc["PAN without global pools"]
    assert (one["mean"], one["n"], one["paper"]) == (0.5, 1, 0.59)
    assert np.isnan([one["low"], one["sd"]]).all()
    assert (table.loc["PYLON small", "n"] == 0).all()  # not trained
    assert table.loc["PYLON small", "paper"].tolist() == [0.62, 0.62, 0.62, 0.817]
    assert table.loc["PYLON with a global pool", "paper says"] == "worse by up to 0.05"


def test_heads_are_compared_by_auroc(runs):
    records = [
        runs.record({"auroc_macro": 0.7, "point_macro": 0.1}, method="pylon"),
        runs.record({"auroc_macro": 0.8}, method="conventional", arm="parts"),
    ]
    table = ablation.ablation_table(tidy([swept(*records)]), NUMBERS)
    heads = table[table["part"].eq("head, AUROC")].set_index("model")
    assert heads.loc["PYLON, conventional head", ["mean", "paper"]].tolist() == [0.8, 0.82]
    assert heads.loc["PYLON", ["mean", "paper"]].tolist() == [0.7, 0.819]


def phases(runs, points, **fields):
    """Two seeds of one phase and of two."""
    return [
        runs.record({"point_macro": value}, phases=trained, seed=seed, **fields)
        for trained, values in zip((("all",), ("decoder", "all")), points, strict=True)
        for seed, value in enumerate(values)
    ]


def test_two_phases_against_one_from_the_same_start(runs):
    transfer = {"arm": "transfer", "source": "k"}
    small = [
        *phases(runs, [(0.1, 0.3), (0.4, 0.5)], method="fpn", **transfer),
        *phases(runs, [(0.2, 0.2), (0.1, 0.1)], method="pylon", **transfer),
        runs.record({"point_macro": 0.9}, method="pylon", arm="transfer", phases=("all",)),
    ]
    scenes = phases(runs, [(0.5, 0.5), (0.6, 0.8)], method="cam", arm="voc")
    frame = tidy([swept(*small, data="vindr"), swept(*scenes, data="voc")])
    table = ablation.phases_table(frame, NUMBERS).set_index(["data", "method", "training"])
    fpn = table.loc[("vindr", "FPN", "transfer, two phases")]
    assert fpn["mean"] == pytest.approx(0.45)
    assert fpn["gain"] == pytest.approx(0.25)  # .3 and .2
    half = 12.7062 * 0.05  # t of 97.5 % with one degree of freedom times sd / √2
    assert fpn[["gain low", "gain high"]].tolist() == pytest.approx([0.25 - half, 0.25 + half], abs=1e-4)
    assert np.isnan(fpn["paper"])
    pylon = table.loc[("vindr", "PYLON", "transfer, two phases")]
    assert (pylon["paper"], pylon["gain"]) == (0.56, pytest.approx(-0.1))
    assert pylon["paper gain"] == pytest.approx(0.56 - 0.49)
    assert np.isnan(pylon["gain low"])  # the same in both seeds
    without = table.loc[("vindr", "PYLON", "one phase")]
    assert (without["paper"], without["n"]) == (0.42, 1)
    assert np.isnan(without["gain"])
    assert table.loc[("voc", "CAM", "two phases"), "gain"] == pytest.approx(0.2)


def test_moving_statistics_are_compared_with_the_same_one_phase(runs):
    records = phases(runs, [(0.1, 0.2), (0.4, 0.6)], method="pylon", arm="transfer", source="k")
    records += [runs.record({"point_macro": 0.5}, method="pylon", arm="transfer", source="k", seed=seed,
                            phases=("decoder", "all"), statistics="moving") for seed in (0, 1)]  # fmt: skip
    frame = tidy([swept(*records, data="vindr")])
    gained = ablation.phase_gains(frame, "pylon", "transfer_two_phase_moving")
    assert gained.tolist() == pytest.approx([0.4, 0.3])


def test_one_phase_of_as_many_epochs_as_two(runs):
    records = phases(runs, [(0.1, 0.3), (0.4, 0.5)], method="fpn", arm="transfer", source="k")
    records += [
        runs.record(
            {"point_macro": value}, method="fpn", arm="budget", source="k", phases=("all",), seed=seed
        )
        for seed, value in enumerate((0.6, 0.8))
    ]
    table = ablation.phases_table(tidy([swept(*records, data="vindr")]), NUMBERS).set_index("training")
    assert table.loc["transfer, one phase", ["mean", "n"]].tolist() == pytest.approx([0.2, 2])  # not mixed
    assert table.loc[ablation.LONGER, ["mean", "n"]].tolist() == pytest.approx([0.7, 2])
    assert table.loc["transfer, two phases", "gain"] == pytest.approx(0.25)


def test_encoders_side_by_side(runs):
    records = [
        runs.record({"point_macro": 0.4, "auroc_macro": 0.7}, method="pylon"),
        runs.record(
            {"point_macro": 0.6, "auroc_macro": 0.8},
            method="pylon",
            arm="backbone",
            backbone="efficientnet_lite2",
        ),
        runs.record({"point_macro": 0.9}, method="li2018", arm="others"),
    ]
    table = ablation.backbones_table(tidy([swept(*records)]))
    assert table[["encoder", "mean", "AUROC"]].to_numpy().tolist() == [
        ["efficientnet_lite0", 0.4, 0.7],
        ["efficientnet_lite2", 0.6, 0.8],
    ]
    assert FAIR == ("cam", "fpn", "pylon")


def test_without_runs_the_printed_numbers_stand_alone(runs):
    frame = tidy([swept(runs.record({"point_macro": 0.4}, method="unet", arm="others"))])
    assert (ablation.ablation_table(frame, NUMBERS)["n"] == 0).all()
    assert ablation.phases_table(frame, NUMBERS).empty
    assert ablation.backbones_table(frame).empty


def test_interval_of_too_few_values():
    assert ablation.interval(pd.Series(dtype=float))["n"] == 0
    same = ablation.interval(pd.Series([0.5, 0.5]))
    assert (same["mean"], same["sd"], same["n"]) == (0.5, 0, 2)
    assert np.isnan(same["low"])
