"""The slices, the scores that need no model, and Figure 1."""

import numpy as np
import pytest

from heatmap_loss.data import baselines, experiments_of, open_data
from heatmap_loss.figures import equal_loss_pair
from papers_lib.datasets.cardiac import CardiacSplit, load_cardiac

SIZES = {"train": 32, "val": 4, "test": 8}


def test_synthetic_slices_are_made_once_and_a_user_s_own_are_read(tmp_path, slices):
    first, again = (open_data(2, "", tmp_path, SIZES, 0, 1) for _ in range(2))
    assert first == again
    assert (first.kind, first.root.name[-len(first.fingerprint) :]) == ("synthetic data", first.fingerprint)
    assert len(load_cardiac(first.root, "train").classes) == 32
    found = open_data(2, str(slices[2]), tmp_path, SIZES, 0, 1)
    assert (found.root, found.kind) == (slices[2], "synthetic data")
    wanted = {"": [1, 2], str(slices[2]): [2], str(slices[1]): [1]}
    assert {root: experiments_of(root, [1, 2]) for root in wanted} == wanted


def test_baselines_average_within_classes_first_and_are_in_order(slices):
    split = load_cardiac(slices[2], "test")
    found = baselines(split, (6, 8))
    heart = [split.heart[split.classes == k].mean() for k in range(4)]
    assert found["heart"]["area"] == pytest.approx(np.mean(heart))
    for region in found.values():
        assert 0 < region["area"] < region["class's mean mask"] < 1
        assert region["area"] < region["best cell"] < 1
    assert "label" not in baselines(load_cardiac(slices[1], "test"), (6, 8))


def test_the_prior_by_hand():
    """Two slices of one class on two pixels: masks (1, 0) and (1, 1); mean (1, .5): shares 1/1.5 and 1."""
    masks = np.array([[[1, 0]], [[1, 1]]], np.uint8)
    images, classes, sex = np.zeros((2, 1, 2), np.uint8), np.zeros(2, np.int64), np.zeros(2, np.uint8)
    found = baselines(CardiacSplit(images, masks, classes, sex, ("a", "b")), (1, 2))["heart"]
    assert found["class's mean mask"] == pytest.approx((1 / 1.5 + 1) / 2)
    assert found["area"] == pytest.approx(0.75)


def test_a_pair_of_equal_loss_by_hand():
    """Four 1 x 2 maps on 1 x 2 masks: cell 0 is heart. Losses by hand: heat outside over the maximum, over 2 cells."""
    maps = np.array([[[1.0, 1.0]], [[3.0, 3.0]], [[4.0, 2.0]], [[2.0, 4.0]]])
    heart = np.tile(np.array([[[True, False]]]), (4, 1, 1))
    gap, drawn = equal_loss_pair(maps, heart, np.zeros((4, 1, 2), np.uint8))
    # Losses .5, .5, .25, .5 and shares .5, .5, .667, .333: equal loss and the largest gap: 0 (or 1) against 3.
    assert gap == pytest.approx(1 / 2 - 1 / 3)
    assert drawn["titles"][:2] == ["slice, loss 0.5000", "HiResCAM: 50% in heart"]
    assert drawn["titles"][5] == "HiResCAM: 33% in heart"
    nan = np.nan  # slice, heat, outside, inside the heart
    expected = [[[nan, nan]], [[0.5, 1.0]], [[nan, 1.0]], [[0.5, nan]]]
    np.testing.assert_allclose(drawn["maps"][4:], expected)
    alone = np.array([[[4.0, 1.0]], [[4.0, 3.0]]])
    assert equal_loss_pair(alone, heart[:2], np.zeros((2, 1, 2), np.uint8)) is None
