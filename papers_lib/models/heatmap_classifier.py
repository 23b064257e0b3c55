"""A classifier whose logits are the global maxima of its heatmaps: an encoder's pyramid of features, and a decoder.

Every method of the PYLON paper (Preechakul 2022, iScience 25:103933) has this form, so that one training loop and
one evaluation serve them all. A decoder is an nn.Module with

    forward(features)                     features of the encoder, finest first -> HeatmapOutput
    head                                  its last layer, a convolution that gives one map a class
    stride                                pixels of the image a cell of the heatmap, along a side
    start_at_prevalence(prevalence)       see :func:`start_at_prevalence`
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from papers_lib.models.pyramid_encoder import PyramidEncoder


class HeatmapOutput(NamedTuple):
    """Logits (B, K), and the raw heatmaps (B, K, h, w) they are pooled from, or None; never in half precision."""

    logits: Tensor
    maps: Tensor | None


class HeatmapClassifier(nn.Module):
    """An encoder under a decoder.

    Shapes: images (B, C, H, W) in [0, 1] -> logits (B, K), maps (B, K, h, w).

    Args:
        encoder: gives a list of features, finest first; None where features are cached and no image is seen.
        decoder: what it does is said at the top of this module.
    """

    def __init__(self, encoder: PyramidEncoder | None, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, images: Tensor) -> HeatmapOutput:
        """Raises: ValueError without an encoder."""
        if self.encoder is None:
            raise ValueError("encoder: is None; give features to from_features instead of images")
        return self.from_features(self.encoder(images))

    def from_features(self, features: Sequence[Tensor]) -> HeatmapOutput:
        """The decoder alone, on features that the encoder gave before.

        On a CPU they are copied to ``torch.channels_last`` unless they come so, which is worth caching them in.
        """
        return self.decoder([_fast_layout(feature) for feature in features])


def _fast_layout(feature: Tensor) -> Tensor:
    """On a CPU, channels last: resizing is 6 times faster so, a step of PYLON's decoder about twice; same values."""
    return feature.contiguous(memory_format=torch.channels_last) if feature.device.type == "cpu" else feature


def max_pool_logits(maps: Tensor) -> Tensor:
    """Global maximum of each heatmap (Preechakul 2022, Figure 1B); its gradient is one cell, also among equals.

    Args: maps (B, K, h, w). Returns: (B, K), half precision as float32. Raises: ValueError for other shapes.

    >>> max_pool_logits(torch.tensor([[[[1.0, 3.0], [2.0, -4.0]]]])).tolist()
    [[3.0]]
    """
    if maps.ndim != 4:
        raise ValueError(f"maps: expected shape (B, K, h, w), got {tuple(maps.shape)}")
    return full_precision(maps).flatten(2).max(-1).values


def max_pooled(maps: Tensor) -> HeatmapOutput:
    """Maps (B, K, h, w) and the logits pooled from them; half precision becomes float32."""
    maps = full_precision(maps)
    return HeatmapOutput(max_pool_logits(maps), maps)


def full_precision(values: Tensor) -> Tensor:
    """Half precision as float32; anything else as it is."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def log_odds(prevalence: Tensor) -> Tensor:
    """log(p / (1 - p)), for probabilities of shape (K,).

    Raises: ValueError for another shape, or a value outside 0 < p < 1; a class without (or with only) positive
    images needs smoothing first, for instance (n + 1) / (N + 2).

    >>> log_odds(torch.tensor([0.5, 0.2])).tolist()  # log 1, log(1/4)
    [0.0, -1.3862943649291992]
    """
    if prevalence.ndim != 1 or not bool(((prevalence > 0) & (prevalence < 1)).all()):
        raise ValueError(
            f"prevalence: expected shape (K,), every value in 0 < p < 1, got {prevalence.tolist()}"
        )
    return torch.logit(prevalence)


@torch.no_grad()
def start_at_prevalence(head: nn.Conv2d | nn.Linear, bias: Tensor, scale: float = 0.05) -> None:
    """Start the last layer near constants: its weights times ``scale``, its bias set.

    Not in the paper. The maximum over many random cells starts far above zero (binary cross-entropy 1.4 to 3.6 on
    stride 4, where predicting the prevalence gives its entropy, about .4), and training then depends on luck. Done for
    every method alike, so that none has the better start.

    Args:
        head: with a bias; changed in place.
        bias: (K,): under max pooling the log-odds of the prevalence, :func:`log_odds`.
        scale: of the weights.

    Raises: ValueError for another number of classes.
    """
    if head.bias is None or bias.shape != head.bias.shape:
        classes = None if head.bias is None else len(head.bias)
        raise ValueError(f"prevalence: expected {classes} classes, got shape {tuple(bias.shape)}")
    head.weight.mul_(scale)
    head.bias.copy_(bias)
