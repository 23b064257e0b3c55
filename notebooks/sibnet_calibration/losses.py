"""The losses of the Sibnet experiment put together: on the labels by name, on the saliency maps by weight."""

import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from papers_lib.losses.auc_margin import AucMargin
from papers_lib.losses.class_distinctiveness import class_distinctiveness_loss, sample_pairs
from papers_lib.losses.imbalance import balance_weights, focal_loss, weighted_bce
from papers_lib.losses.published_coherence import published_coherence
from papers_lib.losses.saliency_images import as_images
from papers_lib.losses.spatial_coherence import spatial_coherence
from papers_lib.models.eval_statistics import eval_statistics

if TYPE_CHECKING:
    from sibnet_calibration.experiment import SibnetRun


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


def label_loss(config: "SibnetRun", name: str, labels: Tensor) -> nn.Module:
    """(logits (B, K), labels (B, K)) -> scalar, for a training set with ``labels`` (N, K).

    Class weights of "wbce" and prevalences of "auc" (with one positive and one negative added) are those of the set.
    """
    if name == "wbce":
        weights = balance_weights(labels)
        return _Plain(lambda logits, target: weighted_bce(logits, target, weights))
    if name == "focal":
        return _Plain(lambda logits, target: focal_loss(logits, target, gamma=config.gamma))
    if name == "auc":
        share = (labels.sum(0) + 1) / (len(labels) + 2)
        return AucMargin(share, margin=config.margin, ascend=config.optimizer == "adam_ascending")
    return nn.BCEWithLogitsLoss()


def saliency_terms(
    config: "SibnetRun", maps: Tensor, encode: nn.Module, side: int, seed: int
) -> tuple[Tensor, dict[str, Tensor]]:
    """λ1 L_CD + λ2 L_SC of a batch's maps (section 3.1), and each term under its name.

    Args:
        maps: (B, K, h, w), raw Grad-CAM with their graph.
        encode: images (n, 3, side, side) -> features; its batch norm is held while maps are encoded again.
        seed: of the sampled pairs.
    """
    size, generator = (side, side), torch.Generator().manual_seed(seed)
    total, logs = maps.new_zeros(()), {}
    if config.distinct:
        with eval_statistics(encode):
            found = class_distinctiveness_loss(
                maps,
                encode if config.encoded else None,
                size=size,
                channels=3,
                estimator=config.estimator,  # type: ignore[arg-type]
                share=config.share,
                generator=generator,
            )
        total, logs["distinctiveness"] = total + config.distinct * found, found
    if config.coherent:
        if config.estimator == "all":
            chosen = maps.flatten(0, 1)
        else:  # two maps of a share of the images: unbiased for the mean over all maps
            pairs = sample_pairs(*maps.shape[:2], share=config.share, generator=generator)
            chosen = maps[pairs.images[:, None], pairs.classes].flatten(0, 1)
        coherence = spatial_coherence if config.variant == "printed" else published_coherence
        found = coherence(as_images(chosen, size)[:, 0], reduction="mean")
        total, logs["coherence"] = total + config.coherent * found, found
    return total, logs
