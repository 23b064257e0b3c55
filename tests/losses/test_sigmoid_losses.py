"""Squared error and Keras's cross entropy on sigmoid outputs."""

import math

import pytest
import torch

from papers_lib.losses.heatmap import sigmoid_cce, sigmoid_mse

LOSSES = [sigmoid_mse, sigmoid_cce]


def test_hand_worked_values():
    z = torch.tensor(
        [[math.log(3.0), 0.0], [0.0, -math.log(3.0)]], dtype=torch.float64
    )  # p = .75 .5 / .5 .25
    target = torch.tensor([0, 1])
    assert sigmoid_mse(z, target).item() == pytest.approx((0.25**2 + 0.5**2 + 0.5**2 + 0.75**2) / 4)
    expected = -(math.log(0.75 / 1.25) + math.log(0.25 / 0.75)) / 2
    assert sigmoid_cce(z, target).item() == pytest.approx(expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("scale", [0.0, 100.0, -100.0])
@pytest.mark.parametrize("loss", LOSSES)
def test_saturated_logits_are_finite(loss, scale, dtype):
    z = (torch.eye(3) * 2 - 1).mul(scale).to(dtype).requires_grad_()
    value = loss(z, torch.tensor([0, 1, 2]))
    value.backward()
    assert value.isfinite()
    assert z.grad.isfinite().all()
    if loss is sigmoid_cce:  # wrong by 200 in the logit: still a slope, where Keras's clipped value has none
        assert value.item() == pytest.approx(
            {0.0: math.log(3), 100.0: 0.0, -100.0: 100 + math.log(2)}[scale], abs=0.01
        )
        assert (z.grad.abs().max() > 0.1) == (scale <= 0)
