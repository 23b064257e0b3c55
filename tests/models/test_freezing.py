"""What a frozen module gives, and what moves in it, while the model around it changes its mode."""

import copy
import pickle

import pytest
import torch
from torch import Tensor, nn

from papers_lib.models.freezing import freeze, unfreeze


def model() -> nn.Sequential:
    """A part to freeze (batch norm and dropout in it), and a part to train."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        part = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Dropout(0.5))
        return nn.Sequential(part, nn.Sequential(nn.BatchNorm1d(5), nn.Linear(5, 2))).double()


def inputs(seed: int = 1) -> Tensor:
    return 3 + 2 * torch.randn(16, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def state(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def changed(module: nn.Module, before: dict[str, Tensor]) -> set[str]:
    return {name for name, value in module.state_dict().items() if not torch.equal(value, before[name])}


def step(whole: nn.Module) -> None:
    """One step of training in which everything that may move does."""
    optimizer = torch.optim.SGD(whole.parameters(), lr=0.1)
    whole.train()
    whole(inputs()).square().sum().backward()
    optimizer.step()


MOVING = {"0.1.running_mean", "0.1.running_var", "0.1.num_batches_tracked"}
TRAINED = {
    *("1.0.running_mean", "1.0.running_var", "1.0.num_batches_tracked"),
    *("1.0.weight", "1.0.bias", "1.1.weight", "1.1.bias"),
}


def test_frozen_statistics_survive_train():
    whole = model()
    freeze(whole[0], "frozen")
    before, given = state(whole), whole[0](inputs())
    step(whole)
    assert changed(whole, before) == TRAINED
    torch.testing.assert_close(whole[0](inputs()), given)
    assert whole.training
    assert whole[1].training
    assert not any(layer.training for layer in whole[0].modules())
    torch.testing.assert_close(whole[0](inputs())[:3], whole[0](inputs()[:3]))  # no mixing of the batch


def test_moving_statistics_move_and_parameters_do_not():
    whole = model()
    freeze(whole[0], "moving")
    before = state(whole)
    step(whole)
    assert changed(whole, before) == TRAINED | MOVING
    assert all(layer.training for layer in whole.modules())
    whole.eval()
    before = state(whole)
    whole(inputs())
    assert changed(whole, before) == set()


@pytest.mark.parametrize("statistics", ["frozen", "moving"])
def test_unfrozen_everything_trains_again(statistics):
    whole = model()
    freeze(whole[0], statistics)
    step(whole)
    unfreeze(whole[0])
    whole.train()
    assert all(layer.training for layer in whole.modules())
    before = state(whole)
    step(whole)
    assert changed(whole, before) >= TRAINED | MOVING | {"0.0.weight", "0.1.weight", "0.1.bias"}
    assert "train" not in vars(whole[0])


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_a_copy_is_frozen_on_its_own(copied):
    whole = model()
    freeze(whole[0], "frozen")
    other = copied(whole)
    unfreeze(whole[0])
    whole.train()
    other.train()
    assert whole[0].training
    assert not any(layer.training for layer in other[0].modules())
    assert not any(p.requires_grad for p in other[0].parameters())


def test_other_statistics_are_refused():
    with pytest.raises(ValueError, match="statistics: expected one of frozen, moving, got 'batch'"):
        freeze(nn.Linear(1, 1), "batch")
