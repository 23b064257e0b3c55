"""What a profile of the heatmap-loss notebook would cost, from step times measured on this machine."""

import statistics
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any

import torch

from heatmap_loss.arms import grid
from heatmap_loss.experiment import HeatmapRun, Samples, build, objective_of
from papers_lib.losses.heatmap import shrink_mask
from papers_lib.models.vgg_cardiac import INPUT_SIZE, CardiacClassifier
from papers_lib.sweep.estimate_costs import peak_bytes, side_by_side, timed_on
from papers_lib.training.devices import pick_device, processes

STEPS = 4  # timed for each kind of run; the first, which warms up, is left out
EVALUATIONS = 5  # passes over the test split of a run: maps, two erasures, toggled, validation
FORWARD = 1 / 3  # of a training step: one pass forward where a step has one forward and two backward
BYTES_PER_SLICE = 4_000  # image and mask as PNG, measured on 10,000 generated slices
BYTES_PER_RECORD = 65_000  # JSON and 300 maps


def estimate(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Seconds, memory and disk of a whole run with the notebook's ``parameters``, trained from nothing.

    Each kind of run (experiment, group, frozen or not) is timed for a few steps on random slices of the right size;
    the rest is counting. Weights are random: a step costs the same whatever it starts from.

    Returns:
        ``seconds`` of compute on this device, ``memory_bytes`` at the peak of all processes,
        ``disk_bytes`` of data and results, and ``how``, a sentence on what was measured.
    """
    device = pick_device(str(parameters["device"]))
    jobs = processes(int(parameters["jobs"]), device)
    if device == "cpu":
        torch.set_num_threads(1)  # as a worker of the sweep runs
    runs = [run for experiment in parameters["experiments"] for run in _runs(experiment, parameters)]
    batch, slices = int(parameters["batch_size"]), int(parameters["train_slices"])
    samples = _random_slices(batch, device)
    seconds = 0.0
    for kind, members in groupby(sorted(runs, key=_kind), key=_kind):
        alike = list(members)
        step = _seconds_a_step(alike[0], samples, batch)
        steps = sum(run.epochs for run in alike) * -(-slices // batch)
        tested = EVALUATIONS * int(parameters["test_slices"]) * len(alike) / batch
        seconds += step * (steps + FORWARD * tested if kind[1] else steps + tested)
    data = sum(int(parameters[f"{split}_slices"]) for split in ("train", "val", "test"))
    return {
        "seconds": seconds / side_by_side(jobs, device),
        "memory_bytes": jobs * peak_bytes(device) + jobs * data * INPUT_SIZE[0] * INPUT_SIZE[1] * 4,
        "disk_bytes": data * len(parameters["experiments"]) * BYTES_PER_SLICE + len(runs) * BYTES_PER_RECORD,
        "how": f"{len(runs)} models, {jobs} at once on {device}; from {STEPS - 1} timed steps of each kind; "
        f"{timed_on(device)}",
    }


def _runs(experiment: int, parameters: Mapping[str, Any]) -> list[HeatmapRun]:
    base = HeatmapRun(
        experiment=experiment,
        group="cce",
        seed=0,
        model=str(parameters["model"]),
        weights=str(parameters["weights"]),
        epochs=int(parameters["epochs"]),
        batch_size=int(parameters["batch_size"]),
        mixed=bool(parameters["mixed"]),
    )
    factors = float(parameters["authors_lr_factor"]), int(parameters["authors_epoch_factor"])
    return grid(
        base, parameters["arms"], int(parameters["seeds"]), int(parameters["variant_seeds"]), *factors
    )


def _kind(run: HeatmapRun) -> tuple[str, bool, str]:
    return (run.group, run.train_features, run.method)


def _random_slices(count: int, device: str) -> Samples:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(count, 1, *INPUT_SIZE, generator=generator).mul(2).sub(1).to(device)
    heart = torch.rand(count, *INPUT_SIZE, generator=generator).to(device) < 0.1
    outside = {
        how: shrink_mask(1.0 - heart.float(), CardiacClassifier.map_size, how) for how in ("point", "area")
    }
    classes = torch.arange(count, device=device) % 4
    images = images.contiguous(memory_format=torch.channels_last)
    return Samples(images, classes, heart, torch.zeros_like(heart), None, outside)


def _seconds_a_step(run: HeatmapRun, samples: Samples, batch: int) -> float:
    device = samples.images.device
    model = build(replace(run, weights="random"), device.type)
    objective = objective_of(run, samples)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-6)
    indices = torch.arange(batch, device=device)
    times = []
    for _ in range(STEPS):
        _wait(device)
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=run.mixed):
            loss, _logs = objective(model, indices)
        loss.backward()
        optimizer.step()
        _wait(device)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
