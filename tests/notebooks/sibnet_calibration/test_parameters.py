"""Values that the notebook cannot run with are refused in one line."""

import pytest

from data_gen import chest
from papers_lib.companion import paths
from papers_lib.errors import UserError
from sibnet_calibration.parameters import Parameters
from tests.notebooks.sibnet_calibration.runs import parameters

RANDOM = {"weights": "random", "train_from": ""}
RESNET = {"backbone": "resnet18", "weights": "timm", "last_stage": "", "train_from": ""}
WRONG = [
    ({"batch_size": 1}, "batch_size"),
    ({"coherent": float("inf")}, "coherent"),
    ({"side": 80}, "side"),
    ({"mimo": [1]}, "mimo"),
    ({"arms": ["losses", "main"]}, "arms"),
    ({"nonsense": 1}, "nonsense"),
    ({"picture_side": 64}, "picture_side: found 64, expected at least side, which is 96"),
    ({"views": "lateral"}, "views: found 'lateral', expected frontal or all"),
    ({"distincts": [1.0, 1.0]}, "distincts: found [1.0, 1.0], expected each value once"),
    ({"arms": ["saliency"]}, "arms: found ['saliency'], expected losses among them"),
    ({"arms": ["losses", "mapping"], "uncertain": "common"}, "uncertain: found 'common', expected report"),
    ({"saliency_epochs": 1}, "saliency_epochs: found 1, expected an epoch or more for each of two stages"),
    ({"quick_rows": False, "epochs": 2, "first_share": 0.4}, "epochs: found 2"),
    ({"last_stage": "layer4"}, "last_stage: found 'layer4', expected one of scale, stem"),
    ({"train_from": "blocks_5"}, "train_from: stage: expected one of scale, stem"),
    ({"weights": "random"}, "train_from: found 'blocks_4', expected empty, since weights is random"),
    ({"backbone": "resnet18"}, "backbone: found 'resnet18', expected of efficientnet_lite0"),
    ({"backbones": ["efficientnet_lite0"]}, "backbones: found ['efficientnet_lite0'], expected none of them"),
    ({**RESNET, "backbones": ["resnet1818"]}, "timm has no network 'resnet1818'"),
    ({"data_root": "/no/such/folder"}, "data_root: found '/no/such/folder', expected a folder that is there"),
]


@pytest.mark.parametrize(
    ("changes", "message"), WRONG, ids=lambda one: next(iter(one)) if isinstance(one, dict) else ""
)
def test_each_wrong_value_is_one_line_that_names_it(changes, message):
    given = {**parameters().model_dump(), **changes}
    with pytest.raises(UserError) as caught:
        Parameters.of(given)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_values_that_make_sense_pass():
    for profile in paths.PROFILES:
        parameters(profile)
    for changes in (RANDOM, {**RESNET, "last_stage": "layer3", "train_from": "layer3"}):
        parameters(**changes)


def test_folders_with_data(chexpert, tmp_path):
    original = str(next(chexpert.store.root.parent.glob("chest-chexpert-*")))
    parameters(data_root=original, picture_side=64, views="lateral", arms=["losses", "mapping"])
    nih = tmp_path / "nih"
    chest.write(nih, chest.ChestSpec(train_val=2, test=2, seed=1000, side=64))
    parameters(data_root=str(nih))
    (tmp_path / "empty").mkdir()
    for changes, message in (
        ({"data_root": original, "arms": ["losses", "imbalance"]}, "arms: .* expected no imbalance"),
        ({"data_root": str(nih), "arms": ["losses", "mapping"]}, "arms: .* expected no mapping"),
        ({"data_root": str(nih), "views": "lateral"}, "views: "),
        ({"data_root": str(tmp_path / "empty")}, "data_root: .*found no data set"),
    ):
        with pytest.raises(UserError, match=message):
            parameters(**changes)
