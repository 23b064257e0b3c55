"""The AUC margin loss: by hand, its saddle point, its pairwise meaning, batches without positives, alpha's gradient."""

import io

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from papers_lib.losses.auc_margin import AucMargin, auc_margin_loss
from papers_lib.losses.pesg import PESG


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


def test_ascend_stops_at_zero_and_comes_back():
    # m = .5 is met (.8 - .2 > .5): alpha is to fall, and may not below 0
    assert gradients(True, 0.3, margin=0.5)["alpha"] == pytest.approx(-0.5 * (0.5 - 0.6 - 0.3))
    assert gradients(True, 0.0, margin=0.5)["alpha"] == 0
    assert gradients(True, -0.2, margin=0.5)["alpha"] == 0
    # m = 1 is not: an alpha below 0 counts as 0, and a minimiser raises it
    below = gradients(True, -0.2)
    assert below["alpha"] == pytest.approx(-0.5 * (1 - 0.6))
    assert below["z"] == pytest.approx(gradients(True, 0.0)["z"])


def weight(value: float = 0.0) -> nn.Parameter:
    return nn.Parameter(torch.tensor([value], dtype=torch.float64))


def give(gradient: float, *parameters: Tensor) -> None:
    for parameter in parameters:
        parameter.grad = torch.full_like(parameter, gradient)


def test_two_steps_and_a_stage_by_hand():
    w, loss = weight(2.0), AucMargin(torch.tensor([0.5]))
    optimizer = PESG([w], loss, lr=0.1, epoch_decay=0.5, weight_decay=0.01)
    everything = (w, loss.a, loss.b, loss.alpha)
    give(3.0, *everything)
    optimizer.step()
    w1, a1 = 2 - 0.1 * (3 + 0.01 * 2), -0.1 * 3
    assert w.item() == pytest.approx(w1)
    assert [v.item() for v in everything[1:]] == pytest.approx([a1, a1, 0.3])  # alpha goes up
    give(3.0, *everything)
    optimizer.step()
    w2 = w1 - 0.1 * (3 + 0.5 * (w1 - 2) + 0.01 * w1)
    a2 = a1 - 0.1 * (3 + 0.5 * a1)  # drawn to where it was, but not to 0 by weight decay
    assert w.item() == pytest.approx(w2)
    assert [v.item() for v in everything[1:]] == pytest.approx([a2, a2, 0.6])
    optimizer.next_stage(factor=4)
    give(3.0, *everything)
    optimizer.step()
    assert w.item() == pytest.approx(w2 - 0.025 * (3 + 0.01 * w2))
    assert loss.a.item() == pytest.approx(a2 - 0.025 * 3)
    assert loss.alpha.item() == pytest.approx(0.6 + 0.025 * 3)


def test_the_state_holds_the_loss_and_the_reference():
    w, loss = weight(1.0), AucMargin(torch.tensor([0.25]), 0.5)
    optimizer = PESG([w], loss, lr=0.1)
    for _ in range(3):
        give(2.0, w, loss.a, loss.b, loss.alpha)
        optimizer.step()
    buffer = io.BytesIO()
    torch.save(optimizer.state_dict(), buffer)
    other, fresh = weight(9.0), AucMargin(torch.tensor([0.5]), 0.5)
    again = PESG([other], fresh, lr=7.0)
    again.load_state_dict(torch.load(io.BytesIO(buffer.getvalue()), weights_only=True))
    assert all(torch.equal(fresh.state_dict()[name], value) for name, value in loss.state_dict().items())
    assert again.param_groups[0]["lr"] == 0.1
    assert again.state[other]["reference"].item() == 1.0
    assert "reference" not in again.state[fresh.alpha]
