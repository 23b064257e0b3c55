"""The CAM-entropy experiment's own code, timed on a few synthetic scenes: what an estimate of its costs rests on."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cam_entropy.experiment import EntropyRun, build, objective_of
from cam_entropy.measures import Measured, explain, measure, one_item_a_picture
from cam_entropy.split import Split
from data_gen.scenes import ScenesSpec, write
from papers_lib.datasets.voc_crop_split import CropSplit, load_crops
from papers_lib.datasets.voc_store import CropSpec, write_crops
from papers_lib.training.front_features import frozen_front, through
from papers_lib.training.loop import train
from pylon.timing import seconds

STEPS = 4  # timings of an action; the first, which warms up, is left out
ENOUGH = 4.0  # seconds of timings of an action, after which no further one begins
SAMPLE = 8  # scenes of each split
BATCH = 32  # images in a timed step on a CPU, where more of them take proportionally longer


@dataclass(frozen=True)
class Sample:
    """A few scenes and their crops, made as the notebook makes them.

    Attributes: crops by split; seconds that a picture takes to draw and to cut; bytes of a scene's files.
    """

    crops: dict[str, CropSplit]
    draw: float
    cut: float
    scene_bytes: float


@dataclass(frozen=True)
class Speed:
    """How fast the runs of one backbone and first stage trained are, and how large their features.

    Attributes: seconds for logits and map of an item (``explain``), for everything measured at the end, a test
    picture (``measure``), for the frozen front of an item (``front``) and of a whole scene (``scene_front``);
    bytes of the features of an item and of a scene. Without a frozen front the last four are 0.
    """

    explain: float
    measure: float
    front: float = 0.0
    scene_front: float = 0.0
    feature_bytes: int = 0
    scene_feature_bytes: int = 0


def sample(folder: Path, parameters: Mapping[str, Any]) -> Sample:
    """Draw and cut a few scenes; they are of the size of VOC's pictures, so that cutting takes as long."""
    start = time.perf_counter()
    scenes = write(
        folder / "scenes", ScenesSpec(train=SAMPLE, test=SAMPLE, seed=int(parameters["data_seed"]))
    )
    drawn = time.perf_counter()
    names = ("side", "scene_side", "whole", "difficult")
    spec = CropSpec(data="sample", **{name: parameters[name] for name in names})
    crops = write_crops(folder / "crops", spec, root=scenes)
    cut = time.perf_counter()
    size = sum(path.stat().st_size for path in scenes.rglob("*") if path.is_file())
    return Sample(
        {split: load_crops(crops, split) for split in ("train", "test")},
        (drawn - start) / (2 * SAMPLE),
        (cut - drawn) / (2 * SAMPLE),
        size / (2 * SAMPLE),
    )


def speed(run: EntropyRun, crops: Mapping[str, CropSplit], device: str) -> tuple[Split, Speed]:
    """The training split of the sample as a run of this kind takes it, and how fast the run is on the test split."""
    front = frozen_front(run.backbone, "random", run.train_from) if run.train_from else None
    train_data, test_data = (_through_front(front, crops[split], device) for split in ("train", "test"))
    seen, scenes = crops["test"], crops["test"].scenes
    items = np.arange(len(seen))
    model = build(replace(run, weights="random"), len(seen.names), device)
    test = Measured(model, test_data, device)
    fixed = one_item_a_picture(test_data)
    explained = _seconds(lambda: explain(test, items), device) / len(items)
    measured = _seconds(lambda: measure(test, front, fixed, fixed[:0]), device) / SAMPLE
    if front is None:
        return train_data, Speed(explained, measured)
    pushed = _seconds(lambda: through(front, seen.images, device), device) / len(items)
    size = test_data.inputs[0].nbytes
    # convolutions take and give in proportion to the pixels
    larger = 0.0 if scenes is None else scenes[0].size / seen.images[0].size
    return train_data, Speed(explained, measured, pushed, pushed * larger, size, round(size * larger))


def _through_front(front: torch.nn.Module | None, crops: CropSplit, device: str) -> Split:
    if front is None:
        return Split(crops, crops.images, crops.scenes)
    scenes = None if crops.scenes is None else _features(front, crops.scenes, device)
    return Split(crops, _features(front, crops.images, device), scenes)


def _features(front: torch.nn.Module, images: np.ndarray, device: str) -> np.ndarray:
    return through(front, images, device).half().cpu().numpy()


def step(run: EntropyRun, data: Split, device: str) -> float:
    """Seconds of a training step of ``run``: an epoch of a single batch."""
    model = build(replace(run, weights="random"), len(data.crops.names), device)
    generator = torch.Generator().manual_seed(0)
    objective = objective_of(run, data, generator, device)
    count = run.batch_size if device != "cpu" else min(run.batch_size, BATCH)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-6)
    autocast = torch.bfloat16 if run.mixed else None
    taken = _seconds(
        lambda: train(
            model,
            lambda trained, indices: objective(trained, indices % SAMPLE),
            count,
            optimizer=optimizer,
            epochs=1,
            batch_size=count,
            generator=generator,
            autocast=autocast,
        ),
        device,
    )
    return taken * run.batch_size / count


def _seconds(action: Callable[[], Any], device: str) -> float:
    return seconds(action, device, STEPS, ENOUGH)
