"""Convolutions, global average pool, dropout and one linear layer: the multi-label classifier of the Sibnet report.

There it is DenseNet-121 with five outputs (Sharma and Pradeep 2023, sections 3.1 and 4.1).
"""

from collections import OrderedDict
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from papers_lib.cams import cam
from papers_lib.errors import UserError
from papers_lib.models.classifier import pooled_classifier, split_at
from papers_lib.models.heatmap_classifier import log_odds
from papers_lib.models.timm_backbones import Weights, glorot, shape_given


class Seen(NamedTuple):
    """What one forward pass gives: ``logits`` (B, K) and raw Grad-CAM ``maps`` (B, K, h, w)."""

    logits: Tensor
    maps: Tensor


class MultilabelClassifier(nn.Module):
    """Named convolutional stages under a linear head.

    Images (B, 3, H, W) in [0, 1] -> ``features`` (B, C, h, w) -> ``head`` (B, K). Args: features, whose last stage
    gives ``channels`` channels; classes, K; generator, of the linear layer, on the CPU, Glorot-uniform with zero
    bias; dropout, share of the pooled features that is dropped in training.
    """

    features: nn.Sequential

    def __init__(
        self,
        features: nn.Sequential,
        channels: int,
        classes: int,
        *,
        generator: Generator,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.features = features
        self.dropout = nn.Dropout(dropout)
        self.linear = glorot(lambda: nn.Linear(channels, classes), generator)

    def head(self, activations: Tensor) -> Tensor:
        """Logits (B, K) of features (B, C, h, w)."""
        return self.linear(self.dropout(activations.mean((-2, -1))))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))

    def see(self, images: Tensor) -> Seen:
        """Logits and raw Grad-CAM of all classes from one pass; no ReLU, float32 in half precision.

        The mean gradient of logit k by channel c is W_kc / (h w) (Selvaraju 2017, equation 1), so the map is the CAM
        over h w, with no second derivative to take. Dropout is left out of the maps.
        """
        activations = self.features(images)
        cells = activations.shape[-2] * activations.shape[-1]
        with torch.autocast(activations.device.type, enabled=False):
            maps = cam(activations, self.linear.weight) / cells
        return Seen(self.head(activations), maps)

    @torch.no_grad()
    def start_at_prevalence(self, shares: Tensor) -> None:
        """Set the bias to the log-odds of the classes' shares (K,), so that training starts at the base rates."""
        self.linear.bias.copy_(log_odds(shares))


def multilabel_classifier(
    backbone: str,
    classes: int,
    *,
    generator: Generator,
    weights: Weights = "packaged",
    last_stage: str = "",
    neck: int = 256,
    dropout: float = 0.0,
) -> MultilabelClassifier:
    """A backbone of timm as a :class:`MultilabelClassifier`, in training mode.

    A network cut after ``last_stage`` ends in a convolution of 1 x 1 to ``neck`` channels, batch norm and ReLU, as
    whole networks end: features that are not negative, which cosines in [0, 1] need (section 3.1.1).

    Args: backbone, weights, generator as ``pooled_classifier`` has them; last_stage kept, "" for all of the network;
    dropout, of the pooled features. UserError for a stage that the network has not.
    """
    whole = pooled_classifier(backbone, classes, generator=generator, weights=weights)
    stages = OrderedDict(whole.features.named_children())
    if not last_stage:
        linear = whole.head[2]
        assert isinstance(linear, nn.Linear)
        return MultilabelClassifier(
            whole.features, linear.in_features, classes, generator=generator, dropout=dropout
        )
    if last_stage not in stages:
        raise UserError(f"last_stage: found {last_stage!r}, expected one of {', '.join(stages)} or ''")
    names = list(stages)
    kept = OrderedDict((name, stages[name]) for name in names[: names.index(last_stage) + 1])
    channels = shape_given(nn.Sequential(kept), (3, 64, 64))[1]
    with torch.random.fork_rng(devices=[]):
        convolution = nn.Conv2d(channels, neck, 1, bias=False)
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu", generator=generator)
    kept["neck"] = nn.Sequential(convolution, nn.BatchNorm2d(neck), nn.ReLU())
    return MultilabelClassifier(nn.Sequential(kept), neck, classes, generator=generator, dropout=dropout)


def cut(model: MultilabelClassifier, stage: str) -> tuple[nn.Sequential, nn.Sequential]:
    """The features before ``stage``, and from it on; UserError lists the stages for a name that is none of them."""
    try:
        return split_at(model, stage)
    except ValueError as error:
        raise UserError(f"train_from: {error}") from error
