"""The heatmap loss: hand-worked values, the authors' code written a second way, dead maps, half precision."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from papers_lib.cams import METHODS, cam_of
from papers_lib.losses.heatmap import FORMS, dead_share, heatmap_loss, shrink_mask, sigmoid_mse

H = torch.tensor([[[4.0, 2.0], [-1.0, 1.0]]])  # Hn = 1, .5, 0, .25
M = torch.tensor([[[0.0, 1.0], [1.0, 1.0]]])


@pytest.mark.parametrize(
    ("form", "value"),
    [("mean", 0.75 / 4), ("sum", 0.75), ("share", 0.75 / 1.75), ("dice", 1 - 2 * 1 / (1.75 + 1))],
)
def test_hand_worked_values(form, value):
    assert heatmap_loss(H, M, form=form).item() == pytest.approx(value, rel=1e-6)


def test_hand_worked_gradient():
    maps = H.clone().requires_grad_()
    heatmap_loss(maps, M).backward()
    # d/dH_12 = d/dH_22 = 1 / (4 max); d/d max = -sum(H M) / (4 max²)
    assert maps.grad.tolist() == [[[-3 / 64, 1 / 16], [0.0, 1 / 16]]]


@pytest.mark.parametrize("form", FORMS)
def test_gradcheck(form):
    generator = torch.Generator().manual_seed(1)
    maps = torch.randn(3, 2, 3, generator=generator, dtype=torch.float64).requires_grad_()
    outside = torch.rand(3, 2, 3, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda h: heatmap_loss(h, outside, form=form), (maps,))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("method", METHODS)
def test_dead_maps_leave_parameter_gradients_finite(method, form):
    """A head of zeros gives all-zero maps: the classification loss alone must then move the weights."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3 * 4 * 4, 2))
    nn.init.zeros_(model[3].weight)
    target = torch.tensor([0, 1])
    maps, logits = cam_of(model, "1", torch.randn(2, 1, 6, 6), target, method=method, return_logits=True)
    assert dead_share(maps) == 1
    (sigmoid_mse(logits, target) + heatmap_loss(maps, torch.ones(2, 4, 4), form=form)).backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())
    assert model[3].weight.grad.abs().max() > 0


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


def test_shrink_mask_at_the_authors_sizes():
    """Row centres of 105 pixels in 6 cells: (i + 1/2) 17.5 - 1/2 = 8.25 …, columns (j + 1/2) 16.875 - 1/2."""
    mask = torch.rand(1, 105, 135, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = shrink_mask(mask, (6, 8))[0]
    for i in range(6):
        for j in range(8):
            y, x = (i + 0.5) * 17.5 - 0.5, (j + 0.5) * 16.875 - 0.5
            r, c, fy, fx = int(y), int(x), y % 1, x % 1
            four = mask[0, r : r + 2, c : c + 2]
            rows = torch.tensor([1 - fy, fy], dtype=torch.float64)
            columns = torch.tensor([1 - fx, fx], dtype=torch.float64)
            assert found[i, j].item() == pytest.approx((rows @ four @ columns).item())
