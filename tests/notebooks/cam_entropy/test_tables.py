import math
from dataclasses import replace

import numpy as np
import pytest
from torch import nn

from cam_entropy import figures, printed, tables
from papers_lib.sweep import records_frame


@pytest.fixture
def records(entropy_record):
    """Two seeds of main, one of the other comparisons, one diverged; every measure is set by hand."""

    def make(accuracy, ce_norm, ca, cd, first, last, **fields):
        metrics = {"test_accuracy": accuracy, "balanced_accuracy": accuracy - 0.1, "dead_share": 0.25}
        metrics |= {"ce_norm": ce_norm, "ce_norm_all": 1.0, "ca": ca, "cd": cd, "cv": math.sqrt(cd)}
        metrics |= dict.fromkeys(tables.BETTER, ca / 10) | {"others_heat": cd}
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


def test_changes_are_against_beta_0_of_the_same_seed_and_network(records, frame):
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
    for arm in ("others", "offset"):  # so do these
        moved = [
            replace(one, config=replace(one.config, arm=arm)) if one.config.beta else one for one in records
        ]
        assert tables.tidy(records_frame(moved), moved).loc[2, "area_change"] == pytest.approx(1 / 2 - 1)
    some = [record for record in records if record.config.seed == 1 or record.config.beta]
    alone = tables.tidy(records_frame(some), some)
    assert alone.loc[alone["seed"].eq(0), "area_change"].isna().all()  # no beta 0 of that seed


def test_settings_by_hand(frame):
    table = tables.settings_table(frame).set_index("loss")
    assert table.index.tolist() == ["β = 0", "β = 0.3, ReLU"]  # the diverged one has no mean
    row = table.loc["β = 0.3, ReLU"]
    assert row[["models", "accuracy", "lowest", "highest"]].tolist() == pytest.approx([2, 0.8, 0.7, 0.9])
    assert row[["balanced", "ce / ln HW", "ca", "σ²/μ²"]].tolist() == pytest.approx([0.7, 0.3, 2.0, 2.5])
    assert row[["dead maps", "ce / ln HW, dead as uniform"]].tolist() == [0.25, 1.0]
    assert "comparison" not in table
    further = tables.further_table(frame, ["deeper", "main"]).set_index(["comparison", "loss"])
    columns = ["heat on the part", "other classes' heat"]
    assert further.loc[("deeper", "β = 0"), columns].tolist() == pytest.approx([0.8, 2.0])
    assert further.loc[("main", "β = 0"), columns].tolist() == pytest.approx([0.3, 0.75])
    assert "lowest" not in further
    assert tables.further_table(frame, ["deeper"])["ca"].tolist() == [8.0, 6.0]


def test_better_maps_stand_above_what_needs_no_model(frame):
    baselines = {"part_mass": {"chance": 0.08, "ceiling": 0.6}, "object_mass": {"prior": 0.7}}
    table = tables.better_table(frame.assign(scene_mass=np.nan), baselines).set_index("loss")
    assert table.index.tolist()[2:] == ["chance", "class's mean (prior)", "ceiling of the stride"]
    assert "heat in the boxes, scenes" not in table
    assert table["heat on the part"].tolist() == pytest.approx([0.3, 0.2, 0.08, np.nan, 0.6], nan_ok=True)
    assert table.loc["class's mean (prior)", "heat on the object"] == 0.7


def test_one_plus_m_beside_the_printed_sample(frame):
    numbers = printed.read_numbers()
    lifted = frame.assign(cd_lifted=range(len(frame)), max_map=2.0, min_map=1.0)
    table = tables.lifted_table(lifted, numbers["table1"], ["main"]).set_index(["comparison", "loss"])
    # a quarter of the maps is dead: 1 + .75 x 2
    assert table.loc[("main", "β = 0"), ["max", "min", "σ²/μ²"]].tolist() == [2.5, 1.75, 0.5]
    assert table.loc[("paper's sample", "β = 100"), "(max − min) / min"] == pytest.approx(2.220 / 1.039 - 1)
    values = tables.scalars(lifted)
    assert values["lifted_dispersion_main"] == 0.5
    assert math.isnan(values["lifted_max_offset"])
    assert tables.scalars(lifted.assign(arm="offset", setting="offset_100"))["lifted_max_offset"] == 3


def test_alpha_does_not_move_with_the_activations_behind_relu_and_would_behind_a_smooth_unit():
    assert tables.alpha_slope() == 0
    assert tables.alpha_slope(nn.Tanh) > 1e-4


def test_bounds_of_the_printed_numbers_hold_for_random_maps():
    rng = np.random.default_rng(0)
    maps = 1 + rng.random((500, 36)) ** rng.uniform(0.1, 8, (500, 1))
    low, high = maps.min(1), maps.max(1)
    p = maps / maps.sum(1, keepdims=True)
    assert (maps.var(1) / maps.mean(1) ** 2 <= printed.largest_dispersion(low, high)).all()
    at = np.indices((6, 6)).reshape(2, 36)
    for share, a, b in zip(p, low, high, strict=True):
        assert -(share * np.log(share)).sum() / np.log(36) >= printed.least_entropy_share(a, b, 36)
        area = np.sqrt(np.linalg.det(np.cov(at, aweights=share, bias=True)))
        assert area >= printed.least_area(a, b, 6)
    text = printed.deviations(printed.read_numbers())
    for words in ("0.019 and 0.151", "0.997 and 0.980", "2.21 and 1.37", "-10% (text: -20%)"):
        assert words in text, words


def test_curves_are_means_over_live_maps_of_the_setting_asked_for(entropy_record):
    def made(dead=(0.0, 0.5), **fields):
        names = [*(f"live_{name}" for name in ("ce", "ca", "cd", "cv")), "dead_share", "accuracy"]
        names += [f"test_{name}" for name in ("ce", "ca", "cd", "cv", "dead_share", "accuracy")]
        values = {name: [1.0 + i, 2.0 + i] for i, name in enumerate(names)} | {"dead_share": list(dead)}
        columns = sorted(values)
        arrays = {"curves": np.array([values[c] for c in columns]).T, "curve_names": np.array(columns)}
        return entropy_record({}, arrays, **fields)

    records = [
        made(),
        made(seed=1, dead=(0.0, 1.0)),
        made(beta=3.0, form="shifted"),
        made(arm="deeper", seed=2),
    ]
    long = figures.curves_long(records, "none").set_index(["panel", "split", "epoch", "seed"])["value"]
    assert len(long) == 2 * 2 * 2 * len(figures.PANELS)
    assert long["entropy", "train", 1, 0] == 1.0
    assert long["entropy", "train", 2, 0] == pytest.approx(2.0 / 0.5)
    assert not math.isfinite(long["area, cells", "train", 2, 1])  # every map was dead
    assert long["entropy", "test", 2, 0] == 2.0 + 6
    assert set(figures.epochs(records)["loss"]) == {"β = 0", "β = 3, M − min M"}
    assert figures.curves(records, "relu_7") is None
