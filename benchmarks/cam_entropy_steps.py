"""Time of a training step with a sharpness term over that of a cross-entropy step, and of naive ways to write it.

The network of the paper at its size: ResNet-50 convolutions, pool, Dense 300, Dense 20; 192 x 192 px, batch 20.
Weights are random, which costs the same, and all of them are trained. ``ce``, ``ca`` and ``cd`` are the library's
way, Grad-CAM in closed form. Four others give the same loss as ``ce`` or ``ca`` in longer ways: ``ce_autograd``
differentiates the head only, as any other head needs it; ``ce_image`` asks for the gradient of the score by way of
the image, through every layer; ``ce_second_pass`` runs the network again for the map; ``ca_eigenvalues`` takes
equation 2 at its word, an eigendecomposition an image.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.interleaved import interleaved, ratio_rows
from papers_lib.cams import grad_cam, head_gradients
from papers_lib.losses.cam_sharpness import cam_sharpness_loss
from papers_lib.metrics.sharpness import dead_maps, heat
from papers_lib.models.classifier import PooledClassifier, pooled_classifier, pooled_mlp_grad_cam

BETA = 0.3  # of equation 6; its size costs nothing
CLASSES = 20

Loss = Callable[[PooledClassifier, Tensor, Tensor], Tensor]


def cross_entropy(model: PooledClassifier, x: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(model(x), y)


def closed_form(model: PooledClassifier, x: Tensor, y: Tensor, measure: str = "ce") -> Tensor:
    logits, maps = pooled_mlp_grad_cam(model.head, model.features(x), y)
    return F.cross_entropy(logits, y) + BETA * cam_sharpness_loss(maps, measure=measure).loss


def head_autograd(model: PooledClassifier, x: Tensor, y: Tensor) -> Tensor:
    activations = model.features(x)
    logits, gradients = head_gradients(model.head, activations, y, create_graph=True)
    return F.cross_entropy(logits, y) + BETA * cam_sharpness_loss(grad_cam(activations, gradients)).loss


def gradient_to_image(model: PooledClassifier, x: Tensor, y: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    activations = model.features(x)
    logits = model.head(activations)
    score = logits.gather(1, y[:, None]).sum()
    _, gradients = torch.autograd.grad(score, [x, activations], create_graph=True)
    return F.cross_entropy(logits, y) + BETA * cam_sharpness_loss(grad_cam(activations, gradients)).loss


def second_pass(model: PooledClassifier, x: Tensor, y: Tensor) -> Tensor:
    logits = model(x)
    activations = model.features(x)
    score = model.head(activations).gather(1, y[:, None]).sum()
    (gradients,) = torch.autograd.grad(score, activations, create_graph=True)
    return F.cross_entropy(logits, y) + BETA * cam_sharpness_loss(grad_cam(activations, gradients)).loss


def eigenvalues(model: PooledClassifier, x: Tensor, y: Tensor) -> Tensor:
    logits, maps = pooled_mlp_grad_cam(model.head, model.features(x), y)
    areas = torch.stack([_area(one) for one in heat(maps)])
    return F.cross_entropy(logits, y) + BETA * torch.where(dead_maps(maps), 0.0, areas).mean()


def _area(M: Tensor) -> Tensor:
    """sqrt(λ1 λ2) of one map (H, W), equation 2; a dead map goes through the same work as the uniform one."""
    M = torch.where(M.max() > 0, M, torch.ones_like(M))
    p = (M / M.sum()).flatten()
    height, width = M.shape
    cells = torch.cartesian_prod(torch.arange(height), torch.arange(width)).to(p)
    centred = cells - p @ cells
    spread = torch.linalg.eigvalsh(centred.T @ (p[:, None] * centred))
    return (
        spread.clamp(min=torch.finfo(p.dtype).tiny).sqrt().prod()
    )  # a line's second eigenvalue rounds below 0


WAYS: dict[str, Loss] = {
    "plain": cross_entropy,
    "ce": closed_form,
    "ca": partial(closed_form, measure="ca"),
    "cd": partial(closed_form, measure="cd"),
    "ce_autograd": head_autograd,
    "ce_image": gradient_to_image,
    "ce_second_pass": second_pass,
    "ca_eigenvalues": eigenvalues,
}
LABELS = {
    "plain": "CE",
    "ce": "CE + β ce, closed form (ours)",
    "ca": "CE + β ca, closed form (ours)",
    "cd": "CE + β cd, closed form (ours)",
    "ce_autograd": "CE + β ce, gradient of the head",
    "ce_image": "CE + β ce, gradient to the image",
    "ce_second_pass": "CE + β ce, second forward pass",
    "ca_eigenvalues": "CE + β ca, closed form, eigenvalues image by image",
}
ROUNDS = 3  # a round is about 23 s on two cores


def measure(
    backbone: str = "resnet50", device: str = "cpu", rounds: int = ROUNDS, side: int = 192, batch: int = 20
) -> dict[str, list[float]]:
    """Seconds of every step, by way; random images and classes."""
    generator = torch.Generator().manual_seed(0)
    model = pooled_classifier(backbone, CLASSES, generator=generator, weights="random")
    model = model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-5)
    x = torch.rand(batch, 3, side, side, generator=generator).to(device, memory_format=torch.channels_last)
    y = torch.randint(CLASSES, (batch,), generator=generator).to(device)
    losses = {name: partial(way, model, x, y) for name, way in WAYS.items()}
    return interleaved(losses, optimizer, rounds, device)


def table(device: str = "cpu") -> list[dict[str, Any]]:
    """A row a way, see :func:`benchmarks.interleaved.ratio_rows`; "ratio to CE" is what the notebook reads."""
    rows = ratio_rows(measure(device=device), "plain", "ResNet-50", LABELS)
    return [row | {"size": "batch 20, 192 px"} for row in rows]
