from functools import partial

import numpy as np
import pytest

from data_gen.cardiac_mri import CardiacSpec, draw
from heatmap_loss.data import experiments_of, levels, open_data, sixteen
from papers_lib.datasets.cardiac import CLASSES, CardiacSplit, load_cardiac
from papers_lib.errors import UserError

SIZES = {"train": 32, "val": 4, "test": 8}
make = partial(open_data, 2, "", sizes=SIZES, seed=0, jobs=1)


def test_generated_data_are_a_stand_in_named_by_their_fingerprint(tmp_path):
    first, again = make(folder=tmp_path), make(folder=tmp_path)
    assert first == again
    assert first.kind == "stand-in"
    assert first.root.name.endswith(first.fingerprint)
    assert len(load_cardiac(first.root, "train").classes) == 32


def test_a_data_root_is_read_and_its_kind_believed(tmp_path, slices):
    found = open_data(2, str(slices[2]), tmp_path, SIZES, 0, 1)
    assert (found.root, found.kind) == (slices[2], "stand-in")
    (slices[2] / "dataset.json").rename(tmp_path / "kept.json")
    try:
        assert open_data(2, str(slices[2]), tmp_path, SIZES, 0, 1).kind == "real data"
    finally:
        (tmp_path / "kept.json").rename(slices[2] / "dataset.json")


def test_experiments_follow_the_label_in_a_users_masks(slices):
    assert experiments_of("", [1, 2]) == [1, 2]
    assert experiments_of(str(slices[2]), [1, 2]) == [2]
    assert experiments_of(str(slices[1]), [1, 2]) == [1]
    with pytest.raises(UserError, match=r"found \[3\]"):
        experiments_of("", [3])


def test_levels_average_within_classes_first_and_are_in_order(slices):
    split = load_cardiac(slices[2], "test")
    found = levels(split, (6, 8))
    heart = [split.heart[split.classes == k].mean() for k in range(4)]
    assert found["heart"]["area"] == pytest.approx(np.mean(heart))
    for region in found.values():
        assert 0 < region["area"] < region["class's mean mask"] < 1
        assert region["area"] < region["best cell"] < 1
    assert 0.8 < found["heart"]["best cell"] < 0.95
    assert "label" not in levels(load_cardiac(slices[1], "test"), (6, 8))


def test_the_prior_by_hand():
    """Two slices of one class on two pixels: masks (1, 0) and (1, 1); mean (1, .5): shares 1/1.5 and 1."""
    masks = np.array([[[1, 0]], [[1, 1]]], np.uint8)
    split = CardiacSplit(
        np.zeros((2, 1, 2), np.uint8), masks, np.zeros(2, np.int64), np.zeros(2, np.uint8), ("a", "b")
    )
    assert levels(split, (1, 2))["heart"]["class's mean mask"] == pytest.approx((1 / 1.5 + 1) / 2)
    assert levels(split, (1, 2))["heart"]["area"] == pytest.approx(0.75)


def test_sixteen_are_the_first_of_the_class(slices):
    split = load_cardiac(slices[1], "train")
    images = sixteen(split, "DCM", CLASSES)
    assert len(images) == 16
    drawn, _, table = draw(CardiacSpec(experiment=1, train=64, val=32, test=16, seed=1), "train")
    wanted = [image for image, row in zip(drawn, table, strict=True) if row["class"] == "DCM"]
    assert np.array_equal(images, wanted)
