"""The AUC margin loss: by hand, its saddle point, its pairwise meaning, batches without positives, alpha's gradient."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from papers_lib.losses.auc_margin import AucMargin, auc_margin_loss


def drawn(seed: int, count: int = 40, labels: int = 2) -> tuple[Tensor, Tensor]:
    """Scores in (0, 1), and labels with at least one of each kind."""
    g = torch.Generator().manual_seed(seed)
    y = torch.rand(count, labels, generator=g) < torch.tensor([0.15, 0.5])[:labels]
    y[0], y[1] = True, False
    return torch.rand(count, labels, generator=g, dtype=torch.float64), y


def moments(h: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean of the positives, of the negatives, and the sum of their variances, a label at a time."""
    kinds = [(h[y[:, k], k], h[~y[:, k], k]) for k in range(h.shape[1])]
    means = torch.tensor([[part.mean() for part in pair] for pair in kinds], dtype=torch.float64)
    spread = [sum(part.var(unbiased=False) for part in pair) for pair in kinds]
    return means[:, 0], means[:, 1], torch.stack(spread)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**31), margin=st.floats(0.05, 1.5), shift=st.floats(-2, 2))
def test_the_saddle_point_where_the_prevalence_is_the_batchs(seed, margin, shift):
    h, y = drawn(seed)
    p = y.double().mean(0)
    a, b, spread = moments(h, y)
    alpha = (margin + b - a).clamp(min=0)

    def at(a: Tensor, b: Tensor, alpha: Tensor) -> Tensor:
        return auc_margin_loss(h, y, a, b, alpha, p, margin)

    value = at(a, b, alpha)
    torch.testing.assert_close(value, p * (1 - p) * (spread + alpha**2))
    # a and b: quadratics with the weights p (1-p); alpha: the same downwards, from its vertex, which may be below 0
    torch.testing.assert_close(at(a + shift, b, alpha), value + p * (1 - p) * shift**2)
    torch.testing.assert_close(at(a, b + shift, alpha), value + p * (1 - p) * shift**2)
    vertex = margin + b - a
    torch.testing.assert_close(
        at(a, b, vertex + shift), p * (1 - p) * (spread + vertex**2 - shift**2), atol=1e-12, rtol=1e-7
    )


def test_gradcheck_in_scores_and_all_three_variables():
    h, y = drawn(7, count=6)
    g = torch.Generator().manual_seed(1)
    variables = [h, *torch.rand(3, 2, generator=g, dtype=torch.float64)]
    p = torch.tensor([0.1, 0.4], dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda h, a, b, alpha: auc_margin_loss(h, y, a, b, alpha, p, 0.6),
        [v.clone().requires_grad_() for v in variables],
    )


def with_values(loss: AucMargin, **values: float) -> AucMargin:
    with torch.no_grad():
        for name, value in values.items():
            getattr(loss, name).fill_(value)
    return loss


def gradients(ascend: bool, alpha: float, margin: float = 1.0) -> dict[str, float]:
    """At h+ = .8, h- = .2, p = 1/2: dL/dalpha = 2 p (1-p) (m - .6 - alpha)."""
    loss = with_values(AucMargin(torch.tensor([0.5]), margin, ascend=ascend), a=0.7, b=0.2, alpha=alpha)
    z = torch.tensor([[0.8], [0.2]]).logit().requires_grad_()
    loss(z, torch.tensor([[1], [0]])).backward()
    return {"z": z.grad[0].item(), **{n: v.grad.item() for n, v in loss.named_parameters()}}


def test_ascend_turns_the_gradient_of_alpha_and_no_other():
    plain, turned = gradients(False, 0.1), gradients(True, 0.1)
    assert plain["alpha"] == pytest.approx(0.5 * (1 - 0.6 - 0.1))
    assert turned.pop("alpha") == pytest.approx(-plain.pop("alpha"))
    assert turned == pytest.approx(plain)


def test_ascend_stops_at_zero_and_comes_back():
    # m = .5 is met (.8 - .2 > .5): alpha is to fall, and may not below 0
    assert gradients(True, 0.3, margin=0.5)["alpha"] == pytest.approx(-0.5 * (0.5 - 0.6 - 0.3))
    assert gradients(True, 0.0, margin=0.5)["alpha"] == 0
    assert gradients(True, -0.2, margin=0.5)["alpha"] == 0
    # m = 1 is not: an alpha below 0 counts as 0, and a minimiser raises it
    below = gradients(True, -0.2)
    assert below["alpha"] == pytest.approx(-0.5 * (1 - 0.6))
    assert below["z"] == pytest.approx(gradients(True, 0.0)["z"])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("kind", [0, 1])
def test_finite_without_positives_or_negatives_and_at_the_ends(kind, dtype):
    loss = with_values(AucMargin(torch.tensor([0.1, 0.001])), alpha=0.5)
    z = torch.tensor([[1e4, -1e4], [-1e4, 0.0], [0.0, 1e4]]).to(dtype).requires_grad_()
    value = loss(z, torch.full((3, 2), kind))
    value.backward()
    assert value.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert value.isfinite()
    assert all(v.grad.isfinite().all() for v in (z, *loss.parameters()))
