"""One classifier trained with cross entropy and β times a sharpness measure of its map (Schöttl, equation 6).

Runs of a seed share initial weights, boxes and sample order. Settings are those of section IV A.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from cam_entropy.data import Split, batch_of, open_splits, rows_of
from cam_entropy.measures import Measured, curve_point, measure, one_item_a_picture, step_sharpness
from papers_lib.losses.cam_sharpness import cam_sharpness_loss
from papers_lib.models.classifier import PooledClassifier, pooled_classifier, pooled_mlp_grad_cam, split_at
from papers_lib.sweep import Context
from papers_lib.training import Objective, frozen_front, train

ADAM_EPSILON = 1e-7  # Keras' default; the authors used TensorFlow 2
SHOWN = 48  # test items whose maps are kept for figures


@dataclass(frozen=True)
class EntropyRun:
    """One model.

    ``beta``: weight of the term, equation 6. ``form``: of its map: "relu", equation 4 as printed; "shifted", M - min M;
    "offset", 1 + M, a conjecture on the authors' code. ``others``: weight of the negative term on the maps of the other
    classes (section III B, end). ``train_from``: first stage trained; "" trains all, as the paper does, for 30 epochs.
    ``deletion``: test items of the deletion curve.
    """

    seed: int
    beta: float
    form: str = "relu"
    measure: str = "ce"
    others: float = 0.0
    arm: str = "main"
    backbone: str = "efficientnet_lite0"
    weights: str = "packaged"
    train_from: str = "blocks_6"
    epochs: int = 12
    batch_size: int = 20
    learning_rate: float = 1e-3
    mixed: bool = False
    deletion: int = 0

    def setting(self) -> str:
        """What is added to the cross entropy, as claims name it: "none", "relu_100", "ca_shifted_3"."""
        if not self.beta:
            return "none"
        parts = [self.form, f"{self.beta:g}"]
        parts = parts if self.measure == "ce" else [self.measure, *parts]
        return "_".join([*parts, f"others_{self.others:g}"] if self.others else parts)

    def label(self) -> str:
        """Short name of the run for the progress line."""
        return f"{self.arm} {self.setting()} seed {self.seed}"

    def kind(self) -> str:
        """What decides the time of an epoch."""
        return f"{self.backbone} from {self.train_from or 'start'}{', all maps' if self.others else ''}"

    def cost(self) -> float:
        """Relative duration, so that the longest runs start first."""
        late = {"blocks_6": 1.0, "blocks_5": 3.5, "blocks_4": 6.0}
        larger = 1.5 if self.backbone != "efficientnet_lite0" else 1.0
        return self.epochs * late.get(self.train_from, 8.0) * larger


def run(config: EntropyRun, context: Context) -> dict[str, float | int | bool | str]:
    """Train one model and measure it on the test split.

    Saved beside: ``curves`` (epochs, columns), ``curve_names``, arrays of ``measure`` for the first test pictures.
    """
    device = context.device
    data = open_splits(context.data_root, config, device)
    model = build(config, len(data["train"].crops.names), device)
    test = Measured(model, data["test"], device)
    fixed = one_item_a_picture(data["test"])
    pictures = len(data["train"].crops.pictures)
    generator = torch.Generator().manual_seed(config.seed)
    history = train(
        model,
        objective_of(config, data["train"], generator, device),
        pictures,
        optimizer=torch.optim.Adam(model.parameters(), lr=config.learning_rate, eps=ADAM_EPSILON),
        epochs=config.epochs,
        batch_size=config.batch_size,
        generator=generator,
        validate=lambda _: curve_point(test, fixed),
        checkpoint=context.checkpoint,
        autocast=torch.bfloat16 if config.mixed else None,
    )
    front = frozen_front(config.backbone, config.weights, config.train_from) if config.train_from else None
    metrics, arrays = measure(test, front, fixed[:SHOWN], fixed[: config.deletion])
    names = sorted(history.epochs[0])
    curves = np.array([[epoch[name] for name in names] for epoch in history.epochs])
    context.save_arrays(curves=curves, curve_names=np.array(names), **arrays)
    return {
        "setting": config.setting(),
        "steps": config.epochs * -(-pictures // config.batch_size),
        "train_accuracy": history.last("accuracy"),
        "train_dead_share": history.last("dead_share"),
        **metrics,
    }


def objective_of(config: EntropyRun, data: Split, generator: torch.Generator, device: str) -> Objective:
    """l = CE + β · measure(M) of the true class's map; checkpoints keep the state of ``generator``, so boxes stay."""
    start, count = (torch.from_numpy(column) for column in data.crops.boxes_of_image())

    def objective(model: PooledClassifier, indices: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        images = indices.cpu()
        # One box drawn at random for each sample and epoch, section IV A
        drawn = (torch.rand(len(images), generator=generator) * count[images]).long()
        items = start[images] + drawn
        target = rows_of(data.crops.classes, items, device)
        activations = model.features(batch_of(data.inputs, items, device))
        with torch.autocast(activations.device.type, enabled=False):
            wanted: Tensor | Literal["all"] = "all" if config.others else target
            activations = activations.to(torch.promote_types(activations.dtype, torch.float32))
            logits, maps = pooled_mlp_grad_cam(model.head, activations, wanted)
            loss = torch.nn.functional.cross_entropy(logits, target)
            if config.beta:
                offset = config.form == "offset"
                term = cam_sharpness_loss(
                    1 + maps.relu() if offset else maps,
                    target if config.others else None,
                    measure=config.measure,
                    form="relu" if offset else config.form,  # type: ignore[arg-type]
                    others=config.others,
                )
                loss = loss + config.beta * term.loss
            own = maps if maps.ndim == 3 else maps[torch.arange(len(maps), device=device), target]
            logs = step_sharpness(own.detach())
            logs["accuracy"] = (logits.detach().argmax(1) == target).float().mean()
        return loss, logs

    return objective


def build(config: EntropyRun, classes: int, device: str) -> PooledClassifier:
    """The initial model of a run without its frozen front; the same for every setting of a seed."""
    generator = torch.Generator().manual_seed(config.seed)
    model = pooled_classifier(config.backbone, classes, generator=generator, weights=config.weights)  # type: ignore[arg-type]
    _, model.features = split_at(model, config.train_from)
    return model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
