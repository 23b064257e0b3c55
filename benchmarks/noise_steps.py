"""Training steps of the four experiments, by their own code, on noise: timed on a GPU, and compared with a CPU."""

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from cam_entropy import experiment as cam_entropy
from cam_entropy.split import Split
from heatmap_loss import experiment as heatmap_loss
from papers_lib.losses.heatmap import shrink_mask
from papers_lib.losses.pesg import PESG
from papers_lib.models.freezing import freeze
from papers_lib.models.vgg_cardiac import INPUT_SIZE, CardiacClassifier
from papers_lib.training.front_features import frozen_front, through
from papers_lib.training.loop import Objective
from pylon import experiment as pylon
from pylon.inputs import Inputs, Staged
from pylon.timing import images_of, stored_stages
from sibnet_calibration import experiment as sibnet_calibration
from sibnet_calibration.losses import SaliencyTerms
from sibnet_calibration.timing import _parts


class Start(NamedTuple):
    """A model on its device before its first step.

    Fields:
        model: what is trained.
        objective: the experiment's.
        optimizer: over what is trained.
        samples: images that there are, numbered from 0.
        mixed: bfloat16 autocast.
        entry: the layers that see the data first.
        compiled: what of the model is compiled where that is asked for.
    """

    model: nn.Module
    objective: Objective
    optimizer: torch.optim.Optimizer
    samples: int
    mixed: bool
    entry: nn.Module
    compiled: nn.Module

    def loss(self, indices: Tensor) -> Tensor:
        """The loss of a batch, with its graph."""
        dtype = torch.bfloat16 if self.mixed else None
        with torch.autocast(indices.device.type, dtype=dtype, enabled=self.mixed):
            return self.objective(self.model, indices)[0]


def heatmap_start(config: heatmap_loss.HeatmapRun, device: str, samples: int) -> Start:
    """The heatmap-loss experiment's; the heart is a rectangle."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (samples, *INPUT_SIZE), dtype=torch.uint8, generator=generator)
    heart = torch.zeros(samples, *INPUT_SIZE)
    heart[:, 30:80, 40:100] = 1
    outside = {how: shrink_mask(1 - heart, CardiacClassifier.map_size, how) for how in ("point", "area")}  # type: ignore[arg-type]
    data = heatmap_loss.Samples(
        heatmap_loss.scaled(images.numpy(), device),
        (torch.arange(samples) % len(heatmap_loss.CLASSES)).to(device),
        heart.bool().to(device),
        (heart > 1).to(device),
        None,
        {how: mask.to(device) for how, mask in outside.items()},
    )
    model = heatmap_loss.build(config, device)
    objective = heatmap_loss.objective_of(config, data)
    return Start(model, objective, _adam(model), samples, config.mixed, model.convolutions, model)


def entropy_start(
    config: cam_entropy.EntropyRun, device: str, samples: int, side: int, classes: int
) -> Start:
    """The CAM-entropy experiment's; two boxes a picture."""
    pixels = images_of(classes, side, 3, 2 * samples)[1]
    inputs = pixels
    if config.train_from:
        front = frozen_front(config.backbone, config.weights, config.train_from)
        inputs = through(front, pixels, "cpu").half().numpy()
    crops = SimpleNamespace(
        boxes_of_image=lambda: (2 * np.arange(samples), np.full(samples, 2)),
        classes=np.arange(2 * samples) % classes,
    )
    model = cam_entropy.build(config, classes, device)
    generator = torch.Generator().manual_seed(1)
    split = Split(crops, inputs, None)  # type: ignore[arg-type]
    objective = cam_entropy.objective_of(config, split, generator, device)
    return Start(model, objective, _adam(model), samples, config.mixed, model.features, model.features)


def pylon_start(config: pylon.PylonRun, device: str, samples: int, side: int, classes: int) -> Start:
    """The PYLON experiment's, in the run's first phase."""
    images, uint8 = images_of(classes, side, config.channels, samples)
    model = pylon.build(config, classes)
    assert model.encoder is not None
    given = pylon._given(config, config.phases[0])
    stages = stored_stages(model, uint8, given, "cpu")
    model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    staged, inputs = Staged(model, given), Inputs(uint8, stages, config.policy)
    if config.phases[0] == "decoder":
        freeze(model.encoder, config.statistics)  # type: ignore[arg-type]
    else:
        pylon._freeze_given(staged)
    labels = torch.from_numpy(images.labels).float().to(device)
    generator = torch.Generator().manual_seed(config.seed)
    objective = pylon.objective_of(inputs, labels, np.arange(samples), generator, device)
    return Start(staged, objective, _adam(staged), samples, config.mixed, model.encoder, staged)


def sibnet_start(
    config: sibnet_calibration.SibnetRun, device: str, samples: int, side: int, classes: int
) -> Start:
    """The Sibnet experiment's, in the run's last stage."""
    whole, front, inputs = _parts(config, classes, side, samples, device)
    labels = torch.from_numpy(inputs.images.images.labels).float().to(device)
    terms = SaliencyTerms.of(config, front, side)
    generator = torch.Generator().manual_seed(0)
    objective = sibnet_calibration.objective_of(config, whole, inputs, labels, terms, generator, device)
    optimizer: torch.optim.Optimizer = _adam(whole)
    if config.optimizer == "pesg":
        optimizer = PESG(list(whole.model.parameters()), whole.loss, lr=0.1)  # type: ignore[arg-type]
    features = whole.model.features
    return Start(whole, objective, optimizer, samples, config.mixed, features, features)


def _adam(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam([one for one in model.parameters() if one.requires_grad], lr=1e-3)
