"""The parts of PYLON below its head: convolution block, Pyramid Attention (PA), Upsampling (UP), and these joined.

Source: Preechakul 2022 (iScience 25:103933), Figure 1B and STAR Methods, "Pyramid Localization Network (PYLON)". The
whole, and where it departs from the paper: pylon.py.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Norm = Literal["batch", "group", "group1"]
UpDesign = Literal["two_layer", "small", "conv3x3"]


class GroupNorm(nn.GroupNorm):
    """nn.GroupNorm that takes a single value a group too; PyTorch's refuses one image whose map is one cell."""

    def forward(self, input: Tensor) -> Tensor:
        return torch.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)


def norm_layer(norm: Norm, channels: int) -> nn.Module:
    """BatchNorm, or GroupNorm in one group ("group1") or in up to 32 of four channels or more ("group").

    >>> norm_layer("group", 48).num_groups, norm_layer("group", 1).num_groups, norm_layer("group1", 48).num_groups
    (12, 1, 1)
    """
    if norm not in get_args(Norm):
        raise ValueError(f"norm: expected one of {', '.join(get_args(Norm))}, got {norm!r}")
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    most = 1 if norm == "group1" else min(32, max(1, channels // 4))
    return GroupNorm(next(groups for groups in range(most, 0, -1) if channels % groups == 0), channels)


class ConvBlock(nn.Sequential):
    """Convolution with bias, norm, ReLU; the paper's "ConvReLU". The map keeps its size."""

    def __init__(self, channels: int, width: int, kernel: int, norm: Norm) -> None:
        super().__init__(
            nn.Conv2d(channels, width, kernel, padding=kernel // 2),
            norm_layer(norm, width),
            nn.ReLU(inplace=True),  # norm's backward pass needs its input, not its output
        )


class PyramidAttention(nn.Module):
    """PA: the coarsest features through a Conv 1x1 block, times a mask of one channel that looks at three scales.

        d1 = conv7(pool(x))    d2 = conv5(pool(d1))    d3 = conv3(pool(d2))
        mask = up(conv7'(d1) + up(conv5'(d2) + up(conv3'(d3))))      PA(x) = conv1(x) · mask

    ``pool`` is a 2 x 2 maximum, each conv a block ending in ReLU: no sigmoid, so the mask has no upper bound and is
    never negative. PA is Pyramid Attention Network's module (Li 2018, arXiv 1805.10180) less its global average pool,
    which ``gap`` puts back where it was: PA(x) + conv1''(mean x).

    Shapes: (B, channels, h, w) -> (B, width, h, w), for any h and w.
    """

    def __init__(self, channels: int, width: int, *, attention: bool, gap: bool, norm: Norm) -> None:
        super().__init__()
        self.main = ConvBlock(channels, width, 1, norm)
        kernels = (7, 5, 3) if attention else ()
        self.down = nn.ModuleList(
            ConvBlock(channels if level == 0 else 1, 1, kernel, norm) for level, kernel in enumerate(kernels)
        )
        self.lateral = nn.ModuleList(ConvBlock(1, 1, kernel, norm) for kernel in kernels)
        self.gap = ConvBlock(channels, width, 1, norm) if gap else None

    def forward(self, x: Tensor) -> Tensor:
        found = self.main(x)
        if self.down:
            found = found * self.mask(x)
        if self.gap is not None:
            found = found + self.gap(x.mean((-2, -1), keepdim=True))
        return found

    def mask(self, x: Tensor) -> Tensor:
        """The attention mask (B, 1, h, w), at least 0."""
        levels = [x]
        for down in self.down:
            # ceil_mode: a side of 7, 5, 3 or 1 keeps its last row; no difference where sides are even.
            levels.append(down(F.max_pool2d(levels[-1], 2, ceil_mode=True)))
        *finer, summed = [lateral(d) for lateral, d in zip(self.lateral, levels[1:], strict=True)]
        for level in reversed(finer):
            summed = level + resize(summed, level)
        return resize(summed, x)


class Upsampling(nn.Module):
    """UP: the coarser map resized to the lateral features, plus these through one or two convolution blocks.

    "two_layer" is the paper's, Conv 1x1 C -> C and Conv 1x1 C -> width; "small" and "conv3x3", a single block C ->
    width, are those of its ablation.

    Shapes: coarser (B, width, h, w), lateral (B, channels, H, W) -> (B, width, H, W).
    """

    def __init__(self, channels: int, width: int, *, up: UpDesign, norm: Norm) -> None:
        super().__init__()
        if up not in get_args(UpDesign):
            raise ValueError(f"up: expected one of {', '.join(get_args(UpDesign))}, got {up!r}")
        blocks = [ConvBlock(channels, channels, 1, norm)] if up == "two_layer" else []
        self.lateral = nn.Sequential(*blocks, ConvBlock(channels, width, 3 if up == "conv3x3" else 1, norm))

    def forward(self, coarser: Tensor, lateral: Tensor) -> Tensor:
        return resize(coarser, lateral).add_(self.lateral(lateral))


class PyramidDecoder(nn.Module):
    """PA and UPs joined: an encoder's features to one map. He-uniform weights are drawn by its owner, in pylon.py.

    Shapes: a list of (B, channels[i], h_i, w_i), finest first -> (B, width, h, w), of the size of the finest one used.

    Args:
        channels: of the features, finest first.
        width: of the map.
        ups: how many of the finer features are used, 0 to len(channels) - 1.
        up, attention, gap, norm: see pylon.py.
    """

    def __init__(
        self,
        channels: Sequence[int],
        *,
        width: int = 128,
        ups: int = 3,
        up: UpDesign = "two_layer",
        attention: bool = True,
        gap: bool = False,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        if not 0 <= ups < len(channels):
            raise ValueError(f"ups: expected 0 to {len(channels) - 1}, got {ups}")
        self.inputs, self.width = len(channels), width
        *finer, coarsest = channels
        with torch.random.fork_rng(devices=[]):  # nn.Conv2d draws
            self.attention = PyramidAttention(coarsest, width, attention=attention, gap=gap, norm=norm)
            self.ups = nn.ModuleList(
                Upsampling(count, width, up=up, norm=norm) for count in finer[::-1][:ups]
            )

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        if len(features) != self.inputs:
            raise ValueError(f"features: expected {self.inputs} maps, finest first, got {len(features)}")
        *finer, coarsest = features
        decoded = self.attention(coarsest)
        for up, lateral in zip(self.ups, reversed(finer), strict=False):
            decoded = up(decoded, lateral)
        return decoded


def resize(x: Tensor, like: Tensor) -> Tensor:
    """Bilinear, corner cells on corner cells, to the height and width of ``like``."""
    return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=True)
