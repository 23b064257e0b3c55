import math

import numpy as np
import pytest
import torch
from torch import nn

from cam_entropy.localization import (
    GRID,
    SHARES,
    in_crops,
    in_scenes,
    object_masks,
    on_grid,
    part_boxes,
    under_deletion,
)
from cam_entropy.split import Split
from papers_lib.metrics.deletion import random_order_maps

NUMBERS = ("object_mass", "object_pointing", "part_mass", "part_pointing")


def square(rows, columns):
    """A map as fine as the grid, hot in one rectangle: nothing is blurred on the way."""
    found = torch.zeros(GRID, GRID)
    found[slice(*rows), slice(*columns)] = 2.0
    return found


def head_of_colours(weights):
    """Class maps are weighted sums of the colours; the head's hidden units are the colours' means."""
    first, last = nn.Linear(3, 3, bias=False), nn.Linear(3, len(weights), bias=False)
    with torch.no_grad():
        first.weight.copy_(torch.eye(3))
        last.weight.copy_(torch.tensor(weights))
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), first, nn.ReLU(), last)


class Colours(nn.Module):
    def __init__(self, weights, cells=4):
        super().__init__()
        self.features = nn.AdaptiveAvgPool2d(cells)
        self.head = head_of_colours(weights)

    def forward(self, images):
        return self.head(self.features(images))


def test_boxes_on_the_grid_by_hand():
    # 192 px on 96: edges 10, 20, 50.5, 60 are at 5, 10, 25.25, 30; the last pixels inside are 25 and 29
    assert on_grid(np.array([[10, 20, 50.5, 60]]), 192).tolist() == [[5, 10, 25, 29]]
    assert on_grid(np.array([[0, 0, 64, 64]]), 64).tolist() == [[0, 0, GRID - 1, GRID - 1]]
    assert on_grid(np.array([[7.2, 7.2, 7.3, 7.3]]), GRID).tolist() == [[7, 7, 7, 7]]  # never empty
    assert on_grid(np.zeros((0, 4)), 64).shape == (0, 4)


def test_a_box_on_the_grid_covers_the_pixels_box_and_less_than_a_pixel_more():
    generator = np.random.default_rng(0)
    low = generator.uniform(0, 150, (200, 2))
    boxes = np.concatenate([low, low + generator.uniform(1, 42, (200, 2))], 1)
    found = on_grid(boxes, 192).numpy()
    edges = np.concatenate([found[:, :2], found[:, 2:] + 1], 1) * 2
    grown = np.concatenate([boxes[:, :2] - edges[:, :2], edges[:, 2:] - boxes[:, 2:]], 1)
    assert (grown >= 0).all()
    assert (grown < 2).all()


def test_items_without_a_part_have_no_box(hand_split):
    parts = np.float32([[np.nan] * 4, [0, 32, 16, 64]])
    none, box = part_boxes(hand_split([0, 1], parts=parts))
    assert none.shape == (0, 4)
    assert box.tolist() == [[0, 48, 23, 95]]


@pytest.mark.parametrize("mask_side", [48, 96, 192])
def test_masks_of_any_side_keep_their_area(hand_split, mask_side):
    crops = hand_split([0, 1, 0], mask_side=mask_side)
    crops.has_mask[1] = True
    crops.masks[1, : mask_side // 2, : mask_side // 4] = True
    masks = object_masks(crops, np.array([1]))
    assert masks.shape == (1, GRID, GRID)
    assert float(masks.double().mean()) == pytest.approx(1 / 8)
    assert bool(masks[0, :48, :24].bool().all())


def test_all_heat_on_the_part_is_one_beside_it_zero_and_half_is_half(hand_split):
    crops = hand_split([0, 1, 0], parts=np.float32([[0, 0, 16, 16]] * 3), has_mask=np.array([True] * 3))
    crops.masks[:, :48] = True
    maps = torch.stack([square((0, 24), (0, 24)), square((60, 80), (60, 80)), square((0, 48), (0, 24))])
    found = in_crops(maps, crops)
    assert found["part_mass"] == pytest.approx((1 + 0 + 0.5) / 3)
    assert found["part_pointing"] == pytest.approx(2 / 3)  # the first of equal pixels is in the part
    assert found["object_mass"] == pytest.approx(2 / 3)
    assert found["object_pointing"] == pytest.approx(2 / 3)
    assert all(found[f"{name}_live"] == found[name] for name in NUMBERS)


def test_chunks_change_no_number(hand_split, monkeypatch):
    generator = np.random.default_rng(0)
    crops = hand_split([0] * 9, has_mask=np.array([True, False, True] * 3))
    crops.masks[:] = generator.random(crops.masks.shape) < 0.3
    crops.parts[::2] = (8, 8, 40, 30)
    maps = torch.from_numpy(generator.random((9, 6, 6)))
    whole = in_crops(maps, crops)
    monkeypatch.setattr("cam_entropy.localization.CHUNK", 2)
    assert in_crops(maps, crops) == whole


def test_a_dead_map_finds_nothing_and_is_left_out_of_the_live(hand_split):
    crops = hand_split([0, 1], parts=np.float32([[0, 0, 64, 64]] * 2), has_mask=np.array([True] * 2))
    crops.masks[:] = True
    found = in_crops(torch.stack([torch.zeros(GRID, GRID), square((0, 9), (0, 9))]), crops)
    assert all(found[name] == 0.5 for name in NUMBERS)
    assert all(found[f"{name}_live"] == 1 for name in NUMBERS)
    dead = in_crops(torch.zeros(2, 6, 6), crops)
    assert all(dead[name] == 0 for name in NUMBERS)
    assert all(math.isnan(dead[f"{name}_live"]) for name in NUMBERS)


def test_a_constant_map_points_nowhere_but_has_its_share_of_heat(hand_split):
    crops = hand_split([0], parts=np.float32([[0, 0, 32, 64]]), has_mask=np.array([True]))
    crops.masks[:, :, :48] = True
    found = in_crops(torch.ones(1, 6, 6), crops)
    assert found["object_mass"] == found["part_mass"] == pytest.approx(0.5)
    assert found["part_pointing"] == found["object_pointing"] == 0


def test_what_the_data_lack_is_nan(hand_split):
    maps = square((0, 9), (0, 9))[None]
    assert all(math.isnan(value) for value in in_crops(maps, hand_split([0])).values())
    parted = in_crops(maps, hand_split([0], parts=np.float32([[0, 0, 64, 64]])))
    assert parted["part_mass"] == 1
    assert math.isnan(parted["object_mass"])


def test_items_without_mask_or_part_do_not_count(hand_split):
    nan = [np.nan] * 4
    crops = hand_split([0, 1, 1], parts=np.float32([nan, [0, 0, 16, 16], nan]))
    crops.has_mask[2] = True
    crops.masks[2, :, 48:] = True
    left, right = square((0, 24), (0, 24)), square((0, 24), (60, 80))
    found = in_crops(torch.stack([right, left, right]), crops)
    assert [found[name] for name in NUMBERS] == [1, 1, 1, 1]


def scenes_of(hand_split):
    """Two scenes of 128 px: red in the box of class a and beside it; green beside the only box of class b."""
    scenes = np.zeros((2, 128, 128, 3), np.uint8)
    scenes[0, :32, :32, 0] = 255
    scenes[0, 96:, 96:, 1] = 200
    scenes[1, 64:96, :32, 0] = 100
    boxes = [np.float32([[0, 0, 64, 64], [64, 0, 128, 64]]), np.float32([[64, 64, 128, 128]])]
    kinds = [np.array([0, 1]), np.array([0])]
    crops = hand_split(
        [0, 1, 0], image=np.array([0, 0, 1]), scenes=scenes, scene_boxes=boxes, scene_classes=kinds
    )
    return Split(crops, crops.images, scenes)


def test_scenes_by_hand(hand_split, monkeypatch):
    data = scenes_of(hand_split)
    found = in_scenes(Colours([[1.0, 0, 0], [0, 1.0, 0]]), data, "cpu")
    # a: hit in the first scene, miss in the second; b: green lies outside its box
    assert found["scene_pointing"] == pytest.approx((0.5 + 0) / 2)
    assert found["scene_dead_share"] == 0
    # enlarged, heat reaches as far as the next cells' centres: all in the box of 2 x 2 cells, none in the others
    assert found["scene_mass"] == pytest.approx((0.5 + 0) / 2)
    monkeypatch.setattr("cam_entropy.localization.SCENES", 1)
    assert in_scenes(Colours([[1.0, 0, 0], [0, 1.0, 0]]), data, "cpu") == pytest.approx(found)


def test_dead_maps_of_scenes_are_misses_and_counted(hand_split):
    found = in_scenes(Colours([[1.0, 0, 0], [0, -1.0, 0]]), scenes_of(hand_split), "cpu")
    assert found["scene_dead_share"] == pytest.approx(1 / 3)  # two maps of a, one of b
    assert found["scene_pointing"] == pytest.approx(0.25)
    all_dead = in_scenes(Colours([[-1.0, 0, 0], [0, -1.0, 0]]), scenes_of(hand_split), "cpu")
    assert all_dead == {"scene_pointing": 0, "scene_mass": 0, "scene_dead_share": 1}


def test_without_scenes_their_numbers_are_nan(hand_split):
    crops = hand_split([0])
    found = in_scenes(Colours([[1.0, 0, 0], [0, 1.0, 0]]), Split(crops, crops.images, None), "cpu")
    assert len(found) == 3
    assert all(math.isnan(value) for value in found.values())


@pytest.fixture
def coloured(hand_split):
    """Four crops with red in the upper left of sixteen cells and dim noise elsewhere, all of class a."""
    crops = hand_split([0, 0, 0, 0])
    crops.images[:] = np.random.default_rng(0).integers(0, 30, crops.images.shape)
    crops.images[:, :16, :16, 0] = 255
    return crops


MODEL_WEIGHTS = [[30.0, 0, 0], [0, 1.0, 0]]


def by_hand(model, pictures, order):
    """Area under the deletion curve of class 0 by loops: cells of 16 px replaced by the picture's mean colour."""
    areas = []
    for picture, ranked in zip(pictures, order, strict=True):
        image = picture.permute(2, 0, 1).float() / 255
        mean = image.mean((1, 2))
        hottest = sorted(range(16), key=lambda cell: (-float(ranked.flatten()[cell]), cell))
        curve = []
        for share in SHARES:
            left = image.clone()
            for cell in hottest[: math.ceil(share * 16)]:
                row, column = divmod(cell, 4)
                left[:, row * 16 : row * 16 + 16, column * 16 : column * 16 + 16] = mean[:, None, None]
            curve.append(float(model(left[None]).softmax(1)[0, 0].detach()))
        areas.append(np.trapezoid(curve, SHARES))
    return np.mean(areas)


def test_deletion_equals_loops_over_pixels(coloured):
    model = Colours(MODEL_WEIGHTS)
    maps = (
        torch.from_numpy(coloured.images[:, ::16, ::16, 0].astype(np.float32)) - 9.0
    )  # raw: some below zero
    items = np.array([2, 0])
    found = under_deletion(model, None, coloured, maps, items, "cpu")
    pictures = torch.from_numpy(coloured.images[items])
    area = by_hand(model, pictures, maps[items])
    chance = by_hand(model, pictures, random_order_maps(torch.Generator().manual_seed(0), (2, 4, 4)))
    assert found["deletion_area"] == pytest.approx(area, rel=1e-5)
    assert found["deletion_gain"] == pytest.approx(1 - area / chance, rel=1e-4)
    assert found["deletion_gain"] > 0
    assert under_deletion(model, None, coloured, -maps + 300, items, "cpu")["deletion_gain"] < 0


def test_a_frozen_front_is_part_of_the_model_whose_probability_falls(coloured):
    maps = torch.rand(4, 4, 4, generator=torch.Generator().manual_seed(1)) + 0.1
    whole = Colours(MODEL_WEIGHTS)
    tail = Colours(MODEL_WEIGHTS)
    tail.features = nn.Identity()
    items = np.arange(4)
    expected = under_deletion(whole, None, coloured, maps, items, "cpu")
    assert under_deletion(tail, nn.AdaptiveAvgPool2d(4), coloured, maps, items, "cpu") == expected


def test_a_dead_map_deletes_at_random(coloured):
    model = Colours(MODEL_WEIGHTS)
    maps = torch.rand(4, 4, 4, generator=torch.Generator().manual_seed(1)) + 0.1
    random = random_order_maps(torch.Generator().manual_seed(0), (4, 4, 4))
    half = maps.clone()
    half[1] = -1
    expected = torch.cat([maps[:1], random[1:2], maps[2:]])
    items = np.arange(4)
    some = under_deletion(model, None, coloured, half, items, "cpu")
    assert some == under_deletion(model, None, coloured, expected, items, "cpu")
    assert under_deletion(model, None, coloured, -maps, items, "cpu")["deletion_gain"] == 0
    none = under_deletion(model, None, coloured, maps, items[:0], "cpu")
    assert all(math.isnan(value) for value in none.values())
