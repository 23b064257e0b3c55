"""The paper's Baseline: class activation maps of the last features, whose maximum is the logit.

Oquab 2015 and Zhou 2016, in Preechakul 2022 (iScience 25:103933), "Benchmark models". Grad-CAM, Grad-CAM++ and
XGrad-CAM are computed on this model too (papers_lib.cams). The maximum passes its gradient to one cell, so the Grad-CAM
of such a model without ReLU is its CAM less the bias, over the number of cells.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from papers_lib.models.max_pooled_decoder import MaxPooledDecoder


class CamDecoder(MaxPooledDecoder):
    """Last features -> [batch norm] -> Conv 1x1 -> global maximum.

    Shapes: features (B, channels[i], h_i, w_i), of which the last is used -> :class:`HeatmapOutput` of its size.

    Args:
        channels: of the features, finest first.
        classes: K.
        generator: of the initial weights, on the CPU; torch's own is left alone.
        norm: batch norm before the convolution. Not the paper's: above a frozen encoder, whose features stay as they
            are, it is what the other decoders have anyway.
        stride: of the last features: 16 where the encoder is dilated.
    """

    def __init__(
        self,
        channels: Sequence[int],
        classes: int,
        *,
        generator: torch.Generator,
        norm: bool = False,
        stride: int = 32,
    ) -> None:
        last = channels[-1]
        body = nn.BatchNorm2d(last) if norm else nn.Identity()
        super().__init__(body, last, classes, generator=generator, stride=stride, inputs=len(channels))

    def decode(self, features: Sequence[Tensor]) -> Tensor:
        return self.body(features[-1])
