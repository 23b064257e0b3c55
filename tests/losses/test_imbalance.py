"""Weighted cross-entropy and the focal loss: by hand, against torchvision, against BCE, at the ends."""

import math

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


def test_weighted_bce_by_hand():
    odds = torch.tensor([[3.0, 1.0], [1 / 3, 4.0]], dtype=torch.float64)  # p = 3/4, 1/2; 1/4, 4/5
    labels = torch.tensor([[1, 0], [0, 1]])
    weights = torch.tensor([[0.2, 0.8], [0.5, 7.0]], dtype=torch.float64)
    terms = [0.8 * math.log(4 / 3), 0.5 * math.log(2), 0.2 * math.log(4 / 3), 7 * math.log(5 / 4)]
    assert weighted_bce(odds.log(), labels, weights).item() == pytest.approx(sum(terms) / 4)


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


@pytest.mark.parametrize("loss", [focal_loss, even])
def test_mean_over_the_batch_in_any_order(loss):
    z, y = drawn(3)
    singles = torch.stack([loss(z[i : i + 1], y[i : i + 1]) for i in range(6)])
    torch.testing.assert_close(loss(z, y), singles.mean())
    torch.testing.assert_close(loss(z.flip(0), y.flip(0)), singles.mean())
    torch.testing.assert_close(loss(z, y.bool()), loss(z, y.float()))
    torch.testing.assert_close(loss(-z, 1 - y), loss(z, y))  # kinds change places


Z, Y, W = torch.zeros(2, 3), torch.zeros(2, 3), torch.ones(3, 2)


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda: focal_loss(Z, Y[:1]), r"one shape \(N, K\), not empty, got \(2, 3\) and \(1, 3\)"),
        (lambda: focal_loss(Z[:0], Y[:0]), r"got \(0, 3\) and \(0, 3\)"),
        (lambda: focal_loss(Z, Y - 1), r"labels: expected 0 and 1 only, got -1"),
        (lambda: focal_loss(Z, Y, gamma=-1.0), r"gamma: expected a finite value of at least 0, got -1.0"),
        (lambda: focal_loss(Z, Y, alpha=-1), r"alpha: expected None or a value in \[0, 1\], got -1"),
        (lambda: weighted_bce(Z, Y, W.T), r"weights: expected shape \(3, 2\), got \(2, 3\)"),
        (lambda: weighted_bce(Z, Y, -W), r"weights: expected finite values of at least 0, got \[\[-1.0"),
        (lambda: balance_weights(Y[0]), r"labels: expected shape \(N, K\), not empty, got \(3,\)"),
    ],
)
def test_bad_input(call, line):
    with pytest.raises(ValueError, match=line):
        call()
