"""Parameters and the runs that they ask for."""

from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from cam_entropy import grid
from cam_entropy.parameters import Parameters
from papers_lib.companion.parameters import resolve
from papers_lib.errors import UserError

ROOT = Path(__file__).resolve().parents[3]


def of(profile="quick", **change):
    return Parameters.of({**resolve(ROOT, "cam_entropy", profile).model_dump(), **change})


def runs_of(arm, **change):
    arms = list(dict.fromkeys(["main", arm]))
    return [run for run in grid.configs_of(of(arms=arms, **change)) if run.arm == arm]


def settings(runs):
    return {run.setting() for run in runs}


@pytest.mark.parametrize(("profile", "count"), [("smoke", 55), ("quick", 18), ("full", 152), ("paper", 6)])
def test_runs_of_each_profile(profile, count):
    (part,) = grid.plan(of(profile))
    assert len(set(part.configs)) == len({run.label() for run in part.configs}) == len(part.configs) == count
    assert list(dict.fromkeys(run.arm for run in part.configs)) == of(profile).arms
    shorter = grid.plan(of(profile).shortened())[0].configs
    assert {run.kind() for run in shorter} == {run.kind() for run in part.configs}
    assert {run.epochs for run in shorter} == {1}
    assert {run.deletion for run in part.configs if run.arm != "main"} <= {0}


def test_the_main_comparison_varies_beta_and_form_alone():
    runs = runs_of("main", seeds=4, deletion=5)
    names = ["none", "relu_0.3", "relu_3", "relu_100", "shifted_0.3", "shifted_3"]
    assert Counter(run.setting() for run in runs) == dict.fromkeys(names, 4)
    rest = {tuple(v for k, v in asdict(run).items() if k not in ("seed", "beta", "form")) for run in runs}
    assert len(rest) == 1
    assert {run.deletion for run in runs} == {5}
    assert settings(runs_of("main", betas=[0.0, 7.0], shifted_betas=[])) == {"none", "relu_7"}
    of_area = runs_of("main", measure="ca", betas=[0.0, 7.0], shifted_betas=[])
    assert settings(of_area) == {"none", "ca_relu_7"}


def test_variants_differ_from_the_main_comparison_in_one_thing():
    main = {replace(run, arm="") for run in runs_of("main", seeds=3)}
    changes = {"measures": {"measure": "ce"}, "others": {"others": 0.0}, "offset": {"form": "relu"}}
    for arm, change in changes.items():
        assert {replace(run, arm="", **change) for run in runs_of(arm)} <= main, arm
    tried = ("relu_0.3", "shifted_0.3", "shifted_3")
    assert settings(runs_of("measures")) == {
        f"{name}_{setting}" for name in ("ca", "cd") for setting in tried
    }
    assert settings(runs_of("others", others=0.5)) == {"relu_0.3_others_0.5", "shifted_0.3_others_0.5"}
    front = runs_of("front")
    assert len(settings(front)) == 2 * 5
    assert not settings(front) & {run.setting() for run in main}


TRAINED = {"backbone": "resnet50", "weights": "timm", "train_from": ""}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"side": 200}, "side.*multiple of 32"),
        ({"scene_side": 32}, "scene_side.*0 or at least 64"),
        ({"betas": [0.3]}, "betas.*0 among them"),
        ({"betas": [0.0, 1.0, 1.0000001]}, "betas.*each once"),
        ({"arms": ["front"]}, "arms.*main among them"),
        ({"arms": ["main", "offset"], "variant_seeds": 9}, "variant_seeds.*at most seeds, 3"),
        ({**TRAINED, "weights": "packaged"}, "packaged are efficientnet_lite0 and efficientnet_lite2"),
        ({"weights": "random"}, "train_from"),
        ({**TRAINED, "weights": "random", "arms": ["main", "backbone"]}, "backbone"),
        ({"train_from": "", "arms": ["main", "deeper"]}, "no deeper"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(change, words):
    with pytest.raises(UserError, match=words) as caught:
        of(**change)
    assert "\n" not in str(caught.value)
