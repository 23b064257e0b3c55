"""Time of a training step with the heatmap loss over that of a CCE step, and of two naive ways to write it.

Ways are interleaved in one process on one thread, so that a change of the machine's speed meets all of them; the
ratio is that of medians. ``head only`` is the library's way; ``second pass`` runs the network again for the map, as
the authors' code does; ``whole graph`` asks for the gradient of the logit by way of the image, so that the second
derivative runs through every layer.
"""

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from papers_lib.cams import head_gradients, hires_cam
from papers_lib.losses.heatmap import heatmap_loss
from papers_lib.losses.sigmoid_classification import sigmoid_cce, sigmoid_mse
from papers_lib.models.vgg_cardiac import CardiacClassifier, small_vgg, vgg16

Step = Callable[[CardiacClassifier, Tensor, Tensor, Tensor], Tensor]


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


WAYS: dict[str, Step] = {
    "CCE": cce,
    "MSE only": mse,
    "heatmap loss, head only (ours)": head_only,
    "heatmap loss, second pass (authors)": second_pass,
    "heatmap loss, whole graph": whole_graph,
}


def measure(network: str, device: str = "cpu", rounds: int = 60, batch: int = 16) -> dict[str, list[float]]:
    """Seconds of every step, by way, in interleaved rounds after two for warming up."""
    generator = torch.Generator().manual_seed(0)
    make = small_vgg if network == "small VGG" else lambda g: vgg16(g, pretrained=False)
    model = make(generator).to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-5)
    x = torch.rand(batch, 1, 105, 135, generator=generator).to(device, memory_format=torch.channels_last)
    y = torch.randint(4, (batch,), generator=generator).to(device)
    outside = torch.rand(batch, 6, 8, generator=generator).to(device)
    times: dict[str, list[float]] = {name: [] for name in WAYS}
    ways = list(WAYS.items())
    for turn in range(rounds + 2):
        for name, way in (
            ways[turn % len(ways) :] + ways[: turn % len(ways)]
        ):  # nobody is always after the same
            if device == "cuda":
                torch.cuda.synchronize()
            start = time.perf_counter()
            optimizer.zero_grad(set_to_none=True)
            way(model, x, y, outside).backward()
            optimizer.step()
            if device == "cuda":
                torch.cuda.synchronize()
            if turn >= 2:
                times[name].append(time.perf_counter() - start)
    return times


def table(device: str = "cpu", rounds: dict[str, int] | None = None) -> list[dict[str, object]]:
    """A row a network and way: median milliseconds, ratio to CCE, and the ratio's quartiles over rounds."""
    rows: list[dict[str, object]] = []
    for network, count in (rounds or {"small VGG": 200, "VGG16": 3}).items():
        times = measure(network, device, count)
        base = statistics.median(times["CCE"])
        for name, seconds in times.items():
            ratios = sorted(a / b for a, b in zip(seconds, times["CCE"], strict=True))
            low, high = ratios[len(ratios) // 4], ratios[3 * len(ratios) // 4]
            middle = statistics.median(seconds)
            rows.append(
                {
                    "network": network,
                    "step": name,
                    "median ms": round(1000 * middle, 2),
                    "ratio to CCE": round(middle / base, 3),
                    "quartiles of the ratio": f"{low:.2f} to {high:.2f}",
                }
            )
    return rows
