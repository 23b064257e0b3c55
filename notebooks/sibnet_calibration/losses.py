"""The losses of the Sibnet experiment put together: on the labels by name, on the saliency maps by weight."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from papers_lib.losses.auc_margin import AucMargin
from papers_lib.losses.class_distinctiveness import class_distinctiveness_loss, sample_pairs
from papers_lib.losses.imbalance import balance_weights, focal_loss, weighted_bce
from papers_lib.losses.published_coherence import published_coherence
from papers_lib.losses.saliency_images import as_images
from papers_lib.losses.spatial_coherence import spatial_coherence
from papers_lib.models.eval_statistics import eval_statistics
from papers_lib.models.multilabel_classifier import MultilabelClassifier

LabelLoss = nn.Module
"""(logits (B, K), labels (B, K)) -> scalar."""


class Weighting(Protocol):
    """What of a run decides on its losses."""

    @property
    def gamma(self) -> float: ...
    @property
    def margin(self) -> float: ...
    @property
    def optimizer(self) -> str: ...
    @property
    def distinct(self) -> float: ...
    @property
    def coherent(self) -> float: ...
    @property
    def encoded(self) -> bool: ...
    @property
    def estimator(self) -> str: ...
    @property
    def share(self) -> float: ...
    @property
    def variant(self) -> str: ...
    @property
    def seed(self) -> int: ...


class _Plain(nn.Module):
    """A loss without weights of its own."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        return self.function(logits, labels)


def step_seed(seed: int, indices: Tensor) -> int:
    """A seed for what one step draws, from the run's seed and the step's samples: an interrupted run draws the same."""
    return seed << 32 | zlib.crc32(indices.cpu().numpy().tobytes())


def label_loss(config: Weighting, name: str, labels: Tensor) -> LabelLoss:
    """The loss ``name`` for a training set with ``labels`` (N, K): its class weights and prevalences are theirs."""
    if name == "wbce":
        weights = balance_weights(labels)
        return _Plain(lambda logits, target: weighted_bce(logits, target, weights))
    if name == "focal":
        return _Plain(lambda logits, target: focal_loss(logits, target, gamma=config.gamma))
    if name == "auc":
        share = (labels.sum(0) + 1) / (len(labels) + 2)
        return AucMargin(share, margin=config.margin, ascend=config.optimizer == "adam_ascending")
    return nn.BCEWithLogitsLoss()


@dataclass
class SaliencyTerms:
    """λ1 L_CD + λ2 L_SC of a batch's maps.

    Attributes:
        config: weights and variants.
        front: the frozen part of the network, through which re-encoded maps pass first.
        side: of the images, in pixels.
    """

    config: Weighting
    front: nn.Module
    side: int

    @classmethod
    def of(cls, config: Weighting, front: nn.Module, side: int) -> "SaliencyTerms | None":
        """The terms of a run; None where both weights are 0."""
        return cls(config, front, side) if config.distinct or config.coherent else None

    def __call__(
        self, maps: Tensor, model: MultilabelClassifier, seed: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted sum, and each term under its name.

        Args: maps (B, K, h, w), raw Grad-CAM with their graph; model, behind the frozen part; seed, of sampled pairs.
        """
        config, size = self.config, (self.side, self.side)
        generator = torch.Generator().manual_seed(seed)
        total, logs = maps.new_zeros(()), {}
        if config.distinct:
            whole = nn.Sequential(self.front, model.features)
            with eval_statistics(whole):
                found = class_distinctiveness_loss(
                    maps,
                    whole if config.encoded else None,
                    size=size,
                    channels=3,
                    estimator=config.estimator,  # type: ignore[arg-type]
                    share=config.share,
                    generator=generator,
                )
            total, logs["distinctiveness"] = total + config.distinct * found, found
        if config.coherent:
            chosen = self._chosen(maps, generator)
            scaled = as_images(chosen, size)[:, 0]
            loss: Any = spatial_coherence if config.variant == "printed" else published_coherence
            found = loss(scaled, reduction="mean")
            total, logs["coherence"] = total + config.coherent * found, found
        return total, logs

    def _chosen(self, maps: Tensor, generator: torch.Generator) -> Tensor:
        """All maps, or, where pairs are sampled, two maps of a share of the images: unbiased for the mean over maps."""
        if self.config.estimator == "all":
            return maps.flatten(0, 1)
        pairs = sample_pairs(*maps.shape[:2], share=self.config.share, generator=generator)
        return maps[pairs.images[:, None], pairs.classes].flatten(0, 1)
