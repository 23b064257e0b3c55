"""Weighted cross-entropy and the focal loss: by hand, against torchvision, against BCE, at the ends."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from papers_lib.losses.imbalance import balance_weights, focal_loss, weighted_bce


def drawn(seed: int, count: int = 6, labels: int = 3, scale: float = 3.0) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(count, labels, generator=g, dtype=torch.float64)
    return logits, torch.randint(2, (count, labels), generator=g)


def even(logits: Tensor, labels: Tensor) -> Tensor:
    return weighted_bce(logits, labels, torch.full((logits.shape[1], 2), 0.5))


def test_balance_weights_by_hand():
    labels = torch.tensor([[1, 0, 1], [0, 0, 1], [0, 0, 1], [0, 0, 1], [1, 0, 1]])
    expected = torch.tensor([[0.4, 0.6], [0.0, 1.0], [1.0, 0.0]])
    for form in (labels, labels.bool(), labels.double()):
        torch.testing.assert_close(balance_weights(form), expected)


@pytest.mark.parametrize("seed", range(3))
def test_weighted_bce_against_torch(seed):
    z, y = drawn(seed)
    weights = torch.rand(3, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 0.1
    foreign = F.binary_cross_entropy_with_logits(
        z, y.double(), weight=weights[:, 0].expand_as(z), pos_weight=weights[:, 1] / weights[:, 0]
    )
    torch.testing.assert_close(weighted_bce(z, y, weights), foreign)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**31), gamma=st.floats(0, 6), alpha=st.none() | st.floats(0, 1))
def test_focal_against_torchvision(seed, gamma, alpha):
    from torchvision.ops import sigmoid_focal_loss

    z, y = drawn(seed)
    foreign = sigmoid_focal_loss(
        z, y.double(), alpha=-1 if alpha is None else alpha, gamma=gamma, reduction="mean"
    )
    torch.testing.assert_close(focal_loss(z, y, gamma, alpha), foreign)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
def test_gradcheck(gamma):
    z, y = drawn(2)
    z.requires_grad_()
    assert torch.autograd.gradcheck(lambda logits: focal_loss(logits, y, gamma, 0.3), (z,))
    weights = torch.tensor([[0.2, 0.8], [0.0, 1.0], [0.5, 0.5]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda logits: weighted_bce(logits, y, weights), (z,))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_confidence_of_exactly_0_and_1(gamma, dtype):
    z = torch.tensor([[1e4, -1e4], [-1e4, 1e4]]).to(dtype).requires_grad_()
    losses = [lambda y: focal_loss(z, y, gamma), lambda y: even(z, y)]
    right, wrong = torch.tensor([[1, 0], [0, 1]]), torch.tensor([[0, 1], [1, 0]])
    for loss in losses:
        z.grad = None
        assert loss(right).item() == 0
        value = loss(wrong)
        value.backward()
        assert value.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
        assert value.isfinite()
        assert z.grad.isfinite().all()
        assert (z.grad.sign() == torch.tensor([[1, -1], [-1, 1]])).all()  # a slope out of the wrong corner
    loss = focal_loss(z, right, gamma)
    loss.backward()
    assert z.grad.isfinite().all()


def test_a_logit_that_is_not_finite_is_not_hidden():
    for bad in (torch.nan, -torch.inf):
        z = torch.tensor([[bad, 0.0]])
        assert not focal_loss(z, torch.tensor([[1, 0]])).isfinite()
        assert not even(z, torch.tensor([[1, 0]])).isfinite()
