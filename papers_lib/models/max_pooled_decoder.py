"""A decoder, a last convolution that gives one map a class, and the global maximum of each map as its logit.

Source: Preechakul 2022 (iScience 25:103933), STAR Methods, "Benchmark models": the CAM baseline (cam_baseline.py), and
Unet, FPN, PAN and DeepLabV3+, each "transformed into a classification model by adding a global max pooling layer on top
of its final output". Their decoders are those of segmentation-models-pytorch, as in the authors' code; one file each:
unet_decoder.py, fpn_decoder.py, pan_decoder.py, deeplab_decoder.py.

For all of them the heatmap is the map of the last convolution, not enlarged to the image before the maximum (the
authors' Unet ends at the image's size by itself). Convolutions start He-uniform, the last one Xavier-uniform, biases 0,
as segmentation-models-pytorch has it too. The paper's width is 128; another ``width`` scales the channels alike.
"""

from collections.abc import Sequence
from typing import get_args

import torch
from torch import Tensor, nn

from papers_lib.models.heatmap_classifier import HeatmapOutput, log_odds, max_pooled, start_at_prevalence
from papers_lib.models.pylon_blocks import GroupNorm, Norm


class MaxPooledDecoder(nn.Module):
    """What these decoders share. A subclass says in ``decode`` how its body takes the features.

    Args:
        body: its convolutions get their initial weights here.
        channels: that the body gives.
        classes: K.
        generator: of the initial weights, on the CPU; torch's own is left alone.
        kernel: side of the last convolution.
        stride: of the heatmap.
        inputs: how many feature maps there are.
    """

    head: nn.Conv2d

    def __init__(
        self,
        body: nn.Module,
        channels: int,
        classes: int,
        *,
        generator: torch.Generator,
        kernel: int = 1,
        stride: int = 4,
        inputs: int = 4,
    ) -> None:
        super().__init__()
        self.stride, self.inputs = stride, inputs
        self.body = body
        self.head = last_convolution(channels, classes, kernel=kernel, generator=he_uniform(body, generator))

    def forward(self, features: Sequence[Tensor]) -> HeatmapOutput:
        """Maps of the encoder, finest first, to logits (B, K) and raw heatmaps (B, K, h, w)."""
        if len(features) != self.inputs:
            raise ValueError(f"features: expected {self.inputs} maps, finest first, got {len(features)}")
        return max_pooled(self.head(self.decode(features)))

    def decode(self, features: Sequence[Tensor]) -> Tensor:
        raise NotImplementedError

    def start_at_prevalence(self, prevalence: Tensor, scale: float = 0.05) -> None:
        """See :func:`papers_lib.models.heatmap_classifier.start_at_prevalence`; prevalence (K,), each in (0, 1)."""
        start_at_prevalence(self.head, log_odds(prevalence), scale)


def he_uniform(module: nn.Module, generator: torch.Generator) -> torch.Generator:
    """Draw every convolution of ``module`` He-uniform (fan in, ReLU), biases 0, in place. Returns the generator."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return generator


def last_convolution(
    channels: int, classes: int, *, kernel: int = 1, generator: torch.Generator
) -> nn.Conv2d:
    """A convolution that keeps the size of the map, Xavier-uniform, biases 0."""
    with torch.random.fork_rng(devices=[]):  # nn.Conv2d draws before it is initialised here
        head = nn.Conv2d(channels, classes, kernel, padding=kernel // 2)
    nn.init.xavier_uniform_(head.weight, generator=generator)
    assert head.bias is not None
    nn.init.zeros_(head.bias)
    return head


def norm_layer(norm: Norm, channels: int, channels_a_group: int) -> nn.Module:
    """BatchNorm ("batch"), or GroupNorm in one group ("group1") or in groups of ``channels_a_group`` ("group").

    >>> norm_layer("group", 64, 4).num_groups, norm_layer("group1", 64, 4).num_groups
    (16, 1)
    """
    if norm not in get_args(Norm):
        raise ValueError(f"norm: expected one of {', '.join(get_args(Norm))}, got {norm!r}")
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    return GroupNorm(1 if norm == "group1" else max(1, channels // channels_a_group), channels)


def four_channels(channels: Sequence[int]) -> list[int]:
    """The channels as a list. Raises: ValueError unless there are four."""
    if len(channels) != 4:
        raise ValueError(f"channels: expected those of four stages, finest first, got {tuple(channels)}")
    return list(channels)
