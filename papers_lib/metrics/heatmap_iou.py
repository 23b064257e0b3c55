"""Intersection over union of a thresholded heatmap and the boxes of its class.

The third heatmap metric of PYLON (STAR Methods, Performance metrics). A pixel is predicted where the heatmap of logits,
resized bilinearly to the input, lies above the class's threshold (``classification.best_gmean_thresholds``). Chosen
here: all boxes of the class make one region; images without one are skipped; no predicted pixel counts with 0.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from papers_lib.metrics.classification import ClassMeans, class_means
from papers_lib.metrics.overlap import box_mask, joined_boxes, resize_maps


class HeatmapIou(NamedTuple):
    """One class, on the CPU: ``iou`` (B,), float64, NaN where no box is, and ``counted`` (B,), boolean."""

    iou: Tensor
    counted: Tensor


def heatmap_iou(
    maps: Tensor, boxes: Sequence[Tensor], size: tuple[int, int], threshold: float, *, chunk: int = 64
) -> HeatmapIou:
    """IoU of one class, image by image, in [0, 1], higher is better.

    Args: maps, raw, of the class, in logits (B, h, w); boxes, B tensors (n_i, 4), x_min, y_min, x_max, y_max in
    pixels of the input, edges included; size (H, W) of the input; threshold, a logit; chunk, images resized at a
    time.

    >>> row = torch.tensor([[[3.0, 2.0, 1.0, 0.0]]])
    >>> heatmap_iou(row, [torch.tensor([[1.0, 0.0, 3.0, 0.0]])], (1, 4), 0.5)  # 2 shared of 4 pixels
    HeatmapIou(iou=tensor([0.5000], dtype=torch.float64), counted=tensor([True]))
    """
    if maps.ndim != 3 or len(maps) != len(boxes):
        raise ValueError(
            f"expected maps (B, h, w) and B box tensors, got {tuple(maps.shape)} and {len(boxes)}"
        )
    every, images = joined_boxes(boxes, size)
    counted = torch.zeros(len(boxes), dtype=torch.bool)
    counted[images] = True
    iou = torch.full((len(boxes),), torch.nan, dtype=torch.float64)
    kept_images, chunk = counted.nonzero()[:, 0], max(chunk, 1)
    for start in range(0, len(kept_images), chunk):
        some = kept_images[start : start + chunk]
        kept = maps.detach()[some.to(maps.device)]
        finite = kept.isfinite().flatten(1).all(1)
        if not bool(finite.all()):
            raise ValueError(f"map {int(some[int(finite.int().argmin())])} holds NaN or infinity")
        truth = torch.stack([box_mask(every[images == image], size) for image in some]).to(maps.device)
        predicted = resize_maps(kept, size) > threshold
        shared = (predicted & truth).sum((1, 2)).double()
        either = (predicted | truth).sum((1, 2))  # 0 only if the boxes fall between pixels
        iou[some] = (shared / either.clamp(min=1)).cpu()
    return HeatmapIou(iou, counted)


def mean_iou(classes: Sequence[HeatmapIou]) -> ClassMeans:
    """Mean IoU of each class's counted images, their mean (macro) and the mean over all counted images (weighted)."""
    totals = torch.stack([one.iou.double()[one.counted].sum() for one in classes])
    return class_means(totals, torch.tensor([int(one.counted.sum()) for one in classes]))
