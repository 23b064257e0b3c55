"""The decoders of the PYLON paper's benchmark, each a classifier by the global maximum of its last map.

Source: Preechakul 2022 (iScience 25:103933), STAR Methods, "Benchmark models": the CAM baseline, Li et al. (2018), and
Unet, FPN, PAN and DeepLabV3+ of segmentation-models-pytorch, as in the authors' code. All take ``channels`` of the
features, finest first, ``classes`` K and the ``generator`` of the initial weights, on the CPU.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from segmentation_models_pytorch.decoders.deeplabv3.decoder import (
    ASPPPooling,
    DeepLabV3PlusDecoder,
    SeparableConv2d,
)
from segmentation_models_pytorch.decoders.fpn.decoder import FPNDecoder as SmpFPNDecoder
from segmentation_models_pytorch.decoders.pan.decoder import FPABlock, GAUBlock
from segmentation_models_pytorch.decoders.pan.decoder import PANDecoder as SmpPANDecoder
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder as SmpUnetDecoder
from torch import Generator, Tensor, nn

from papers_lib.cams import full_precision
from papers_lib.losses.multi_instance import mil_cell_logit, mil_logits
from papers_lib.models.heatmap_classifier import (
    HeatmapOutput,
    MaxPooledDecoder,
    Norm,
    he_uniform,
    log_odds,
    norm_layer,
    start_at_prevalence,
)
from papers_lib.models.pylon import resize
from papers_lib.models.timm_backbones import glorot

CELLS = 20  # along each side of Li et al.'s heatmap
RATES = (12, 24, 36)


class CamDecoder(MaxPooledDecoder):
    """The paper's Baseline: last features -> [batch norm] -> Conv 1x1 -> global maximum (Oquab 2015, Zhou 2016).

    Its Grad-CAM without ReLU is its CAM less the bias, over the number of cells. ``norm`` is not the paper's.
    """

    def __init__(
        self, channels: Sequence[int], classes: int, *, generator: Generator, norm: bool = False
    ) -> None:
        last = channels[-1]
        body = nn.BatchNorm2d(last) if norm else nn.Identity()
        super().__init__(body, last, classes, generator=generator, stride=32, inputs=len(channels))

    def decode(self, features: Sequence[Tensor]) -> Tensor:
        return self.body(features[-1])


class LiDecoder(nn.Module):
    """Last features resized to 20x20 -> Conv 3x3 to 512, norm, ReLU -> Conv 1x1 -> multi-instance pooling.

    Li et al., "Thoracic Disease Identification and Localization with Limited Supervision" (CVPR 2018), from image
    labels alone: the pooling of ``losses.multi_instance`` in place of the maximum. Resized bilinearly with corners
    aligned, as in the authors' code; ``stride`` is None. Deviation: initial weights as of the other methods.
    """

    head: nn.Conv2d
    stride: None = None

    def __init__(
        self,
        channels: Sequence[int],
        classes: int,
        *,
        generator: Generator,
        width: int = 512,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):  # nn.Conv2d draws before it is initialised here
            self.block = nn.Sequential(
                nn.Conv2d(channels[-1], width, 3, padding=1), norm_layer(norm, width, each=16), nn.ReLU()
            )
        he_uniform(self.block, generator)
        self.head = glorot(lambda: nn.Conv2d(width, classes, 1), generator)

    def forward(self, features: Sequence[Tensor]) -> HeatmapOutput:
        resized = F.interpolate(features[-1], (CELLS, CELLS), mode="bilinear", align_corners=True)
        maps = full_precision(self.head(self.block(resized)))
        return HeatmapOutput(mil_logits(maps), maps)

    def start_at_prevalence(self, prevalence: Tensor, scale: float = 0.05) -> None:
        """Head weights times ``scale``, biases such that a constant map pools to the prevalence (K,), in (0, 1)."""
        log_odds(prevalence)  # the same checks as elsewhere
        start_at_prevalence(self.head, mil_cell_logit(prevalence, CELLS**2), scale)


class UnetDecoder(MaxPooledDecoder):
    """Unet of (256, 128, 64, 64, 64) channels (at width 128, even), Conv 3x3, global maximum (Ronneberger 2015).

    From features at strides 2, 4, 8, 16, 32: the paper's five blocks, maps at stride 1; from 4, 8, 16, 32: its first
    three blocks, maps at stride 4, a deviation that spares half of the cost.
    """

    def __init__(
        self, channels: Sequence[int], classes: int, *, generator: Generator, width: int = 128
    ) -> None:
        if len(channels) not in (4, 5):
            raise ValueError(
                f"channels: expected those of 4 or 5 stages, finest first, got {tuple(channels)}"
            )
        full = len(channels) == 5
        blocks = (2 * width, width, *([width // 2] * (3 if full else 1)))
        with torch.random.fork_rng(devices=[]):
            body = SmpUnetDecoder((0, *channels), blocks, n_blocks=len(blocks))
        super().__init__(
            body,
            blocks[-1],
            classes,
            generator=generator,
            kernel=3,
            stride=1 if full else 4,
            inputs=len(channels),
        )

    def decode(self, features: Sequence[Tensor]) -> Tensor:
        finest = features[0]
        height, width = finest.shape[-2:]
        # Of what comes first, the image, the decoder takes the size only: that of its last block.
        image = finest.new_empty(0, 0, 2 * height, 2 * width)
        return self.body([image, *features])


class FPNDecoder(MaxPooledDecoder):
    """FPN of 256 pyramid and 128 segmentation channels (at width 128), Conv 1x1, global maximum; stride 4.

    Kirillov 2019, arXiv 1901.02446. Its original has group norm, whose heatmaps the PYLON paper found
    "unintelligible" (Figure S14); here it has four channels a group. Dropout is 0 as in the authors' code.
    """

    def __init__(
        self,
        channels: Sequence[int],
        classes: int,
        *,
        generator: Generator,
        width: int = 128,
        norm: Norm = "batch",
    ) -> None:
        with torch.random.fork_rng(devices=[]):
            body = SmpFPNDecoder(
                list(channels), pyramid_channels=2 * width, segmentation_channels=width, dropout=0.0
            )
        for layer in list(body.modules()):
            if isinstance(layer, nn.Sequential) and any(isinstance(part, nn.GroupNorm) for part in layer):
                layer[1] = norm_layer(norm, width)
        super().__init__(body, width, classes, generator=generator)

    def decode(self, features: Sequence[Tensor]) -> Tensor:
        return self.body(list(features))


class PANDecoder(MaxPooledDecoder):
    """PAN of width 128, Conv 3x3, global maximum; stride 4, from strides 4, 8, 16, 32 (or 4, 8, 16, 16).

    Li 2018, arXiv 1805.10180. The PYLON paper mended its heatmaps by taking all four global average pools out
    (``gap=False``, Table S18). The encoder is not dilated, as in the authors' code. Deviation: the attention pools
    and resizes by whole cells, as PYLON's does, so that any size works.
    """

    def __init__(
        self,
        channels: Sequence[int],
        classes: int,
        *,
        generator: Generator,
        width: int = 128,
        gap: bool = True,
    ) -> None:
        with torch.random.fork_rng(devices=[]):
            body = SmpPANDecoder((0, 0, *channels), 5, width)  # it passes over image and stride 2
            body.fpa = _Attention(channels[-1], width, gap=gap)
            if not gap:
                body.gau1, body.gau2, body.gau3 = (_Ungated(count, width) for count in channels[:3])
        super().__init__(body, width, classes, generator=generator, kernel=3)

    def decode(self, features: Sequence[Tensor]) -> Tensor:
        return self.body([None, None, *features])


class DeepLabDecoder(MaxPooledDecoder):
    """DeepLabV3+ of 256 channels (at width 128), Conv 1x1, global maximum; stride 4, from strides 4, 8, 16, 16.

    Chen 2018, arXiv 1802.02611. The PYLON paper takes the image-pooling branch out of its atrous spatial pyramid
    pooling (ASPP; ``gap=False``) (Table S18). Rates of dilation are 12, 24 and 36 cells of 16 px. ``dropout`` after
    ASPP is the authors' .5; it draws from torch's global generator.
    """

    def __init__(
        self,
        channels: Sequence[int],
        classes: int,
        *,
        generator: Generator,
        width: int = 128,
        gap: bool = True,
        dropout: float = 0.5,
    ) -> None:
        with torch.random.fork_rng(devices=[]):
            body = DeepLabV3PlusDecoder(
                (0, 0, *channels),  # the decoder passes over image and stride 2
                5,
                2 * width,
                RATES,
                output_stride=16,
                aspp_separable=True,
                aspp_dropout=dropout,
            )
            low = 3 * width // 8  # segmentation-models-pytorch has 48 at any width
            body.block1[0] = nn.Conv2d(channels[0], low, 1, bias=False)
            body.block1[1] = nn.BatchNorm2d(low)
            body.block2[0] = SeparableConv2d(low + 2 * width, 2 * width, 3, padding=1, bias=False)
            if not gap:
                _without_pooling(body.aspp[0])
        super().__init__(body, 2 * width, classes, generator=generator)

    def decode(self, features: Sequence[Tensor]) -> Tensor:
        if features[2].shape[-2:] != features[3].shape[-2:]:
            raise ValueError(
                "features: DeepLab needs the last two at stride 16 (an encoder with output_stride=16), got sizes "
                f"{tuple(features[2].shape[-2:])} and {tuple(features[3].shape[-2:])}"
            )
        return self.body([None, None, *features])


class _Attention(FPABlock):
    """Feature Pyramid Attention for any size of the map, and without its global branch if asked for."""

    def __init__(self, channels: int, width: int, *, gap: bool) -> None:
        super().__init__(channels, width)
        if not gap:
            self.branch1 = None

    def forward(self, x: Tensor) -> Tensor:
        levels = [x]
        for down in (self.down1, self.down2, self.down3):
            # ceil_mode: a side of 7, 5, 3 or 1 keeps its last row; no difference where sides are even.
            levels.append(down[1:](F.max_pool2d(levels[-1], 2, ceil_mode=True)))
        _, d1, d2, d3 = levels
        d2 = self.conv2(d2)
        mask = resize(resize(resize(d3, d2) + d2, d1) + self.conv1(d1), x)
        found = mask * self.mid(x)
        return found if self.branch1 is None else found + self.branch1(x)


class _Ungated(GAUBlock):
    """Global Attention Upsample without its gate, which a global average pool computes."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__(channels, width)
        del self.conv1

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return resize(y, x) + self.conv2(x)


def _without_pooling(aspp: nn.Module) -> None:
    """Take the pooling branch, and what the projection has for it, out of ASPP, in place."""
    kept = [branch for branch in aspp.get_submodule("convs") if not isinstance(branch, ASPPPooling)]  # type: ignore[attr-defined]
    aspp.convs = nn.ModuleList(kept)
    project = aspp.get_submodule("project")
    assert isinstance(project, nn.Sequential)
    width: int = project[0].out_channels  # type: ignore[assignment]
    project[0] = nn.Conv2d(len(kept) * width, width, 1, bias=False)
