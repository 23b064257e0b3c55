"""What the PYLON notebook cannot run with is refused in one line."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from papers_lib.models.later_stages import LaterStages

from papers_lib.companion import paths, profiles
from papers_lib.errors import UserError
from pylon import arms as pylon_arms
from pylon import experiment as pylon
from pylon import inputs as pylon_inputs
from pylon.parameters import ARMS, KNOWN, SECOND, STAGES, check

GOOD: dict[str, Any] = {
    **{"profile": "quick", "device": "auto", "jobs": 0, "data_root": "", "data_note": "", "arms": list(ARMS)},
    **{"seeds": 3, "variant_seeds": 3, "folds": 0, "train_images": 64, "test_images": 32, "small_images": 32},
    **{"scenes_train": 32, "scenes_test": 16, "data_seed": 0, "side": 64, "large_side": 128},
    **{"tuned_side": 64, "val_share": 0.15, "vindr_root": "", "voc_root": ""},
    **{"backbone": "efficientnet_lite0", "weights": "packaged", "width": 32, "phases": ["decoder"]},
    **{"train_from": 2, "tuned_from": 2, "epochs": 2, "tuned_epochs": 2, "batch_size": 16, "tuned_batch": 16},
    **{"learning_rate": 3e-3, "tuned_rate": 1e-3, "weight_decay": 0.0, "patience": 1, "every": 1},
    **{"policy": "", "mixed": False, "compiled": False, "masked": 0},
}
TRAINED = {"backbone": "resnet50", "weights": "timm", "phases": ["all"], "train_from": 0, "tuned_from": 0}
RANDOM = {**TRAINED, "weights": "random", "arms": ["main", "large"]}
SOME_ARMS = (
    "expected some of main, others, long, large, parts, pools, backbone, transfer, budget, voc, each once"
)
SIDE = "expected a multiple of 32 of at least 64"


@pytest.mark.parametrize(
    "change",
    [
        {},
        TRAINED,
        RANDOM,
        {**TRAINED, "policy": "radiograph", "width": 128},
        {"phases": ["decoder", "all"], "train_from": 3, "folds": 3},
        {"train_from": 4, "tuned_from": 4, "arms": ["main", "parts"]},
        {"backbone": SECOND, "arms": ["main", "others"], "seeds": 3},
        {"seeds": 1, "variant_seeds": 3, "arms": ["main", "voc"]},
        {"large_side": 64, "arms": ["main"]},
    ],
)
def test_what_makes_sense_is_accepted(change: dict[str, Any]) -> None:
    check({**GOOD, **change})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        *((name, 0, "found 0, expected at least 1") for name in ("seeds", "epochs", "tuned_epochs", "every")),
        *((name, 1, "found 1, expected at least 2") for name in ("batch_size", "tuned_batch")),
        *((name, 7, "found 7, expected at least 8") for name in ("train_images", "scenes_test")),
        *(
            (name, -1, "found -1, expected at least 0")
            for name in ("jobs", "data_seed", "patience", "masked")
        ),
        *((name, 80, f"found 80, {SIDE}") for name in ("side", "large_side", "tuned_side")),
        ("side", 32, f"found 32, {SIDE}"),
        ("device", "tpu", "found 'tpu', expected one of auto, cpu, cuda"),
        ("weights", "imagenet", "found 'imagenet', expected one of packaged, timm, random"),
        ("policy", "none", "found 'none', expected one of \"\", radiograph, photograph"),
        ("learning_rate", 0.0, "found 0.0, expected a finite number above 0"),
        ("tuned_rate", float("nan"), "found nan, expected a finite number above 0"),
        ("weight_decay", -0.1, "found -0.1, expected a finite number of at least 0"),
        ("val_share", 0.0, "found 0.0, expected a share above 0 and below 1"),
        ("val_share", 1.0, "found 1.0, expected a share above 0 and below 1"),
        ("folds", 1, "found 1, expected 0 or at least 3: to test, to validate, to train"),
        ("folds", 2, "found 2, expected 0 or at least 3: to test, to validate, to train"),
        ("folds", -3, "found -3, expected 0 or at least 3: to test, to validate, to train"),
        ("width", 48, "found 48, expected a multiple of 32 of at least 32"),
        ("arms", [], f"found [], {SOME_ARMS}"),
        ("arms", ["main", "main"], f"found ['main', 'main'], {SOME_ARMS}"),
        ("arms", ["main", "source"], f"found ['main', 'source'], {SOME_ARMS}"),
        ("arms", ["parts"], "found ['parts'], expected main among them"),
        (
            "variant_seeds",
            4,
            "found 4, expected at most seeds, which is 3: they are compared with the main arm",
        ),
        ("large_side", 64, "found 64, expected more than side, which is 64"),
        ("phases", [], "found [], expected [decoder], [all] or [decoder, all]"),
        (
            "phases",
            ["all", "decoder"],
            "found ['all', 'decoder'], expected [decoder], [all] or [decoder, all]",
        ),
        ("train_from", 5, "found 5, expected 0 (all stages are trained) to 4"),
        ("tuned_from", -1, "found -1, expected 0 (all stages are trained) to 4"),
        ("tuned_from", 4, "found 4, expected at most 3, since transfer and voc train the stages behind it"),
        (
            "policy",
            "radiograph",
            "found 'radiograph', expected \"\", since train_from is 2 and stored features cannot be augmented",
        ),
        (
            "backbone",
            SECOND,
            "found 'efficientnet_lite2', "
            "expected another one, since the arm backbone compares it with efficientnet_lite2",
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
            {"phases": ["all"], "train_from": 4},
            "parameter train_from: found 4, expected at most 3, since phase all trains the stages behind it",
        ),
        (
            {**TRAINED, "policy": "photograph", "tuned_from": 1},
            "parameter policy: found 'photograph', "
            'expected "", since tuned_from is 1 and stored features cannot be augmented',
        ),
        (
            {**TRAINED, "weights": "packaged"},
            "parameter weights: found 'packaged', expected timm or random, "
            "since only efficientnet_lite0 and efficientnet_lite2 come packaged",
        ),
        (
            {**RANDOM, "phases": ["decoder", "all"]},
            "parameter phases: found ['decoder', 'all'], "
            "expected [all], since weights is random: the frozen encoder would be noise",
        ),
        (
            {**RANDOM, "train_from": 2},
            "parameter train_from: found 2, expected 0 (all), since weights is random: "
            "the frozen stages would be noise",
        ),
        *(
            (
                {**RANDOM, "arms": ["main", arm]},
                f"parameter arms: found ['main', '{arm}'], "
                "expected no transfer or voc, since weights is random and these arms freeze the encoder in a phase",
            )
            for arm in ("transfer", "voc")
        ),
    ],
)
def test_what_does_not_go_together_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        check({**GOOD, **change})
    assert str(caught.value) == message


def test_another_network_of_timm_is_looked_up() -> None:
    other = {**GOOD, **TRAINED, "backbone": "resnet5O"}
    with pytest.raises(UserError, match=r"^parameter backbone: .*resnet5O") as caught:
        check(other)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match=r"^parameter backbone: .*test_vit"):
        check({**other, "backbone": "test_vit"})


@pytest.mark.parametrize("backbone", ["efficientnet_lite0", "resnet18"])
def test_listed_backbones_have_stages_one_after_the_other(backbone: str) -> None:
    assert backbone in KNOWN
    model = pylon.build(pylon.PylonRun(seed=0, backbone=backbone, weights="random"), 2)
    assert model.encoder is not None
    assert LaterStages(model.encoder, STAGES - 1).given == STAGES - 1


def test_what_is_repeated_here_to_spare_torch_agrees() -> None:
    assert {*ARMS, "source"} == {*pylon_arms.ARMS, "transfer", "budget"}
    assert pylon.STAGES == STAGES
    assert {run.backbone for run in pylon_arms.backbone_arm(pylon.PylonRun(seed=0), pylon_arms.Grid())} == {
        SECOND
    }
    for policy in pylon_inputs.POLICIES:
        check({**GOOD, **TRAINED, "policy": policy})


def test_two_folds_would_leave_nothing_to_train_on() -> None:
    """Why ``folds`` starts at three: the test fold and the one after it are all."""
    from pylon.timing import images_of

    images, _ = images_of(2, 64, 1, 12)
    for folds, left in ((2, 0), (3, 4)):
        assert len(pylon.rows_of(pylon.PylonRun(seed=0, fold=0, folds=folds), images)["train"]) == left


def test_a_data_root_has_the_layout_of_its_set(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"^parameter data_root: found .*absent', expected a folder that is there$"
    ):
        check({**GOOD, "data_root": str(tmp_path / "absent")})
    with pytest.raises(UserError, match=r"^parameter voc_root: .*found no data set, expected"):
        check({**GOOD, "voc_root": str(tmp_path)})
    (tmp_path / "train.csv").touch()
    check({**GOOD, "data_root": str(tmp_path), "vindr_root": str(tmp_path)})
    with pytest.raises(
        UserError, match=r"^parameter voc_root: .* is laid out as VinDr-CXR, expected Pascal VOC$"
    ):
        check({**GOOD, "voc_root": str(tmp_path)})


@pytest.mark.parametrize("profile", paths.PROFILES)
def test_every_profile_of_the_notebook_passes_and_is_covered(profile: str) -> None:
    parameters = profiles.resolve(paths.repo_root(), "pylon", profile)
    check(parameters)
    assert set(parameters) <= {*GOOD, "standardise", "greys", "prevalence_start"}


def test_torch_is_not_imported() -> None:
    program = (
        f"import sys; from pylon.parameters import check;check({GOOD!r}); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"greys": "blue"}, "one of backbone, nih"),
        ({"greys": "nih", "train_from": 2}, "train_from is 2"),
        ({"greys": "nih", "train_from": 0, "standardise": True}, "standardise is on"),
    ],
)
def test_other_greys_need_an_encoder_that_is_trained_whole(parameters, expected):
    with pytest.raises(UserError, match=rf"parameter greys: found .*{expected}"):
        check(parameters)


def test_equal_budgets_need_the_sources_of_transfer():
    with pytest.raises(UserError, match="expected transfer as well"):
        check({"arms": ["main", "budget"]})
