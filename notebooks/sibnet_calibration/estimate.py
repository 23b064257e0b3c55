"""What a profile of the Sibnet notebook would cost, arm by arm, from its own code timed on this machine."""

import os
import time
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from data_gen import chest_chexpert
from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.datasets.chexpert import load_chexpert
from papers_lib.datasets.image_sets import KINDS, load_set
from papers_lib.datasets.image_store import StoreSpec, write_images
from papers_lib.sweep.estimate_costs import Costs, peak_bytes, side_by_side, timed_on
from papers_lib.sweep.progress import duration
from papers_lib.sweep.workers import one_thread
from papers_lib.training.devices import pick_device, processes
from sibnet_calibration import timing
from sibnet_calibration.arms import FIRST, Grid, runs_of
from sibnet_calibration.data import layout_of
from sibnet_calibration.experiment import SibnetRun
from sibnet_calibration.measures import ENCODED, SHIFTED, SHOWN
from sibnet_calibration.sweeps import MAPPINGS

CLASSES = 5  # of the stand-in
SAMPLE = 8  # pictures that are drawn and resized
BYTES_PER_RECORD = 20_000  # JSON and curves
STATE = 16  # bytes a parameter: itself, its gradient, two moments of Adam
OWN_SET = "rare"
"""Data of an arm for which a set of its own is drawn; all others are made from the first one's pictures."""


@dataclass(frozen=True)
class Amounts:
    """Images of each part, classes, and of an image the seconds to draw and to resize it and the bytes of its file.

    What is drawn has 0 seconds and bytes for a user's own set.
    """

    train: int
    val: int
    test: int
    classes: int
    draw: float
    resize: float
    drawn_bytes: float

    @property
    def images(self) -> int:
        return self.train + self.val + self.test


def estimate(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Seconds, memory and disk of a whole run with the notebook's ``parameters``, with nothing on disk yet.

    A few stand-ins are drawn and resized, or a few pictures of the user's set; of every kind of run a training step,
    a prediction and what is measured at the end are timed on noise. The rest is counting.

    Returns:
        ``seconds`` of compute on this device, ``arms`` (those of each arm's runs, shared by the processes),
        ``memory_bytes`` at the peak of all processes, ``disk_bytes`` of pictures, stores, features and results, and
        ``how``, a sentence on what was counted and timed. Hours of a GPU are known on a GPU only.

    Raises:
        UserError: a user's data set cannot be read.
    """
    device = pick_device(str(parameters["device"]))
    count = processes(int(parameters["jobs"]), device)
    writers = int(parameters["jobs"]) or os.cpu_count() or 1
    side, resident = int(parameters["side"]), peak_bytes()
    runs = jobs_of(parameters)
    with one_thread() if device == "cpu" else nullcontext():
        one = amounts(parameters)
        fronts = {(data, _front(run)): run for data, run in runs}
        stored = {key: timing.front(run, side, device) for key, run in fronts.items()}
        costs = _costs(runs, one, side, device)
        fitted = len(runs) * timing.calibration(one.classes, one.val)
    stores = len({data for data, _ in runs})
    drawn = 2 if OWN_SET in {data for data, _ in runs} else 1
    made = one.images * (drawn * one.draw + stores * one.resize)
    encoded = one.images * sum(front.seconds for front in stored.values())
    once = made / writers + encoded / (count if device == "cpu" else 1) + fitted
    disk = one.images * (drawn * one.drawn_bytes + stores * side**2)
    disk += one.images * sum(front.bytes for front in stored.values()) + costs.records
    memory = count * (resident + costs.memory if device == "cpu" else peak_bytes(device))
    together = side_by_side(count, device)
    arms = {name: seconds / together for name, seconds in costs.by_arm.items()}
    listed = ", ".join(f"{name} {duration(seconds)}" for name, seconds in arms.items())
    return {
        "seconds": once + max(sum(costs.each) / together, *costs.each),
        "arms": arms,
        "memory_bytes": round(memory),
        "disk_bytes": round(disk),
        "how": f"{len(runs)} models, {count} at once on {device}: {listed}; pictures, features and calibration "
        f"{duration(once)}; {one.train} training, {one.val} calibration and {one.test} test images; from timed steps "
        f"and evaluations of each kind; {timed_on(device)}",
    }


def jobs_of(parameters: Mapping[str, Any]) -> list[tuple[str, SibnetRun]]:
    """Every run of the notebook, with the name of its data as ``run_plan`` has it."""
    shared = {one.name for one in fields(SibnetRun)} & set(parameters) - {"distinct", "coherent"}
    base = SibnetRun(seed=0, **{name: parameters[name] for name in shared})
    varied = {one.name for one in fields(Grid)} & set(parameters)
    given = {name: parameters[name] for name in varied}
    lists = {name: tuple(value) for name, value in given.items() if isinstance(value, list | tuple)}
    grid = Grid(**{**given, **lists}, quick=bool(parameters["quick_rows"]))
    arms = list(parameters["arms"])
    found = [("first", run) for run in runs_of(base, [arm for arm in FIRST if arm in arms], grid)]
    if "imbalance" in arms and not parameters["data_root"]:
        found += [(OWN_SET, run) for run in runs_of(base, ["imbalance"], grid)]
    if "mapping" in arms:
        found += [(name, run) for name in MAPPINGS for run in runs_of(base, ["mapping"], grid)]
    return found


def amounts(parameters: Mapping[str, Any]) -> Amounts:
    """Count the notebook's set, and time a few of its pictures.

    Raises:
        UserError: the user's set cannot be read.
    """
    side, share = int(parameters["side"]), float(parameters["calibration_share"])
    with TemporaryDirectory() as folder:
        if not parameters["data_root"]:
            return _stand_in(parameters, side, share, Path(folder))
        root = Path(parameters["data_root"]).expanduser()
        kind = layout_of(root)
        if kind == "nih":
            images = load_set(StoreSpec("estimate", side, kind=kind, options={"val_share": share}), root)
        else:
            options = {name: parameters[name] for name in ("uncertain", "views", "calibration")}
            images = load_chexpert(root, calibration_share=share, **options)
        some = images.take(np.linspace(0, len(images) - 1, min(SAMPLE, len(images))).astype(int))
        parts = {part: int((images.split == part).sum()) for part in ("train", "val", "test")}
        resize = _resize(some, side, kind, Path(folder))
        return Amounts(**parts, classes=len(images.classes), draw=0.0, resize=resize, drawn_bytes=0.0)


def _stand_in(parameters: Mapping[str, Any], side: int, share: float, folder: Path) -> Amounts:
    seed, half, root = int(parameters["data_seed"]), SAMPLE // 2, folder / "drawn"
    spec = partial(chest_chexpert.ChexpertSpec, train=half, valid=half, seed=seed)
    start = time.perf_counter()
    chest_chexpert.write(root, spec(side=int(parameters["picture_side"])))
    draw = (time.perf_counter() - start) / SAMPLE
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) / SAMPLE
    resize = _resize(load_chexpert(root, calibration_share=0), side, "chexpert", folder)
    parts = {"train": int(parameters["train_images"]), "test": int(parameters["valid_images"])}
    cut = "train" if parameters["calibration"] == "train" else "test"
    parts["val"] = round(parts[cut] * share)
    parts[cut] -= parts["val"]
    return Amounts(**parts, classes=CLASSES, draw=draw, resize=resize, drawn_bytes=size)


def _resize(images: BoxedImages, side: int, kind: str, folder: Path) -> float:
    write = partial(write_images, reader=KINDS[kind].reader) if kind in KINDS else write_images
    start = time.perf_counter()
    write(folder / "store", StoreSpec("estimate", side, kind=kind), images=images)
    return (time.perf_counter() - start) / len(images)


def _costs(runs: Iterable[tuple[str, SibnetRun]], one: Amounts, side: int, device: str) -> Costs:
    costs = Costs()
    networks: dict[Any, timing.Network] = {}
    steps: dict[Any, timing.Step] = {}
    for _, run in runs:
        plain = replace(run, distinct=0.0, coherent=0.0, first_epochs=0)
        kind = _kind(plain)
        if kind not in networks:
            networks[kind] = timing.network(plain, one.classes, side, device)
        for each in (plain, run):
            if _kind(each) not in steps:
                steps[_kind(each)] = timing.step(each, one.classes, side, device)
        found, full = networks[kind], steps[_kind(run)]
        seconds = _seconds_of(run, one, found, steps[kind], full)
        costs.each.append(seconds)
        costs.by_arm[run.arm] = costs.by_arm.get(run.arm, 0.0) + seconds
        values = one.classes * found.cells
        kept = full.saved * (run.batch_size // _often(run)) + STATE * found.parameters
        costs.memory = max(costs.memory, kept, 2 * 4 * values * one.test)
        logits = 4 * one.classes * (one.images + min(SHIFTED, one.test))
        costs.records += BYTES_PER_RECORD + logits + 2 * values * min(SHOWN, one.test)
    return costs


def _front(run: SibnetRun) -> tuple[str, str, str]:
    return (run.backbone, run.weights, run.train_from)


def _kind(run: SibnetRun) -> tuple[Any, ...]:
    """All that what is timed depends on."""
    names = ("backbone", "last_stage", "train_from", "inputs", "repetition", "batch_size", "mixed")
    terms = (run.distinct > 0 and (run.encoded, run.share), run.coherent > 0 and (run.variant, run.share))
    return (*(getattr(run, name) for name in names), *terms)


def _seconds_of(
    run: SibnetRun, one: Amounts, network: timing.Network, plain: timing.Step, full: timing.Step
) -> float:
    last = max(1, round((run.epochs - run.first_epochs) / _often(run)))
    trained = one.train * (run.first_epochs * plain.train + last * full.train)
    checked = (run.first_epochs + last) * one.val * network.predict
    mapped = one.test * network.predict + min(ENCODED, one.test) * network.scores if run.inputs == 1 else 0.0
    shifted = min(SHIFTED, one.test) * network.whole
    return trained + checked + one.images * network.predict + mapped + shifted


def _often(run: SibnetRun) -> int:
    """Times that a step sees each of its images: a MIMO network's are repeated, and its steps and epochs fewer."""
    return run.repetition if run.inputs > 1 else 1
