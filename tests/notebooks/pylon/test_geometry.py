"""Ceilings of a map's stride and mean areas: against exact probabilities and a table read another way."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.datasets.nih_cxr14 import load_nih
from papers_lib.metrics.localization import reachable, stride_ceiling
from pylon.geometry import (
    class_ceilings,
    inner_ceiling,
    mean_area_shares,
    nodule_ceilings,
    random_squares,
)

SAMPLE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "nih_cxr14_sample"


def seeded():
    return torch.Generator().manual_seed(3)


def exact(area, side, stride):
    """Along an axis: length of the places from which a box reaches some pixel that a map can peak at, squared."""
    width = math.sqrt(area) * side
    free, covered, end = side - width, 0.0, 0.0
    for pixel in reachable(side // stride, side).tolist():
        low, high = max(pixel - width, end, 0.0), min(pixel, free)
        covered, end = covered + max(high - low, 0.0), max(end, high)
    return (covered / free) ** 2


def images_of(boxes, kinds, classes=("Mass", "Nodule")):
    count = len(boxes)
    return BoxedImages(
        classes,
        tuple(f"{i}.png" for i in range(count)),
        tuple(Path(f"{i}.png") for i in range(count)),
        ("",) * count,
        np.zeros((count, len(classes)), bool),
        tuple(np.array(found, np.float32).reshape(-1, 4) for found in boxes),
        tuple(np.array(found, np.int64) for found in kinds),
        None,
        np.array([""] * count),
    )


def test_squares_lie_inside_and_have_the_area():
    boxes = random_squares(0.005, 500, seeded())
    assert boxes.shape == (500, 4)
    assert boxes.min() >= 0
    assert boxes.max() <= 1
    side = boxes[:, 2:] - boxes[:, :2]
    assert torch.allclose(side.prod(1), torch.tensor(0.005, dtype=torch.float64))
    assert boxes[:, :2].max() > 0.9  # up to the edge
    assert torch.equal(boxes, random_squares(0.005, 500, seeded()))


@pytest.mark.parametrize(("area", "count"), [(0.0, 5), (1.5, 5), (math.nan, 5), (0.1, 0)])
def test_squares_need_an_area_and_a_count(area, count):
    with pytest.raises(ValueError, match="expected an area"):
        random_squares(area, count, seeded())


def test_ceilings_of_nodules_are_the_exact_probabilities():
    count = 400
    found = nodule_ceilings(seeded(), count=count, sides=(128, 256), strides=(32, 16, 8, 4))
    for side in found.index:
        for stride in found.columns:
            p = exact(0.005, side, stride)
            error = 3 * math.sqrt(p * (1 - p) / count) + 1e-9
            assert found.loc[side, stride] == pytest.approx(p, abs=error), (side, stride)
    assert found.loc[256, 4] == 1.0
    assert (found.diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)  # a finer map never lowers the ceiling here


@pytest.mark.parametrize(("side", "about"), [(128, 0.06), (256, 0.30), (512, 0.95)])
def test_stride_thirty_two_at_the_three_input_sizes(side, about):
    assert exact(0.005, side, 32) == pytest.approx(about, abs=0.015)
    assert exact(0.005, side, 32) < inner_ceiling(0.005, side, 32)


@pytest.mark.parametrize(("side", "stride"), [(128, 32), (256, 32), (256, 16), (512, 32)])
def test_inner_ceiling_is_that_of_boxes_away_from_the_edge(side, stride):
    width, count = math.sqrt(0.005) * side, 300
    places = stride + (side - 2 * stride - width) * torch.rand(
        count, 2, generator=seeded(), dtype=torch.float64
    )
    lattice = stride * ((side - 2 * stride - width) // stride)  # whole periods only
    if lattice:
        places = stride + (places - stride) % lattice
    found = stride_ceiling(list(torch.cat([places, places + width], 1)[:, None]), (side, side), stride)
    p = inner_ceiling(0.005, side, stride)
    assert found == pytest.approx(p, abs=3 * math.sqrt(p * (1 - p) / count) + 1e-9)


@pytest.mark.parametrize(("area", "stride"), [(0.1, 5), (0.1, 0), (0.0, 4), (1.2, 4)])
def test_inner_ceiling_needs_an_even_stride(area, stride):
    with pytest.raises(ValueError, match=r"expected an area in .* and an even stride"):
        inner_ceiling(area, 64, stride)


def test_ceilings_of_a_class_by_hand():
    # 64 px, stride 32: two cells, whose peaks lie at pixel 0 and from pixel 48 on: first pixel 48
    boxes = [[[0, 0, 0.1, 0.1]], [[0.3, 0.3, 0.4, 0.4]], [[0.3, 0.3, 0.4, 0.4], [0.7, 0.7, 0.8, 0.8]], []]
    images = images_of(boxes, [[1], [1], [1, 1], []])
    found = class_ceilings(images, "Nodule", sides=(64,), strides=(32, 4))
    assert reachable(2, 64).tolist() == [0, 48]
    assert found.loc[64].tolist() == [pytest.approx(2 / 3), 1.0]
    with pytest.raises(ValueError, match="name: found 'Hernia', expected one of Mass, Nodule"):
        class_ceilings(images, "Hernia")
    with pytest.raises(ValueError, match="no image has a box"):
        class_ceilings(images, "Mass")


def test_mean_areas_by_hand():
    images = images_of([[[0, 0, 0.5, 0.5], [0, 0, 1, 0.5]], [], [[0.5, 0.5, 1, 1]]], [[1, 0], [], [1]])
    found = mean_area_shares(images)
    assert found["boxes"].to_dict() == {"Mass": 1, "Nodule": 2}
    assert found["area"].to_dict() == {"Mass": 0.5, "Nodule": 0.25}
    assert mean_area_shares(images_of([[]], [[]])).empty


@pytest.fixture(scope="module")
def sample():
    if not SAMPLE.is_dir():
        pytest.skip(f"no sample of real radiographs at {SAMPLE}")
    return load_nih(SAMPLE)


def test_areas_of_the_sample_are_those_of_its_box_file(sample):
    table = pd.read_csv(SAMPLE / "BBox_List_2017.csv")
    area = (table.iloc[:, 4] * table.iloc[:, 5] / 1024**2).groupby(table["Finding Label"])
    found = mean_area_shares(sample).rename(index={"Infiltration": "Infiltrate"}).sort_index()
    assert found["boxes"].tolist() == area.size().sort_index().tolist()
    assert found["area"].tolist() == pytest.approx(area.mean().sort_index().tolist(), rel=1e-4)


def test_areas_of_the_sample_are_near_the_printed_ones(sample):
    printed = {"Atelectasis": 0.03, "Cardiomegaly": 0.18, "Effusion": 0.07, "Infiltration": 0.10}
    printed |= {"Mass": 0.04, "Nodule": 0.01, "Pneumonia": 0.09, "Pneumothorax": 0.05}
    assert mean_area_shares(sample)["area"].to_dict() == pytest.approx(printed, abs=0.015)


def test_ceiling_of_the_samples_nodules(sample):
    found = class_ceilings(sample, "Nodule", sides=(128, 256), strides=(32, 4))
    # real nodules differ in size and shun the edges, so that squares of the mean area are a guide only
    assert found.loc[128, 32] == pytest.approx(0.09, abs=0.05)
    assert found.loc[256, 32] == pytest.approx(0.35, abs=0.1)
    assert found.loc[256, 4] == 1.0
