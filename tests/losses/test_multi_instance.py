"""Multi-instance pooling: hand-worked values, the product itself, gradients, saturation, half precision."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from papers_lib.losses.multi_instance import mil_cell_logit, mil_logits


def by_product(maps: torch.Tensor, floor: float) -> torch.Tensor:
    """log(P / (1 - P)) as the text has it, in double precision."""
    q = floor + (1 - floor) * (1 - maps.double().sigmoid())
    P = 1 - q.flatten(2).prod(-1)
    return (P / (1 - P)).log()


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


@pytest.mark.parametrize("count", [1, 25, 400])
def test_a_constant_map_of_the_cell_logit_pools_to_the_probability(count):
    P = torch.tensor([1e-6, 0.003, 0.0199 if count == 1 else 0.3], dtype=torch.float64)
    if count == 1:
        P = P.clamp(max=0.0195)
    logit = mil_cell_logit(P, count)
    maps = logit[None, :, None, None].expand(1, 3, 1, count)
    torch.testing.assert_close(mil_logits(maps).sigmoid()[0], P, rtol=1e-10, atol=0)
