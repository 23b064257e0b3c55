"""The Sibnet experiment's own code, timed on a few images of noise: what an estimate of its costs rests on.

Weights are random, since a step costs the same whatever it starts from. Images larger than ``SIDE`` are timed at that
size; beyond, time and memory grow with the area, as those of convolutions do.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from papers_lib.datasets.chexpert_store import ChexpertImages
from papers_lib.training.front_features import frozen_front, through
from papers_lib.training.loop import train
from pylon.timing import images_of, saved_bytes, seconds
from sibnet_calibration import experiment as sibnet
from sibnet_calibration.frame import CALIBRATORS, ELSEWHERE
from sibnet_calibration.inputs import Inputs, frozen_part, in_colour
from sibnet_calibration.losses import SaliencyTerms, label_loss
from sibnet_calibration.measures import _map_scores, _maps, predict

SIDE = 128  # px of a timed image at most
SAMPLE = 8  # images that anything but a step is timed on
PIXELS = 2**18  # of a step on a CPU at most, where more of them take proportionally longer
FITTED = 500  # images at most that calibrators are timed on


@dataclass(frozen=True)
class Network:
    """Of one kind of network: seconds an image and sizes.

    Attributes: seconds of logits (``predict``), of a pass from pixels (``whole``) and of the saliency measures
    (``scores``, 0 without maps); number of ``parameters``; ``cells`` of a map.
    """

    predict: float
    whole: float
    scores: float
    parameters: int
    cells: int


@dataclass(frozen=True)
class Step:
    """Of one kind of training step: seconds an image (``train``), bytes kept for the backward pass (``saved``)."""

    train: float
    saved: int


@dataclass(frozen=True)
class Front:
    """Of a frozen part: seconds an image, and bytes of its features."""

    seconds: float
    bytes: int


def network(run: sibnet.SibnetRun, classes: int, side: int, device: str) -> Network:
    """Time what a trained network of the run's kind is put through."""
    timed, area = _timed(side)
    whole, front, inputs = _parts(run, classes, timed, SAMPLE, device)
    model, rows = whole.model.eval(), np.arange(SAMPLE)
    predicted = seconds(lambda: predict(model, inputs, rows, run.inputs, device), device) / SAMPLE
    parameters = sum(one.numel() for one in model.parameters())
    if run.inputs > 1:
        return Network(area * predicted, area * predicted, 0.0, parameters, 0)
    with torch.no_grad():
        passed = seconds(lambda: model(front(inputs.pixels(rows, device))), device) / SAMPLE
    maps = _maps(model, inputs, rows, device)
    encode = nn.Sequential(front, model.features)
    scored = seconds(lambda: _map_scores(encode, maps.to(device), timed), device) / SAMPLE
    cells = round(area * maps[0, 0].numel())
    return Network(area * predicted, area * passed, area * scored, parameters, cells)


def step(run: sibnet.SibnetRun, classes: int, side: int, device: str) -> Step:
    """Time an epoch of a single batch, in the run's last stage."""
    timed, area = _timed(side)
    often = run.repetition if run.inputs > 1 else 1
    most = max(2, run.batch_size // often)
    batch = most if device != "cpu" else min(most, max(4, PIXELS // timed**2 // often))
    whole, front, inputs = _parts(run, classes, timed, batch, device)
    labels = torch.from_numpy(inputs.images.images.labels).float().to(device)
    terms = SaliencyTerms.of(run, front, timed)
    generator = torch.Generator().manual_seed(0)
    objective = sibnet.objective_of(run, whole, inputs, labels, terms, generator, device)
    optimizer = torch.optim.Adam(whole.parameters(), lr=1e-6)
    autocast = torch.bfloat16 if run.mixed else None

    def epoch() -> None:
        train(
            whole,
            objective,
            batch,
            optimizer=optimizer,
            epochs=1,
            batch_size=batch,
            generator=generator,
            autocast=autocast,
        )

    taken = seconds(epoch, device)
    update = min(seconds(optimizer.step, device), taken)  # once a step, however large its batch
    whole.train()
    few = torch.arange(min(4, batch))
    saved = saved_bytes(lambda: objective(whole, few)[0], whole) / len(few)
    return Step(area * (taken - update) / batch + update / most, round(area * saved))


def front(run: sibnet.SibnetRun, side: int, device: str) -> Front:
    """Time the frozen part, as it is computed for a whole store; nothing where all is trained."""
    if not run.train_from:
        return Front(0.0, 0)
    timed, area = _timed(side)
    layers = frozen_front(run.backbone, "random", run.train_from)
    images = in_colour(images_of(1, timed, 1, SAMPLE)[1])
    taken = seconds(lambda: through(layers, images, device).half().cpu(), device) / SAMPLE
    return Front(area * taken, round(area * through(layers, images[:1], device).half().nbytes))


def calibration(classes: int, count: int) -> float:
    """Seconds to fit every calibrator to a model with ``count`` calibration images and to score it, both times."""
    few = min(count, FITTED)
    generator = torch.Generator().manual_seed(0)
    labels = torch.rand(few, classes, generator=generator) < 0.5
    labels[0], labels[-1] = True, False
    logits = torch.randn(few, classes, generator=generator) + labels
    names = [*CALIBRATORS, *["one_t"] * len(ELSEWHERE)]

    def fit() -> None:
        for name in names:
            CALIBRATORS[name](logits, labels, logits)

    return 2 * seconds(fit, "cpu") * max(1.0, count / FITTED)


def _timed(side: int) -> tuple[int, float]:
    """The side that is timed, and how many times larger the images are."""
    timed = min(side, SIDE)
    return timed, (side / timed) ** 2


def _parts(
    run: sibnet.SibnetRun, classes: int, side: int, count: int, device: str
) -> tuple[sibnet.Trained, nn.Module, Inputs]:
    """A model of the run's kind from random weights, its frozen part, and noise as its inputs."""
    run = replace(run, weights="random")
    boxed, pixels = images_of(classes, side, 1, count)
    images = ChexpertImages(boxed, pixels, np.full(boxed.labels.shape, np.nan), boxed.labels.astype(float))
    features = None
    if run.train_from:
        layers = frozen_front(run.backbone, run.weights, run.train_from)
        features = through(layers, in_colour(pixels), device).half().cpu().numpy()
    rows = dict.fromkeys(("train", "val", "test"), np.arange(count))
    labels = torch.from_numpy(boxed.labels).float().to(device)
    whole = sibnet.Trained(sibnet.build(run, classes), run.train_from, label_loss(run, run.loss, labels))
    whole.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    frozen = frozen_part(run.backbone, run.weights, run.train_from, device)
    return whole, frozen, Inputs(images, features, rows)
