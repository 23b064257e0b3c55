"""Weighted cross-entropy and the focal loss: by hand, against torchvision, against BCE, at the ends."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from papers_lib.losses.imbalance import focal_loss, weighted_bce


def drawn(seed: int, count: int = 6, labels: int = 3, scale: float = 3.0) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(count, labels, generator=g, dtype=torch.float64)
    return logits, torch.randint(2, (count, labels), generator=g)


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
