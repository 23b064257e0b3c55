"""PYLON, the Pyramid Localization Network: heatmaps at stride 4 from a classifier that is trained on image labels.

Preechakul, Sriswasdi, Kijsirikul and Chuangsuwanich, iScience 25:103933, 2022 (doi 10.1016/j.isci.2022.103933),
Figure 1B and STAR Methods. PYLON refines the coarse last features with the encoder's finer ones, by 1 x 1
convolutions only, and reads the logit off the sharper map:

    f4, f8, f16, f32 = encoder(image)                 features at strides 4, 8, 16, 32
    x32 = PA(f32)                                     Conv 1x1 block times the attention mask
    x16 = up(x32) + lateral(f16)                      UP; up: bilinear, corners aligned
    x8  = up(x16) + lateral(f8)
    x4  = up(x8)  + lateral(f4)                       "decoded" features, width 128
    map_k = w_k · x4 + b_k                            head: Conv 1x1; a CAM of x4 plus the bias
    logit_k = max over cells of map_k                 global maximum, in float32

lateral: Conv 1x1 C -> C block, Conv 1x1 C -> 128 block. Every block is convolution with bias, batch norm, ReLU.

Settings of the ablation (Tables S16 and S18, Figures S13 to S15, which set out from ``up="small"``):

    ups=0..3              how many UPs; the heatmap's stride is 32, 16, 8 or 4
    up                    "two_layer" (the paper's), "small", "conv3x3"
    attention=False       PA's main path alone
    head_kernel=3         a Conv 3x3 head
    gap=True              with a global average pool
    norm                  "group": GroupNorm of 32 groups (fewer below 128 channels: four each), "group1": of one

Deviations, and what the paper leaves open:

- PA pools and resizes by whole cells, so that every side divisible by 32 works; multiples of 256 give what the
  authors' fixed factors of 2 give.
- ``align_corners`` is True in all resizing of the decoder, as in the authors' code (their evaluation uses False).
- Where a global average pool was added is not said. Here: in PA, as in Pyramid Attention Network.
- Group norm of PA's maps of one channel can only have one group; of a single cell (the coarsest level, up to 256
  px) nothing but the layer's shift is left, and in training batch norm needs two images or more.
"""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from papers_lib.cams import full_precision
from papers_lib.errors import one_of
from papers_lib.models.heatmap_classifier import (
    HeatmapClassifier,
    HeatmapOutput,
    MaxPooledDecoder,
    Norm,
    he_uniform,
    log_odds,
    norm_layer,
    start_at_prevalence,
)
from papers_lib.models.pyramid_encoder import pyramid_encoder
from papers_lib.models.timm_backbones import Weights, glorot

UpDesign = Literal["two_layer", "small", "conv3x3"]


class ConvBlock(nn.Sequential):
    """Convolution with bias, norm, ReLU; the paper's "ConvReLU". The map keeps its size."""

    def __init__(self, channels: int, width: int, kernel: int, norm: Norm) -> None:
        super().__init__(
            nn.Conv2d(channels, width, kernel, padding=kernel // 2),
            norm_layer(norm, width, most=32),
            nn.ReLU(inplace=True),  # norm's backward pass needs its input, not its output
        )


class PyramidAttention(nn.Module):
    """PA: the coarsest features through a Conv 1x1 block, times a mask of one channel that looks at three scales.

        d1 = conv7(pool(x))    d2 = conv5(pool(d1))    d3 = conv3(pool(d2))
        mask = up(conv7'(d1) + up(conv5'(d2) + up(conv3'(d3))))      PA(x) = conv1(x) · mask

    ``pool`` is a 2 x 2 maximum, each conv a block ending in ReLU (Li 2018, arXiv 1805.10180, less its global average
    pool, which ``gap`` puts back: PA(x) + conv1''(mean x)).
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

    "two_layer" is the paper's, Conv 1x1 C -> C and Conv 1x1 C -> width; "small" and "conv3x3" are of its ablation.
    """

    def __init__(self, channels: int, width: int, *, up: UpDesign, norm: Norm) -> None:
        super().__init__()
        one_of("up", up, get_args(UpDesign))
        blocks = [ConvBlock(channels, channels, 1, norm)] if up == "two_layer" else []
        self.lateral = nn.Sequential(*blocks, ConvBlock(channels, width, 3 if up == "conv3x3" else 1, norm))

    def forward(self, coarser: Tensor, lateral: Tensor) -> Tensor:
        return resize(coarser, lateral).add_(self.lateral(lateral))


class PyramidDecoder(nn.Module):
    """PA and UPs joined: features, finest first, to one map of ``width`` channels, of the finest one's size."""

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
        self.width = width
        *finer, coarsest = channels
        with torch.random.fork_rng(devices=[]):  # nn.Conv2d draws
            self.attention = PyramidAttention(coarsest, width, attention=attention, gap=gap, norm=norm)
            self.ups = nn.ModuleList(
                Upsampling(count, width, up=up, norm=norm) for count in finer[::-1][:ups]
            )

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        *finer, coarsest = features
        decoded = self.attention(coarsest)
        for up, lateral in zip(self.ups, reversed(finer), strict=False):
            decoded = up(decoded, lateral)
        return decoded


def resize(x: Tensor, like: Tensor) -> Tensor:
    """Bilinear, corner cells on corner cells, to the height and width of ``like``."""
    return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=True)


class PylonDecoder(MaxPooledDecoder):
    """PYLON less its encoder; settings: see the top of this module."""

    def __init__(
        self,
        channels: Sequence[int],
        classes: int,
        *,
        generator: Generator,
        head_kernel: int = 1,
        **decoder: Any,
    ) -> None:
        one_of("head_kernel", head_kernel, (1, 3))
        body = PyramidDecoder(channels, **decoder)
        super().__init__(
            body,
            body.width,
            classes,
            generator=generator,
            kernel=head_kernel,
            stride=32 >> len(body.ups),
            inputs=len(channels),
        )

    def decode(self, features: Sequence[Tensor]) -> Tensor:
        """What the head is applied to, (B, width, h, w)."""
        return self.body(features)


class ConventionalHead(nn.Module):
    """PYLON's decoded features under global average pool and three Dense layers with ReLU between them: no heatmap.

    STAR Methods, "Ablation analyses", and Table S17; ``decoder``, settings of :class:`PyramidDecoder`, whose width
    the Dense layers have. Features -> logits (B, classes), maps None.
    """

    def __init__(
        self, channels: Sequence[int], classes: int, *, generator: Generator, **decoder: Any
    ) -> None:
        super().__init__()
        self.body = PyramidDecoder(channels, **decoder)
        he_uniform(self.body, generator)
        self.stride = 32 >> len(self.body.ups)
        width = self.body.width
        self.hidden = nn.Sequential()
        for _ in range(2):
            self.hidden.extend([glorot(lambda: nn.Linear(width, width), generator), nn.ReLU()])
        self.head = glorot(lambda: nn.Linear(width, classes), generator)

    def forward(self, features: Sequence[Tensor]) -> HeatmapOutput:
        pooled = self.body(features).mean((-2, -1))
        return HeatmapOutput(full_precision(self.head(self.hidden(pooled))), None)

    def start_at_prevalence(self, prevalence: Tensor, scale: float = 0.05) -> None:
        """See heatmap_classifier.start_at_prevalence."""
        start_at_prevalence(self.head, log_odds(prevalence), scale)


def pylon(
    backbone: str,
    classes: int,
    *,
    generator: Generator,
    in_channels: int = 1,
    weights: Weights = "packaged",
    **decoder: Any,
) -> HeatmapClassifier:
    """PYLON on a backbone of timm, in training mode; the paper's is ``pylon("resnet50", 14, weights="timm")``.

    Args: as pyramid_encoder.pyramid_encoder; decoder, settings of :class:`PylonDecoder`.
    """
    encoder = pyramid_encoder(backbone, generator=generator, weights=weights, in_channels=in_channels)
    return HeatmapClassifier(encoder, PylonDecoder(encoder.channels, classes, generator=generator, **decoder))
