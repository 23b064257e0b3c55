"""The slices, the scores that need no model, and Figure 1."""

from types import SimpleNamespace

import numpy as np
import pytest

from heatmap_loss.data import baselines, experiments_of, open_data
from heatmap_loss.figures import equal_loss_pair, explained, sixteen
from papers_lib.datasets.cardiac import CardiacSplit, load_cardiac

SIZES = {"train": 32, "val": 4, "test": 8}


def test_synthetic_slices_are_made_once_and_named_by_their_fingerprint(tmp_path):
    first, again = (open_data(2, "", tmp_path, SIZES, 0, 1) for _ in range(2))
    assert first == again
    assert first.kind == "synthetic data"
    assert first.root.name.endswith(first.fingerprint)
    assert len(load_cardiac(first.root, "train").classes) == 32


def test_a_data_root_is_read_and_its_kind_believed(tmp_path, slices):
    found = open_data(2, str(slices[2]), tmp_path, SIZES, 0, 1)
    assert (found.root, found.kind) == (slices[2], "synthetic data")
    (slices[2] / "dataset.json").rename(tmp_path / "kept.json")
    try:
        assert open_data(2, str(slices[2]), tmp_path, SIZES, 0, 1).kind == "real data"
    finally:
        (tmp_path / "kept.json").rename(slices[2] / "dataset.json")
    assert [experiments_of(root, [1, 2]) for root in ("", str(slices[2]), str(slices[1]))] == [
        [1, 2],
        [2],
        [1],
    ]


def test_baselines_average_within_classes_first_and_are_in_order(slices):
    split = load_cardiac(slices[2], "test")
    found = baselines(split, (6, 8))
    heart = [split.heart[split.classes == k].mean() for k in range(4)]
    assert found["heart"]["area"] == pytest.approx(np.mean(heart))
    for region in found.values():
        assert 0 < region["area"] < region["class's mean mask"] < 1
        assert region["area"] < region["best cell"] < 1
    assert "label" not in baselines(load_cardiac(slices[1], "test"), (6, 8))
    assert np.array_equal(sixteen(split, "DCM"), split.images[split.classes == 2][:16])


def test_the_prior_by_hand():
    """Two slices of one class on two pixels: masks (1, 0) and (1, 1); mean (1, .5): shares 1/1.5 and 1."""
    masks = np.array([[[1, 0]], [[1, 1]]], np.uint8)
    images, classes, sex = np.zeros((2, 1, 2), np.uint8), np.zeros(2, np.int64), np.zeros(2, np.uint8)
    split = CardiacSplit(images, masks, classes, sex, ("a", "b"))
    assert baselines(split, (1, 2))["heart"]["class's mean mask"] == pytest.approx((1 / 1.5 + 1) / 2)
    assert baselines(split, (1, 2))["heart"]["area"] == pytest.approx(0.75)


def test_a_pair_of_equal_loss_by_hand():
    """Four 1 x 2 maps on 1 x 2 masks: cell 0 is heart. Losses by hand: heat outside over the maximum, over 2 cells."""
    maps = np.array([[[1.0, 1.0]], [[3.0, 3.0]], [[4.0, 2.0]], [[2.0, 4.0]]])
    heart = np.tile(np.array([[[True, False]]]), (4, 1, 1))
    pair = equal_loss_pair(maps, heart, np.zeros((4, 1, 2), np.uint8))
    # Losses .5, .5, .25, .5 and shares .5, .5, .667, .333: equal loss and the largest gap: 0 (or 1) against 3.
    assert pair.gap == pytest.approx(1 / 2 - 1 / 3)
    assert pair.titles[:2] == ["slice, loss 0.5000", "HiResCAM: 50% in heart"]
    assert pair.titles[5] == "HiResCAM: 33% in heart"
    alone = np.array([[[4.0, 1.0]], [[4.0, 3.0]]])
    assert equal_loss_pair(alone, heart[:2], np.zeros((2, 1, 2), np.uint8)) is None


def test_panels_split_the_heat():
    rng = np.random.default_rng(0)
    heart = np.zeros((12, 105, 135), bool)
    heart[:, 30:70, 40:90] = True
    images = rng.integers(0, 255, (12, 105, 135), dtype=np.uint8)
    pair = equal_loss_pair(rng.normal(size=(12, 6, 8)), heart, images, tolerance=0.5)
    blank, heat, outside, inside = pair.maps[:4]
    assert np.isnan(blank).all()
    assert np.isnan(outside[heart[0]]).all()
    assert np.allclose(np.where(heart[0], inside, outside), heat)


def test_the_explained_model_is_the_first_kept_of_the_matched_heatmap_group():
    def record(group, arm, kept):
        return SimpleNamespace(config=SimpleNamespace(group=group, arm=arm), metrics={"kept": kept})

    wanted = record("heatmap", "main", True)
    others = [
        record("cce", "main", True),
        record("heatmap", "main", False),
        record("heatmap", "authors", True),
    ]
    assert explained([*others, wanted]) is wanted
    assert explained(others) is None
