"""Figures 3.1, 3.3 and 3.4 of the Sibnet report drawn from the code: every size is that of a real forward pass.

One black image goes through the network of a run's config and through the functions that training calls. Weights are
random, as sizes do not depend on them; stages, losses, weights of the losses and epochs are those of the config.
"""

import inspect
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from papers_lib.losses.map_components import components
from papers_lib.losses.saliency_images import as_images
from papers_lib.losses.spatial_coherence import spatial_coherence
from papers_lib.models.mimo import Mimo, independent_shuffles
from papers_lib.models.multilabel_classifier import MultilabelClassifier, cut
from sibnet_calibration.experiment import SibnetRun, build
from sibnet_calibration.figures import BACKBONES
from sibnet_calibration.schematic import Arrow, Box, Row, drawn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEFT, MIDDLE, RIGHT, WHOLE = (
    (0.7, 1.3),
    (2.4, 1.7),
    (4.15, 1.4),
    (2.45, 4.8),
)  # centre and width of columns, inches
LOSSES = {
    "bce": "cross entropy",
    "wbce": "weighted cross entropy",
    "focal": "focal loss",
    "auc": "AUC margin loss",
}
WEIGHTS = {"packaged": "ImageNet weights", "timm": "ImageNet weights", "random": "random weights"}
CD, SC, L1, L2 = "L_CD", "L_SC", "λ1", "λ2"  # not as mathematics: subscripts would be smaller than 8 points


class Sizes(NamedTuple):
    """Shapes of one image without the batch; of ``again``, ``codes`` and ``components`` for all maps that are taken."""

    image: tuple[int, ...]
    frozen: tuple[int, ...]
    features: tuple[int, ...]
    logits: tuple[int, ...]
    maps: tuple[int, ...]
    again: tuple[int, ...]
    codes: tuple[int, ...]
    components: tuple[int, ...]


@torch.no_grad()
def sizes(config: SibnetRun, classes: int, side: int) -> Sizes:
    """Send one black image of ``side`` pixels through the network of a run, and its maps through it again.

    Maps that are taken: all, or the two of a sampled pair.
    """
    model = _network(config, classes)
    front, tail = cut(model, config.train_from)
    image = torch.zeros(1, 3, side, side)
    frozen = front(image)
    seen = model.see(image)
    taken = seen.maps[0, :2] if config.estimator == "sampled" else seen.maps[0]
    again = as_images(taken, (side, side), channels=3)
    shown: list[Tensor] = [image[0], frozen[0], tail(frozen)[0], seen.logits[0], seen.maps[0]]
    shown += [again, model.features(again), components(again[:, 0])]
    return Sizes(*(tuple(one.shape) for one in shown))


def architecture_drawing(config: SibnetRun, classes: int, side: int) -> "Figure":
    """Figure 3.1: image, network, logits and maps; the maps encoded again for L_CD, in components for L_SC; the sum.

    A term whose weight is 0 is grey. As in the code, both terms take maps that are scaled and enlarged to the image's
    side, but for L_CD of the raw maps.
    """
    found = sizes(config, classes, side)
    names = [name for name, _ in _network(config, classes).features.named_children() if name != "scale"]
    at = names.index(config.train_from) if config.train_from else 0
    cd, sc = ("maps" if weight else "idle" for weight in (config.distinct, config.coherent))
    cd_loss, sc_loss = ("loss" if weight else "idle" for weight in (config.distinct, config.coherent))
    sampled = config.estimator == "sampled"
    some = f"2 of {classes} maps of {config.share:.0%} of the images" if sampled else "all maps"
    over = "of the two" if sampled else f"of classes, mean of {classes * (classes - 1) // 2} pairs"
    scaled = f"{some}: ReLU, scaled, enlarged\n{_x(found.again)}"
    published = config.variant == "published"
    clusters = "components: Otsu, eroded" if published else "components above the mean"
    window = inspect.signature(spatial_coherence).parameters["window"].default

    rows: list[Row] = [{"image": Box(f"image\n{_x(found.image)}", "idle", MIDDLE)}]
    if at:
        frozen = f"{_span(config, names[:at])}, frozen\n{_x(found.frozen)}"
        rows.append({"frozen": Box(frozen, "idle", MIDDLE)})
    trained = f"{_span(config, names[at:])}, trained\n{_x(found.features)}"
    rows.append({"trained": Box(trained, "network", MIDDLE)})
    rows.append(
        {
            "logits": Box(f"mean, linear\n{_x(found.logits)} logits", "logits", LEFT),
            "maps": Box(f"Grad-CAM of all classes\n{_x(found.maps)}", "maps", MIDDLE),
        }
    )
    if config.encoded:
        rows += [
            {"scaled": Box(scaled, "maps", MIDDLE)},
            {
                "again": Box(
                    "the same network again, batch norm held",
                    "network" if config.distinct else "idle",
                    MIDDLE,
                ),
                "clusters": Box(f"{clusters}\n{_x(found.components)}", sc, RIGHT),
            },
            {"codes": Box(f"codes Z\n{_x(found.codes)}", cd, MIDDLE)},
        ]
        arrows: list[Arrow] = [("maps", "scaled"), ("scaled", "again"), ("again", "codes"), ("codes", "cd")]
    else:
        taken = (found.again[0], *found.maps[1:])
        rows += [
            {
                "raw": Box(f"{some}: ReLU\n{_x(taken)}", cd, MIDDLE),
                "scaled": Box(scaled, sc, RIGHT),
            },
            {"clusters": Box(f"{clusters}\n{_x(found.components)}", sc, RIGHT)},
        ]
        arrows = [("maps", "raw"), ("maps", "scaled"), ("raw", "cd")]
    rows += [
        {
            "label": Box(f"on the labels: {LOSSES[config.loss]}", "loss", LEFT),
            "cd": Box(f"{CD}: cosine {over}", cd_loss, MIDDLE),
            "sc": Box(f"{SC}: squared differences, {window} × {window}", sc_loss, RIGHT),
        },
        {"total": Box(_total(config), "loss", WHOLE)},
    ]
    arrows += [("image", "frozen"), ("frozen", "trained")] if at else [("image", "trained")]
    arrows += [("trained", "logits"), ("trained", "maps"), ("scaled", "clusters"), ("clusters", "sc")]
    arrows += [("logits", "label"), *((name, "total") for name in ("label", "cd", "sc"))]
    return drawn(rows, arrows)


def pipeline_drawing(config: SibnetRun) -> "Figure":
    """Figure 3.3: the stages of a run, each with its epochs and losses; weights pass from one to the next."""
    stages = [(config.first_loss, config.first_epochs, False)] if config.first_epochs else []
    custom = bool(config.distinct or config.coherent)
    stages.append((config.loss, config.epochs - config.first_epochs, custom))
    name = BACKBONES.get(config.backbone, config.backbone)
    rows: list[Row] = [{"weights": Box(f"{name}, {WEIGHTS[config.weights]}", "network", MIDDLE)}]
    arrows: list[Arrow] = []
    before = "weights"
    for number, (loss, epochs, maps) in enumerate(stages, 1):
        last = number == len(stages)
        rate = config.pesg_rate if last and config.optimizer == "pesg" else config.learning_rate
        solver = "PESG" if last and config.optimizer == "pesg" else "Adam"
        steps = f"{epochs} epoch{'s' * (epochs != 1)}, {solver},\nlearning rate {rate:g},\nbatch {config.batch_size}"
        image, net, head = f"image {number}", f"net {number}", f"loss {number}"
        rows.append(
            {
                image: Box("images and labels", "idle", LEFT),
                net: Box(f"stage {number} of {len(stages)}:\n{steps}", "network", MIDDLE),
                head: Box(LOSSES[loss], "loss", RIGHT),
            }
        )
        arrows += [(before, net), (image, net), (net, head)]
        before = net
        if maps:
            terms = ((config.distinct, CD), (config.coherent, SC))
            added = "\n".join(f"+ {weight:g} {term}" for weight, term in terms if weight)
            rows.append(
                {
                    "maps": Box("saliency maps of all classes", "maps", MIDDLE),
                    "terms": Box(added, "loss", RIGHT),
                }
            )
            arrows += [(net, "maps"), ("maps", "terms"), (head, "terms")]
    return drawn(rows, arrows)


@torch.no_grad()
def mimo_drawing(config: SibnetRun, classes: int, side: int) -> "Figure":
    """Figure 3.4: a step of training with different images, and a test with the same image in all inputs.

    Of more than three inputs the first and the last are drawn.
    """
    count = config.inputs
    network = _network(config, classes)
    mimo = Mimo(network, inputs=count, classes=classes).eval()
    images = torch.zeros(1, count, 3, side, side)
    logits, probabilities = mimo(images)[0], mimo.predict(images[:, 0])[0]
    often = config.repetition if count > 1 else 1
    batch = max(2, config.batch_size // often)
    table = independent_shuffles(torch.arange(batch), count, often, generator=torch.Generator())
    first = next(layer for layer in network.modules() if isinstance(layer, nn.Conv2d))
    image, stacked = _x(images.shape[2:]), _x(images.flatten(1, 2).shape[1:])
    shown = list(range(1, count + 1)) if count <= 3 else [1, 0, count]
    step = WHOLE[1] / len(shown)
    places = {m: (0.05 + step * (at + 0.5), min(step - 0.2, 1.9)) for at, m in enumerate(shown)}

    def row(name: str, text: str, kind: str) -> Row:
        boxes = {f"{name} {m}": Box(text.format(m), kind, place) for m, place in places.items() if m}
        return boxes | ({f"{name} …": Box("…", "", places[0])} if 0 in places else {})

    channels = f"{first.in_channels} → {first.out_channels} channels"
    passed = f"one network, first convolution {channels}\n{logits.numel()} logits"
    words = f"training: a step of {batch} images"
    words += f" in {len(table)} rows, each {often} × in every input" if count > 1 else ""
    heads = [m for m in shown if m]
    rows = [
        {"training": Box(words, "", WHOLE)},
        row("image", f"image {{}}\n{image}", "idle"),
        {"stacked": Box(f"one after another along the channels\n{stacked}", "idle", WHOLE)},
        {"net": Box(passed, "network", WHOLE)},
        row("head", f"head {{}}\n{logits.shape[1]} logits", "logits"),
        row("loss", f"{LOSSES[config.loss]}, labels of image {{}}", "loss"),
        {"testing": Box("testing: the same image in every input", "", WHOLE)},
        {"same": Box(f"image\n{image}", "idle", (WHOLE[0], MIDDLE[1]))},
        {"stacked again": Box(f"{count} × the image\n{stacked}", "idle", WHOLE)},
        {"net again": Box(f"the same network\n{logits.numel()} logits", "network", WHOLE)},
        row("out", f"head {{}}\n{logits.shape[1]} probabilities", "logits"),
        {"mean": Box(f"mean of the heads\n{len(probabilities)} probabilities", "maps", WHOLE)},
    ]
    arrows: list[Arrow] = [("stacked", "net"), ("same", "stacked again"), ("stacked again", "net again")]
    for m in heads:
        arrows += [(f"image {m}", "stacked"), ("net", f"head {m}"), (f"head {m}", f"loss {m}")]
        arrows += [("net again", f"out {m}"), (f"out {m}", "mean")]
    return drawn(rows, arrows)


def _network(config: SibnetRun, classes: int) -> MultilabelClassifier:
    """The run's network with random weights, in eval mode."""
    return build(replace(config, weights="random"), classes).eval()


def _x(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


def _span(config: SibnetRun, names: Sequence[str]) -> str:
    """Backbone and stages."""
    name = BACKBONES.get(config.backbone, config.backbone)
    return f"{name}:\n{names[0]}" + (f" to {names[-1]}" if len(names) > 1 else "")


def _total(config: SibnetRun) -> str:
    weights = f"{L1} = {config.distinct:g}, {L2} = {config.coherent:g}"
    return f"loss = {LOSSES[config.loss]} + {L1} {CD} + {L2} {SC}\n{weights}"
