"""What a profile of the CAM-entropy notebook would cost, from its own code timed on this machine."""

import os
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cam_entropy import timing
from cam_entropy.arms import Grid, runs_of
from cam_entropy.experiment import EntropyRun
from cam_entropy.localization import CHUNK, GRID, SHARES
from papers_lib.datasets.voc import load_voc
from papers_lib.datasets.voc_store import CropSpec, has_masks, splits_of
from papers_lib.sweep.estimate_costs import peak_bytes, side_by_side, timed_on
from papers_lib.sweep.workers import one_thread
from papers_lib.training.devices import pick_device, processes

BOXES_A_SCENE = 2.4  # of data_gen.scenes, as in VOC 2012
MASK_SIDE = CropSpec.mask_side
BYTES_PER_RECORD = 20_000  # JSON, curves, and the maps and logits of the items shown
BYTES_PER_MASK_CELL = 25  # of a test mask while the heat on it is summed, CHUNK masks at a time; measured


@dataclass(frozen=True)
class Counts:
    """Size of the data: pictures and boxes of a split, and those boxes that have a mask."""

    pictures: dict[str, int]
    boxes: dict[str, int]
    masked: dict[str, int]


def estimate(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Seconds, memory and disk of a whole run with the notebook's ``parameters``, with nothing on disk yet.

    A few synthetic scenes are drawn and cut into crops; on them each kind of run (backbone, first stage trained,
    with the other classes' maps or not) is timed: its frozen front, training steps, evaluations. The rest is
    counting. Weights are random: a step costs the same whatever it starts from.

    Returns:
        ``seconds`` of compute on this device, ``memory_bytes`` at the peak of all processes, ``disk_bytes`` of
        data, crops, features and results, and ``how``, a sentence on what was counted and timed.

    Raises:
        UserError: the data set of ``data_root`` cannot be read.
    """
    device = pick_device(str(parameters["device"]))
    jobs = processes(int(parameters["jobs"]), device)
    writers = int(parameters["jobs"]) or os.cpu_count() or 1
    counts = _count(parameters)
    runs = _runs(parameters)
    items, scenes = sum(counts.boxes.values()), counts.pictures["test"]
    each, fronts, features = [], 0.0, 0
    with one_thread() if device == "cpu" else nullcontext(), TemporaryDirectory() as folder:
        sample = timing.sample(Path(folder), parameters)
        for _, members in groupby(sorted(runs, key=_backbone), key=_backbone):
            alike = list(members)
            data, speed = timing.speed(alike[0], sample.crops, device)
            fronts += items * speed.front + scenes * speed.scene_front
            features += items * speed.feature_bytes + scenes * speed.scene_feature_bytes
            for others in sorted({run.others > 0 for run in alike}):
                of_kind = [run for run in alike if (run.others > 0) == others]
                # one with the sharpness term, if there is one: it costs a little more
                step = timing.step(max(of_kind, key=lambda run: run.beta > 0), data, device)
                each += [_seconds_of(run, counts, step, speed) for run in of_kind]
    making = sample.cut + (0 if parameters["data_root"] else sample.draw)
    once = sum(counts.pictures.values()) * making / writers + fronts / (jobs if device == "cpu" else 1)
    sums = min(counts.masked["test"], CHUNK) * GRID**2 * BYTES_PER_MASK_CELL
    return {
        "seconds": once + max(sum(each) / side_by_side(jobs, device), *each),
        "memory_bytes": jobs * (peak_bytes(device) + sums),
        "disk_bytes": _data_bytes(parameters, counts, sample) + features + len(runs) * BYTES_PER_RECORD,
        "how": f"{len(runs)} models, {jobs} at once on {device}; {counts.pictures['train']} + {scenes} pictures with "
        f"{counts.boxes['train']} + {counts.boxes['test']} boxes; from timed steps and evaluations of each kind; "
        f"{timed_on(device)}",
    }


def _runs(parameters: Mapping[str, Any]) -> list[EntropyRun]:
    names = ("backbone", "weights", "train_from", "epochs", "batch_size", "learning_rate", "mixed")
    base = EntropyRun(seed=0, beta=0.0, **{name: parameters[name] for name in names})
    grid = Grid(**{name: parameters[name] for name in ("seeds", "variant_seeds", "betas", "shifted_betas")})
    return runs_of(base, parameters["arms"], grid, int(parameters["deletion"]))


def _backbone(run: EntropyRun) -> tuple[str, str]:
    return (run.backbone, run.train_from)


def _seconds_of(run: EntropyRun, counts: Counts, step: float, speed: timing.Speed) -> float:
    tested = counts.pictures["test"]
    trained = -(-counts.pictures["train"] // run.batch_size) * step  # a box a picture and epoch
    deleted = 2 * len(SHARES) * min(run.deletion, tested)  # in the map's order and in a random one
    return (
        run.epochs * (trained + tested * speed.explain)
        + tested * speed.measure
        + deleted * (speed.front + speed.explain)
    )


def _count(parameters: Mapping[str, Any]) -> Counts:
    if not parameters["data_root"]:
        pictures = {split: int(parameters[f"{split}_scenes"]) for split in ("train", "test")}
        boxes = {split: round(count * BOXES_A_SCENE) for split, count in pictures.items()}
        return Counts(pictures, boxes, boxes)
    root = Path(parameters["data_root"]).expanduser()
    found, classes = {}, None
    for split, name in splits_of(root).items():
        loaded = load_voc(root, name, difficult=bool(parameters["difficult"]), classes=classes)
        found[split], classes = loaded.records, loaded.classes
    return Counts(
        {split: len(records) for split, records in found.items()},
        {split: sum(len(record.boxes) for record in records) for split, records in found.items()},
        {split: sum(len(r.boxes) for r in records if has_masks(r)) for split, records in found.items()},
    )


def _data_bytes(parameters: Mapping[str, Any], counts: Counts, sample: timing.Sample) -> int:
    pixels = sum(counts.boxes.values()) * int(parameters["side"]) ** 2
    pixels += counts.pictures["test"] * int(parameters["scene_side"]) ** 2
    masks = sum(counts.masked.values()) * MASK_SIDE**2
    drawn = 0 if parameters["data_root"] else sum(counts.pictures.values()) * sample.scene_bytes
    return 3 * pixels + masks + round(drawn)
