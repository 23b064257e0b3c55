"""Values that the notebook cannot run with are refused in one line; its cell says what the model says."""

import pytest

from data_gen import chest
from papers_lib.companion import paths
from papers_lib.companion.parameters import declared
from papers_lib.errors import UserError
from papers_lib.models.classifier import pooled_classifier
from sibnet_calibration.parameters import PACKAGED, STAGES, Parameters
from tests.notebooks.sibnet_calibration.runs import parameters

FULL = {"arms": ["losses", "backbones"]}
RANDOM = {"weights": "random", "train_from": ""}
RESNET = {"backbone": "resnet18", "weights": "timm", "last_stage": "", "train_from": ""}
WRONG = [
    ({"batch_size": 1}, "batch_size"),
    ({"learning_rate": float("nan")}, "learning_rate"),
    ({"coherent": float("inf")}, "coherent"),
    ({"share": 0.0}, "share"),
    ({"bins": 0}, "bins"),
    ({"side": 80}, "side"),
    ({"device": "gpu"}, "device"),
    ({"dropouts": [1.0]}, "dropouts"),
    ({"mimo": [1]}, "mimo"),
    ({"arms": ["losses", "main"]}, "arms"),
    ({"nonsense": 1}, "nonsense"),
    ({"picture_side": 64}, "picture_side: found 64, expected at least side, which is 96"),
    ({"views": "lateral"}, "views: found 'lateral', expected frontal or all"),
    ({"distincts": [1.0, 1.0]}, "distincts: found [1.0, 1.0], expected each value once"),
    ({"arms": ["saliency"]}, "arms: found ['saliency'], expected losses among them"),
    ({"mimo": []}, "mimo: found [], expected a value in mimo, since arms has mimo"),
    ({"arms": ["losses", "rates"]}, "rates: found [], expected a value in rates or dropouts"),
    ({"arms": ["losses", "weights"]}, "distincts: found [], expected a value in distincts or coherents"),
    ({"arms": ["losses", "mapping"], "uncertain": "common"}, "uncertain: found 'common', expected report"),
    ({"saliency_epochs": 1}, "saliency_epochs: found 1, expected an epoch or more for each of two stages"),
    ({"quick_rows": False, "epochs": 2, "first_share": 0.4}, "epochs: found 2"),
    ({"last_stage": "layer4"}, "last_stage: found 'layer4', expected one of scale, stem"),
    ({"last_stage": "scale", "train_from": ""}, "last_stage: found 'scale'"),
    ({"train_from": "blocks_5"}, "train_from: found 'blocks_5', expected a stage not after last_stage"),
    ({"weights": "random"}, "train_from: found 'blocks_4', expected empty, since weights is random"),
    ({"backbone": "resnet18"}, "backbone: found 'resnet18', expected one of efficientnet_lite0"),
    (FULL, "backbones: found [], expected a value in backbones"),
    ({"backbones": ["efficientnet_lite0"]}, "backbones: found ['efficientnet_lite0'], expected none of them"),
    ({"backbones": ["resnet18"]}, "backbones: found ['resnet18'], expected some of efficientnet_lite0"),
    ({"backbones": ["random"], **RANDOM}, "backbones: found ['random'], expected no random"),
    ({**RESNET, "backbones": ["resnet1818"]}, "backbones: timm has no network 'resnet1818'"),
    ({**RESNET, "last_stage": "layer3", "train_from": "blocks_4"}, "train_from: found 'blocks_4'"),
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


@pytest.mark.parametrize(
    "changes",
    [
        RANDOM,
        {"last_stage": "blocks_6", "train_from": "blocks_6"},
        {"calibration": "train", "views": "all", "arms": ["losses", "mapping"]},
        {**RESNET, "last_stage": "layer3", "train_from": "layer3"},
        {**RESNET, **FULL, "backbone": "densenet121", "backbones": ["resnet101", "vgg19", "random"]},
    ],
)
def test_values_that_make_sense_pass(changes):
    parameters(**changes)


def test_folders_with_data(chexpert, tmp_path):
    original = str(next(chexpert.store.root.parent.glob("chest-chexpert-*")))
    parameters(data_root=original, picture_side=64, views="lateral", arms=["losses", "mapping"])
    with pytest.raises(UserError, match=r"arms: .* expected no imbalance"):
        parameters(data_root=original, arms=["losses", "imbalance"])
    nih = tmp_path / "nih"
    chest.write(nih, chest.ChestSpec(train_val=2, test=2, seed=1000, side=64))
    parameters(data_root=str(nih))
    for changes in ({"arms": ["losses", "mapping"]}, {"uncertain": "zeros"}, {"views": "lateral"}):
        with pytest.raises(UserError, match=next(iter(changes))):
            parameters(data_root=str(nih), **changes)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"data_root: .*found no data set"):
        parameters(data_root=str(tmp_path / "empty"))
    header = "Path,Sex,Age,Frontal/Lateral,AP/PA,Edema"
    table = tmp_path / "release/train.csv"
    table.parent.mkdir()
    table.write_text(f"{header}\nCheXpert/train/patient00001/study1/view1_frontal.jpg,Male,40,Frontal,AP\n")
    with pytest.raises(UserError, match=r"data_root: .*train\.csv line 2: found 5 values, expected 6"):
        parameters(data_root=str(table.parent))


def test_the_cell_s_comments_are_the_descriptions_and_its_values_are_those_of_quick():
    cell = declared(paths.notebook_path(paths.repo_root(), "sibnet_calibration"))
    helps = {name: field.description for name, field in Parameters.model_fields.items()}
    assert {name: parameter.help for name, parameter in cell.items()} == helps
    for profile in paths.PROFILES:
        parameters(profile)


def test_stages_are_those_of_the_network():
    import torch

    model = pooled_classifier(PACKAGED[0], 2, generator=torch.Generator(), weights="random")
    assert tuple(name for name, _ in model.features.named_children()) == STAGES
