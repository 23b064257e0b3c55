"""The crops, the networks that can be used, and the scores that need no model."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cam_entropy import grid
from cam_entropy.baselines import baselines
from cam_entropy.data import open_data
from cam_entropy.experiment import EntropyRun
from cam_entropy.grid import check_backbones
from papers_lib.errors import UserError
from tests.notebooks.cam_entropy.conftest import CROP

RUN = EntropyRun(seed=0, beta=0.0, backbone="test_resnet", weights="random", train_from="")


def test_scenes_and_crops_are_made_once_and_named_by_what_made_them(opened):
    made = opened.found
    assert made.crops.kind == "synthetic data"
    assert made.crops.root == opened.folder / f"crops-{made.crops.fingerprint}"
    before = sorted(path.name for path in opened.folder.iterdir())
    assert f"scenes-{made.fingerprint}" in before
    assert open_data("", opened.folder, opened.sizes, 0, CROP, 1) == made
    assert sorted(path.name for path in opened.folder.iterdir()) == before
    other = open_data("", opened.folder, opened.sizes, 0, {**CROP, "whole": True}, 1)
    assert (other.fingerprint == made.fingerprint, other.crops == made.crops) == (True, False)


def test_networks_that_cannot_be_used_are_refused(monkeypatch):
    check_backbones([RUN, replace(RUN, train_from="layer3")])
    with pytest.raises(UserError, match=r"expected one of scale, stem, layer1, .*, got 'blocks_6'"):
        check_backbones([replace(RUN, train_from="blocks_6")])
    with pytest.raises(UserError, match="timm has no network 'resnet5O'"):
        check_backbones([replace(RUN, backbone="resnet5O")])
    model = torch.nn.Module()
    monkeypatch.setattr(grid, "pooled_classifier", lambda *_, **__: model)
    monkeypatch.setattr(grid, "split_at", lambda *_: None)
    for features, words in (
        (torch.nn.AvgPool2d(16), "64 x 64 make maps of 4 x 4 cells"),
        (torch.nn.Conv2d(4, 1, 1), "network test_resnet, pictures of 64 x 64"),
    ):
        model.features = features
        with pytest.raises(UserError, match=words) as caught:
            check_backbones([RUN])
        assert "\n" not in str(caught.value)


def half(hand_split, classes):
    """Items with the object in the left half and the part in the upper left sixteenth."""
    crops = hand_split(classes, has_mask=np.array([True] * len(classes)))
    crops.masks[:, :, :48] = True
    crops.parts[:] = (0, 0, 16, 16)
    return crops


def test_baselines_by_hand(hand_split):
    found = baselines(half(hand_split, [0, 1]), half(hand_split, [0, 1, 1]))
    # Every mask is the mean mask; one of two cells in a row: 7/8 of its heat on its own half, as all rows are alike
    assert found["object_mass"] == pytest.approx({"chance": 0.5, "prior": 1, "ceiling": 7 / 8})
    assert found["object_pointing"] == pytest.approx({"chance": 0.5, "prior": 1, "ceiling": 1})
    # The cell is 1 on the first 24 of 48 pixels that its heat sums to, in rows and in columns
    assert found["part_mass"] == pytest.approx({"chance": 1 / 16, "prior": 1, "ceiling": 1 / 4})
    assert found["part_pointing"] == pytest.approx({"chance": 1 / 16, "prior": 1, "ceiling": 1})
    assert len(found) == 4
    assert baselines(hand_split([0, 1]), hand_split([0, 1])) == {}  # what the data lack has no score


def test_baselines_of_scenes_by_hand(hand_split):
    test = hand_split(
        [0, 0, 1],
        image=np.array([0, 1, 1]),
        scenes=np.zeros((2, 128, 128, 3), np.uint8),
        scene_boxes=[np.float32([[0, 0, 64, 64]]), np.float32([[0, 0, 64, 64], [64, 0, 128, 128]])],
        scene_classes=[np.array([0]), np.array([0, 1])],
    )
    found = baselines(hand_split([0, 1]), test)
    area = (1 / 4 + 1 / 2) / 2
    assert found["scene_pointing"] == pytest.approx({"chance": area, "prior": 1, "ceiling": 1})
    # Class 0: the other picture's box, the same; class 1: no other picture, so its area
    assert found["scene_mass"]["prior"] == pytest.approx((1 + 1 / 2) / 2)
