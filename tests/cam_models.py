"""A small CNN with a smooth head, its images, and the gradients that a loss on a map makes."""

import torch
from torch import Tensor, nn

LAYER = "features.3"  # the last ReLU


def net(inplace: bool = False, dtype: torch.dtype = torch.float64) -> nn.Module:
    """Two convolutions and a smooth head, so that the second derivative is not zero."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = nn.Sequential()
        model.features = nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(inplace), nn.Conv2d(4, 5, 3, padding=1), nn.ReLU(inplace)
        )
        model.head = nn.Sequential(nn.Flatten(), nn.Linear(5 * 6 * 5, 7), nn.Tanh(), nn.Linear(7, 3))
    return model.to(dtype).eval()


def images(batch: int = 3, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(batch, 2, 6, 5, generator=torch.Generator().manual_seed(2)).to(dtype)


TARGET = torch.tensor([2, 0, 1])


def loss_of(maps: Tensor) -> Tensor:
    weights = torch.linspace(-1, 2, maps.numel(), dtype=maps.dtype).reshape(maps.shape)
    return (weights * maps).sum() + (maps**2).sum()


def parameter_gradients(loss: Tensor, model: nn.Module) -> list[Tensor]:
    found = torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for g, p in zip(found, model.parameters(), strict=True)]
