"""A classifier whose logits are the global maxima of its heatmaps: an encoder's pyramid of features, and a decoder.

Every method of the PYLON paper (Preechakul 2022, iScience 25:103933) has this form. A decoder is an nn.Module with

    forward(features)                     features of the encoder, finest first -> HeatmapOutput
    head                                  its last layer, a convolution that gives one map a class
    stride                                pixels of the image a cell of the heatmap, along a side
    start_at_prevalence(prevalence)       see :func:`start_at_prevalence`

The heatmap is the map of the last convolution, not enlarged before the maximum. Convolutions start He-uniform, the
last one Glorot-uniform, biases 0, as in segmentation-models-pytorch. The paper's width is 128.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeVar, get_args

import torch
from torch import Generator, Tensor, nn

from papers_lib.cams import full_precision
from papers_lib.errors import one_of
from papers_lib.models.pyramid_encoder import PyramidEncoder
from papers_lib.models.timm_backbones import glorot

G = TypeVar("G", Generator, Generator | None)
Norm = Literal["batch", "group", "group1"]


class HeatmapOutput(NamedTuple):
    """Logits (B, K), and the raw heatmaps (B, K, h, w) they are pooled from, or None; never in half precision."""

    logits: Tensor
    maps: Tensor | None


class HeatmapClassifier(nn.Module):
    """An encoder, or None, under a decoder: images (B, C, H, W) in [0, 1] -> logits (B, K), maps (B, K, h, w)."""

    def __init__(self, encoder: PyramidEncoder | None, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, images: Tensor) -> HeatmapOutput:
        if self.encoder is None:
            raise ValueError("encoder: is None; give features to from_features instead of images")
        return self.from_features(self.encoder(images))

    def from_features(self, features: Sequence[Tensor]) -> HeatmapOutput:
        """The decoder alone, on the encoder's features; on a CPU best cached as ``torch.channels_last``."""
        if features[0].device.type == "cpu":  # resizing is 6 times faster so, a step of PYLON's decoder twice
            features = [feature.contiguous(memory_format=torch.channels_last) for feature in features]
        return self.decoder(list(features))


def max_pool_logits(maps: Tensor) -> Tensor:
    """Global maximum (B, K) of each heatmap (B, K, h, w) (Figure 1B); its gradient is one cell, also among equals.

    >>> max_pool_logits(torch.tensor([[[[1.0, 3.0], [2.0, -4.0]]]])).tolist()
    [[3.0]]
    """
    return full_precision(maps).flatten(2).max(-1).values


def log_odds(prevalence: Tensor) -> Tensor:
    """log(p / (1 - p)), for probabilities (K,), every one in 0 < p < 1."""
    if prevalence.ndim != 1 or not bool(((prevalence > 0) & (prevalence < 1)).all()):
        raise ValueError(
            f"prevalence: expected shape (K,), every value in 0 < p < 1, got {prevalence.tolist()}"
        )
    return torch.logit(prevalence)


@torch.no_grad()
def start_at_prevalence(head: nn.Conv2d | nn.Linear, bias: Tensor, scale: float = 0.05) -> None:
    """Start the last layer near constants: its weights times ``scale``, its bias (K,) set, in place.

    Not in the paper: the maximum over many random cells starts far above zero, and training then depends on luck.
    """
    if head.bias is None or bias.shape != head.bias.shape:
        classes = None if head.bias is None else len(head.bias)
        raise ValueError(f"prevalence: expected {classes} classes, got shape {tuple(bias.shape)}")
    head.weight.mul_(scale)
    head.bias.copy_(bias)


class MaxPooledDecoder(nn.Module):
    """A body, a last convolution that gives one map a class, and the global maximum of each map as its logit.

    Args: body, whose convolutions get their initial weights here; channels that it gives; classes; generator, on the
    CPU; kernel, side of the last convolution; stride of the heatmap; inputs, how many feature maps there are.
    """

    head: nn.Conv2d

    def __init__(
        self,
        body: nn.Module,
        channels: int,
        classes: int,
        *,
        generator: Generator,
        kernel: int = 1,
        stride: int = 4,
        inputs: int = 4,
    ) -> None:
        super().__init__()
        self.stride, self.inputs = stride, inputs
        self.body = body
        he_uniform(body, generator)
        self.head = glorot(lambda: nn.Conv2d(channels, classes, kernel, padding=kernel // 2), generator)

    def forward(self, features: Sequence[Tensor]) -> HeatmapOutput:
        if len(features) != self.inputs:
            raise ValueError(f"features: expected {self.inputs} maps, finest first, got {len(features)}")
        maps = full_precision(self.head(self.decode(features)))
        return HeatmapOutput(max_pool_logits(maps), maps)

    def decode(self, features: Sequence[Tensor]) -> Tensor:
        raise NotImplementedError

    def start_at_prevalence(self, prevalence: Tensor, scale: float = 0.05) -> None:
        """See :func:`start_at_prevalence`; prevalence (K,), each in (0, 1)."""
        start_at_prevalence(self.head, log_odds(prevalence), scale)


def he_uniform(module: nn.Module, generator: G) -> G:
    """Draw every convolution of ``module`` He-uniform (fan in, ReLU), biases 0, in place. Returns the generator."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return generator


class GroupNorm(nn.GroupNorm):
    """nn.GroupNorm that takes a single value a group too; PyTorch's refuses one image whose map is one cell."""

    def forward(self, input: Tensor) -> Tensor:
        return torch.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)


def norm_layer(norm: Norm, channels: int, *, each: int = 4, most: int | None = None) -> nn.Module:
    """BatchNorm ("batch"), or GroupNorm: one group ("group1"), or groups of ``each`` channels or more ("group")."""
    one_of("norm", norm, get_args(Norm))
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    wanted = 1 if norm == "group1" else min(most or channels, max(1, channels // each))
    return GroupNorm(next(groups for groups in range(wanted, 0, -1) if channels % groups == 0), channels)
