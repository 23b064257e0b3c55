"""What the heatmap-loss notebook cannot run with is refused in one line."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from heatmap_loss.parameters import check
from papers_lib.companion import paths, profiles
from papers_lib.errors import UserError

GOOD: dict[str, Any] = {
    **{"profile": "quick", "device": "auto", "jobs": 0, "data_root": "", "experiments": [1, 2]},
    **{"arms": ["main", "authors", "frozen", "variants"], "seeds": 1, "variant_seeds": 1, "data_seed": 0},
    **{"train_slices": 8, "val_slices": 8, "test_slices": 8, "model": "small_vgg", "weights": "random"},
    **{"epochs": 1, "batch_size": 1, "lr_low": 1e-3, "lr_high": 1e-3, "authors_lr_factor": 1.0},
    **{"authors_epoch_factor": 1, "mixed": False},
}


def test_the_least_of_everything_is_accepted() -> None:
    check(GOOD)
    check({**GOOD, "model": "vgg16", "weights": "imagenet", "device": "cpu", "experiments": [2]})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("seeds", -3, "parameter seeds: found -3, expected at least 1"),
        ("variant_seeds", 0, "parameter variant_seeds: found 0, expected at least 1"),
        ("jobs", -1, "parameter jobs: found -1, expected at least 0"),
        ("batch_size", 0, "parameter batch_size: found 0, expected at least 1"),
        ("epochs", 0, "parameter epochs: found 0, expected at least 1"),
        ("train_slices", 7, "parameter train_slices: found 7, expected at least 8"),
        ("val_slices", 0, "parameter val_slices: found 0, expected at least 8"),
        ("test_slices", 7, "parameter test_slices: found 7, expected at least 8"),
        ("data_seed", -1, "parameter data_seed: found -1, expected at least 0"),
        ("lr_low", 0.0, "parameter lr_low: found 0.0, expected a finite number above 0"),
        ("lr_low", float("nan"), "parameter lr_low: found nan, expected a finite number above 0"),
        ("lr_high", float("inf"), "parameter lr_high: found inf, expected a finite number above 0"),
        ("lr_low", 0.5, "parameter lr_low: found 0.5, expected at most lr_high, which is 0.001"),
        ("device", "tpu", "parameter device: found 'tpu', expected one of auto, cpu, cuda"),
        ("device", "cuda:1", "parameter device: found 'cuda:1', expected one of auto, cpu, cuda"),
        ("model", "vgg", "parameter model: found 'vgg', expected one of small_vgg, vgg16"),
        ("weights", "digits", "parameter weights: found 'digits', expected one of random, imagenet"),
        (
            "weights",
            "imagenet",
            "parameter weights: found 'imagenet', expected random, since model is small_vgg",
        ),
        ("experiments", [], "parameter experiments: found [], expected some of 1, 2, each once"),
        ("experiments", [3], "parameter experiments: found [3], expected some of 1, 2, each once"),
        ("experiments", [1, 1], "parameter experiments: found [1, 1], expected some of 1, 2, each once"),
        ("arms", [], "parameter arms: found [], expected some of main, authors, frozen, variants, each once"),
        ("arms", ["authors"], "parameter arms: found ['authors'], expected main among them"),
        (
            "arms",
            ["main", "all"],
            "parameter arms: found ['main', 'all'], expected some of main, authors, frozen, variants, each once",
        ),
    ],
)
def test_what_makes_no_sense_is_named(name: str, value: Any, message: str) -> None:
    with pytest.raises(UserError) as caught:
        check({**GOOD, name: value})
    assert str(caught.value) == message


def test_a_data_root_is_a_data_set(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="absent', expected a folder that is there"):
        check({**GOOD, "data_root": str(tmp_path / "absent")})
    with pytest.raises(UserError, match=r"expected a folder with slices\.csv"):
        check({**GOOD, "data_root": str(tmp_path)})
    (tmp_path / "slices.csv").write_text("id,split,class,sex\n")
    check({**GOOD, "data_root": str(tmp_path)})
    (tmp_path / "dataset.json").write_text('{"name": "mine", "kind": "invented"}')
    with pytest.raises(UserError, match="kind 'invented', expected a text and stand-in or real"):
        check({**GOOD, "data_root": str(tmp_path)})


@pytest.mark.parametrize("profile", paths.PROFILES)
def test_every_profile_of_the_notebook_passes_and_is_covered(profile: str) -> None:
    parameters = profiles.resolve(paths.repo_root(), "heatmap_loss", profile)
    check(parameters)
    assert set(parameters) <= set(GOOD)


def test_torch_is_not_imported() -> None:
    program = (
        "import sys; from heatmap_loss.parameters import check; check({'seeds': 1});"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
