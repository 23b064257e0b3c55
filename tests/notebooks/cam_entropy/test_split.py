import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from cam_entropy.split import batch_of, open_all, open_split, open_splits
from papers_lib.training import front_features as fronts
from papers_lib.training.front_features import frozen_front, through

RESNET = ("test_resnet", "random")


def test_pixels_become_channels_first_in_zero_to_one():
    images = np.zeros((3, 2, 2, 3), np.uint8)
    images[2, 0, 1] = (255, 51, 0)
    found = batch_of(images, torch.tensor([2, 0]), "cpu")
    assert found.dtype == torch.float32
    assert found.shape == (2, 3, 2, 2)
    assert found[0, :, 0, 1].tolist() == pytest.approx([1, 0.2, 0])
    assert float(found.sum()) == pytest.approx(1.2)


def test_features_are_taken_as_they_are():
    features = np.arange(12, dtype=np.float16).reshape(3, 1, 2, 2) * 100
    found = batch_of(features, np.array([1, 1]), "cpu")
    assert found.dtype == torch.float32
    assert found.tolist() == [[[[400, 500], [600, 700]]]] * 2


def test_without_a_front_the_inputs_are_the_pictures(opened):
    split = open_split(opened.root, "test", *RESNET, "", "cpu")
    assert split.inputs is split.crops.images
    assert split.scene_inputs is split.crops.scenes
    assert open_split(opened.root, "train", *RESNET, "", "cpu").scene_inputs is None
    assert not (opened.root / "fronts").exists() or not [*(opened.root / "fronts").glob("*resnet*")]


@pytest.mark.parametrize("stage", ["layer1", "layer4"])
def test_a_front_and_what_it_gives_stand_for_the_pictures(opened, stage):
    splits = open_splits(opened.root, *RESNET, stage, "cpu")
    front = frozen_front(*RESNET, stage)
    for name, split in splits.items():
        expected = through(front, split.crops.images[:], "cpu")
        assert split.inputs.dtype == np.float16
        assert len(split.inputs) == len(split.crops)
        torch.testing.assert_close(
            torch.from_numpy(np.array(split.inputs)), expected.half(), rtol=2e-3, atol=1e-3
        )
        assert (split.scene_inputs is None) == (name == "train")
    scenes = splits["test"].scene_inputs
    assert scenes is not None
    assert scenes.shape[2] == 2 * splits["test"].inputs.shape[2]  # 128 px against 64
    whole = through(front, splits["test"].crops.scenes[:], "cpu")
    torch.testing.assert_close(torch.from_numpy(np.array(scenes)), whole.half(), rtol=2e-3, atol=1e-3)


def test_a_process_opens_a_split_once(opened):
    first = open_split(opened.root, "test", *RESNET, "layer4", "cpu")
    assert open_split(opened.root, "test", *RESNET, "layer4", "cpu") is first
    assert open_split(opened.root, "test", *RESNET, "layer3", "cpu") is not first


def test_all_fronts_are_made_before_the_runs_and_once(opened, tmp_path, monkeypatch):
    shutil.copytree(opened.root, tmp_path / "crops", ignore=shutil.ignore_patterns("fronts"))
    runs = [
        SimpleNamespace(backbone="test_resnet", weights="random", train_from=stage)
        for stage in ("layer4", "", "layer3", "layer4")
    ]
    splits = open_all(tmp_path / "crops", runs, "cpu", 2)
    assert len([*(tmp_path / "crops" / "fronts").iterdir()]) == 6  # two stages of train, test and its scenes
    monkeypatch.setattr(fronts, "_fill", None)
    for run in runs:
        found = open_splits(tmp_path / "crops", run.backbone, run.weights, run.train_from, "cpu")
        same = [np.array_equal(found[name].inputs, splits[name].inputs) for name in ("train", "test")]
        assert same == [run.train_from == "layer4"] * 2
    with pytest.raises(ValueError, match="expected at least one"):
        open_all(tmp_path / "crops", [], "cpu")
