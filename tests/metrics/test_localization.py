"""Point localization: hits by hand, ties, edges, skipped images, and the numbers that stand beside it."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from papers_lib.metrics.localization import (
    point_hits,
    reachable,
    stride_ceiling,
)
from papers_lib.metrics.overlap import box_mask

NONE = torch.zeros(0, 4)


def box(*edges: float) -> torch.Tensor:
    return torch.tensor([edges], dtype=torch.float32)


def peak(y: int, x: int, size: tuple[int, int] = (3, 3)) -> torch.Tensor:
    maps = torch.zeros(1, *size)
    maps[0, y, x] = 1
    return maps


def test_ties_go_to_the_first_pixel_in_row_major_order():
    two = peak(0, 2) + peak(2, 0)
    assert point_hits(two, [NONE], (3, 3)).point.tolist() == [[2, 0]]
    # by an even factor the centre of a cell lies between four pixels
    assert point_hits(peak(1, 1), [NONE], (12, 12)).point.tolist() == [[5, 5]]
    # beyond the outermost centres the map is constant
    assert point_hits(peak(2, 2) * 0.1, [NONE], (96, 96)).point.tolist() == [[80, 80]]


@pytest.mark.parametrize("value", [0.0, -3.0, 0.1])
def test_a_constant_map_is_a_miss_that_counts(value):
    found = point_hits(torch.full((1, 3, 3), value), [box(0, 0, 8, 8)], (9, 9))
    assert (found.hit.item(), found.counted.item(), found.point.tolist()) == (False, True, [[-1, -1]])


@pytest.mark.parametrize(
    ("bad", "line"),
    [
        (torch.zeros(4), r"boxes of image 1: expected shape \(n, 4\), got \(4,\)"),
        (box(3, 0, 2, 4), r"box 0 of image 1, \[3.0, 0.0, 2.0, 4.0\], has a maximum below its minimum"),
        (
            torch.cat([box(0, 0, 1, 1), box(9, 0, 20, 4)]),
            "box 1 of image 1, .* outside the image of 9x9 pixels",
        ),
    ],
)
def test_bad_boxes(bad, line):
    with pytest.raises(ValueError, match=line):
        point_hits(peak(0, 0).expand(2, 3, 3), [NONE, bad], (9, 9))


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**31), factor=st.sampled_from([1, 3, 5]), chunk=st.integers(1, 9))
def test_properties(seed, factor, chunk):
    generator = torch.Generator().manual_seed(seed)
    maps = torch.full((8, 4, 5), -9.0)  # a peak inside is a single pixel; on the border it would be a plateau
    maps[:, 1:-1, 1:-1] = torch.randn(8, 2, 3, generator=generator)
    height, width = size = (4 * factor, 5 * factor)
    corner = torch.rand(8, 2, 2, generator=generator).sort(1).values * torch.tensor([width - 1, height - 1])
    boxes = [NONE if i % 3 == 0 else corner[i].reshape(1, 4) for i in range(8)]
    found = point_hits(maps, boxes, size, chunk=chunk)
    large = F.interpolate(maps[:, None].double(), size, mode="bilinear", align_corners=False)[:, 0]
    for i in range(8):
        y, x = divmod(int(large[i].argmax()), width)
        assert found.point[i].tolist() == [x, y]
        assert found.hit[i] == box_mask(boxes[i], size)[y, x]
    order = torch.randperm(8, generator=generator).tolist()
    again = point_hits(maps[order], [boxes[i] for i in order], size)
    assert torch.equal(again.hit, found.hit[order])
    flipped = [torch.stack([width - 1 - b[:, 2], b[:, 1], width - 1 - b[:, 0], b[:, 3]], 1) for b in boxes]
    assert torch.equal(point_hits(maps.flip(2), flipped, size).hit, found.hit)
    assert torch.equal(point_hits(maps * 4 - 8, boxes, size).hit, found.hit)


@pytest.mark.parametrize(("cells", "pixels"), [(3, 12), (3, 9), (2, 7), (4, 10), (1, 5), (5, 5)])
def test_reachable_is_what_random_maps_reach(cells, pixels):
    maps = torch.rand(1500, 1, cells, generator=torch.Generator().manual_seed(0))
    # close neighbours, so that the peak leans to either side
    maps = torch.cat([maps, 1 - 0.01 * maps])
    found = point_hits(
        torch.cat([maps, torch.zeros(len(maps), 1, cells)], 1), [NONE] * len(maps), (2, pixels)
    )
    assert sorted(set(found.point[:, 0].tolist()) - {-1}) == reachable(cells, pixels).tolist()


def test_stride_ceiling():
    small = [box(x, y, x + 1, y + 1) for x in range(0, 31, 2) for y in range(0, 31, 2)]
    assert stride_ceiling(small, (32, 32), 1) == 1
    assert stride_ceiling(small, (32, 32), 4) > stride_ceiling(small, (32, 32), 8) > 0
    # 4 cells of 8 pixels: first maxima at 0, 11, 12, 19, 20, 28; of 16 intervals 0-1, 2-3, … each lies in another
    assert stride_ceiling(small, (32, 32), 8) == (6 / 16) ** 2
    assert stride_ceiling([box(0, 0, 31, 31)], (32, 32), 32) == 0  # one cell is a constant map
    assert stride_ceiling([box(0, 0, 31, 31)], (32, 32), 16) == 1
    assert reachable(2, 33).tolist() == [0, 25]  # the second centre is at 24.25
    assert stride_ceiling([box(25, 25, 25, 25)], (33, 33), 32) == 1  # a part of a cell makes a second one
