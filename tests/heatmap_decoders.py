"""Features as an encoder gives them, and comparisons shared by the tests of the heatmap decoders."""

import torch
from torch import Tensor, nn

RESNET50 = (256, 512, 1024, 2048)
SMALL = (5, 6, 7, 8)
CLASSES = 3


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def features(
    channels: tuple[int, ...] = SMALL,
    side: int | tuple[int, int] = 64,
    *,
    strides: tuple[int, ...] = (4, 8, 16, 32),
    batch: int = 2,
    seed: int = 1,
) -> list[Tensor]:
    """Random maps (batch, channels[i], H / strides[i], W / strides[i]), at least 0 as after a ReLU."""
    height, width = (side, side) if isinstance(side, int) else side
    generator = seeded(seed)
    return [
        torch.randn(batch, count, height // stride, width // stride, generator=generator).relu()
        for count, stride in zip(channels, strides, strict=True)
    ]


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def reach(decoder: nn.Module, given: list[Tensor]) -> Tensor:
    """Columns (w,), boolean, of the heatmap that change when the leftmost cell of all features changes; eval mode."""
    decoder.double().eval()
    with torch.no_grad():
        before = decoder([feature.double() for feature in given]).maps
        changed = [feature.double() for feature in given]
        for feature in changed:
            feature[..., 0] += 3
        return ((decoder(changed).maps - before).abs() > 1e-12).flatten(0, 2).any(0)
