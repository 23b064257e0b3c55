"""Time of a training step with each paper's loss over that of a plain step, and over naive ways to write it.

At the papers' sizes; weights are random, which costs the same, and all of them are trained. On a GPU each paper's own
step is timed once more in bfloat16, in the contiguous layout, and compiled.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.timing import Row, alternating, ratio_rows, training_steps
from papers_lib.cams import grad_cam, head_gradients, hires_cam
from papers_lib.losses.cam_sharpness import cam_sharpness_loss
from papers_lib.losses.class_distinctiveness import class_distinctiveness_loss
from papers_lib.losses.heatmap import heatmap_loss, sigmoid_cce, sigmoid_mse
from papers_lib.losses.saliency_images import as_images
from papers_lib.losses.spatial_coherence import spatial_coherence
from papers_lib.models.classifier import pooled_classifier, pooled_mlp_grad_cam
from papers_lib.models.eval_statistics import eval_statistics
from papers_lib.models.heatmap_classifier import HeatmapClassifier
from papers_lib.models.heatmap_methods import METHODS, decoder
from papers_lib.models.multilabel_classifier import multilabel_classifier
from papers_lib.models.pyramid_encoder import pyramid_encoder
from papers_lib.models.vgg_cardiac import small_vgg, vgg16

Losses = dict[str, Callable[[], Tensor]]


def _ready(model: nn.Module, device: str) -> Any:
    return model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _second_pass_gradients(model: Any, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Activations and gradient of a second forward pass, as the authors' code takes them."""
    activations = model.features(x)
    score = model.head(activations).gather(1, target[:, None]).sum()
    return activations, torch.autograd.grad(score, activations, create_graph=True)[0]


def heatmap_steps(
    device: str, network: str = "VGG16", batch: int = 16, size: tuple[int, int] = (105, 135)
) -> tuple[nn.Module, Losses]:
    """Callanan et al.: CCE, MSE, and the heatmap term with the head alone or a second pass differentiated twice."""
    generator = torch.Generator().manual_seed(0)
    model = _ready(
        small_vgg(generator) if network == "small VGG" else vgg16(generator, pretrained=False), device
    )
    x = torch.rand(batch, 1, *size, generator=generator).to(device, memory_format=torch.channels_last)
    y = torch.randint(4, (batch,), generator=generator).to(device)
    outside = torch.rand(batch, 6, 8, generator=generator).to(device)

    def head_only() -> Tensor:
        activations = model.features(x)
        logits, gradients = head_gradients(model.head, activations, "predicted", create_graph=True)
        return sigmoid_mse(logits, y) + heatmap_loss(hires_cam(activations, gradients), outside)

    def second_pass() -> Tensor:
        logits = model(x)
        activations, gradients = _second_pass_gradients(model, x, logits.argmax(1))
        return sigmoid_mse(logits, y) + heatmap_loss(hires_cam(activations, gradients), outside)

    return model, {
        "CCE": lambda: sigmoid_cce(model(x), y),
        "MSE only": lambda: sigmoid_mse(model(x), y),
        "heatmap loss, head only (ours)": head_only,
        "heatmap loss, second pass (authors)": second_pass,
    }


def entropy_steps(
    device: str, backbone: str = "resnet50", batch: int = 20, side: int = 192, classes: int = 20
) -> tuple[nn.Module, Losses]:
    """Schöttl: cross entropy; with the entropy of the Grad-CAM map, in closed form and in longer ways."""
    generator = torch.Generator().manual_seed(0)
    model = _ready(pooled_classifier(backbone, classes, generator=generator, weights="random"), device)
    x = torch.rand(batch, 3, side, side, generator=generator).to(device, memory_format=torch.channels_last)
    y = torch.randint(classes, (batch,), generator=generator).to(device)

    def closed_form(measure: str) -> Tensor:
        logits, maps = pooled_mlp_grad_cam(model.head, model.features(x), y)
        return F.cross_entropy(logits, y) + 0.3 * cam_sharpness_loss(maps, measure=measure).loss

    def of_head() -> Tensor:
        activations = model.features(x)
        logits, gradients = head_gradients(model.head, activations, y, create_graph=True)
        return F.cross_entropy(logits, y) + 0.3 * cam_sharpness_loss(grad_cam(activations, gradients)).loss

    def second_pass() -> Tensor:
        logits = model(x)
        maps = grad_cam(*_second_pass_gradients(model, x, y))
        return F.cross_entropy(logits, y) + 0.3 * cam_sharpness_loss(maps).loss

    return model, {
        "CE": lambda: F.cross_entropy(model(x), y),
        "CE + β ce, closed form (ours)": lambda: closed_form("ce"),
        "CE + β ca, closed form (ours)": lambda: closed_form("ca"),
        "CE + β cd, closed form (ours)": lambda: closed_form("cd"),
        "CE + β ce, gradient of the head": of_head,
        "CE + β ce, second forward pass": second_pass,
    }


def pylon_steps(
    device: str, backbone: str = "resnet50", batch: int = 4, side: int = 256, classes: int = 14
) -> tuple[nn.Module, Losses]:
    """Preechakul et al.: every method on one shared encoder; PYLON's decoder on stored features."""
    shared: dict[int, Any] = {}
    models = nn.ModuleDict()
    for method in ("cam", "li2018", "unet", "fpn", "pan", "deeplab", "pylon_2up", "pylon"):
        stride = METHODS[method].output_stride
        if stride not in shared:
            shared[stride] = pyramid_encoder(
                backbone,
                generator=torch.Generator().manual_seed(0),
                weights="random",
                in_channels=1,
                output_stride=stride,
            )
        made = decoder(
            method, shared[stride].channels, classes, generator=torch.Generator().manual_seed(0), width=128
        )
        models[method] = HeatmapClassifier(shared[stride], made)
    models = _ready(models, device)
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(batch, 1, side, side, generator=generator).to(device, memory_format=torch.channels_last)
    y = torch.randint(2, (batch, classes), generator=generator).float().to(device)
    with torch.no_grad():
        stored = [one.half() for one in models["pylon"].encoder.eval()(x)]

    def whole(method: str) -> Tensor:
        return F.binary_cross_entropy_with_logits(models[method].train()(x).logits, y)

    def from_store() -> Tensor:
        logits = models["pylon"].train().from_features([one.float() for one in stored]).logits
        return F.binary_cross_entropy_with_logits(logits, y)

    losses: Losses = {METHODS[name].label: lambda name=name: whole(name) for name in models}
    return models, {**losses, "PYLON, on stored features of the frozen encoder": from_store}


def sibnet_steps(
    device: str, backbone: str = "densenet121", batch: int = 4, side: int = 224, classes: int = 5
) -> tuple[nn.Module, Losses]:
    """Sharma and Pradeep: BCE, class distinctiveness of sampled or of all pairs, spatial coherence."""
    generator = torch.Generator().manual_seed(0)
    model = _ready(multilabel_classifier(backbone, classes, generator=generator, weights="random"), device)
    x = torch.rand(batch, 3, side, side, generator=generator).to(device, memory_format=torch.channels_last)
    y = torch.randint(2, (batch, classes), generator=generator).float().to(device)

    def loss(*terms: Callable[[Tensor], Tensor]) -> Tensor:
        seen = model.train().see(x)
        total = F.binary_cross_entropy_with_logits(seen.logits, y)
        return total + sum(term(seen.maps) for term in terms)

    def distinct(maps: Tensor, share: float | None = None, encoded: bool = True) -> Tensor:
        with eval_statistics(model.features):
            return class_distinctiveness_loss(
                maps,
                model.features if encoded else None,
                size=(side, side),
                channels=3,
                estimator="all" if share is None else "sampled",
                share=share or 1.0,
                generator=None if share is None else generator,
            )

    def coherent(maps: Tensor) -> Tensor:
        return spatial_coherence(as_images(maps.flatten(0, 1), (side, side))[:, 0], reduction="mean")

    return model, {
        "BCE": loss,
        "BCE + distinctiveness, a pair of every image": lambda: loss(lambda maps: distinct(maps, 1.0)),
        "BCE + distinctiveness, a pair of a quarter of the images": lambda: loss(
            lambda maps: distinct(maps, 0.25)
        ),
        "BCE + distinctiveness, all pairs": lambda: loss(distinct),
        "BCE + distinctiveness of the maps themselves": lambda: loss(
            lambda maps: distinct(maps, encoded=False)
        ),
        "BCE + spatial coherence": lambda: loss(coherent),
    }


STEPS: Mapping[str, Any] = {
    "heatmap_loss": (heatmap_steps, "VGG16", "batch 16, 105 x 135 px", {}, {}),
    "cam_entropy": (entropy_steps, "ResNet-50", "batch 20, 192 px", {}, {}),
    "pylon": (pylon_steps, "ResNet-50", "batch 4 (64 on a GPU), 256 px", {}, {"batch": 64}),
    "sibnet_calibration": (sibnet_steps, "DenseNet-121", "batch 4 (16 on a GPU), 224 px", {}, {"batch": 16}),
}
OURS = {
    "heatmap_loss": "heatmap loss, head only (ours)",
    "cam_entropy": "CE + β ce, gradient of the head",
    "pylon": "PYLON",
    "sibnet_calibration": "BCE + spatial coherence",
}


def table(slug: str, device: str, rounds: int = 3, **sizes: Any) -> list[Row]:
    """The steps of a paper, in turn; on a GPU its own step in further ways, too."""
    make, network, size, cpu, gpu = STEPS[slug]
    sizes = sizes or (gpu if device.startswith("cuda") else cpu)
    model, losses = make(device, **sizes)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-5)
    rows = ratio_rows(alternating(training_steps(losses, optimizer), rounds, device), network, size)
    if slug == "heatmap_loss" and not sizes:
        small, small_losses = heatmap_steps(device, "small VGG")
        steps = training_steps(small_losses, torch.optim.Adam(small.parameters(), lr=1e-5))
        rows = ratio_rows(alternating(steps, 20 * rounds, device), "small VGG", size) + rows
    if device.startswith("cuda"):
        rows += gpu_rows(losses[OURS[slug]], model, optimizer, rounds, device, network, size)
    return rows


def gpu_rows(
    loss: Callable[[], Tensor],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    rounds: int,
    device: str,
    network: str,
    size: str,
) -> list[Row]:
    """One step in float32 and in bfloat16, each with weights in both memory layouts."""
    kind = device.partition(":")[0]

    def in_bfloat16() -> Tensor:
        with torch.autocast(kind, torch.bfloat16):
            return loss()

    rows: list[Row] = []
    for layout, name in (
        (torch.channels_last, "channels last"),
        (torch.contiguous_format, "contiguous weights"),
    ):
        model.to(memory_format=layout)  # type: ignore[call-overload]
        losses = {f"float32, {name}": loss, f"bfloat16, {name}": in_bfloat16}
        rows += ratio_rows(alternating(training_steps(losses, optimizer), 5 * rounds, device), network, size)
    return rows
