"""The PYLON experiment's own code, timed on a few images: what an estimate of its costs rests on."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.models.freezing import freeze
from papers_lib.models.heatmap_classifier import HeatmapClassifier
from papers_lib.models.heatmap_methods import METHODS
from papers_lib.training.loop import train
from papers_lib.training.pyramid_features import CHUNK, pixels
from pylon import experiment as pylon
from pylon.inputs import Inputs, Staged
from pylon.measures import measure, predict

STEPS = 3  # timings of an action; the first, which warms up, is left out
ENOUGH = 1.0  # seconds of timings of an action, after which no further one begins
SIDE = 160  # px of a timed image at most; beyond, time grows with the area, as that of convolutions does
PIXELS = 2**16  # of a step on a CPU, where more of them take proportionally longer: two images of 160 px
STORED_PIXELS = 2**20  # of a step behind stored stages, which is far shorter
SAMPLE = 8  # images at most that anything but a step is timed on


@dataclass(frozen=True)
class Speed:
    """Seconds that one kind of run takes for an image of its size, and what it keeps in memory.

    Attributes: seconds of a training step (``train``), of logits and maps (``predict``), of all measured from a
    map (``point``), and of a pass from pixels (``through``); bytes kept for the backward pass (``saved``); and the
    number of parameters of the whole model.
    """

    train: float
    predict: float
    point: float
    through: float
    saved: int
    parameters: int


@dataclass(frozen=True)
class Stored:
    """The frozen stages of an encoder: seconds an image, bytes of its features and of their largest stage."""

    seconds: float
    bytes: int
    largest: int


def images_of(classes: int, side: int, channels: int, count: int) -> tuple[BoxedImages, np.ndarray]:
    """Noise with boxes: every image has a box of each class that it is labelled with, every second one."""
    labels = (np.arange(count)[:, None] + np.arange(classes)) % 2 == 0
    kinds = tuple(np.flatnonzero(row).astype(np.int64) for row in labels)
    names = tuple(map(str, range(count)))
    images = BoxedImages(
        classes=tuple(f"class {k}" for k in range(classes)),
        names=names,
        paths=tuple(Path(name) for name in names),
        where=names,
        labels=labels,
        boxes=tuple(np.tile(np.array([0.2, 0.2, 0.7, 0.7], np.float32), (len(own), 1)) for own in kinds),
        box_classes=kinds,
        patients=None,
        split=np.full(count, "test"),
    )
    shape = (count, side, side, *((channels,) if channels > 1 else ()))
    return images, np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def speed(run: pylon.PylonRun, phase: str, classes: int, side: int, device: str) -> Speed:
    """Time one kind of run; weights are random, since a step costs the same whatever it starts from.

    Args: side of the images, in pixels; larger ones than ``SIDE`` are timed at that size: see :func:`enlarged`.
    """
    timed = min(side, SIDE)
    run = replace(run, weights="random")
    given = pylon._given(run, phase)
    fitting = (STORED_PIXELS if given else PIXELS) // timed**2
    batch = run.batch_size if device != "cpu" else min(run.batch_size, max(2, fitting))
    count = max(2, min(SAMPLE, 4 * PIXELS // timed**2))
    images, uint8 = images_of(classes, timed, run.channels, count)
    model = pylon.build(run, classes).to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    inputs = Inputs(uint8, stored_stages(model, uint8, given, device), run.policy)
    staged = Staged(model, given)
    assert model.encoder is not None
    if phase == "decoder":
        freeze(model.encoder, run.statistics)  # type: ignore[arg-type]
    else:
        pylon._freeze_given(staged)
    trained, saved = _train(run, staged, inputs, images, batch, device)
    staged.eval()
    rows = np.arange(count)
    predicted = seconds(lambda: predict(staged, inputs, rows, device, with_maps=True), device) / count
    cam = METHODS[run.method].kind == "cam"
    parts = {"train": rows, "val": rows, "test": rows}
    whole = seconds(lambda: measure(staged, inputs, images, parts, device, cam=cam, masked=0), device) / count
    through = predicted
    if given and run.masked:
        with torch.no_grad():
            through = seconds(lambda: model(pixels(uint8, device)), device) / count
    # the thresholds and the logits are a pass each, which whoever counts images adds
    point = max(0.0, whole - 2 * predicted)
    parameters = sum(one.numel() for one in model.parameters())
    return Speed(trained, predicted, point, through, saved, parameters)


def enlarged(found: Speed, side: int) -> Speed:
    """What was timed by :func:`speed`, for images of ``side`` pixels."""
    larger = max(1.0, side / SIDE) ** 2
    return Speed(
        train=larger * found.train,
        predict=larger * found.predict,
        point=larger * found.point,
        through=larger * found.through,
        saved=round(larger * found.saved),
        parameters=found.parameters,
    )


def _train(
    run: pylon.PylonRun, staged: Staged, inputs: Inputs, images: BoxedImages, batch: int, device: str
) -> tuple[float, int]:
    """Seconds of a training step and bytes that it keeps, an image: an epoch of a single batch."""
    generator = torch.Generator().manual_seed(0)
    count = len(images)
    rows = np.arange(batch) % count
    labels = torch.from_numpy(images.labels).float().to(device)
    objective = pylon.objective_of(inputs, labels, rows, generator, device)
    trained = [parameter for parameter in staged.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-6)

    def epoch() -> None:
        train(
            staged,
            objective,
            batch,
            optimizer=optimizer,
            epochs=1,
            batch_size=batch,
            generator=generator,
            autocast=torch.bfloat16 if run.mixed else None,
        )

    whole = seconds(epoch, device)
    update = min(seconds(optimizer.step, device), whole)  # once a step, however large its batch
    taken = (whole - update) / batch + update / run.batch_size
    staged.train()
    few = torch.arange(min(2, batch))
    return taken, saved_bytes(lambda: objective(staged, few)[0], staged) // len(few)


def stored(run: pylon.PylonRun, stages: int, side: int, device: str) -> Stored:
    """Time the frozen stages of a run's encoder, as they are computed for a whole store."""
    timed = min(side, SIDE)
    larger = (side / timed) ** 2
    count = max(1, min(CHUNK, SAMPLE, 4 * PIXELS // timed**2))
    _, uint8 = images_of(1, timed, run.channels, count)
    model = pylon.build(replace(run, weights="random"), 1).to(device)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    taken = seconds(lambda: stored_stages(model, uint8, stages, device), device) / count
    sizes = [one[0].nbytes for one in stored_stages(model, uint8[:1], stages, device)]
    return Stored(larger * taken, round(larger * sum(sizes)), round(larger * max(sizes)))


@torch.no_grad()
def stored_stages(
    model: HeatmapClassifier, images: np.ndarray, given: int, device: str
) -> tuple[np.ndarray, ...]:
    """Raw features of the first ``given`` stages, as ``pyramid_features`` keeps them; none for 0."""
    if not given:
        return ()
    assert model.encoder is not None
    found = model.encoder.eval()(pixels(images, device))[:given]
    return tuple(one.permute(0, 2, 3, 1).contiguous().half().cpu().numpy() for one in found)


def saved_bytes(loss: Callable[[], Tensor], model: nn.Module) -> int:
    """Bytes that autograd keeps from a forward pass for the backward pass, each storage once; no parameters.

    >>> layer = nn.Linear(3, 2)
    >>> x = torch.rand(5, 3)
    >>> saved_bytes(lambda: layer(x).exp().sum(), layer)  # x for the weights, 5 x 3 x 4 bytes; exp, 5 x 2 x 4
    100
    """
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    with kept_storages() as kept:
        result = loss()
    del result
    return sum(size for place, size in kept.items() if place not in own)


@contextmanager
def kept_storages() -> Iterator[dict[int, int]]:
    """Address and bytes of every storage that is saved for a backward pass in this context."""
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield kept


def seconds(
    action: Callable[[], Any], device: str, steps: int | None = None, enough: float | None = None
) -> float:
    """Median seconds of ``action``; what takes long is done only once.

    Args: steps, enough: in the place of ``STEPS`` and ``ENOUGH``.
    """
    steps, enough = STEPS if steps is None else steps, ENOUGH if enough is None else enough
    times: list[float] = []
    while not times or (len(times) < steps and sum(times) < enough):
        _wait(device)
        start = time.perf_counter()
        action()
        _wait(device)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:] or times)


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
