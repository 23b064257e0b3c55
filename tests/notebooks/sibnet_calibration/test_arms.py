from collections import Counter
from dataclasses import replace

import pytest

from sibnet_calibration.arms import ARMS, FIRST, Grid, runs_of
from sibnet_calibration.experiment import SibnetRun

BASE = SibnetRun(seed=0, epochs=6)
GRID = Grid(
    seeds=2,
    variant_seeds=1,
    distincts=(0.1, 10.0),
    coherents=(3.0,),
    rates=(1e-4, 1e-3),
    dropouts=(0.2, 0.5),
    mimo=(2, 3),
    saliency_epochs=8,
)


def counted(arm, grid=GRID):
    return Counter(run.setting() for run in runs_of(BASE, [arm], grid))


def test_settings_of_every_arm_by_hand():
    main = ["wbce", "cd", "cd_two_stage", "sc", "sc_two_stage", "cd_sc", "cd_sc_two_stage"]
    auc = ["auc_adam", "auc_adam_ascending", "auc_pesg", "auc_pesg_two_stage"]
    variants = {"cd_raw_two_stage": 1, "sc_published_two_stage": 1}
    assert counted("losses") == dict.fromkeys(["bce", "focal", *auc], 2)
    assert counted("saliency") == {**dict.fromkeys(main, 2), **variants}
    assert counted("mimo") == {"bce": 1, "mimo_2": 1, "mimo_3": 1}
    assert counted("rates") == {"cd": 4}
    assert counted("backbones") == {"bce": 2}
    assert counted("weights") == {"cd_two_stage": 2, "sc_two_stage": 1}
    assert counted("imbalance") == dict.fromkeys(["bce", "wbce", "focal", "auc_pesg"], 1)
    assert counted("mapping") == {"bce": 1}


def test_the_short_profile_has_the_headline_settings():
    quick = replace(GRID, quick=True)
    assert counted("losses", quick) == dict.fromkeys(["bce", "focal", "auc_pesg"], 2)
    assert counted("saliency", quick) == dict.fromkeys(["wbce", "cd_two_stage"], 2)


def test_every_run_is_another_one_and_marked_with_its_arm():
    runs = runs_of(BASE, [*ARMS], GRID)
    assert len(set(runs)) == len(runs)
    assert list(dict.fromkeys(run.arm for run in runs)) == [*ARMS]
    assert set(FIRST) < set(ARMS)


def test_stages_take_half_of_the_epochs_each_and_no_more_in_all():
    for run in runs_of(BASE, ["saliency", "weights", "losses"], GRID):
        long = 6 if run.arm == "losses" else 8
        assert run.epochs == long
        assert run.first_epochs == (long // 2 if run.setting().endswith("two_stage") else 0)
    staged = [run for run in runs_of(BASE, ["losses"], GRID) if run.first_epochs]
    assert {run.first_loss for run in staged} == {"bce"}
    assert {run.first_loss for run in runs_of(BASE, ["saliency"], GRID)} == {"wbce"}
    plain = runs_of(BASE, ["saliency"], replace(GRID, saliency_epochs=0))
    assert {run.epochs for run in plain} == {6}


@pytest.mark.parametrize("arm", ["saliency", "weights"])
def test_weights_of_the_terms(arm):
    runs = {run.setting(): run for run in runs_of(BASE, [arm], GRID)}
    if arm == "saliency":
        assert (runs["cd_sc"].distinct, runs["cd_sc"].coherent) == (1.4, 30.0)
        assert (runs["wbce"].distinct, runs["wbce"].coherent) == (0, 0)
    else:
        found = [(run.distinct, run.coherent) for run in runs_of(BASE, [arm], GRID)]
        assert found == [(0.1, 0), (10.0, 0), (0, 3.0)]


def test_arms_that_train_more_than_the_base_freeze_nothing():
    assert {run.train_from for run in runs_of(BASE, ["mimo"], GRID)} == {""}
    second, scratch = runs_of(BASE, ["backbones"], GRID)
    assert (second.backbone, second.weights, second.train_from) == (
        "efficientnet_lite2",
        "packaged",
        "blocks_4",
    )
    assert (scratch.backbone, scratch.weights, scratch.train_from) == ("efficientnet_lite0", "random", "")


def test_a_rate_and_a_dropout_that_say_the_same_are_one_run():
    found = runs_of(BASE, ["rates"], replace(GRID, rates=(BASE.learning_rate, 1e-3), dropouts=(0.0, 0.5)))
    assert [(run.learning_rate, run.dropout) for run in found] == [(3e-4, 0.0), (1e-3, 0.0), (3e-4, 0.5)]
    assert {run.epochs for run in found} == {20}
