"""Variance of the gradient that class distinctiveness has when it samples images and pairs, without drawing any.

With g_ip the gradient of pair p of image i, m_i its mean over the image's pairs and g the mean of all, the estimator
takes n of B images without replacement and one pair of each. Its mean is g, and its total variance (the trace of the
covariance over all parameters)

    1/n mean_i mean_p |g_ip - m_i|^2  +  1/n (B - n) / (B - 1) mean_i |m_i - g|^2,

of which both parts need each g_ip once. Over |g|^2 it says how many times the exact gradient the noise is.

The network has random weights: what a trained one's variance is depends on how far its maps differ already.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import torch
from torch import Tensor, nn

from papers_lib.losses.class_distinctiveness import class_distinctiveness
from papers_lib.losses.saliency_images import as_images
from papers_lib.models.eval_statistics import eval_statistics
from papers_lib.models.multilabel_classifier import MultilabelClassifier, multilabel_classifier

CLASSES = 5
BATCH = 8
SIDE = 96  # px; smaller than in the steps' table: each of 80 pairs has a backward pass through the batch


def relative_variances(
    shares: Mapping[str, float],
    backbone: str = "densenet121",
    last_stage: str = "",
    batch: int = BATCH,
    side: int = SIDE,
    device: str = "cpu",
) -> dict[str, float]:
    """Total variance of the sampled gradient over the squared norm of the exact one, by the name of its share."""
    generator = torch.Generator().manual_seed(0)
    model = multilabel_classifier(
        backbone, CLASSES, generator=generator, weights="random", last_stage=last_stage
    )
    images = torch.rand(batch, 3, side, side, generator=generator).to(device)
    within, between, exact = moments(model.to(device).train(), images)
    return {
        name: variance(within, between, batch, max(1, round(share * batch))) / exact
        for name, share in shares.items()
    }


def variance(within: float, between: float, batch: int, count: int) -> float:
    """Total variance with ``count`` of ``batch`` images: see the top of this module.

    >>> variance(2.0, 7.0, batch=8, count=8), variance(2.0, 7.0, batch=8, count=1)  # 2 / 8 and 2 + 7
    (0.25, 9.0)
    """
    left = (batch - count) / (batch - 1) if batch > 1 else 0.0
    return (within + left * between) / count


def moments(model: MultilabelClassifier, images: Tensor) -> tuple[float, float, float]:
    """Mean over images of the variance within one, mean squared distance of the images' means, and |g|^2."""
    total: list[Tensor] = []
    squares, means = 0.0, 0.0
    count = len(images)
    for gradients in pair_gradients(model, images):
        mean = [torch.zeros_like(one) for one in next(iter(gradients))]
        for pair in gradients:
            squares += sum(float(one.square().sum()) for one in pair) / len(gradients)
            for one, value in zip(mean, pair, strict=True):
                one += value / len(gradients)
        means += sum(float(one.square().sum()) for one in mean)
        total = [a + b / count for a, b in zip(total or [0.0] * len(mean), mean, strict=True)]  # type: ignore[operator]
    exact = sum(float(one.square().sum()) for one in total)
    return (squares - means) / count, means / count - exact, exact


def pair_gradients(model: MultilabelClassifier, images: Tensor) -> Iterator[list[list[Tensor]]]:
    """Of each image in turn: of each pair of classes, the gradient of its cosine by the features' parameters.

    The first pass is in the model's own mode, as in training, the second one in eval mode.
    """
    parameters: list[nn.Parameter] = list(model.parameters())
    maps, size = model.see(images).maps, (images.shape[-2], images.shape[-1])
    for own in maps:
        with eval_statistics(
            model.features
        ):  # one map at a time, so that a pair's backward pass meets no other
            codes = [model.features(as_images(one[None], size, channels=3)) for one in own]
        found = []
        for a, b in combinations(codes, 2):
            cosine: Any = class_distinctiveness(torch.stack([a, b], 1))
            found.append(
                list(torch.autograd.grad(cosine, parameters, retain_graph=True, materialize_grads=True))
            )
        yield found
