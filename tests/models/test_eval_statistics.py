"""A pass in eval mode within training: statistics and modes afterwards, no mixing of the batch, gradients."""

import copy

import pytest
import torch
from timm.layers import BatchNormAct2d, DropPath
from torch import Tensor, nn
from torch.nn import functional as F

from papers_lib.models.eval_statistics import eval_statistics


class Drops(nn.Module):
    """Drops by a function, as DenseNet's dense layers do: no layer for it can be found."""

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x, 0.5, self.training)


def model() -> nn.Sequential:
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


def state(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def assert_unchanged(module: nn.Module, before: dict[str, Tensor]) -> None:
    assert [name for name, value in module.state_dict().items() if not torch.equal(value, before[name])] == []


def test_inside_it_gives_what_a_copy_in_eval_mode_gives():
    network = model()
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
    network = model()
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
