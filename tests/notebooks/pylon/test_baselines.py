"""Baselines of point localization: by hand on six images, and against the metrics they are made of."""

import numpy as np
import pytest

from papers_lib.metrics.localization import class_mean_centre, fixed_point_hits
from pylon.baselines import baselines
from pylon.printed import MACRO, WEIGHTED
from tests.notebooks.pylon.runs import SIDE, images

SIZE = (SIDE, SIDE)


def test_by_hand():
    table = baselines(images(), SIDE)
    assert table.index.tolist() == ["Mass", "Nodule", MACRO, WEIGHTED]  # Hernia has no box
    mass = table.loc["Mass"]
    assert mass["images"] == 3
    # pixels 0 to 32, 32 to 63, and 0 to 32 with 32 to 48, which share one
    assert mass["chance"] == pytest.approx((33**2 + 32**2 + 33**2 + 17**2 - 1) / 3 / SIDE**2)
    assert mass["prior"] == pytest.approx(2 / 3)  # the training box's centre, pixel 16, is not in 32 to 64
    assert mass[["image centre", "best fixed point"]].tolist() == [1, 1]  # pixel 32 lies on the edge of all
    nodule = table.loc["Nodule"]
    assert np.isnan(nodule["prior"])
    assert nodule[["images", "image centre", "best fixed point"]].tolist() == [1, 0, 1]
    averages = table.loc[[MACRO, WEIGHTED]]
    sums = mass["chance"] + nodule["chance"], 3 * mass["chance"] + nodule["chance"]
    assert averages["chance"].tolist() == pytest.approx([sums[0] / 2, sums[1] / 4])
    assert averages["prior"].tolist() == pytest.approx([2 / 3, 2 / 3])  # of Mass alone
    assert averages["images"].tolist() == [4, 4]


def test_the_prior_of_an_image_comes_from_all_others():
    boxes = [box for box in images().of_class(0, SIZE) if len(box)]
    hits = []
    for place, own in enumerate(boxes):
        centre = class_mean_centre([box for number, box in enumerate(boxes) if number != place], SIZE)
        hits.append(bool(fixed_point_hits(centre, [own], SIZE).hit[0]))
    row = baselines(images(), SIDE, part=None).loc["Mass"]
    assert 0 < np.mean(hits) < 1
    assert (row["prior"], row["images"]) == (pytest.approx(np.mean(hits)), 4)
