"""Finding 8, checked by numbers: the Grad-CAM weights of a pooled MLP head do not move with the activations."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from papers_lib.cams import head_gradients


def alpha_slope(seed: int = 0, step: float = 1e-6, activation: Callable[[], nn.Module] = nn.ReLU) -> float:
    """Largest |change of α| / |change of A| over central differences in random directions, in double precision.

    Head: global average pool, Dense 300 with ReLU, Dense 20, as in section IV A; weights and activations random. α is
    taken by automatic differentiation (equation 5), not by the closed form. It would differ from 0 only where a
    direction flips one of the 300 units within ``step``; a smooth ``activation`` shows that a slope would be seen.
    """
    generator = torch.Generator().manual_seed(seed)
    head = nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 300), activation(), nn.Linear(300, 20)
    )
    head.double()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) / 8)
    activations = torch.rand(4, 64, 6, 6, generator=generator, dtype=torch.float64)
    target = torch.arange(4)

    def alpha(A: Tensor) -> Tensor:
        return head_gradients(head, A, target, create_graph=False).gradients.mean((2, 3))

    slopes = []
    for _ in range(20):
        direction = torch.randn(activations.shape, generator=generator, dtype=torch.float64)
        ahead, back = alpha(activations + step * direction), alpha(activations - step * direction)
        slopes.append(float((ahead - back).abs().max() / (2 * step * direction.abs().max())))
    return max(slopes)
