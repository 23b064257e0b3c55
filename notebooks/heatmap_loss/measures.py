"""What is measured on a trained model: heat in the heart, hot cells, and what happens when pixels change.

Maps are the HiResCAM of the *predicted* class, which the paper leaves open, on the test split.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from papers_lib.cams import grad_cam, head_gradients, hires_cam
from papers_lib.losses.heatmap import dead_share
from papers_lib.metrics.overlap import heat_share, hot_cells
from papers_lib.models.vgg_cardiac import CardiacClassifier

BATCH = 256


@dataclass(frozen=True)
class Samples:
    """One split on the device: images (N, 1, H, W) in [-1, 1], classes (N,), masks as bool (N, H, W).

    ``toggled``: images with the sex label switched, None without one; ``outside``: no heart, by cell and shrinking.
    """

    images: Tensor
    classes: Tensor
    heart: Tensor
    label_box: Tensor
    toggled: Tensor | None
    outside: dict[str, Tensor]


@torch.no_grad()
def predict(model: nn.Module, images: Tensor) -> Tensor:
    """Logits (N, K) in eval mode, in batches."""
    model.eval()
    return torch.cat([model(batch) for batch in images.split(BATCH)])


@torch.no_grad()
def explain(model: CardiacClassifier, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Logits (N, K), and HiResCAM and Grad-CAM (N, H, W) of the predicted class, from one forward pass."""
    model.eval()
    found = []
    for batch in images.split(BATCH):
        A = model.features(batch)
        logits, gradients = head_gradients(model.head, A, "predicted")
        found.append((logits, hires_cam(A, gradients), grad_cam(A, gradients)))
    logits, hires, grad = (torch.cat(column) for column in zip(*found, strict=True))
    return logits, hires, grad


def class_mean(values: Tensor, classes: Tensor, dead_classes: bool = True) -> float:
    """Mean within each class over its live maps, then over the classes.

    A class without a live map makes it NaN, as for the authors, unless ``dead_classes`` is False: then it is left out.
    """
    means = torch.stack([values[classes == k].nanmean() for k in classes.unique()])
    return float(means.mean() if dead_classes else means.nanmean())


def measure(model: CardiacClassifier, test: Samples) -> tuple[dict[str, float], Tensor]:
    """Metrics of one model and its raw HiResCAM maps (N, H, W).

    ``*_share``: of the heat in the heart or the sex label (the paper's scores); by Grad-CAM classes without a live map
    are left out. ``hot_cells``: cells above half of the maximum. ``erase_*_change``, ``toggle_change``: mean absolute
    change of the logits, in their standard deviations, when heart or rest is black, or the label is switched.
    """
    logits, maps, grad_maps = explain(model, test.images)
    predicted = logits.argmax(1)
    shares = heat_share(maps, test.heart, dead=math.nan)
    grad_shares = heat_share(grad_maps, test.heart, dead=math.nan)
    metrics = {
        "test_accuracy": float((predicted == test.classes).double().mean()),
        "heart_share": class_mean(shares, test.classes),
        "heart_share_grad_cam": class_mean(grad_shares, test.classes, dead_classes=False),
        "dead_share": float(dead_share(maps)),
        "dead_share_grad_cam": float(dead_share(grad_maps)),
        "hot_cells": class_mean(torch.where(shares.isnan(), math.nan, hot_cells(maps)), test.classes),
    }
    black = test.images.new_tensor(-1.0)
    no_heart = torch.where(test.heart[:, None], black, test.images)
    only_heart = torch.where(test.heart[:, None], test.images, black)
    spread = logits.std(0).mean()
    heart_change = (predict(model, no_heart) - logits).abs().mean() / spread
    only = predict(model, only_heart)
    outside_change = (only - logits).abs().mean() / spread
    metrics |= {
        "erase_heart_change": float(heart_change),
        "erase_outside_change": float(outside_change),
        "outside_reliance": float(outside_change / heart_change),
        "only_heart_accuracy": float((only.argmax(1) == test.classes).double().mean()),
    }
    if test.toggled is not None:
        toggled = predict(model, test.toggled)
        metrics |= {
            # Slices of women have no label and count as 0, as in the authors' area baseline of 3.28e-3.
            "label_share": class_mean(heat_share(maps, test.label_box, dead=math.nan), test.classes),
            "toggle_change": float((toggled - logits).abs().mean() / spread),
            "toggle_flips": float((toggled.argmax(1) != predicted).double().mean()),
            "toggle_accuracy": float((toggled.argmax(1) == test.classes).double().mean()),
        }
    return metrics, maps
