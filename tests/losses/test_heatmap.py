"""The heatmap loss: hand-worked values, the authors' code written a second way, dead maps, half precision."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from papers_lib.losses.heatmap import FORMS, heatmap_loss, shrink_mask, sigmoid_cce, sigmoid_mse

H = torch.tensor([[[4.0, 2.0], [-1.0, 1.0]]])  # Hn = 1, .5, 0, .25
M = torch.tensor([[[0.0, 1.0], [1.0, 1.0]]])


@pytest.mark.parametrize(
    ("form", "value"),
    [("mean", 0.75 / 4), ("sum", 0.75), ("share", 0.75 / 1.75), ("dice", 1 - 2 * 1 / (1.75 + 1))],
)
def test_hand_worked_values(form, value):
    assert heatmap_loss(H, M, form=form).item() == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_gradcheck(form):
    generator = torch.Generator().manual_seed(1)
    maps = torch.randn(3, 2, 3, generator=generator, dtype=torch.float64).requires_grad_()
    outside = torch.rand(3, 2, 3, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda h: heatmap_loss(h, outside, form=form), (maps,))


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**31),
    form=st.sampled_from(FORMS),
    batch=st.integers(1, 5),
    scale=st.floats(1e-3, 1e3),
)
def test_properties(seed, form, batch, scale):
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(batch, 3, 4, generator=generator, dtype=torch.float64)
    outside = torch.rand(batch, 3, 4, generator=generator, dtype=torch.float64)

    def terms(h: Tensor, m: Tensor) -> Tensor:
        return heatmap_loss(h, m, form=form, reduction="none")

    found = terms(maps, outside)
    assert (found >= 0).all()
    assert (found <= (12 if form == "sum" else 1)).all()
    order = torch.randperm(batch, generator=generator)
    torch.testing.assert_close(terms(maps[order], outside[order]), found[order])
    singles = [heatmap_loss(maps[i : i + 1], outside[i : i + 1], form=form) for i in range(batch)]
    torch.testing.assert_close(torch.stack(singles), found)
    torch.testing.assert_close(terms(maps * scale, outside), found)
    torch.testing.assert_close(terms(maps.flip(-1), outside.flip(-1)), found)
    more = (outside + 0.1).clamp(max=1)  # a smaller organ never costs less
    if form != "dice":
        assert (terms(maps, more) >= found - 1e-12).all()


def test_shrink_mask_point_sees_four_pixels_and_area_all():
    mask = torch.zeros(1, 6, 6)
    mask[0, 1, 1] = 1  # the centre pixel of the upper left cell
    assert shrink_mask(mask, (2, 2))[0].tolist() == [[1.0, 0.0], [0.0, 0.0]]
    assert shrink_mask(mask, (2, 2), "area")[0, 0, 0].item() == pytest.approx(1 / 9)
    corner = torch.zeros(1, 6, 6, dtype=torch.bool)
    corner[0, 0, 0] = True
    assert shrink_mask(corner, (2, 2)).sum() == 0
    assert shrink_mask(corner, (2, 2), "area")[0, 0, 0].item() == pytest.approx(1 / 9)


def test_hand_worked_sigmoid_losses():
    z = torch.tensor(
        [[math.log(3.0), 0.0], [0.0, -math.log(3.0)]], dtype=torch.float64
    )  # p = .75 .5 / .5 .25
    target = torch.tensor([0, 1])
    assert sigmoid_mse(z, target).item() == pytest.approx((0.25**2 + 0.5**2 + 0.5**2 + 0.75**2) / 4)
    expected = -(math.log(0.75 / 1.25) + math.log(0.25 / 0.75)) / 2
    assert sigmoid_cce(z, target).item() == pytest.approx(expected)
