import math

import numpy as np
import pytest
import torch

from cam_entropy import localization
from cam_entropy.data import Split
from cam_entropy.localization import (
    GRID,
    in_crops,
    in_scenes,
    object_masks,
    on_grid,
    part_boxes,
    under_deletion,
)

NUMBERS = ("object_mass", "object_pointing", "part_mass", "part_pointing")
PLAIN = [[1.0, 0, 0], [0, 1.0, 0]]
STRONG = [[30.0, 0, 0], [0, 1.0, 0]]


def square(rows, columns):
    """A map as fine as the grid, hot in one rectangle: nothing is blurred on the way."""
    found = torch.zeros(GRID, GRID)
    found[slice(*rows), slice(*columns)] = 2.0
    return found


def test_boxes_and_masks_on_the_grid_by_hand(hand_split):
    # 192 px on 96: edges 10, 20, 50.5, 60 are at 5, 10, 25.25, 30; the last pixels inside are 25 and 29
    assert on_grid(np.array([[10, 20, 50.5, 60]]), 192).tolist() == [[5, 10, 25, 29]]
    assert on_grid(np.array([[7.2, 7.2, 7.3, 7.3]]), GRID).tolist() == [[7, 7, 7, 7]]  # never empty
    none, box = part_boxes(hand_split([0, 1], parts=np.float32([[np.nan] * 4, [0, 32, 16, 64]])))
    assert (tuple(none.shape), box.tolist()) == ((0, 4), [[0, 48, 23, 95]])
    for side in (48, 96, 192):  # masks of any side keep their area
        crops = hand_split([0, 1, 0], mask_side=side)
        crops.masks[1, : side // 2, : side // 4] = True
        masks = object_masks(crops, np.array([1]))
        assert masks.shape == (1, GRID, GRID)
        assert float(masks.double().mean()) == pytest.approx(1 / 8)
        assert bool(masks[0, :48, :24].bool().all())


def test_all_heat_on_the_part_is_one_beside_it_zero_and_half_is_half(hand_split, monkeypatch):
    crops = hand_split([0, 1, 0], parts=np.float32([[0, 0, 16, 16]] * 3), has_mask=np.array([True] * 3))
    crops.masks[:, :48] = True
    maps = torch.stack([square((0, 24), (0, 24)), square((60, 80), (60, 80)), square((0, 48), (0, 24))])
    found = in_crops(maps, crops)
    assert found["part_mass"] == pytest.approx((1 + 0 + 0.5) / 3)
    assert found["part_pointing"] == pytest.approx(2 / 3)  # the first of equal pixels is in the part
    assert found["object_mass"] == found["object_pointing"] == pytest.approx(2 / 3)
    assert all(found[f"{name}_live"] == found[name] for name in NUMBERS)
    monkeypatch.setattr(localization, "CHUNK", 2)
    assert in_crops(maps, crops) == pytest.approx(found)


def test_dead_and_constant_maps(hand_split):
    crops = hand_split([0, 1], parts=np.float32([[0, 0, 64, 64]] * 2), has_mask=np.array([True] * 2))
    crops.masks[:] = True
    found = in_crops(torch.stack([torch.zeros(GRID, GRID), square((0, 9), (0, 9))]), crops)
    assert all((found[name], found[f"{name}_live"]) == (0.5, 1) for name in NUMBERS)
    dead = in_crops(torch.zeros(2, 6, 6), crops)
    assert all(dead[name] == 0 and math.isnan(dead[f"{name}_live"]) for name in NUMBERS)
    crops.masks[:, :, 48:] = False
    constant = in_crops(torch.ones(2, 6, 6), crops)  # points nowhere, has its share of heat
    assert constant["object_mass"] == pytest.approx(0.5)
    assert constant["part_pointing"] == constant["object_pointing"] == 0


def test_scenes_by_hand(hand_split, colours, monkeypatch):
    """Two scenes of 128 px: red in the box of class a and beside it; green beside the only box of class b."""
    scenes = np.zeros((2, 128, 128, 3), np.uint8)
    scenes[0, :32, :32, 0] = 255
    scenes[0, 96:, 96:, 1] = 200
    scenes[1, 64:96, :32, 0] = 100
    crops = hand_split(
        [0, 1, 0],
        image=np.array([0, 0, 1]),
        scenes=scenes,
        scene_boxes=[np.float32([[0, 0, 64, 64], [64, 0, 128, 64]]), np.float32([[64, 64, 128, 128]])],
        scene_classes=[np.array([0, 1]), np.array([0])],
    )
    data = Split(crops, crops.images, scenes)
    found = in_scenes(colours(4, PLAIN), data, "cpu")
    # a: hit in the first scene, miss in the second; b: green lies outside its box
    assert found["scene_pointing"] == pytest.approx((0.5 + 0) / 2)
    assert found["scene_dead_share"] == 0
    # enlarged, heat reaches as far as the next cells' centres: all in the box of 2 x 2 cells, none in the others
    assert found["scene_mass"] == pytest.approx((0.5 + 0) / 2)
    dead = in_scenes(colours(4, [[1.0, 0, 0], [0, -1.0, 0]]), data, "cpu")
    assert dead["scene_dead_share"] == pytest.approx(1 / 3)  # two maps of a, one of b
    monkeypatch.setattr(localization, "SCENES", 1)
    assert in_scenes(colours(4, PLAIN), data, "cpu") == pytest.approx(found)


@pytest.fixture
def coloured(hand_split):
    """Four crops with red in the upper left of sixteen cells and dim noise elsewhere, all of class a."""
    crops = hand_split([0, 0, 0, 0])
    crops.images[:] = np.random.default_rng(0).integers(0, 30, crops.images.shape)
    crops.images[:, :16, :16, 0] = 255
    return crops


def test_deletion_by_the_hot_cells_gains_and_a_dead_map_deletes_at_random(coloured, colours):
    whole, tail, items = colours(4, STRONG), colours(4, STRONG), np.array([2, 0])
    maps = (
        torch.from_numpy(coloured.images[:, ::16, ::16, 0].astype(np.float32)) - 9.0
    )  # raw: some below zero
    found = under_deletion(whole, None, coloured, maps, items, "cpu")
    assert (
        found["deletion_gain"]
        > 0
        > under_deletion(whole, None, coloured, 300 - maps, items, "cpu")["deletion_gain"]
    )
    assert under_deletion(whole, None, coloured, maps * 0 - 1, items, "cpu")["deletion_gain"] == 0
    tail.features = torch.nn.Identity()  # a frozen front is part of the model
    fronted = under_deletion(tail, torch.nn.AdaptiveAvgPool2d(4), coloured, maps, items, "cpu")
    assert fronted == pytest.approx(found, rel=1e-5)
