"""The list of images: its parts, its boxes in pixels, and what it refuses to be made of."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.metrics.localization import point_hits


def three():
    """Image "a" with two boxes of different classes, "b" with a label and no box, "c" with nothing."""
    none = np.zeros((0, 4), np.float32)
    return BoxedImages(
        classes=("mass", "nodule"),
        names=("a", "b", "c"),
        paths=tuple(Path(name) for name in "abc"),
        where=("t.csv line 2", "t.csv line 3", "t.csv line 4"),
        labels=np.array([[1, 1], [0, 1], [0, 0]], bool),
        boxes=(np.array([[0, 0.25, 0.5, 1], [0.5, 0.5, 1, 0.75]], np.float32), none, none),
        box_classes=(np.array([1, 0]), np.zeros(0, np.int64), np.zeros(0, np.int64)),
        patients=np.array(["1", "1", "2"]),
        split=np.array(["train", "test", "train"]),
    )


def test_a_part_keeps_everything_of_its_images_together():
    images = three()
    train = images.part("train")
    assert (len(images), len(train), len(images.part("val")), len(images.part(""))) == (3, 2, 0, 0)
    assert (train.names, train.where) == (("a", "c"), ("t.csv line 2", "t.csv line 4"))
    assert train.paths == (Path("a"), Path("c"))
    assert train.labels.tolist() == [[True, True], [False, False]]
    assert [len(box) for box in train.boxes] == [len(kinds) for kinds in train.box_classes] == [2, 0]
    assert train.patients.tolist() == ["1", "2"]
    assert images.take([2, 0]).names == ("c", "a")
    assert replace(images, patients=None).part("test").patients is None
    with pytest.raises(ValueError, match="split: found 'valid', expected one of"):
        images.part("valid")


def test_boxes_of_a_class_in_pixels():
    first, second, third = three().of_class(1, (200, 100))  # H = 200, W = 100
    assert first.tolist() == [[0, 50, 50, 200]]
    assert (first.dtype, tuple(second.shape), tuple(third.shape)) == (torch.float32, (0, 4), (0, 4))
    assert three().of_class(0, (4, 4))[0].tolist() == [[2, 2, 4, 3]]
    for k in (-1, 2):
        with pytest.raises(ValueError, match=f"k: found {k}, expected 0 to 1"):
            three().of_class(k, (4, 4))


def test_the_metric_takes_the_boxes_as_they_are():
    maps = torch.zeros(3, 2, 2)
    maps[:, 1, 0] = 1  # lower left
    found = point_hits(maps, three().of_class(1, (200, 100)), (200, 100))
    assert (found.hit.tolist(), found.counted.tolist()) == ([True, False, False], [True, False, False])


@pytest.mark.parametrize(
    "box",
    [
        [np.nan, 0, 1, 1],
        [-0.01, 0, 1, 1],
        [0, 0, 1.01, 1],
        [0.5, 0, 0.5, 1],
        [0, 0.6, 1, 0.5],
        [0, 0, np.inf, 1],
    ],
)
def test_a_box_that_is_no_share_names_its_image(box):
    images = three()
    boxes = (*images.boxes[:2], np.array([box], np.float32))
    kinds = (*images.box_classes[:2], np.zeros(1, np.int64))
    with pytest.raises(ValueError, match="boxes of c: found"):
        replace(images, boxes=boxes, box_classes=kinds)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("paths", (Path("a"),), "paths: found 1 entries, expected 3"),
        ("patients", np.array(["1"]), "patients: found 1 entries"),
        ("labels", np.zeros((3, 1), bool), r"labels: found bool \(3, 1\), expected bool \(3, 2\)"),
        ("labels", np.zeros((3, 2)), "labels: found float64"),
        ("split", np.array(["train", "dev", "test"]), "split: found 'dev'"),
        ("boxes", (np.zeros((0, 4)),) * 3, "boxes: found .*float64.*, expected float32"),
        ("boxes", (np.zeros((0, 4), np.float32),) * 3, "box_classes: expected one class a box"),
        (
            "box_classes",
            (np.array([1, 2]), *three().box_classes[1:]),
            "box_classes: found int64 1 to 2, expected indices of 2",
        ),
        ("box_classes", (np.array([-1, 0]), *three().box_classes[1:]), "box_classes: found int64 -1 to 0"),
    ],
)
def test_fields_that_do_not_fit_are_named(field, value, message):
    with pytest.raises(ValueError, match=message):
        replace(three(), **{field: value})
