"""The PYLON experiment: a heatmap classifier is trained on image labels and pointed at boxes.

``run(config, context)`` trains and measures one model. All methods share encoder, data, initial weights by seed,
regularisation, schedule and phases; only the decoder differs. Settings of the paper: Preechakul 2022, STAR Methods;
deviations stand at each field.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from papers_lib.files import replacing
from papers_lib.models.freezing import freeze, unfreeze
from papers_lib.models.heatmap_classifier import HeatmapClassifier
from papers_lib.models.heatmap_methods import METHODS, decoder
from papers_lib.models.pyramid_encoder import pyramid_encoder
from papers_lib.models.timm_backbones import Scale
from papers_lib.sweep import Context
from papers_lib.training import (
    Fit,
    Frozen,
    Objective,
    Plateau,
    channel_statistics,
    compile_where_asked,
    fit,
    taken,
)
from pylon.data import Inputs, Staged, open_images, rows_of, stored
from pylon.measures import measure, predict

STAGES = 4
UNTRAINED = "untrained"  # a source that leaves the initial weights as they are, for the dry run
PREFIX, HEAD = "weights/", "decoder.head."


@dataclass(frozen=True)
class PylonRun:
    """One model. "Store": features of frozen stages, computed once for a data set."""

    seed: int  # of the decoder, the sample order and the augmentation
    method: str = "pylon"  # key of papers_lib.models.heatmap_methods.METHODS
    arm: str = "main"  # the comparison that the run belongs to
    phases: tuple[str, ...] = ("decoder",)  # decoder and head, or "all"; the paper: all, or both in turn
    train_from: int = 2  # of four stages, frozen in phase "all" and read from the store; the paper: 0
    statistics: str = "frozen"  # of the encoder's batch norm in phase "decoder", or "moving", as the authors
    source: str = ""  # key of the model whose weights, less its head, this one starts from
    keep: bool = False  # the weights, as a source for others
    fold: int = -1  # of a cross-validation by patient over all images; -1: the splits of the set
    folds: int = 5
    backbone: str = "efficientnet_lite0"  # the paper: ResNet-50, from ImageNet
    weights: str = "packaged"
    channels: int = 1  # of the images; VOC: 3
    width: int = 32  # of the decoders; the paper: 128
    epochs: int = 12  # at most, a phase; the paper: 40, VinDr-CXR 100
    batch_size: int = 32  # the paper: 64
    learning_rate: float = 3e-3  # the paper: 1e-4, in both phases
    weight_decay: float = 0.0
    patience: int = 1  # of the plateau schedule, see papers_lib.training.plateau; the paper: 2
    every: int = 1  # epochs between its checks
    prevalence_start: bool = True  # heads start near the classes' log-odds; the paper's at random
    standardise: bool = True  # features by the training images' channel statistics; not in the paper
    greys: str = "backbone"  # pixels scaled as the backbone's, or "nih": by the authors' mean and deviation
    policy: str = ""  # augmentation of pixels, "radiograph" or "photograph"
    mixed: bool = False  # bfloat16 autocast
    masked: int = 0  # pairs of image and class whose masked-out area is measured
    ups: int = 3  # from here on, the design of method "pylon", see papers_lib.models.pylon
    up: str = "two_layer"
    attention: bool = True
    head_kernel: int = 1
    gap: bool = False
    norm: str = "batch"

    def training(self) -> str:
        """How it was trained, as the claims file names it: "frozen", "one_phase", "two_phase", "transfer", …"""
        phases = {("decoder",): "frozen", ("all",): "one_phase", ("decoder", "all"): "two_phase"}[self.phases]
        moving = "_moving" if self.statistics == "moving" else ""
        return f"{'transfer_' if self.source else ''}{phases}{moving}"

    def kind(self) -> str:
        """What decides the time of a unit of ``cost``: the comparison has one image set, size and encoder."""
        return f"{self.arm} {self.method} {self.training()}"

    def label(self) -> str:
        """Short name of the run for the progress line."""
        return f"{self.kind()}{f' fold {self.fold}' if self.fold >= 0 else ''} seed {self.seed}"

    def cost(self) -> float:
        """Relative duration, so that the longest runs start first."""
        kind = METHODS[self.method].kind
        decoders = {"cam": 0.2, "unet": 2.5, "fpn": 4.0, "deeplab": 4.0, "pan": 1.5}
        encoder = 6.0 if self.phases != ("decoder",) else 0.0
        passes = len(self.phases) * self.epochs * (1 + self.masked / 40)
        return (decoders.get(kind, 1.0) + encoder) * passes

    def stored_stages(self, phase: str) -> int:
        """Stages that a phase reads from the store: all four where the encoder is as it was when they were stored."""
        if self.policy or self.greys != "backbone":
            return 0
        if phase == "decoder" and self.statistics == "frozen" and not self.source:
            return STAGES
        return self.train_from

    def frozen(self, stages: int) -> Frozen:
        """The stored stages that the run reads."""
        return Frozen(self.backbone, self.weights, self.channels, stages, METHODS[self.method].output_stride)

    def stride(self, side: int) -> float:
        """Pixels of a cell of the heatmap, for images of this side; NaN without a heatmap."""
        return float(32 >> self.ups if self.method == "pylon" else METHODS[self.method].stride_at(side))


def build(config: PylonRun, classes: int) -> HeatmapClassifier:
    """The initial model of a run; seed and encoder are the same for every method of a seed."""
    method = METHODS[config.method]
    encoder = pyramid_encoder(
        config.backbone,
        generator=torch.Generator().manual_seed(0),  # random weights are those whose features are stored
        weights=config.weights,  # type: ignore[arg-type]
        in_channels=config.channels,
        output_stride=method.output_stride,
    )
    if config.greys == "nih":
        encoder.scale = Scale([0.4984], [0.2483])  # greys of the authors' code
    options: dict[str, Any] = {}
    if config.method == "pylon":
        design = ("ups", "up", "attention", "head_kernel", "gap", "norm")
        options = {name: getattr(config, name) for name in design}
    if method.kind == "deeplab":  # no dropout anywhere: the same regularisation for every method
        options = {"dropout": 0.0}
    generator = torch.Generator().manual_seed(config.seed)
    size = {"generator": generator, "width": config.width}
    made = decoder(config.method, encoder.channels, classes, **size, **options)  # type: ignore[arg-type]
    return HeatmapClassifier(encoder, made)


def objective_of(
    inputs: Inputs, labels: np.ndarray, rows: np.ndarray, generator: torch.Generator, device: str
) -> Objective:
    """Binary cross-entropy of the pooled logits, averaged over images and classes."""

    def objective(model: nn.Module, indices: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        chosen = rows[np.asarray(indices.cpu())]
        chosen = np.repeat(chosen, 2) if len(chosen) == 1 else chosen  # batch norm needs two values
        logits = model(inputs.batch(chosen, device, generator)).logits
        return binary_cross_entropy_with_logits(logits.float(), taken(labels, chosen, device)), {}

    return objective


def run(config: PylonRun, context: Context) -> dict[str, float | int | bool | str]:
    """Train one model on the training part, choose its checkpoint on the validation part, measure it on the test part.

    Metrics and arrays are those of :func:`pylon.measures.measure`, and with
    ``keep`` the weights. Raises: RunFailed: "diverged" (loss not finite).
    """
    images, pictures = open_images(context.data_root)
    rows = rows_of(images, config.fold, config.folds)
    model = build(config, len(images.classes))
    assert model.encoder is not None
    if config.source not in ("", UNTRAINED):
        start_from(model, context.data_root, config.source)
    elif config.standardise:
        stages = stored(context.data_root, config.frozen(STAGES), context.device)
        model.encoder.standardise(*channel_statistics(stages, rows["train"]))
    if config.prevalence_start:
        labels = images.labels[rows["train"]]
        share = (labels.sum(0) + 1) / (len(labels) + 2)
        model.decoder.start_at_prevalence(torch.from_numpy(share).float())  # type: ignore[operator]
    model.to(context.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    fits, staged, inputs = _train(config, context, model, pictures, images.labels.astype(np.float32), rows)
    is_cam = METHODS[config.method].kind == "cam"
    metrics, arrays = measure(staged, inputs, images, rows, context.device, cam=is_cam, masked=config.masked)
    if config.keep:
        arrays |= {f"{PREFIX}{name}": value.cpu().numpy() for name, value in model.state_dict().items()}
    context.save_arrays(**arrays)
    return {
        "training": config.training(),
        "train_images": len(rows["train"]),
        "epochs_run": sum(int(one.checks[-1]["epoch"]) for one in fits),
        "converged": all(one.converged for one in fits),
        "val_loss": fits[-1].checks[fits[-1].best]["loss"],
        **metrics,
    }


def _train(
    config: PylonRun,
    context: Context,
    model: HeatmapClassifier,
    pictures: np.ndarray,
    labels: np.ndarray,
    rows: Mapping[str, np.ndarray],
) -> tuple[list[Fit], Staged, Inputs]:
    """All phases; what one came to is kept until the run ends, so that an interrupted run goes on in its phase."""
    fits, checkpoint, device = [], context.checkpoint, context.device
    generator = torch.Generator().manual_seed(config.seed)
    known = taken(labels, rows["val"], device)
    finished = [checkpoint.with_name(f"{checkpoint.name}.phase{n}") for n in range(len(config.phases))]
    for phase, kept in zip(config.phases, finished, strict=True):
        given = config.stored_stages(phase)
        stages = stored(context.data_root, config.frozen(given), device) if given else ()
        inputs, staged = Inputs(pictures, stages, config.policy), Staged(model, given)
        compile_where_asked(staged, context.precision)
        if kept.exists():
            before = torch.load(kept, map_location="cpu", weights_only=True)
            model.load_state_dict(before["model"])
            generator.set_state(before["generator"])
            fits.append(Fit(**before["fit"]))
            continue
        assert model.encoder is not None
        unfreeze(model.encoder)
        if phase == "decoder":
            freeze(model.encoder, config.statistics)  # type: ignore[arg-type]
        elif staged.later is not None:  # what lies before the later stages is not run, and gets no gradient
            model.encoder.requires_grad_(False)
            staged.later.requires_grad_(True)

        def check(model: nn.Module, inputs: Inputs = inputs) -> dict[str, float]:
            logits, _ = predict(model, inputs, rows["val"], device)
            return {"loss": float(binary_cross_entropy_with_logits(logits, known))}

        trained = [parameter for parameter in staged.parameters() if parameter.requires_grad]
        is_last = kept == finished[-1]
        path = checkpoint if is_last else kept.with_name(f"{kept.name}.training")
        found = fit(
            staged,
            objective_of(inputs, labels, rows["train"], generator, device),
            len(rows["train"]),
            validate=check,
            optimizer=torch.optim.AdamW(trained, lr=config.learning_rate, weight_decay=config.weight_decay),
            epochs=config.epochs,
            batch_size=config.batch_size,
            generator=generator,
            plateau=Plateau(patience=config.patience, every=config.every),
            checkpoint=path,
            autocast=torch.bfloat16 if config.mixed else None,
        )
        fits.append(found)
        if not is_last:
            state = {"model": model.state_dict(), "generator": generator.get_state(), "fit": vars(found)}
            with replacing(kept) as temporary:
                torch.save(state, temporary)
            path.unlink(missing_ok=True)
    for path in finished:
        path.unlink(missing_ok=True)
    return fits, staged, inputs


def share_source(arrays: Mapping[str, np.ndarray], key: str, folder: Path) -> None:
    """Write a record's weights beside the images of the next set: the paper's VinDr-CXR models start from NIH's."""
    weights: dict[str, Any] = {name: value for name, value in arrays.items() if name.startswith(PREFIX)}
    with replacing(folder / "sources" / f"{key}.npz") as temporary, temporary.open("wb") as file:
        np.savez(file, **weights)


def start_from(model: HeatmapClassifier, folder: Path, key: str) -> None:
    """Copy the weights of a source into a model of the same method, all but the head."""
    own = {name: value for name, value in model.state_dict().items() if name.startswith(HEAD)}
    with np.load(folder / "sources" / f"{key}.npz", allow_pickle=False) as found:
        given = {name.removeprefix(PREFIX): torch.from_numpy(found[name]) for name in found.files}
    model.load_state_dict({**given, **own})
