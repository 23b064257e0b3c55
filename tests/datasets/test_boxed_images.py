import dataclasses
from pathlib import Path

import numpy as np
import pytest

from papers_lib.datasets.boxed_images import BoxedImages, box_shares


def images(**changed) -> BoxedImages:
    """Three images of two classes; the first has two boxes, the last has one, the second none."""
    fields = {
        "classes": ("cat", "dog"),
        "names": ("a", "b", "c"),
        "paths": tuple(map(Path, "abc")),
        "where": ("t line 2", "t line 3", "t line 4"),
        "labels": np.array([[1, 1], [0, 0], [0, 1]], dtype=bool),
        "boxes": (
            np.array([[0, 0, 0.5, 0.5], [0.25, 0, 1, 1]], np.float32),
            np.zeros((0, 4), np.float32),
            np.array([[0, 0, 1, 1]], np.float32),
        ),
        "box_classes": (np.array([0, 1]), np.zeros(0, np.int64), np.array([1])),
        "patients": np.array(["p", "p", "q"]),
        "split": np.array(["train", "train", "test"]),
    }
    return BoxedImages(**(fields | changed))


def test_boxes_of_a_class_in_pixels():
    first, second, third = images().of_class(1, (10, 20))
    assert first.tolist() == [[5, 0, 20, 10]]
    assert second.shape == (0, 4)
    assert third.tolist() == [[0, 0, 20, 10]]
    with pytest.raises(ValueError, match="k: found 2"):
        images().of_class(2, (1, 1))


def test_parts_and_rows_take_everything_along():
    train = images().part("train")
    assert (train.names, train.patients.tolist(), train.labels.shape) == (("a", "b"), ["p", "p"], (2, 2))
    again = images(patients=None).take([2, 0])
    assert (again.names, again.where, again.patients) == (("c", "a"), ("t line 4", "t line 2"), None)
    assert len(images().part("val")) == 0
    with pytest.raises(ValueError, match="split: found 'dev'"):
        images().part("dev")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"where": ("x",)}, "where: found 1 entries, expected 3"),
        ({"labels": np.zeros((3, 2))}, "labels: found float64"),
        ({"split": np.array(["train", "dev", "test"])}, "split: found 'dev'"),
        ({"boxes": tuple(np.zeros((n, 4)) for n in (2, 0, 1))}, "boxes of a: found float64"),
        ({"box_classes": tuple(np.zeros(n, np.int64) for n in (1, 0, 1))}, "boxes of a"),
        ({"box_classes": (np.array([0, 2]), np.zeros(0, np.int64), np.array([1]))}, "box_classes of a"),
    ],
)
def test_fields_that_do_not_fit_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        images(**changed)


@pytest.mark.parametrize("box", [[0, 0, np.nan, 1], [0, 0, 0, 1], [0, 0.5, 1, 0.4], [0, 0, 1, 1.1]])
def test_a_box_that_is_none_names_its_image(box):
    boxes = (*images().boxes[:2], np.array([box], np.float32))
    with pytest.raises(ValueError, match="boxes of c"):
        dataclasses.replace(images(), boxes=boxes)


@pytest.mark.parametrize(
    ("corners", "expected"),
    [
        ((25, 0, 50, 80), [0.25, 0, 0.5, 1]),
        ((-10, 0, 110, 90), [0, 0, 1, 1]),  # a hand overshoots
        ((-11, 0, 50, 80), None),
        ((0, 0, 50, 91), None),
        ((100, 0, 105, 80), None),  # nothing left
    ],
)
def test_shares_of_a_drawn_box(corners, expected):
    found = box_shares(corners, (80, 100))
    assert (None if found is None else found.tolist()) == expected
