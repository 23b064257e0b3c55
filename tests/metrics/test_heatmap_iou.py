"""IoU of thresholded heatmaps: grids by hand, what is skipped and what counts as nothing."""

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from papers_lib.metrics.heatmap_iou import heatmap_iou, mean_iou

NONE = torch.zeros(0, 4)


def box(*edges: float) -> torch.Tensor:
    return torch.tensor([edges], dtype=torch.float32)


def test_images_without_a_box_are_skipped_and_those_without_prediction_are_not():
    maps = torch.tensor([[[5.0]], [[torch.nan]], [[-5.0]], [[5.0]]])
    found = heatmap_iou(maps, [box(0, 0, 3, 1), NONE, box(0, 0, 3, 3), NONE], (4, 4), 0.0)
    assert found.counted.tolist() == [True, False, True, False]
    torch.testing.assert_close(
        found.iou, torch.tensor([0.5, torch.nan, 0.0, torch.nan]).double(), equal_nan=True
    )
    mean = mean_iou([found, heatmap_iou(maps[:1], [NONE], (4, 4), 0.0)])
    assert mean.per_class[0].item() == 0.25
    assert mean.per_class[1].isnan()
    assert (mean.counts.tolist(), mean.macro, mean.weighted) == ([2, 0], 0.25, 0.25)


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**31),
    factor=st.sampled_from([1, 3, 4]),
    chunk=st.integers(1, 9),
    cut=st.floats(-1, 1),
)
def test_properties(seed, factor, chunk, cut):
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(7, 3, 4, generator=generator)
    height, width = size = (3 * factor, 4 * factor)
    ends = torch.rand(7, 2, 2, 2, generator=generator).sort(2).values * torch.tensor([width, height])
    boxes = [NONE if i % 3 == 2 else ends[i].flatten(1).clamp(max=min(size) - 1) for i in range(7)]
    found = heatmap_iou(maps, boxes, size, cut, chunk=chunk)
    large = F.interpolate(maps[:, None].double(), size, mode="bilinear", align_corners=False)[:, 0]
    for i in range(7):
        hot = {(x, y) for y in range(height) for x in range(width) if large[i, y, x] > cut + 1e-12}
        inside = {
            (x, y)
            for y in range(height)
            for x in range(width)
            for x0, y0, x1, y1 in boxes[i].tolist()
            if x0 <= x <= x1 and y0 <= y <= y1
        }
        if len(boxes[i]):
            assert found.iou[i].item() == len(hot & inside) / max(1, len(hot | inside))
    order = torch.randperm(7, generator=generator).tolist()
    again = heatmap_iou(maps[order], [boxes[i] for i in order], size, cut)
    torch.testing.assert_close(again.iou, found.iou[order], rtol=0, atol=0, equal_nan=True)
