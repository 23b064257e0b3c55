"""The first steps of training of every experiment, from its own code, on any device: loss, gradients, statistics.

Networks are small and inputs are noise; a step is what ``training.train`` makes of the experiment's own objective.
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from benchmarks import noise_steps
from benchmarks.noise_steps import Start
from cam_entropy.experiment import EntropyRun
from heatmap_loss.experiment import HeatmapRun
from papers_lib.training.loop import train
from pylon.experiment import PylonRun
from sibnet_calibration.experiment import SibnetRun

SAMPLES, CLASSES, SIDE = 8, 3, 64
BACKBONE = "test_resnet"  # of timm, made for tests
HEATMAP = HeatmapRun(experiment=1, group="heatmap", seed=0)
ENTROPY = EntropyRun(seed=0, beta=0.3, backbone=BACKBONE, weights="random", train_from="layer4")
PYLON = PylonRun(seed=0, backbone=BACKBONE, weights="random", standardise=False)
SIBNET = SibnetRun(seed=0, backbone=BACKBONE, weights="random", last_stage="", train_from="layer4")


def first_start(config: Any, device: str) -> Start:
    """What a run of any of the four experiments starts from, at the size of these tests."""
    if isinstance(config, HeatmapRun):
        return noise_steps.heatmap_start(config, device, SAMPLES)
    if isinstance(config, EntropyRun):
        return noise_steps.entropy_start(config, device, SAMPLES, SIDE, CLASSES)
    if isinstance(config, PylonRun):
        return noise_steps.pylon_start(config, device, SAMPLES, SIDE, CLASSES)
    assert isinstance(config, SibnetRun)
    return noise_steps.sibnet_start(config, device, SAMPLES, SIDE, CLASSES)


def steps(start: Start) -> dict[str, Tensor]:
    """After an epoch of one step, on the CPU: losses, gradients, and all that the model keeps."""
    history = train(
        start.model,
        start.objective,
        start.samples,
        optimizer=start.optimizer,
        epochs=1,
        batch_size=start.samples,
        generator=torch.Generator().manual_seed(0),
        autocast=torch.bfloat16 if start.mixed else None,
    )
    found = dict(start.model.state_dict())
    for name, one in start.model.named_parameters():
        if one.grad is not None:
            found[f"gradient of {name}"] = one.grad
    losses = {name: torch.tensor(value) for name, value in history.epochs[0].items()}
    return {name: value.detach().cpu() for name, value in found.items()} | losses


def arms(base: Any, **fields: tuple[Any, ...]) -> dict[str, Any]:
    """A run for each value of each field, all else as in ``base``, by name: "form=shifted"."""
    return {
        f"{name}={value}": replace(base, **{name: value})
        for name, values in fields.items()
        for value in values
    }
