"""Multi-instance pooling: hand-worked values, the product itself, gradients, saturation, half precision."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from papers_lib.losses.multi_instance import mil_cell_logit, mil_logits


def cells(*probabilities: float) -> torch.Tensor:
    return torch.tensor(probabilities, dtype=torch.float64).logit().reshape(1, 1, 1, -1)


def by_product(maps: torch.Tensor, floor: float) -> torch.Tensor:
    """log(P / (1 - P)) as the text has it, in double precision."""
    q = floor + (1 - floor) * (1 - maps.double().sigmoid())
    P = 1 - q.flatten(2).prod(-1)
    return (P / (1 - P)).log()


def test_hand_worked_values():
    # q = .98 + .02 (1 - p): one sure cell gives P = .02; p = 1/2 twice gives q = .99, P = 1 - .9801
    assert mil_logits(cells(1 - 1e-12)).item() == pytest.approx(math.log(0.02 / 0.98), abs=1e-9)
    assert mil_logits(cells(0.5, 0.5)).item() == pytest.approx(math.log(0.0199 / 0.9801), abs=1e-12)
    # 400 sure cells, as in the 20 x 20 map: P = 1 - .98^400 = .99969, the largest there is
    ceiling = mil_logits(torch.full((1, 1, 20, 20), 60.0)).item()
    assert ceiling == pytest.approx(math.log(0.98**-400 - 1), abs=1e-5)
    assert ceiling == pytest.approx(8.08, abs=0.01)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**31),
    floor=st.sampled_from([0.05, 0.5, 0.98, 0.9995]),
    shift=st.floats(-12, 6),
    side=st.integers(1, 20),
)
def test_equals_the_product_where_that_is_exact(seed, floor, shift, side):
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(2, 3, side, 2, generator=generator, dtype=torch.float64) * 3 + shift
    expected = by_product(maps, floor)
    # 1 - P is off by an ulp of 1 in the product; so is P
    slack = 1e-14 * (1 + expected.exp() + (-expected).exp())
    found = mil_logits(maps, floor)
    exact = expected.isfinite() & (slack < 1e-3)
    assert ((found - expected).abs() <= 1e-11 + slack)[exact].all()
    torch.testing.assert_close(mil_logits(maps.float(), floor).double(), found, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("shift", [-30.0, -9.0, -3.9, 0.0, 4.0])
@pytest.mark.parametrize("floor", [0.5, 0.98])
def test_gradcheck(floor, shift):
    maps = torch.randn(2, 2, 3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + shift
    assert torch.autograd.gradcheck(lambda m: mil_logits(m, floor), (maps.requires_grad_(),))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("value", [-60000.0, -200.0, -90.0, 0.0, 17.0, 90.0, 60000.0])
@pytest.mark.parametrize("floor", [1e-6, 0.98, 0.999999])
def test_saturated_cells_are_finite(value, dtype, floor):
    maps = torch.full((2, 3, 20, 20), value).to(dtype).requires_grad_()
    found = mil_logits(maps, floor)
    found.sum().backward()
    assert found.dtype == (torch.float64 if dtype is torch.float64 else torch.float32)
    assert found.isfinite().all()
    assert maps.grad.isfinite().all()
    if value <= -90:  # P = (1 - floor) sum of p: the logit follows the cells and still teaches
        expected = float(torch.tensor(value).to(dtype)) + math.log((1 - floor) * 400)
        assert found[0, 0].item() == pytest.approx(expected, rel=1e-5, abs=0.02)
        assert maps.grad[0, 0].sum().item() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("count", [1, 25, 400])
def test_a_constant_map_of_the_cell_logit_pools_to_the_probability(count):
    P = torch.tensor([1e-6, 0.003, 0.0199 if count == 1 else 0.3], dtype=torch.float64)
    if count == 1:
        P = P.clamp(max=0.0195)
    logit = mil_cell_logit(P, count)
    maps = logit[None, :, None, None].expand(1, 3, 1, count)
    torch.testing.assert_close(mil_logits(maps).sigmoid()[0], P, rtol=1e-10, atol=0)
