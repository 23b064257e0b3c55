"""Pyramid Attention Network (Li 2018, arXiv 1805.10180) as a classifier, with and without its global average pools.

The PYLON paper found the heatmaps of PAN to hang on the seed (macro point localization .37, sd .16) and to be mended by
taking all global average pools (GAP) out (.59, sd .03): "Adverse impacts of global pooling", Table S18.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from papers_lib.models import torchvision_ops  # noqa: F401  (before segmentation_models_pytorch)
from papers_lib.models.max_pooled_decoder import MaxPooledDecoder, four_channels
from papers_lib.models.pylon_blocks import resize

from segmentation_models_pytorch.decoders.pan.decoder import FPABlock, GAUBlock, PANDecoder as SmpPANDecoder  # isort: skip


class PANDecoder(MaxPooledDecoder):
    """PAN of width 128, Conv 3x3, global maximum; stride 4.

    Shapes: features (B, channels[i], h_i, w_i) at strides 4, 8, 16, 32 (or 4, 8, 16, 16) -> :class:`HeatmapOutput`.

    The encoder is not dilated, as in the authors' code; PAN's own and the default of segmentation-models-pytorch are.

    Deviation: the attention pools and resizes by whole cells, as PYLON's does here (pylon_blocks.py), so that any size
    works; with sides of the coarsest map that 8 divides the result is that of segmentation-models-pytorch.

    Args:
        channels: of the features, finest first.
        classes: K.
        generator: of the initial weights, on the CPU; torch's own is left alone.
        width: channels of every part.
        gap: False takes out all four global average pools: the attention's global branch and the gate of each upsample,
            which then adds the finer features as they are.
    """

    def __init__(
        self,
        channels: Sequence[int],
        classes: int,
        *,
        generator: torch.Generator,
        width: int = 128,
        gap: bool = True,
    ) -> None:
        finest_first = four_channels(channels)
        with torch.random.fork_rng(devices=[]):
            body = SmpPANDecoder(
                (0, 0, *finest_first), 5, width
            )  # the decoder passes over image and stride 2
            body.fpa = _Attention(finest_first[-1], width, gap=gap)
            if not gap:
                body.gau1, body.gau2, body.gau3 = (_Ungated(count, width) for count in finest_first[:3])
        super().__init__(body, width, classes, generator=generator, kernel=3)

    def decode(self, features: Sequence[Tensor]) -> Tensor:
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
