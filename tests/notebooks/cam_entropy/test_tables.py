import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cam_entropy import tables
from papers_lib.sweep.records import records_frame

SHARPNESS = ("ce_norm", "ce_norm_all", "ca", "cd", "cv")


@pytest.fixture
def records(entropy_record):
    """Two seeds of main, one of the other arms, one diverged; every measure is set by hand."""

    def make(accuracy, ce_norm, ca, cd, first, last, **fields):
        metrics = {"test_accuracy": accuracy, "balanced_accuracy": accuracy - 0.1, "dead_share": 0.25}
        metrics |= {"ce_norm": ce_norm, "ce_norm_all": 1.0, "ca": ca, "cd": cd, "cv": math.sqrt(cd)}
        metrics |= dict.fromkeys(tables.BETTER, ca / 10) | {"others_heat": cd}
        if fields.get("arm", "main") != "main":
            metrics["deletion_gain"] = np.nan
        names = np.array([f"test_{name}" for name in ("ce", "ca", "cd")])
        curves = np.array([[first, first, first], [0.0, 0.0, 0.0], [last, last, last]])
        return entropy_record(metrics, {"curves": curves, "curve_names": names}, **fields)

    return [
        make(0.80, 0.80, 2.0, 0.5, 1.0, 2.0, seed=0),
        make(0.60, 0.70, 4.0, 1.0, 1.0, 1.0, seed=1),
        make(0.70, 0.40, 1.0, 2.0, 2.0, 1.0, seed=0, beta=0.3),
        make(0.90, 0.20, 3.0, 3.0, 2.0, 1.0, seed=1, beta=0.3),
        make(0.50, 0.60, 1.0, 1.0, 1.0, 1.0, seed=0, beta=3.0, measure="ca", arm="measures"),
        make(0.50, 0.50, 2.0, 4.0, 1.0, 1.0, seed=1, beta=1.0, form="shifted", arm="front"),
        make(0.40, 0.90, 8.0, 2.0, 1.0, 1.0, seed=0, arm="deeper", train_from="blocks_5"),
        make(0.45, 0.80, 6.0, 6.0, 1.0, 1.0, seed=0, beta=0.3, arm="deeper", train_from="blocks_5"),
        entropy_record(status="diverged", seed=0, beta=100.0),
    ]


@pytest.fixture
def frame(records):
    return tables.tidy(records_frame(records), records)


def test_changes_are_against_beta_0_of_the_same_seed_and_network(frame):
    expected = {
        # main: seed 0 against (.80, .80, 2, .5), seed 1 against (.60, .70, 4, 1)
        2: (1 / 2 - 1, 2 / 0.5, 0.4 - 0.8, 0.7 - 0.8),
        3: (3 / 4 - 1, 3 / 1, 0.2 - 0.7, 0.9 - 0.6),
        # measures and front take those of main
        4: (1 / 2 - 1, 1 / 0.5, 0.6 - 0.8, 0.5 - 0.8),
        5: (2 / 4 - 1, 4 / 1, 0.5 - 0.7, 0.5 - 0.6),
        # deeper has its own
        7: (6 / 8 - 1, 6 / 2, 0.8 - 0.9, 0.45 - 0.40),
    }
    columns = ["area_change", "dispersion_factor", "entropy_change", "accuracy_change"]
    for row, values in expected.items():
        assert frame.loc[row, columns].tolist() == pytest.approx(values), row
    assert frame.loc[[0, 1, 6], columns].to_numpy().tolist() == [[0, 1, 0, 0]] * 3
    assert frame.loc[8, columns].isna().all()


@pytest.mark.parametrize("arm", ["front", "measures", "others", "offset"])
def test_arms_on_the_network_of_main_share_its_beta_0(records, arm):
    moved = [replace(one, config=replace(one.config, arm=arm)) if one.config.beta else one for one in records]
    frame = tables.tidy(records_frame(moved), moved)
    assert frame.loc[2, "area_change"] == pytest.approx(1 / 2 - 1)
    assert frame.loc[3, "accuracy_change"] == pytest.approx(0.9 - 0.6)


def test_drift_is_from_the_first_to_the_last_epoch(frame):
    drift = ["dispersion_growth", "area_drift", "entropy_drift"]
    assert frame.loc[0, drift].tolist() == [2.0, 1.0, 1.0]
    assert frame.loc[2, drift].tolist() == [0.5, -0.5, -1.0]
    assert frame.loc[8, drift].isna().all()


def test_a_missing_beta_0_gives_no_change(records):
    some = [record for record in records if record.config.seed == 1 or record.config.beta]
    frame = tables.tidy(records_frame(some), some)
    seed_0 = frame["seed"].eq(0) & frame["status"].eq("ok")
    assert seed_0.sum() == 3
    assert frame.loc[seed_0, "area_change"].isna().all()
    seed_1 = frame["seed"].eq(1)
    assert frame.loc[seed_1, "area_change"].notna().all()


def test_settings_and_names_stand_on_failed_runs_too(frame):
    assert frame.loc[8, ["setting", "name", "status"]].tolist() == ["relu_100", "β = 100, ReLU", "diverged"]
    assert frame.loc[5, "name"] == "β = 1, M − min M"
    assert len(frame) == 9


def test_order_of_runs_changes_nothing(records, frame):
    turned = tables.tidy(records_frame(records[::-1]), records[::-1])
    pd.testing.assert_frame_equal(turned.iloc[::-1].reset_index(drop=True)[list(frame)], frame)


def test_settings_table_by_hand(frame):
    table = tables.settings_table(frame).set_index("loss")
    assert table.index.tolist() == ["β = 0", "β = 0.3, ReLU"]  # the diverged one has no mean
    row = table.loc["β = 0.3, ReLU"]
    assert row["models"] == 2
    assert row[["accuracy", "lowest", "highest"]].tolist() == pytest.approx([0.8, 0.7, 0.9])
    assert row["balanced"] == pytest.approx(0.7)
    assert row[["ce / ln HW", "ca", "σ²/μ²"]].tolist() == pytest.approx([0.3, 2.0, 2.5])
    assert row["dead maps"] == 0.25
    assert row["ce / ln HW, dead as uniform"] == 1.0
    assert "arm" not in table


def test_settings_of_several_arms_name_the_arm(frame):
    table = tables.settings_table(frame, ["main", "deeper"])
    assert table[["arm", "loss"]].to_numpy().tolist() == [
        ["main", "β = 0"],
        ["main", "β = 0.3, ReLU"],
        ["deeper", "β = 0"],
        ["deeper", "β = 0.3, ReLU"],
    ]


def test_better_table_has_the_levels_below_and_only_what_was_measured(frame):
    levels = {"part_mass": {"chance": 0.08, "ceiling": 0.6}, "object_mass": {"prior": 0.7}}
    frame = frame.assign(scene_mass=np.nan)
    table = tables.better_table(frame, levels).set_index("loss")
    assert table.index.tolist() == [
        "β = 0",
        "β = 0.3, ReLU",
        "chance",
        "class's mean (prior)",
        "ceiling of the stride",
    ]
    assert "heat in the boxes, scenes" not in table
    assert table.loc["β = 0", "heat on the part"] == pytest.approx(0.3)  # of .2 and .4
    assert table["heat on the part"].tolist()[2:] == pytest.approx([0.08, np.nan, 0.6], nan_ok=True)
    assert table.loc["class's mean (prior)", "heat on the object"] == 0.7
    assert table.loc["chance":, "deletion gain"].isna().all()


def test_levels_table():
    levels = {"part_mass": {"chance": 0.08, "ceiling": 0.6}, "scene_pointing": {"prior": 0.2}}
    table = tables.levels_table(levels)
    assert table["measure"].tolist() == ["heat on the part", "points into a box, scenes"]
    numbers = table[["chance", "prior", "ceiling"]].to_numpy()
    np.testing.assert_array_equal(numbers, [[0.08, np.nan, 0.6], [np.nan, 0.2, np.nan]])


def test_cross_table_by_hand(frame):
    table = tables.cross_table(frame, [0.3, 3.0]).set_index("loss")
    assert table.index.tolist() == ["β = 0.3, ReLU", "ca, β = 3, ReLU"]  # neither beta 0 nor 1 nor deeper
    row = table.loc["β = 0.3, ReLU"]
    assert row["ca, relative"] == pytest.approx((-1 / 2 - 1 / 4) / 2)
    assert row["σ²/μ², factor"] == pytest.approx((4 + 3) / 2)
    assert row["ce / ln HW"] == pytest.approx((-0.4 - 0.5) / 2)
    assert row["accuracy"] == pytest.approx((-0.1 + 0.3) / 2)


def test_setup_table_counts_models_settings_and_divergences(frame):
    table = tables.setup_table(frame).set_index("arm")
    assert table.loc["main", ["settings", "models", "diverged"]].tolist() == [3, 5, 1]
    assert table.loc["deeper", "trained from"] == "blocks_5"
    everything = tables.setup_table(frame.assign(train_from=""))
    assert set(everything["trained from"]) == {"the first layer"}


def test_scalars_by_hand(frame):
    expected = {"accuracy_of_beta_0": 0.7, "balanced_accuracy_of_beta_0": 0.6}  # of main: .8 and .6
    found = tables.scalars(frame)
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    printed = frame["status"].eq("ok") & frame["arm"].eq("main") & frame["setting"].eq("relu_100")
    expected_change = frame.loc[printed, "area_change"].mean()
    assert found["mean_area_change_100"] == pytest.approx(expected_change, nan_ok=True)
    lifted = frame.assign(cd_lifted=range(len(frame)), max_map=2.0)
    plain = frame["status"].eq("ok") & frame["arm"].eq("main") & frame["setting"].eq("none")
    assert tables.scalars(lifted)["lifted_dispersion_main"] == pytest.approx(np.flatnonzero(plain).mean())
    assert tables.scalars(lifted.assign(arm="offset", setting="offset_100"))["lifted_max_offset"] == 3
    nothing = tables.scalars(frame[frame["arm"].ne("main")])
    assert all(math.isnan(value) for value in nothing.values())


def test_costs_are_shown_in_words_and_order():
    names = [
        *("step_ratio_ce", "step_ratio_ca", "step_ratio_cd"),
        *("costlier_measure_ratio", "step_ratio_naive"),
    ]
    table = tables.costs_table({name: 1.0 + i for i, name in enumerate(reversed(names))})
    assert table["ratio"].tolist() == [5.0, 4.0, 3.0, 2.0, 1.0]
    assert table["step"].iloc[1] == "ca over a plain step"


def test_further_table_puts_each_setting_s_own_numbers_in_its_row(frame):
    table = tables.further_table(frame, ["deeper", "main"]).set_index(["arm", "loss"])
    assert table.loc[("deeper", "β = 0"), ["heat on the part", "other classes' heat"]].tolist() == [0.8, 2.0]
    assert table.loc[
        ("main", "β = 0"), ["heat on the part", "other classes' heat"]
    ].tolist() == pytest.approx([0.3, 0.75])
    assert "lowest" not in table
    one = tables.further_table(frame, ["deeper"])
    assert one["arm"].tolist() == ["deeper", "deeper"]
    assert one["ca"].tolist() == [8.0, 6.0]
