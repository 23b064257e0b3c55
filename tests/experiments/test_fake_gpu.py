"""The pretend GPU itself: it computes what the CPU computes, and stops at what would stop on a GPU."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from papers_lib.experiments.front_features import frozen_front
from tests.experiments.fake_gpu import fake_gpu
from tests.experiments.first_steps import ENTROPY, HEATMAP, PYLON, SIBNET, first_start, steps

CPU, ONE = torch.arange(3.0), torch.tensor(2.0)


def trained(device):
    """Weights after two steps with a gradient of a gradient, the second in bfloat16; and who they are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 4)
        )
        images, target = torch.randn(2, 3, 8, 8), torch.tensor([1, 2])
    before = list(layers.parameters())
    layers.to(device).to(memory_format=torch.channels_last)
    images, target = images.to(device), target.to(device)
    optimizer = torch.optim.Adam(layers.parameters())
    for mixed in (False, True):
        optimizer.zero_grad()
        with torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=mixed):
            A = layers[:3](images)
            logits = layers[3:](A)
            (G,) = torch.autograd.grad(logits.gather(1, target[:, None]).sum(), A, create_graph=True)
            loss = F.cross_entropy(logits, target) + (G * A).sum(1).relu().mean()
        loss.backward()
        optimizer.step()
    same = all(a is b for a, b in zip(before, layers.parameters(), strict=True))
    return [one.detach().cpu() for one in layers.state_dict().values()], logits.dtype, same


def test_training_is_that_of_the_cpu_to_the_bit():
    here, dtype, _ = trained("cpu")
    with fake_gpu():
        there, other, same = trained("cuda")
    assert dtype == other == torch.bfloat16
    assert same  # parameters are moved, not replaced: an optimizer made before knows them
    assert all(torch.equal(a, b) for a, b in zip(here, there, strict=True))


REFUSED = {
    "sum": lambda x: x + CPU,
    "product": lambda x: x[None] @ CPU[:, None],
    "where": lambda x: torch.where(CPU > 0, x, 0.0),
    "joined, also with a number": lambda x: torch.stack([x[0], ONE]),
    "written into the CPU's": lambda x: CPU.clone().add_(x),
    "placed among the CPU's": lambda x: CPU.clone().index_put_((torch.tensor([0]),), x[:1]),
    "the CPU's, indexed from the GPU": lambda x: CPU[x.long()],
    "values of the CPU placed on the GPU": lambda x: x.clone().index_put_((torch.tensor([0, 1]),), CPU[:2]),
    "a layer that was not moved": lambda x: nn.Linear(3, 1)(x),
    "a target on the CPU": lambda x: F.cross_entropy(x[None], torch.tensor([0])),
    "a draw by the CPU's generator": lambda x: x.uniform_(generator=torch.Generator()),
    "made by the CPU's generator": lambda x: torch.rand(2, generator=torch.Generator(), device=x.device),
}
ALLOWED = {
    "a number of the CPU": lambda x: x * ONE,
    "a number among where": lambda x: torch.where(x > 0, x, ONE),
    "indexed by the CPU": lambda x: x[torch.tensor([2, 0])],
    "copied into": lambda x: x.clone().copy_(CPU),
    "made beside it": lambda x: x + torch.ones(3, device=x.device) + x.new_tensor([1.0, 2.0, 3.0]),
    "made inside torch": lambda x: F.one_hot(x.long(), 3) + torch.arange(3, device=x.device),
    "like another": lambda x: x + CPU.to(x),
}


@pytest.mark.parametrize("mistake", REFUSED.values(), ids=REFUSED)
def test_what_a_gpu_refuses_is_refused(mistake):
    with fake_gpu():
        x = CPU.to("cuda")
        with pytest.raises(RuntimeError, match=r"same device|device type for generator"):
            mistake(x)


@pytest.mark.parametrize("deed", ALLOWED.values(), ids=ALLOWED)
def test_what_a_gpu_allows_gives_the_same(deed):
    expected = deed(CPU)
    with fake_gpu():
        found = deed(CPU.to("cuda"))
        assert found.is_cuda
        assert torch.equal(found.cpu(), expected)


def test_no_array_of_numpy_is_made_from_the_gpu():
    with fake_gpu():
        x = CPU.to("cuda")
        for make in (np.asarray, lambda one: one.numpy()):
            with pytest.raises(TypeError, match="can't convert cuda"):
                make(x)
        assert x.cpu().numpy().tolist() == [0, 1, 2]


ASKED = {
    "a number": lambda x: float(x[0]),
    "a decision": lambda x: bool((x > 0).any()),
    "a list": lambda x: x.tolist(),
    "chosen by a mask": lambda x: x[x > 0],
    "places": lambda x: x.nonzero(),
    "different values": lambda x: x.unique(),
    "brought back": lambda x: x.cpu(),
    "copied back": lambda x: CPU.clone().copy_(x),
}


@pytest.mark.parametrize("deed", ASKED.values(), ids=ASKED)
def test_what_waits_for_the_queue_is_noted(deed):
    with fake_gpu() as waits:
        x = CPU.to("cuda")
        assert waits.values == []
        deed(x)
        assert len(waits.values) == 1


def test_copies_are_noted_but_those_from_pinned_memory():
    with fake_gpu() as waits:
        CPU.pin_memory().to("cuda", non_blocking=True)
        assert waits.copies == []
        for copy in (
            lambda: CPU.to("cuda"),
            lambda: CPU.to("cuda", non_blocking=True),
            lambda: CPU.pin_memory().to("cuda"),
        ):
            copy()
        assert len(waits.copies) == 3


def test_no_network_stays_behind_on_the_gpu():
    with fake_gpu():
        assert next(frozen_front("test_resnet", "random", "layer2").to("cuda").parameters()).is_cuda
    assert not next(frozen_front("test_resnet", "random", "layer2").parameters()).is_cuda


def planted(start):
    """A bias of the model goes back to the CPU."""
    layer = [one for one in start.model.modules() if getattr(one, "bias", None) is not None][-1]
    layer.bias = nn.Parameter(layer.bias.detach().cpu())
    return start


@pytest.mark.parametrize("config", [HEATMAP, ENTROPY, PYLON, replace(SIBNET, distinct=1.4)], ids=type)
def test_one_tensor_left_on_the_cpu_stops_a_step_of_every_experiment(config):
    steps(planted(first_start(config, "cpu")))
    with fake_gpu():
        broken = planted(first_start(config, "cuda"))
        with pytest.raises(RuntimeError, match="same device"):
            steps(broken)
