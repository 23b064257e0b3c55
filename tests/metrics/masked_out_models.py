"""A generator and a model for the tests of the masked-out area."""

import torch
from torch import nn


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_net(generator: torch.Generator, classes: int = 3) -> nn.Sequential:
    """A small net whose logits rise and fall as pixels go; double precision, so that batches hardly matter."""
    net = nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 6, 3), nn.ReLU(), nn.Conv2d(6, classes, 1),
        nn.AdaptiveMaxPool2d(1), nn.Flatten(),
    ).double()  # fmt: skip
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.5, generator=generator)
    return net.eval()
