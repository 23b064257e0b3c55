"""What the CAM-entropy notebook cannot run with is refused in one line."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from cam_entropy import arms as cam_entropy_arms
from cam_entropy import data as cam_entropy_data
from cam_entropy.parameters import ARMS, DEEPER_FROM, STAGES, STRIDE, check
from papers_lib.companion import paths, profiles
from papers_lib.errors import UserError
from papers_lib.models.classifier import pooled_classifier

GOOD: dict[str, Any] = {
    **{"profile": "quick", "device": "auto", "jobs": 0, "data_root": "", "data_note": "", "arms": list(ARMS)},
    **{"seeds": 1, "variant_seeds": 1, "train_scenes": 8, "test_scenes": 8, "data_seed": 0, "side": 64},
    **{"scene_side": 0, "whole": False, "difficult": True, "betas": [0.0], "shifted_betas": []},
    **{"backbone": "efficientnet_lite0", "weights": "packaged", "train_from": "blocks_6", "epochs": 1},
    **{"batch_size": 1, "learning_rate": 1e-3, "mixed": False, "deletion": 0},
}
TRAINED = {"backbone": "resnet50", "weights": "timm", "train_from": "", "arms": ["main"]}
RANDOM = {**TRAINED, "weights": "random"}
SOME_ARMS = "expected some of main, front, measures, others, offset, long, fresh, deeper, backbone, each once"
BETAS = "expected finite numbers from 0 on, each once, 0 (the ordinary loss) among them"
LITE_STAGES = "stem, blocks_0, blocks_1, blocks_2, blocks_3, blocks_4, blocks_5, blocks_6, conv_head"


@pytest.mark.parametrize(
    "change",
    [
        {},
        TRAINED,
        RANDOM,
        {**TRAINED, "train_from": "layer4"},
        {"backbone": "efficientnet_lite2", "train_from": "conv_head"},
        {"side": 192, "scene_side": 384, "betas": [3.0, 0.0, 100.0], "shifted_betas": [3.0], "deletion": 48},
    ],
)
def test_what_makes_sense_is_accepted(change: dict[str, Any]) -> None:
    check({**GOOD, **change})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("seeds", 0, "found 0, expected at least 1"),
        ("variant_seeds", -3, "found -3, expected at least 1"),
        ("epochs", 0, "found 0, expected at least 1"),
        ("batch_size", 0, "found 0, expected at least 1"),
        ("train_scenes", 7, "found 7, expected at least 8"),
        ("test_scenes", 7, "found 7, expected at least 8"),
        ("jobs", -1, "found -1, expected at least 0"),
        ("data_seed", -1, "found -1, expected at least 0"),
        ("deletion", -1, "found -1, expected at least 0"),
        ("device", "tpu", "found 'tpu', expected one of auto, cpu, cuda"),
        ("weights", "imagenet", "found 'imagenet', expected one of packaged, timm, random"),
        ("learning_rate", 0.0, "found 0.0, expected a finite number above 0"),
        ("learning_rate", float("nan"), "found nan, expected a finite number above 0"),
        ("side", 0, "found 0, expected a multiple of 32 of at least 64"),
        ("side", 32, "found 32, expected a multiple of 32 of at least 64"),
        ("side", 200, "found 200, expected a multiple of 32 of at least 64"),
        ("scene_side", 32, "found 32, expected 0 or a multiple of 32 of at least 64"),
        ("scene_side", -64, "found -64, expected 0 or a multiple of 32 of at least 64"),
        ("betas", [], f"found [], {BETAS}"),
        ("betas", [0.3], f"found [0.3], {BETAS}"),
        ("betas", [0.0, -0.3], f"found [0.0, -0.3], {BETAS}"),
        ("betas", [0.0, 1.0, 1.0], f"found [0.0, 1.0, 1.0], {BETAS}"),
        ("betas", [0.0, 1.0, 1.0000001], f"found [0.0, 1.0, 1.0000001], {BETAS}"),
        ("betas", [0.0, float("inf")], f"found [0.0, inf], {BETAS}"),
        ("shifted_betas", [0.0], "found [0.0], expected finite numbers above 0, each once"),
        ("shifted_betas", [1.0, 1.0], "found [1.0, 1.0], expected finite numbers above 0, each once"),
        ("arms", [], f"found [], {SOME_ARMS}"),
        ("arms", ["main", "main"], f"found ['main', 'main'], {SOME_ARMS}"),
        ("arms", ["main", "all"], f"found ['main', 'all'], {SOME_ARMS}"),
        ("arms", ["front"], "found ['front'], expected main among them"),
        (
            "train_from",
            "layer4",
            f"found 'layer4', expected \"\" (all) or a stage of efficientnet_lite0: {LITE_STAGES}",
        ),
        (
            "train_from",
            "scale",
            f"found 'scale', expected \"\" (all) or a stage of efficientnet_lite0: {LITE_STAGES}",
        ),
    ],
)
def test_what_makes_no_sense_is_named(name: str, value: Any, message: str) -> None:
    with pytest.raises(UserError) as caught:
        check({**GOOD, name: value})
    assert str(caught.value) == f"parameter {name}: {message}"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {**TRAINED, "weights": "packaged"},
            "parameter weights: found 'packaged', expected timm or random, "
            "since only efficientnet_lite0 and efficientnet_lite2 come packaged",
        ),
        (
            {**RANDOM, "train_from": "layer4"},
            "parameter train_from: found 'layer4', expected \"\" (all), "
            "since weights is random: the frozen layers would be noise",
        ),
        (
            {**RANDOM, "arms": ["main", "backbone"]},
            "parameter arms: found ['main', 'backbone'], "
            "expected no deeper or backbone, since weights is random and these arms freeze layers",
        ),
        (
            {**TRAINED, "arms": ["main", "deeper"]},
            "parameter arms: found ['main', 'deeper'], "
            "expected no deeper, which trains from blocks_5 on: train_from trains all",
        ),
        (
            {"train_from": "blocks_5", "arms": ["main", "deeper"]},
            "parameter arms: found ['main', 'deeper'], "
            "expected no deeper, which trains from blocks_5 on: train_from is blocks_5",
        ),
    ],
)
def test_what_does_not_go_together_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        check({**GOOD, **change})
    assert str(caught.value) == message


def test_another_network_of_timm_is_looked_up() -> None:
    other = {**GOOD, **TRAINED, "backbone": "test_resnet"}
    check({**other, "train_from": "layer3"})
    with pytest.raises(UserError, match="a stage of test_resnet: stem, layer1, layer2, layer3, layer4"):
        check({**other, "train_from": "blocks_6"})
    with pytest.raises(UserError, match=r"^parameter backbone: timm has no network 'resnet5O'"):
        check({**other, "backbone": "resnet5O"})
    with pytest.raises(UserError, match=r"^parameter backbone: forward_features of VisionTransformer gives"):
        check({**other, "backbone": "test_vit"})


@pytest.mark.parametrize("backbone", ["efficientnet_lite0", "resnet18"])
def test_the_stages_listed_are_those_of_the_network(backbone: str) -> None:
    model = pooled_classifier(backbone, 2, generator=torch.Generator().manual_seed(0), weights="random")
    assert [name for name, _ in model.features.named_children()] == ["scale", *STAGES[backbone]]


def test_what_is_repeated_here_to_spare_torch_agrees() -> None:
    assert cam_entropy_data.STRIDE == STRIDE
    assert tuple(cam_entropy_arms.ARMS) == ARMS
    assert cam_entropy_arms.Grid().deeper_from == DEEPER_FROM


def test_a_data_root_holds_lists(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"^parameter data_root: found .*absent', expected a folder that is there$"
    ):
        check({**GOOD, "data_root": str(tmp_path / "absent")})
    with pytest.raises(UserError, match=r"^parameter data_root: .*found no VOC2007 or VOC2012 folder"):
        check({**GOOD, "data_root": str(tmp_path)})
    lists = tmp_path / "VOC2012" / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").touch()
    with pytest.raises(
        UserError, match=r"^parameter data_root: .*found of the lists .* train, expected trainval and"
    ):
        check({**GOOD, "data_root": str(tmp_path)})
    (lists / "val.txt").touch()
    check({**GOOD, "data_root": str(tmp_path)})


@pytest.mark.parametrize("profile", paths.PROFILES)
def test_every_profile_of_the_notebook_passes_and_is_covered(profile: str) -> None:
    parameters = profiles.resolve(paths.repo_root(), "cam_entropy", profile)
    check(parameters)
    assert set(parameters) <= set(GOOD)


def test_torch_is_not_imported() -> None:
    program = (
        "import sys; from cam_entropy.parameters import check;"
        f"check({GOOD!r}); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
