"""The grid: which models each comparison has, on which set, and their names."""

from collections import Counter
from dataclasses import replace

import pytest

from sibnet_calibration.grid import NAMES, name, plan, runs_of
from tests.notebooks.sibnet_calibration.runs import parameters

ARMS = ["losses", "saliency", "mimo", "rates", "backbones", "weights", "imbalance", "mapping"]
LISTS = {"distincts": [0.1, 10.0], "coherents": [3.0], "rates": [1e-4, 1e-3], "dropouts": [0.2, 0.5]}
LISTS |= {"mimo": [2, 3], "backbones": ["efficientnet_lite2", "random"]}
GIVEN = parameters(arms=ARMS, quick_rows=False, seeds=2, epochs=6, saliency_epochs=8, **LISTS)


def counted(arm, given=GIVEN):
    return Counter(run.setting() for run in runs_of(arm, given))


def test_settings_of_every_comparison_by_hand():
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
    quick = GIVEN.model_copy(update={"quick_rows": True})
    assert counted("losses", quick) == dict.fromkeys(["bce", "focal", "auc_pesg"], 2)
    assert counted("saliency", quick) == dict.fromkeys(["wbce", "cd_two_stage"], 2)


def test_what_the_comparisons_vary():
    for run in [*runs_of("saliency", GIVEN), *runs_of("weights", GIVEN), *runs_of("losses", GIVEN)]:
        long = 6 if run.arm == "losses" else 8
        assert run.epochs == long
        assert run.first_epochs == (long // 2 if run.setting().endswith("two_stage") else 0)
    weights = [(run.distinct, run.coherent) for run in runs_of("weights", GIVEN)]
    assert weights == [(0.1, 0), (10.0, 0), (0, 3.0)]
    assert {(run.train_from, run.epochs) for run in runs_of("mimo", GIVEN)} == {("", 8)}
    second, scratch = runs_of("backbones", GIVEN)
    assert (second.backbone, second.train_from) == ("efficientnet_lite2", "blocks_4")
    assert (scratch.backbone, scratch.weights, scratch.train_from) == ("efficientnet_lite0", "random", "")
    once = GIVEN.model_copy(update={"rates": [GIVEN.learning_rate, 1e-3], "dropouts": [0.0, 0.5]})
    rates = [(run.learning_rate, run.dropout) for run in runs_of("rates", once)]
    assert rates == [(3e-4, 0), (1e-3, 0), (3e-4, 0.5)]


@pytest.mark.parametrize(
    ("profile", "models"),
    [
        ("quick", {"first": 17}),
        ("smoke", {"first": 22, "rare": 4, "common": 1, "zeros": 1, "ones": 1}),
        ("full", {"first": 110, "rare": 12, "common": 3, "zeros": 3, "ones": 3}),
        ("paper", {"first": 69}),
    ],
)
def test_the_plan_of_every_profile(profile, models):
    chosen = parameters(profile)
    parts = plan(chosen)
    assert {part.name: len(part.configs) for part in parts} == models
    runs = [(part.name, run) for part in parts for run in part.configs]
    assert len(set(runs)) == len(runs)
    for part in parts:
        changes = {"odds": chosen.rare_odds} if part.name == "rare" else {"uncertain": part.name}
        assert part.data == replace(parts[0].data, **({} if part.name == "first" else changes))
    least = plan(chosen.shortened())
    assert [part.name for part in least] == [*models]
    kinds = {run.kind() for part in parts for run in part.configs}
    assert {run.kind() for part in least for run in part.configs} == kinds


def test_every_setting_has_a_name_of_its_own_and_an_unknown_one_keeps_its_words():
    assert len(set(NAMES.values())) == len(NAMES)
    known = {run.setting() for arm in ARMS for run in runs_of(arm, GIVEN)}
    assert {setting for setting in known if not setting.startswith("mimo")} <= NAMES.keys()
    assert name("focal_new") == "focal new"
