from collections import Counter
from dataclasses import asdict, replace

import pytest

from cam_entropy.arms import ARMS, Grid, runs_of
from cam_entropy.experiment import EntropyRun

BASE = EntropyRun(seed=9, beta=7.0, epochs=5, learning_rate=2e-3)
GRID = Grid(seeds=4, variant_seeds=2)


def changed(run, *names):
    """The fields in which a run differs from the base, less ``names``."""
    base = asdict(BASE)
    return {name for name, value in asdict(run).items() if value != base[name]} - {*names}


def test_the_main_arm_varies_beta_and_form_alone():
    runs = ARMS["main"](BASE, GRID)
    assert all(changed(run) <= {"seed", "beta", "form"} for run in runs)
    settings = Counter(run.setting() for run in runs)
    names = ["none", "relu_0.3", "relu_3", "relu_100", "shifted_0.3", "shifted_3"]
    assert settings == dict.fromkeys(names, 4)
    assert {run.seed for run in runs} == {0, 1, 2, 3}


def test_seeds_of_the_arms():
    for arm, seeds in {
        "front": 2,
        "measures": 2,
        "others": 2,
        "offset": 2,
        "long": 2,
        "deeper": 2,
        "backbone": 2,
    }.items():
        runs = ARMS[arm](BASE, GRID)
        assert {run.seed for run in runs} == set(range(seeds)), arm
        assert {run.arm for run in runs} == {arm}


def test_the_front_adds_betas_in_both_forms_that_the_main_arm_lacks():
    main = {run.setting() for run in ARMS["main"](BASE, GRID)}
    front = {run.setting() for run in ARMS["front"](BASE, GRID)}
    assert len(front) == 2 * len(GRID.front_betas)
    assert not main & front
    assert all(changed(run) <= {"seed", "arm", "beta", "form"} for run in ARMS["front"](BASE, GRID))


def test_measures_differ_from_their_counterparts_of_ce_in_the_measure_alone():
    main = {replace(run, arm="") for run in ARMS["main"](BASE, GRID)}
    runs = ARMS["measures"](BASE, GRID)
    assert Counter(run.measure for run in runs) == {"ca": 6, "cd": 6}
    assert {replace(run, measure="ce", arm="") for run in runs} <= main


def test_others_differ_from_their_counterparts_in_the_other_classes_alone():
    main = {replace(run, arm="") for run in ARMS["main"](BASE, GRID)}
    runs = ARMS["others"](BASE, GRID)
    assert {run.setting() for run in runs} == {"relu_0.3_others_1", "shifted_0.3_others_1"}
    assert {replace(run, others=0.0, arm="") for run in runs} <= main


def test_the_offset_form_is_compared_with_the_printed_one():
    runs = ARMS["offset"](BASE, GRID)
    assert {run.setting() for run in runs} == {"offset_3", "offset_100"}
    main = {replace(run, arm="") for run in ARMS["main"](BASE, GRID)}
    assert {replace(run, form="relu", arm="") for run in runs} <= main


def test_fresh_runs_share_no_seed_with_any_other():
    runs = ARMS["fresh"](BASE, GRID)
    others = {run.seed for name in ARMS if name != "fresh" for run in ARMS[name](BASE, GRID)}
    assert {run.seed for run in runs} == {100, 101, 102, 103}
    assert not {run.seed for run in runs} & others
    plain, ca, pushed = {"none", "relu_0.3", "relu_100", "shifted_0.3"}, {"ca_relu_0.3"}, {"_others_1"}
    assert {run.setting() for run in runs} == plain | ca | {
        f"{form}_0.3{mark}" for form in ("relu", "shifted") for mark in pushed
    }


def test_long_runs_have_more_epochs_and_their_own_beta_zero():
    runs = ARMS["long"](BASE, GRID)
    assert {run.epochs for run in runs} == {GRID.long_factor * BASE.epochs}
    assert {run.setting() for run in runs} == {"none", "relu_100", "offset_100"}


@pytest.mark.parametrize(
    ("arm", "what"),
    [("deeper", {"train_from": "blocks_5"}), ("backbone", {"backbone": "efficientnet_lite2"})],
)
def test_arms_of_their_own_network_bring_their_own_beta_zero(arm, what):
    runs = ARMS[arm](BASE, GRID)
    assert all(changed(run, "seed", "beta", "form", "arm") == set(what) for run in runs)
    assert all(getattr(run, name) == value for run in runs for name, value in what.items())
    assert Counter(run.setting() for run in runs)["none"] == 2
    assert {run.setting() for run in runs} == {"none", "relu_100", "shifted_0.3"}


def test_no_run_of_a_grid_twice_and_labels_tell_runs_apart():
    runs = runs_of(BASE, ARMS, GRID, deletion=5)
    settings = {"main": 6}
    variants = {"front": 2 * len(GRID.front_betas), "measures": 6, "others": 2, "offset": 2}
    variants |= {"long": 3, "deeper": 3, "backbone": 3}
    settings["fresh"] = 7
    assert Counter(run.arm for run in runs) == {
        **{arm: 4 * count for arm, count in settings.items()},
        **{arm: 2 * count for arm, count in variants.items()},
    }
    assert len(set(runs)) == len(runs)
    assert len({run.label() for run in runs}) == len(runs)


def test_deletion_is_measured_in_the_main_arm_alone():
    runs = runs_of(replace(BASE, deletion=99), ["main", "front", "deeper"], GRID, deletion=5)
    assert {(run.arm, run.deletion) for run in runs} == {("main", 5), ("front", 0), ("deeper", 0)}


def test_no_arm_no_run_and_no_beta_no_setting():
    assert runs_of(BASE, [], GRID, 0) == []
    only = runs_of(BASE, ["main"], Grid(seeds=1, betas=[0.0, 100.0], shifted_betas=[]), 0)
    assert [run.setting() for run in only] == ["none", "relu_100"]
