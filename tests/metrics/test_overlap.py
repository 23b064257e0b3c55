"""Overlap of maps with masks: hand-worked values, bounds, the ceiling, degenerate maps and masks."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from papers_lib.metrics.overlap import best_cell_share, box_mask, heat_share, hot_cells, resize_maps


def test_heat_share_equals_torchs_interpolation():
    generator = torch.Generator().manual_seed(0)
    maps, mask = torch.randn(4, 6, 8, generator=generator), torch.rand(4, 105, 135, generator=generator)
    heat = F.interpolate(maps.relu()[:, None], (105, 135), mode="bilinear", align_corners=False)[:, 0]
    expected = (heat * mask).sum((1, 2)) / heat.sum((1, 2))
    torch.testing.assert_close(heat_share(maps, mask), expected.double(), rtol=1e-5, atol=0)


def test_best_cell_share_is_the_largest_share_of_a_single_hot_cell():
    masks = torch.zeros(2, 21, 27)
    masks[0, 3:12, 5:14], masks[1, 15:, 20:] = 1, 1
    single = torch.eye(12).reshape(12, 3, 4)
    expected = [heat_share(single, mask.expand(12, 21, 27)).max().item() for mask in masks]
    assert best_cell_share(masks, (3, 4)).tolist() == pytest.approx(expected)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**31), batch=st.integers(1, 4), scale=st.floats(1e-6, 1e6))
def test_properties(seed, batch, scale):
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(batch, 3, 4, generator=generator)
    mask = torch.rand(batch, 11, 9, generator=generator).round()
    found = heat_share(maps, mask)
    assert ((found >= 0) & (found <= 1)).all()
    singles = [heat_share(maps[i : i + 1], mask[i : i + 1]) for i in range(batch)]
    torch.testing.assert_close(torch.cat(singles), found)
    torch.testing.assert_close(heat_share(maps.double() * scale, mask), found)
    torch.testing.assert_close(heat_share(maps.flip(2), mask.flip(2)), found)
    assert (heat_share(maps, mask) <= best_cell_share(mask, (3, 4)) + 1e-12).all()
    torch.testing.assert_close(
        heat_share(maps, mask) + heat_share(maps, 1 - mask), (maps.amax((1, 2)) > 0).double()
    )
    assert torch.equal(hot_cells(maps * 2.0), hot_cells(maps))
    assert torch.equal(hot_cells(maps.flip(1)), hot_cells(maps))


@pytest.mark.parametrize("size", [(4, 6), (1, 1), (2, 3), (3, 5), (105, 135), (17, 64)])
def test_resize_equals_torch(size):
    maps = torch.randn(2, 3, 2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = F.interpolate(maps, size, mode="bilinear", align_corners=False)
    torch.testing.assert_close(resize_maps(maps, size), expected)


def test_box_mask_is_the_union_with_edges_and_ends_at_the_image():
    boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 2.0, 2.0], [3.0, -2.0, 9.0, 0.5]])
    assert box_mask(boxes, (3, 5)).int().tolist() == [[1, 1, 0, 1, 1], [1, 1, 1, 0, 0], [0, 1, 1, 0, 0]]
    assert box_mask(torch.zeros(0, 4), (2, 2)).sum() == 0
    assert box_mask(torch.tensor([[1.2, 0.0, 1.8, 3.0]]), (4, 4)).sum() == 0
