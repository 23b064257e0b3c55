"""Intersection over union of a thresholded heatmap and the boxes of its class.

The third heatmap metric of PYLON (STAR Methods, Performance metrics). A pixel is predicted where the heatmap of
logits, resized bilinearly (align_corners=False) to the input, lies above the class's logit threshold of the largest
G-mean (``classification.best_gmean_thresholds``). So the metric is defined only for heatmaps whose maximum is the
logit.

Left open by the paper, and chosen here: all boxes of the class make one region; images without a box of the class
are skipped; an image with a box and no predicted pixel counts with 0, whether or not it was called positive.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from papers_lib.metrics.overlap import box_mask, joined_boxes, resize_maps


class HeatmapIou(NamedTuple):
    """One class, on the CPU: ``iou`` (B,), float64, NaN where no box is, and ``counted`` (B,), boolean."""

    iou: Tensor
    counted: Tensor


class MeanIou(NamedTuple):
    """IoU ``per_class`` and number of ``images``, (K,); mean over classes and over images."""

    per_class: Tensor
    images: Tensor
    macro: float
    weighted: float


def heatmap_iou(
    maps: Tensor, boxes: Sequence[Tensor], size: tuple[int, int], threshold: float, *, chunk: int = 64
) -> HeatmapIou:
    """IoU of one class, image by image.

    Args: maps, raw, of the class, in logits (B, h, w); boxes, B tensors (n_i, 4), x_min, y_min, x_max, y_max in
        pixels of the input, edges included; size (H, W) of the input; threshold, logit above which a pixel is
        predicted; chunk, images resized at a time.
    Returns: :class:`HeatmapIou`, in [0, 1], higher is better.
    Raises: ValueError for shapes, bad boxes, NaN or infinity in a map that counts, or a NaN as threshold.

    >>> row = torch.tensor([[[3.0, 2.0, 1.0, 0.0]]])
    >>> heatmap_iou(row, [torch.tensor([[1.0, 0.0, 3.0, 0.0]])], (1, 4), 0.5)  # 2 shared of 4 pixels
    HeatmapIou(iou=tensor([0.5000], dtype=torch.float64), counted=tensor([True]))
    """
    if maps.ndim != 3 or len(maps) != len(boxes):
        raise ValueError(
            f"expected maps (B, h, w) and B box tensors, got {tuple(maps.shape)} and {len(boxes)}"
        )
    if threshold != threshold:
        raise ValueError("threshold: expected a number, got NaN")
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


def mean_iou(classes: Sequence[HeatmapIou]) -> MeanIou:
    """Mean IoU a class, their mean (macro) and the mean over all counted images (weighted).

    Args: one :class:`HeatmapIou` a class. Returns: :class:`MeanIou`; a class without a counted image is NaN and
        left out of the macro mean. Raises: ValueError if no class has a counted image.

    >>> a = HeatmapIou(torch.tensor([0.5, 0.0]), torch.tensor([True, True]))
    >>> b = HeatmapIou(torch.tensor([0.75, torch.nan]), torch.tensor([True, False]))
    >>> found = mean_iou([a, b])
    >>> found.macro, round(found.weighted, 4)  # (.25 + .75) / 2 and 1.25 / 3
    (0.5, 0.4167)
    """
    images = torch.tensor([int(one.counted.sum()) for one in classes])
    if int(images.sum()) == 0:
        raise ValueError("no image has a box of any class")
    totals = torch.stack([one.iou.double()[one.counted].sum() for one in classes])
    per_class = totals / images  # 0/0 is NaN, as documented
    return MeanIou(per_class, images, float(per_class.nanmean()), float(totals.sum() / images.sum()))
