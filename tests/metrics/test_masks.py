"""The shared pixel grid: bilinear weights against torch, masks of boxes counted by hand."""

import pytest
import torch
import torch.nn.functional as F

from papers_lib.metrics.overlap import box_mask, resize_maps


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
