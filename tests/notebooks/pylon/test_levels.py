"""Levels of point localization: by hand on six images, and against the metrics they are made of."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from papers_lib.metrics.masks import box_mask

from papers_lib.metrics.localization import chance, class_mean_centre, fixed_point_hits, stride_ceiling
from pylon.levels import (
    FROM_TRAINING,
    LEFT_OUT,
    area_share,
    box_unions,
    can_reach,
    levels,
)
from pylon.printed import MACRO, WEIGHTED
from tests.notebooks.pylon.runs import SIDE, images

CEILINGS = [f"ceiling, stride {stride}" for stride in (32, 16, 8, 4)]


def test_by_hand():
    table = levels(images(), SIDE)
    assert table.index.tolist() == ["Mass", "Nodule", MACRO, WEIGHTED]  # Hernia has no box
    mass = table.loc["Mass"]
    assert mass["images"] == 3
    assert mass["area"] == pytest.approx((0.25 + 0.25 + 0.25 + 0.0625) / 3)
    # pixels 0 to 32, 32 to 63, and 0 to 32 with 32 to 48, which share one
    assert mass["chance"] == pytest.approx((33**2 + 32**2 + 33**2 + 17**2 - 1) / 3 / SIDE**2)
    assert mass["prior"] == pytest.approx(2 / 3)  # the training box's centre, pixel 16, is not in 32 to 64
    assert mass["prior from"] == FROM_TRAINING
    assert mass["image centre"] == 1  # pixel 32 lies on the edge of all
    assert mass["best fixed point"] == 1
    nodule = table.loc["Nodule"]
    assert nodule["images"] == 1
    assert nodule["prior from"] == LEFT_OUT
    assert np.isnan(nodule["prior"])
    assert (nodule["image centre"], nodule["best fixed point"]) == (0, 1)


def test_averages():
    table = levels(images(), SIDE)
    assert table.loc[MACRO, "chance"] == pytest.approx(table.loc[["Mass", "Nodule"], "chance"].mean())
    weighted = (3 * table.loc["Mass", "chance"] + table.loc["Nodule", "chance"]) / 4
    assert table.loc[WEIGHTED, "chance"] == pytest.approx(weighted)
    assert table.loc[[MACRO, WEIGHTED], "prior"].tolist() == pytest.approx([2 / 3, 2 / 3])  # of Mass alone
    assert table.loc[[MACRO, WEIGHTED], "images"].tolist() == [4, 4]
    assert table.loc[MACRO, "prior from"] == f"{FROM_TRAINING}, {LEFT_OUT}"


def test_what_the_metrics_say():
    test = images().part("test")
    boxes = [box for box in test.of_class(0, (SIDE, SIDE)) if len(box)]
    row = levels(images(), SIDE).loc["Mass"]
    assert row["chance"] == pytest.approx(chance(boxes, (SIDE, SIDE)))
    assert row[CEILINGS].tolist() == [stride_ceiling(boxes, (SIDE, SIDE), s) for s in (32, 16, 8, 4)]


def test_the_prior_of_an_image_comes_from_all_others():
    every = images()
    boxes = [box for box in every.of_class(0, (SIDE, SIDE)) if len(box)]
    hits = []
    for place, own in enumerate(boxes):
        others = [box for number, box in enumerate(boxes) if number != place]
        centre = class_mean_centre(others, (SIDE, SIDE))
        hits.append(bool(fixed_point_hits(centre, [own], (SIDE, SIDE)).hit[0]))
    row = levels(every, SIDE, part=None).loc["Mass"]
    assert 0 < np.mean(hits) < 1
    assert row["prior"] == pytest.approx(np.mean(hits))
    assert (row["images"], row["prior from"]) == (4, LEFT_OUT)


def test_one_part_is_tested():
    of_train = levels(images(), SIDE, part="train")
    assert of_train.loc["Mass", "images"] == 1
    assert "Nodule" not in of_train.index
    nothing = replace(images(), split=np.array(["test"] * 5 + ["val"]))
    with pytest.raises(ValueError, match=r"no box in part 'val'"):
        levels(nothing, SIDE, part="val")


def test_a_map_of_one_cell_points_nowhere():
    assert not can_reach(torch.ones(32, 32, dtype=torch.bool), 32)
    assert can_reach(torch.ones(32, 32, dtype=torch.bool), 16)


@given(st.lists(st.tuples(*[st.integers(0, 15)] * 4), min_size=1, max_size=4))
def test_area_is_that_of_the_union(corners):
    """Boxes of whole pixels: each pixel [x, x + 1) counts once."""
    boxes = [(min(a, b), min(c, d), max(a, b) + 1, max(c, d) + 1) for a, b, c, d in corners]
    inside = np.zeros((16, 16), bool)
    for x_min, y_min, x_max, y_max in boxes:
        inside[y_min:y_max, x_min:x_max] = True
    assert area_share(torch.tensor(boxes, dtype=torch.float32), 16) == pytest.approx(inside.mean())


def test_unions_leave_out_images_without_a_box():
    boxes = [torch.zeros(0, 4), torch.tensor([[0.0, 0.0, 1.0, 1.0]])]
    found = list(box_unions(boxes, 4))
    assert len(found) == 1
    assert torch.equal(found[0], box_mask(boxes[1], (4, 4)))
    assert area_share(boxes[0], 4) == 0
