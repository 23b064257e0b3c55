"""The first steps of training of every experiment, from its own code, on any device: loss, gradients, statistics.

Networks are small and inputs are noise; a step is what ``training.train`` makes of the experiment's own objective.
"""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from papers_lib.experiments import cam_entropy, heatmap_loss, pylon, sibnet_calibration
from papers_lib.experiments.cam_entropy import EntropyRun
from papers_lib.experiments.cam_entropy_split import Split
from papers_lib.experiments.heatmap_loss import HeatmapRun
from papers_lib.experiments.pylon import PylonRun
from papers_lib.experiments.pylon_inputs import Inputs, Staged
from papers_lib.experiments.pylon_timing import images_of, stored_stages
from papers_lib.experiments.sibnet_calibration import SibnetRun
from papers_lib.experiments.sibnet_calibration_losses import SaliencyTerms
from papers_lib.experiments.sibnet_calibration_timing import _parts
from papers_lib.experiments.training import Objective, train
from papers_lib.losses.pesg import PESG
from papers_lib.models.freezing import freeze

SAMPLES, CLASSES, SIDE = 8, 3, 64
BACKBONE = "test_resnet"  # of timm, made for tests
HEATMAP = HeatmapRun(experiment=1, group="heatmap", seed=0)
ENTROPY = EntropyRun(seed=0, beta=0.3, backbone=BACKBONE, weights="random", train_from="layer4")
PYLON = PylonRun(seed=0, backbone=BACKBONE, weights="random", standardise=False)
SIBNET = SibnetRun(seed=0, backbone=BACKBONE, weights="random", last_stage="", train_from="layer4")


class Start(NamedTuple):
    """A model on its device before its first step, its objective and its optimizer."""

    model: nn.Module
    objective: Objective
    optimizer: torch.optim.Optimizer
    mixed: bool


def steps(start: Start, samples: int = SAMPLES, batch: int = SAMPLES) -> dict[str, Tensor]:
    """After an epoch, on the CPU: mean losses, gradients of the last step, and all that the model keeps."""
    history = train(
        start.model,
        start.objective,
        samples,
        optimizer=start.optimizer,
        epochs=1,
        batch_size=batch,
        generator=torch.Generator().manual_seed(0),
        autocast=torch.bfloat16 if start.mixed else None,
    )
    found = dict(start.model.state_dict())
    for name, one in start.model.named_parameters():
        if one.grad is not None:
            found[f"gradient of {name}"] = one.grad
    losses = {name: torch.tensor(value) for name, value in history.epochs[0].items()}
    return {name: value.detach().cpu() for name, value in found.items()} | losses


def heatmap_start(config: HeatmapRun, root: Path, device: str) -> Start:
    """Args: root, of slices that ``data_gen.cardiac_mri`` wrote."""
    model = heatmap_loss.build(config, device)
    data = heatmap_loss.samples(root, "train", device)
    return Start(model, heatmap_loss.objective_of(config, data), _adam(model), config.mixed)


def entropy_start(config: EntropyRun, device: str) -> Start:
    """On features before the last stage, two boxes a picture."""
    model = cam_entropy.build(config, CLASSES, device)
    shape = (2 * SAMPLES, 192, 4, 4)  # what "layer3" of the test network gives
    crops = SimpleNamespace(
        boxes_of_image=lambda: (2 * np.arange(SAMPLES), np.full(SAMPLES, 2)),
        classes=np.arange(2 * SAMPLES) % CLASSES,
    )
    inputs = np.random.default_rng(0).normal(size=shape).astype(np.float16)
    split = Split(crops, inputs, None)  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(1)
    return Start(
        model, cam_entropy.objective_of(config, split, generator, device), _adam(model), config.mixed
    )


def pylon_start(config: PylonRun, device: str) -> Start:
    """In the run's first phase, as ``pylon.run`` prepares it."""
    phase = config.phases[0]
    images, uint8 = images_of(CLASSES, SIDE, config.channels, SAMPLES)
    model = pylon.build(config, CLASSES)
    assert model.encoder is not None
    given = pylon._given(config, phase)
    stages = stored_stages(model, uint8, given, "cpu")
    model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    staged, inputs = Staged(model, given), Inputs(uint8, stages, config.policy)
    if phase == "decoder":
        freeze(model.encoder, config.statistics)  # type: ignore[arg-type]
    else:
        pylon._freeze_given(staged)
    labels = torch.from_numpy(images.labels).float().to(device)
    generator = torch.Generator().manual_seed(config.seed)
    objective = pylon.objective_of(inputs, labels, np.arange(SAMPLES), generator, device)
    return Start(staged, objective, _adam(staged), config.mixed)


def sibnet_start(config: SibnetRun, device: str) -> Start:
    """In the run's last stage."""
    whole, front, inputs = _parts(config, CLASSES, SIDE, SAMPLES, device)
    labels = torch.from_numpy(inputs.images.images.labels).float().to(device)
    terms = SaliencyTerms.of(config, front, SIDE)
    generator = torch.Generator().manual_seed(0)
    objective = sibnet_calibration.objective_of(config, whole, inputs, labels, terms, generator, device)
    optimizer: torch.optim.Optimizer = _adam(whole)
    if config.optimizer == "pesg":
        optimizer = PESG(list(whole.model.parameters()), whole.loss, lr=0.1)  # type: ignore[arg-type]
    return Start(whole, objective, optimizer, config.mixed)


def _adam(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam([one for one in model.parameters() if one.requires_grad], lr=1e-3)


def arms(base: Any, **fields: tuple[Any, ...]) -> dict[str, Any]:
    """A run for each value of each field, all else as in ``base``, by name: "form=shifted"."""
    return {
        f"{name}={value}": replace(base, **{name: value})
        for name, values in fields.items()
        for value in values
    }
