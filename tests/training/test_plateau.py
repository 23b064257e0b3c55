"""The schedule against sequences of losses worked out by hand; every epoch is one step of length ``rate``."""

from functools import partial

import pytest
import torch
from torch import nn

from papers_lib.training import Plateau, fit, train
from papers_lib.training import plateau as module


class Stepping(nn.Module):
    """A weight that a step of plain gradient descent raises by the rate; it knows how many steps it took."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros((), dtype=torch.float64))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))


def raised(model, indices):
    model.steps += 1
    return -model.weight, {}


def follow(losses, *, epochs=None, plateau=Plateau(patience=1), checkpoint=None):  # noqa: B008
    """Fit with the validation losses of the epochs given; returns what came of it, and the model."""
    model = Stepping()

    def validate(found):
        assert not found.training
        assert not torch.is_grad_enabled()
        return {"loss": losses[int(found.steps) - 1], "twice": 2 * losses[int(found.steps) - 1]}

    found = fit(
        model, raised, 1, validate=validate, optimizer=torch.optim.SGD(model.parameters(), lr=1.0),
        epochs=epochs or len(losses), batch_size=1, generator=torch.Generator(), plateau=plateau, checkpoint=checkpoint,
    )  # fmt: skip
    return found, model


# bad bad: cut; better; bad bad: cut; bad bad: the third cut
LOSSES = [5, 4, 4.5, 4.6, 3, 3.5, 3.1, 3.2, 3.3, 1, 1, 1]
RATES = [1, 1, 1, 1, 0.2, 0.2, 0.2, 0.04, 0.04]


def test_cuts_stop_and_best_checkpoint_by_hand():
    found, model = follow(LOSSES)
    assert [check["rate"] for check in found.checks] == pytest.approx(RATES)
    assert [check["epoch"] for check in found.checks] == list(range(1, 10))
    assert [check["loss"] for check in found.checks] == LOSSES[:9]
    assert [check["twice"] for check in found.checks] == [2 * loss for loss in LOSSES[:9]]
    assert found.converged
    assert found.best == 4
    assert int(model.steps) == 5
    assert model.weight.item() == pytest.approx(4.2)  # four steps of 1 and one of 0.2
    assert not model.training


def test_the_paper_s_patience_bears_two_checks_and_cuts_at_the_third():
    found, _ = follow([1.0] + 20 * [2.0], plateau=Plateau())
    assert [check["rate"] for check in found.checks] == pytest.approx(4 * [1] + 3 * [0.2] + 3 * [0.04])
    assert found.converged
    assert found.best == 0


def test_epochs_run_out_before_the_third_cut():
    found, model = follow(LOSSES[:8])
    assert not found.converged
    assert len(found.checks) == 8
    assert model.weight.item() == pytest.approx(4.2)
    found, model = follow([2.0, 1.0, 1.0])  # the first of equal losses is the best
    assert (found.best, model.weight.item()) == (1, 2.0)


def test_a_gain_below_a_ten_thousandth_does_not_hold_the_cut_back_but_is_the_best():
    found, model = follow([1.0, 0.99999, 0.99998, 0.99997])
    assert [check["rate"] for check in found.checks] == pytest.approx([1, 1, 1, 0.2])
    assert found.best == 3
    assert model.weight.item() == pytest.approx(3.2)


def test_checks_every_third_epoch_and_after_the_last():
    every = Plateau(patience=0, cuts=9, every=3)
    found, model = follow([0, 0, 5, 0, 0, 6, 0, 0, 4, 9], plateau=every)
    assert [check["epoch"] for check in found.checks] == [3, 6, 9, 10]
    assert [check["loss"] for check in found.checks] == [5, 6, 4, 9]
    assert [check["rate"] for check in found.checks] == pytest.approx([1, 1, 0.2, 0.2])
    assert int(model.steps) == 9


@pytest.mark.parametrize("interrupted", [1, 4, 8, 9])
def test_an_interrupted_fit_goes_on_with_its_schedule(tmp_path, monkeypatch, interrupted):
    """Interrupted during the check of any epoch, the one that stops it included."""
    expected, whole = follow(LOSSES)
    monkeypatch.setattr(module, "train", partial(train, checkpoint_every=0.0))
    broken = LOSSES[: interrupted - 1]  # the next look at the list is an IndexError
    file = tmp_path / "checkpoint"
    with pytest.raises(IndexError):
        follow(broken, epochs=len(LOSSES), checkpoint=file)
    found, model = follow(LOSSES, checkpoint=file)
    assert found == expected
    assert torch.equal(model.weight, whole.weight)
    assert int(model.steps) == 5
