"""PESG: steps by hand, known saddle points, stages, checkpoints, and the order it gives an imbalanced toy."""

import io

import pytest
import torch
from torch import Tensor, nn

from papers_lib.losses.auc_margin import AucMargin
from papers_lib.losses.pesg import PESG


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


def test_without_proximity_it_is_sgd_with_momentum_on_the_network():
    ours, theirs = weight(1.0), weight(1.0)
    optimizer = PESG(
        [ours], AucMargin(torch.tensor([0.5])), lr=0.1, epoch_decay=0, weight_decay=0.01, momentum=0.9
    )
    foreign = torch.optim.SGD([theirs], lr=0.1, weight_decay=0.01, momentum=0.9)
    for _ in range(20):
        for parameter, either in ((ours, optimizer), (theirs, foreign)):
            either.zero_grad()
            (parameter - 3).square().sum().backward()
            either.step()
    torch.testing.assert_close(ours, theirs)


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
    with pytest.raises(
        ValueError, match=r"state_dict: expected PESG's, with the key 'loss', got \['param_gr"
    ):
        again.load_state_dict(torch.optim.SGD([w], lr=1.0).state_dict())
