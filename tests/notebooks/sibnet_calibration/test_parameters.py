import time
from pathlib import Path

import pytest

from data_gen import chest
from papers_lib.companion import paths, profiles
from papers_lib.errors import UserError
from papers_lib.models.classifier import pooled_classifier
from sibnet_calibration import arms
from sibnet_calibration import parameters as module
from sibnet_calibration.parameters import STAGES, check

QUICK = {
    **{"profile": "quick", "device": "auto", "jobs": 0, "data_root": "", "data_note": ""},
    **{"arms": ["losses", "saliency", "mimo"], "quick_rows": True, "seeds": 2, "variant_seeds": 2},
    **{"train_images": 1500, "valid_images": 3000, "data_seed": 0, "rare_odds": 0.25},
    **{"picture_side": 128, "side": 96, "uncertain": "report", "calibration": "valid"},
    **{"calibration_share": 0.3333, "views": "frontal", "backbone": "efficientnet_lite0"},
    **{"weights": "packaged", "last_stage": "blocks_4", "train_from": "blocks_4", "epochs": 6},
    **{"saliency_epochs": 6, "long_epochs": 20, "batch_size": 32, "learning_rate": 3.0e-4},
    **{"weight_decay": 1.0e-5, "pesg_rate": 1.0, "gamma": 2.0, "margin": 1.0, "distinct": 1.4},
    **{"coherent": 30.0, "share": 0.25, "distincts": [], "coherents": [], "rates": [], "dropouts": []},
    **{"mimo": [2], "repetition": 4, "backbones": [], "mixed": False, "compiled": False},
}
FULL = {
    **QUICK,
    **{"arms": [*module.ARMS], "quick_rows": False, "distincts": [0.1, 10], "coherents": [3.0]},
    **{"rates": [1e-4, 1e-3], "dropouts": [0.0, 0.5], "mimo": [2, 3]},
    "backbones": ["efficientnet_lite2", "random"],
}
WRONG = [
    ({"seeds": 0}, "seeds: found 0, expected at least 1"),
    ({"variant_seeds": -1}, "variant_seeds: found -1"),
    ({"epochs": 0}, "epochs: found 0"),
    ({"repetition": 0}, "repetition: found 0"),
    ({"batch_size": 1}, "batch_size: found 1, expected at least 2"),
    ({"valid_images": 2}, "valid_images: found 2"),
    ({"jobs": -1}, "jobs: found -1"),
    ({"learning_rate": float("nan")}, "learning_rate: found nan, expected a finite number above 0"),
    ({"pesg_rate": 0.0}, "pesg_rate: found 0.0"),
    ({"coherent": float("inf")}, "coherent: found inf"),
    ({"gamma": -1.0}, "gamma: found -1.0, expected a finite number of at least 0"),
    ({"weight_decay": float("nan")}, "weight_decay: found nan"),
    ({"calibration_share": 1.0}, "calibration_share: found 1.0"),
    ({"share": 1.5}, "share: found 1.5, expected a number above 0, at most 1"),
    ({"rare_odds": 0.0}, "rare_odds: found 0.0"),
    ({"side": 80}, "side: found 80, expected a multiple of 32 of at least 64"),
    ({"side": 32}, "side: found 32"),
    ({"picture_side": 64}, "picture_side: found 64, expected at least side, which is 96"),
    ({"device": "gpu"}, "device: found 'gpu', expected one of auto, cpu, cuda"),
    ({"weights": "imagenet"}, "weights: found 'imagenet'"),
    ({"uncertain": "ignore"}, "uncertain: found 'ignore', expected one of report, common, zeros, ones"),
    ({"calibration": "test"}, "calibration: found 'test'"),
    ({"views": "lateral"}, "views: found 'lateral', expected frontal or all"),
    ({"distincts": [1.0, 1.0]}, "distincts: found [1.0, 1.0], expected numbers, each once"),
    ({"coherents": ["3"]}, "coherents: found ['3']"),
    ({"rates": [0.0]}, "rates: found [0.0], expected finite numbers above 0"),
    ({"dropouts": [1.0]}, "dropouts: found [1.0], expected numbers of at least 0, below 1"),
    ({"mimo": [1]}, "mimo: found [1], expected whole numbers of at least 2, each once"),
    ({"mimo": []}, "mimo: found [], expected a value in mimo, since arms has mimo"),
    ({"arms": []}, "arms: found []"),
    ({"arms": ["losses", "losses"]}, "arms: found ['losses', 'losses']"),
    ({"arms": ["losses", "main"]}, "arms: found ['losses', 'main'], expected some of losses, saliency"),
    ({"arms": ["saliency"]}, "arms: found ['saliency'], expected losses among them"),
    ({"arms": ["losses", "rates"]}, "rates: found [], expected a value in rates or dropouts"),
    ({"arms": ["losses", "weights"]}, "distincts: found [], expected a value in distincts or coherents"),
    (
        {"arms": ["losses", "mapping"], "uncertain": "common"},
        "arms: found ['losses', 'mapping'], expected no mapping, since uncertain is common: its comparison is",
    ),
    ({"saliency_epochs": 1}, "saliency_epochs: found 1, expected at least 2"),
    ({"quick_rows": False, "epochs": 1}, "epochs: found 1, expected at least 2"),
    ({"last_stage": "layer4"}, "last_stage: found 'layer4', expected one of scale, stem"),
    ({"last_stage": "scale", "train_from": ""}, "last_stage: found 'scale'"),
    ({"train_from": "blocks_9"}, "train_from: found 'blocks_9'"),
    ({"train_from": "blocks_5"}, "train_from: found 'blocks_5', expected a stage not after last_stage"),
    ({"weights": "random"}, "train_from: found 'blocks_4', expected \"\" (all), since weights is random"),
    ({"backbone": "resnet18"}, "weights: found 'packaged', expected timm or random"),
    (
        {"arms": ["losses", "backbones"], "backbones": []},
        "backbones: found [], expected a value in backbones",
    ),
    (
        {"backbones": ["efficientnet_lite0"]},
        "backbones: found ['efficientnet_lite0'], expected names, each once",
    ),
    ({"backbones": ["random", "random"]}, "backbones: found ['random', 'random'], expected names"),
    ({"backbones": ["resnet18"]}, "backbones: found ['resnet18'], expected some of efficientnet_lite0"),
    (
        {"backbones": ["random"], "weights": "random", "train_from": ""},
        "backbones: found ['random'], expected no random, since weights is random",
    ),
    (
        {"backbones": ["resnet1818"], "weights": "timm", "last_stage": "", "train_from": ""},
        "backbones: timm has no network 'resnet1818'",
    ),
    (
        {"backbones": ["resnet18"], "weights": "timm"},
        "last_stage: found 'blocks_4', expected one of scale, stem, layer1",
    ),
    ({"backbone": "resnet1818", "weights": "timm"}, "backbone: timm has no network 'resnet1818'"),
    (
        {"backbone": "resnet18", "weights": "timm", "last_stage": "layer3"},
        "train_from: found 'blocks_4', expected one of scale, stem",
    ),
    ({"backbone": "resnet18", "weights": "timm", "last_stage": "layer9"}, "last_stage: found 'layer9'"),
    ({"data_root": "/no/such/folder"}, "data_root: found '/no/such/folder', expected a folder that is there"),
]


@pytest.mark.parametrize(
    ("changes", "message"), WRONG, ids=[f"{next(iter(one[0]))}-{i}" for i, one in enumerate(WRONG)]
)
def test_each_wrong_value_is_one_line(changes, message):
    with pytest.raises(UserError) as caught:
        check({**QUICK, **changes})
    assert str(caught.value).startswith(f"parameter {message}")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"last_stage": "", "train_from": "conv_head"},
        {"weights": "random", "train_from": ""},
        {"last_stage": "blocks_6", "train_from": "blocks_6"},
        {"calibration": "train", "views": "all"},
        {"arms": ["losses", "mapping"]},
        {"uncertain": "common"},
        {"arms": ["losses"], "mimo": []},
        {"backbone": "resnet18", "weights": "timm", "last_stage": "layer3", "train_from": "layer3"},
        {"backbone": "efficientnet_lite2", "epochs": 1},
        {
            **{"backbone": "densenet121", "backbones": ["resnet101", "vgg19", "random"], "weights": "timm"},
            **{"last_stage": "", "train_from": "", "arms": ["losses", "backbones"]},
        },
    ],
)
def test_values_that_make_sense_pass(changes):
    check({**QUICK, **changes})


def test_all_arms_pass_at_once_and_in_no_time():
    start = time.process_time()
    check(FULL)
    assert time.process_time() - start < 0.1
    check({})


def test_folders_with_data(chexpert, tmp_path):
    original = next(chexpert.store.root.parent.glob("chest-chexpert-*"))
    check({**QUICK, "data_root": str(original), "picture_side": 64, "views": "lateral"})
    given = {**QUICK, "data_root": str(original), "arms": ["losses", "imbalance"]}
    with pytest.raises(UserError, match=r"parameter arms: .* expected no imbalance, since data_root is set"):
        check(given)
    check({**given, "arms": ["losses", "mapping"]})
    chest.write(tmp_path / "nih", chest.ChestSpec(train_val=2, test=2, seed=1000, side=64))
    check({**QUICK, "data_root": str(tmp_path / "nih")})
    with pytest.raises(UserError, match=r"parameter arms: .* expected no mapping"):
        check({**QUICK, "data_root": str(tmp_path / "nih"), "arms": ["losses", "mapping"]})
    with pytest.raises(UserError, match=r"parameter uncertain: found 'zeros', expected report \(no effect\)"):
        check({**QUICK, "data_root": str(tmp_path / "nih"), "uncertain": "zeros"})
    with pytest.raises(UserError, match=r"parameter views: found 'lateral', expected frontal or all"):
        check({**QUICK, "data_root": str(tmp_path / "nih"), "views": "lateral"})
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"parameter data_root: .*found no data set"):
        check({**QUICK, "data_root": str(tmp_path / "empty")})


@pytest.mark.parametrize("profile", paths.PROFILES)
def test_every_profile_of_the_notebook_passes_and_is_covered(profile):
    parameters = profiles.resolve(paths.repo_root(), "sibnet_calibration", profile)
    check(parameters)
    assert set(parameters) <= {*QUICK}


def test_a_table_that_was_cut_off(tmp_path):
    header = "Path,Sex,Age,Frontal/Lateral,AP/PA,Edema"
    rows = "CheXpert/train/patient00001/study1/view1_frontal.jpg,Male,40,Frontal,AP,1.0"
    table = tmp_path / "release/train.csv"
    table.parent.mkdir()
    table.write_text(f"{header}\n{rows}\n")
    check({**QUICK, "data_root": str(tmp_path)})
    table.write_text(f"{header}\n{rows}\n{rows[:-4]}")
    with pytest.raises(UserError) as caught:
        check({**QUICK, "data_root": str(tmp_path)})
    expected = f"parameter data_root: {table} line 3: found 5 values, expected 6 as in the header"
    assert str(caught.value) == expected


def test_names_are_those_of_the_arms_and_of_the_network():
    import torch

    assert {*module.ARMS} == {*arms.ARMS}
    assert module.SCRATCH == arms.SCRATCH
    model = pooled_classifier(module.PACKAGED[0], 2, generator=torch.Generator(), weights="random")
    assert tuple(name for name, _ in model.features.named_children()) == STAGES


def test_nothing_heavy_is_imported():
    text = Path(module.__file__).read_text().split("def _look_up")[0]
    assert "import torch" not in text
