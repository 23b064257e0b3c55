"""Time of a training step with the heatmap loss over that of a CCE step, and of two naive ways to write it.

``head_only`` is the library's way; ``second_pass`` runs the network again for the map, as the authors' code does;
``whole_graph`` asks for the gradient of the logit by way of the image, so that the second derivative runs through
every layer.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from benchmarks.interleaved import interleaved, ratio_rows
from papers_lib.cams import head_gradients, hires_cam
from papers_lib.losses.heatmap import heatmap_loss
from papers_lib.losses.sigmoid_classification import sigmoid_cce, sigmoid_mse
from papers_lib.models.vgg_cardiac import CardiacClassifier, small_vgg, vgg16

Loss = Callable[[CardiacClassifier, Tensor, Tensor, Tensor], Tensor]


def cce(model: CardiacClassifier, x: Tensor, y: Tensor, outside: Tensor) -> Tensor:
    return sigmoid_cce(model(x), y)


def mse(model: CardiacClassifier, x: Tensor, y: Tensor, outside: Tensor) -> Tensor:
    return sigmoid_mse(model(x), y)


def head_only(model: CardiacClassifier, x: Tensor, y: Tensor, outside: Tensor) -> Tensor:
    activations = model.features(x)
    logits, gradients = head_gradients(model.head, activations, "predicted", create_graph=True)
    return sigmoid_mse(logits, y) + heatmap_loss(hires_cam(activations, gradients), outside)


def second_pass(model: CardiacClassifier, x: Tensor, y: Tensor, outside: Tensor) -> Tensor:
    logits = model(x)
    activations = model.features(x)
    score = model.head(activations).gather(1, logits.argmax(1, keepdim=True)).sum()
    (gradients,) = torch.autograd.grad(score, activations, create_graph=True)
    return sigmoid_mse(logits, y) + heatmap_loss(hires_cam(activations, gradients), outside)


def whole_graph(model: CardiacClassifier, x: Tensor, y: Tensor, outside: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    activations = model.features(x)
    logits = model.head(activations)
    score = logits.gather(1, logits.argmax(1, keepdim=True)).sum()
    _, gradients = torch.autograd.grad(score, [x, activations], create_graph=True)
    return sigmoid_mse(logits, y) + heatmap_loss(hires_cam(activations, gradients), outside)


WAYS: dict[str, Loss] = {
    "cce": cce,
    "mse": mse,
    "head_only": head_only,
    "second_pass": second_pass,
    "whole_graph": whole_graph,
}
LABELS = {
    "cce": "CCE",
    "mse": "MSE only",
    "head_only": "heatmap loss, head only (ours)",
    "second_pass": "heatmap loss, second pass (authors)",
    "whole_graph": "heatmap loss, whole graph",
}
ROUNDS = {"small VGG": 100, "VGG16": 2}  # a round of VGG16 is about 26 s on one core


def measure(network: str, device: str = "cpu", rounds: int = 60, batch: int = 16) -> dict[str, list[float]]:
    """Seconds of every step, by way."""
    generator = torch.Generator().manual_seed(0)
    make = small_vgg if network == "small VGG" else lambda g: vgg16(g, pretrained=False)
    model = make(generator).to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-5)
    x = torch.rand(batch, 1, 105, 135, generator=generator).to(device, memory_format=torch.channels_last)
    y = torch.randint(4, (batch,), generator=generator).to(device)
    outside = torch.rand(batch, 6, 8, generator=generator).to(device)
    losses = {name: partial(way, model, x, y, outside) for name, way in WAYS.items()}
    return interleaved(losses, optimizer, rounds, device)


def table(device: str = "cpu") -> list[dict[str, Any]]:
    """A row a network and way, see :func:`benchmarks.interleaved.ratio_rows`."""
    return [
        row | {"size": "batch 16, 105 x 135 px"}
        for network, rounds in ROUNDS.items()
        for row in ratio_rows(measure(network, device, rounds), "cce", network, LABELS)
    ]
