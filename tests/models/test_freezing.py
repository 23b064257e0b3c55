"""What a frozen module gives, and what moves in it, while the model around it changes its mode."""

import copy

import pytest
import torch
from timm.layers import BatchNormAct2d, DropPath
from torch import Tensor, nn
from torch.nn import functional as F

from papers_lib.models.eval_statistics import eval_statistics
from papers_lib.models.freezing import freeze


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


class Drops(nn.Module):
    """Drops by a function, as DenseNet's dense layers do: no layer for it can be found."""

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x, 0.5, self.training)


def dropping() -> nn.Sequential:
    """Each layer whose mode matters, in training mode but for one batch norm; its statistics have moved."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(
            *(nn.Conv2d(3, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.Softplus(), nn.Dropout2d(0.5), DropPath(0.5)),
            *(nn.Conv2d(6, 4, 3, 1, 1), BatchNormAct2d(4), nn.Dropout(0.5), nn.AlphaDropout(0.5), Drops()),
            *(nn.InstanceNorm2d(4, track_running_stats=True), nn.BatchNorm2d(4)),
        ).double()
        for _ in range(3):
            network(pictures(8))
    network[11].eval()
    return network


def pictures(count: int) -> Tensor:
    return torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def modes(module: nn.Module) -> list[bool]:
    return [layer.training for layer in module.modules()]


def assert_unchanged(module: nn.Module, before: dict[str, Tensor]) -> None:
    assert [name for name, value in module.state_dict().items() if not torch.equal(value, before[name])] == []


def test_inside_it_gives_what_a_copy_in_eval_mode_gives():
    network = dropping()
    expected = copy.deepcopy(network).eval()(pictures(5))
    before, training = state(network), modes(network)
    with eval_statistics(network):
        assert not any(modes(network))
        torch.testing.assert_close(network(pictures(5)), expected)
    assert modes(network) == training
    assert set(training) == {True, False}
    assert_unchanged(network, before)
    network(pictures(5))  # in training again
    assert not torch.equal(network[1].running_mean, before["1.running_mean"])


def test_modes_come_back_after_an_exception_and_within_itself():
    network = dropping()
    before = modes(network)
    with eval_statistics(network):
        with pytest.raises(RuntimeError, match="channels"), eval_statistics(network[0]):
            network(torch.ones(1, 2, 4, 4, dtype=torch.float64))
        assert not any(modes(network))
    assert modes(network) == before
    with pytest.raises(KeyError), eval_statistics(network):
        raise KeyError
    assert modes(network) == before


def test_batch_norm_without_running_statistics_is_refused():
    network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1, track_running_stats=False))
    with pytest.raises(ValueError, match="module: batch norm '1' keeps no running statistics"):
        eval_statistics(network).__enter__()
    assert all(modes(network))
