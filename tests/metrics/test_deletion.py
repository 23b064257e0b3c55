"""Deletion curves of linear models, whose values can be worked by hand; the best order by enumeration."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from papers_lib.metrics.deletion import deleted_cells, deletion_area, deletion_curve, random_order_maps

NOTHING = torch.zeros(1)


def share_left(images: Tensor) -> Tensor:
    """A linear model: the sum of the pixels."""
    return images.sum((1, 2, 3))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_curve_by_hand():
    """2 x 2 cells over 4 x 4 pixels; cells sum to .1, .2, .3 and .4, and the map ranks them 3, 1, 0, 2."""
    cells = torch.tensor([[0.1, 0.2], [0.3, 0.4]])
    image = cells.repeat_interleave(2, 0).repeat_interleave(2, 1)[None, None] / 4
    maps = torch.tensor([[[0.5, 2.0], [7.0, -1.0]]])
    shares = [0, 0.25, 0.3, 0.75, 1]
    curve = deletion_curve(share_left, image, maps, shares, fill=NOTHING)
    torch.testing.assert_close(curve, torch.tensor([[1.0, 0.7, 0.5, 0.4, 0.0]]))
    # .25 · 1.7/2 + .05 · 1.2/2 + .45 · .9/2 + .25 · .4/2
    assert float(deletion_area(curve, shares)) == pytest.approx(0.2125 + 0.03 + 0.2025 + 0.05)


@given(st.integers(0, 2**31), st.integers(1, 4), st.integers(1, 4))
def test_only_the_order_counts_and_images_do_not_mix(seed, height, width):
    generator = seeded(seed)
    images, maps = (
        torch.rand(3, 2, 8, 7, generator=generator),
        torch.randn(3, height, width, generator=generator),
    )
    weights = torch.rand(2, 8, 7, generator=generator)
    shares = [0.1, 0.4, 1.0]

    def curve(images: Tensor, maps: Tensor) -> Tensor:
        return deletion_curve(lambda x: (x * weights).sum((1, 2, 3)), images, maps, shares)

    together = curve(images, maps)
    torch.testing.assert_close(curve(images, 3 * maps.double() - 7), together)
    singly = torch.cat([curve(images[i : i + 1], maps[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(singly, together)


def test_cells_deleted_are_rounded_up_once():
    assert 0.28 * 25 > 7  # in floating point
    for cells in (1, 7, 25, 36, 49, 100):
        for number in range(cells + 1):
            assert deleted_cells(number / cells, cells) == number
            assert deleted_cells(round(number / cells, 12), cells) == number
    assert [deleted_cells(share, 36) for share in (0, 0.001, 0.05, 0.1, 0.99)] == [0, 1, 2, 4, 36]


def test_random_orders_are_permutations_of_their_own_and_of_the_seed():
    maps = random_order_maps(seeded(3), (50, 2, 3))
    assert torch.equal(maps.flatten(1).sort(1).values, torch.arange(6.0).expand(50, 6))
    assert torch.equal(maps, random_order_maps(seeded(3), (50, 2, 3)))
    assert len({tuple(row) for row in maps.flatten(1).tolist()}) > 30
    image = torch.rand(1, 1, 2, 3, generator=seeded(0)).expand(4000, 1, 2, 3)
    many = random_order_maps(seeded(4), (4000, 2, 3))
    shares = [i / 6 for i in range(7)]
    areas = deletion_area(deletion_curve(share_left, image, many, shares, NOTHING), shares)
    assert float(areas.mean() / image[0].sum()) == pytest.approx(0.5, abs=0.01)  # half the sum of the pixels
