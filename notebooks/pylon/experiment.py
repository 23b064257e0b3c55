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

from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.datasets.splits import k_folds_by_patient
from papers_lib.errors import UserError
from papers_lib.models.freezing import freeze, unfreeze
from papers_lib.models.heatmap_classifier import HeatmapClassifier
from papers_lib.models.heatmap_methods import METHODS, decoder
from papers_lib.models.pyramid_encoder import pyramid_encoder
from papers_lib.sweep.context import Context
from papers_lib.training import gpu, gpu_batches
from papers_lib.training.gpu import on_gpu
from papers_lib.training.loop import Objective
from papers_lib.training.plateau import Fit, Plateau, fit
from papers_lib.training.pyramid_features import Frozen, channel_statistics
from pylon.inputs import Inputs, Staged, open_images, stored
from pylon.measures import measure, predict
from pylon.phases import load_phase, save_phase
from pylon.source import load_source, source_arrays

STAGES = 4
FOLD_SEED = 0


@dataclass(frozen=True)
class PylonRun:
    """One model.

    Attributes:
        seed: of the decoder, the sample order and the augmentation.
        method: a key of ``papers_lib.models.heatmap_methods.METHODS``.
        arm: the comparison that the run belongs to.
        phases: "decoder" trains decoder and head on the frozen encoder, "all" everything (from ``train_from`` on).
            The paper trains ("all",), with two phases ("decoder", "all").
        train_from: number of the encoder's four stages that stay frozen in phase "all" and whose features are
            stored; the paper has 0.
        statistics: of the encoder's batch norm in phase "decoder": "frozen", or "moving" as in the authors' code.
        source: key of the model whose weights this one starts from, less its head; "" starts from ``weights``.
        keep: whether the weights are kept, as a source for others.
        fold, folds: of a cross-validation by patient over all images; fold -1 takes the splits of the set.
        backbone, weights, channels: of the encoder; the paper: ResNet-50, ImageNet, 1 channel (VOC: 3).
        width: of the decoders, 128 in the paper.
        epochs: at most, a phase; the paper's 40 (VinDr-CXR 100).
        batch_size, learning_rate, weight_decay: the paper has 64, 1e-4 and none; both phases share them.
        patience, every: of the plateau schedule, see ``papers_lib.training.plateau``.
        prevalence_start: heads start near the classes' log-odds; the paper's start at random.
        standardise: features are standardised by the training images' channel statistics, for every method alike; not
            in the paper, whose encoders are trained.
        greys: pixels are scaled as the backbone's were ("backbone"), or with the authors' mean and deviation of NIH's
            radiographs ("nih"), which needs an encoder none of whose stages is stored.
        policy: augmentation of pixels, "radiograph", "photograph" or "", which stored features need.
        mixed: bfloat16 autocast.
        masked: pairs of image and class whose masked-out area is measured; 0 leaves it out.

    Raises:
        UserError: pixels that are augmented or scaled in another way, beside stored features.
    """

    seed: int
    method: str = "pylon"
    arm: str = "main"
    phases: tuple[str, ...] = ("decoder",)
    train_from: int = 2
    statistics: str = "frozen"
    source: str = ""
    keep: bool = False
    fold: int = -1
    folds: int = 5
    backbone: str = "efficientnet_lite0"
    weights: str = "packaged"
    channels: int = 1
    width: int = 32
    epochs: int = 12
    batch_size: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 0.0
    patience: int = 1
    every: int = 1
    prevalence_start: bool = True
    standardise: bool = True
    greys: str = "backbone"
    policy: str = ""
    mixed: bool = False
    masked: int = 0

    def __post_init__(self) -> None:
        if (self.policy or self.greys != "backbone") and self.train_from:
            raise UserError(
                f"train_from: found {self.train_from} with policy {self.policy!r} and greys {self.greys!r}, expected 0"
            )
        if self.greys != "backbone" and self.standardise:
            raise UserError(f"standardise: found True with greys {self.greys!r}, expected False")

    def training(self) -> str:
        """How it was trained, as the claims file names it: "frozen", "one_phase", "two_phase", "transfer", …"""
        phases = {("decoder",): "frozen", ("all",): "one_phase", ("decoder", "all"): "two_phase"}[self.phases]
        moving = "_moving" if self.statistics == "moving" else ""
        return f"{'transfer_' if self.source else ''}{phases}{moving}"

    def label(self) -> str:
        """Short name of the run for the progress line."""
        fold = f" fold {self.fold}" if self.fold >= 0 else ""
        return f"{self.arm} {self.method} {self.training()}{fold} seed {self.seed}"

    def cost(self) -> float:
        """Relative duration, so that the longest runs start first."""
        kind = METHODS[self.method].kind
        decoder_cost = {"cam": 0.2, "li2018": 1.0, "unet": 2.5, "fpn": 4.0, "deeplab": 4.0, "pan": 1.5}.get(
            kind, 1.0
        )
        encoder_cost = 6.0 if self.phases != ("decoder",) else 0.0
        return (decoder_cost + encoder_cost) * len(self.phases) * self.epochs * (1 + self.masked / 40)

    def frozen(self, stages: int) -> Frozen:
        """The stored stages that the run reads."""
        return Frozen(self.backbone, self.weights, self.channels, stages, METHODS[self.method].output_stride)


def build(config: PylonRun, classes: int) -> HeatmapClassifier:
    """The initial model of a run; seed and encoder are the same for every method of a seed."""
    generator = torch.Generator().manual_seed(config.seed)
    scale = (
        dict.fromkeys(("mean", "std")) if config.greys == "backbone" else {"mean": [0.4984], "std": [0.2483]}
    )
    encoder = pyramid_encoder(
        config.backbone,
        generator=torch.Generator().manual_seed(0),  # random weights are those whose features are stored
        **scale,
        weights=config.weights,  # type: ignore[arg-type]
        in_channels=config.channels,
        output_stride=METHODS[config.method].output_stride,
    )
    # No dropout anywhere: the same regularisation for every method (the authors' DeepLabV3+ alone has some)
    options = {"dropout": 0.0} if METHODS[config.method].kind == "deeplab" else {}
    made = decoder(
        config.method, encoder.channels, classes, generator=generator, width=config.width, **options
    )
    return HeatmapClassifier(encoder, made)


def rows_of(config: PylonRun, images: BoxedImages) -> dict[str, np.ndarray]:
    """Row numbers of "train", "val" and "test": the set's splits, or a fold by patient.

    Of k folds, one is the test part, the next the validation part, the others the training part.
    """
    if config.fold < 0:
        return {name: np.flatnonzero(images.split == name) for name in ("train", "val", "test")}
    owners = images.names if images.patients is None else images.patients
    fold = k_folds_by_patient(owners, config.folds, FOLD_SEED)
    after = (config.fold + 1) % config.folds
    return {
        "train": np.flatnonzero((fold != config.fold) & (fold != after)),
        "val": np.flatnonzero(fold == after),
        "test": np.flatnonzero(fold == config.fold),
    }


def objective_of(
    inputs: Inputs, labels: Tensor, rows: np.ndarray, generator: torch.Generator, device: str
) -> Objective:
    """Binary cross-entropy of the pooled logits, averaged over images and classes.

    A last batch of one image is taken twice: batch norm needs two values where a map has a single cell.
    """

    def objective(model: nn.Module, indices: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        chosen = rows[np.asarray(indices.cpu())]
        chosen = np.repeat(chosen, 2) if len(chosen) == 1 else chosen
        logits = model(inputs.batch(chosen, device, generator)).logits
        if on_gpu(device):
            target = labels[gpu_batches.to_device(torch.from_numpy(chosen), device)]
            return binary_cross_entropy_with_logits(logits.float(), target), {}
        return binary_cross_entropy_with_logits(
            logits.float(), labels[torch.from_numpy(chosen).to(device)]
        ), {}

    return objective


def run(config: PylonRun, context: Context) -> dict[str, float | int | bool | str]:
    """Train one model on the training part, choose its checkpoint on the validation part, measure it on the test part.

    Returns:
        Flat metrics; see ``pylon_measures.measure``. Arrays saved beside: see there, and ``curves`` with
        ``curve_names``, one row a check; with ``keep`` the weights.

    Raises:
        RunFailed: "diverged" (loss not finite).
    """
    device = context.device
    images, uint8 = open_images(context.data_root)
    rows = rows_of(config, images)
    model = build(config, len(images.classes))
    assert model.encoder is not None
    if config.source:
        load_source(model, context.data_root, config.source)
    elif config.standardise:
        stages = stored(context.data_root, config.frozen(STAGES), device)
        model.encoder.standardise(*channel_statistics(stages, rows["train"]))
    labels = torch.from_numpy(images.labels).float().to(device)
    if config.prevalence_start:
        train_labels = images.labels[rows["train"]]
        share = (train_labels.sum(0) + 1) / (len(train_labels) + 2)
        model.decoder.start_at_prevalence(torch.from_numpy(share).float())  # type: ignore[operator]
    model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    generator = torch.Generator().manual_seed(config.seed)
    fits, staged, inputs = _train(config, context, model, rows, labels, generator, uint8)
    metrics, arrays = measure(
        staged, inputs, images, rows, device, cam=METHODS[config.method].kind == "cam", masked=config.masked
    )
    curves, names = _curves(fits)
    context.save_arrays(curves=curves, curve_names=names, **arrays)
    if config.keep:
        context.save_arrays(**source_arrays(model))
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
    rows: Mapping[str, np.ndarray],
    labels: Tensor,
    generator: torch.Generator,
    uint8: np.ndarray,
) -> tuple[list[Fit], Staged, Inputs]:
    """All phases; what one came to is kept until the run ends, so that an interrupted run goes on in its phase."""
    fits, device = [], context.device
    inputs, staged = Inputs(uint8), Staged(model, 0)
    finished = [
        context.checkpoint.with_name(f"{context.checkpoint.name}.phase{n}") for n in range(len(config.phases))
    ]
    for number, phase in enumerate(config.phases):
        given = _given(config, phase)
        stages = stored(context.data_root, config.frozen(given), device) if given else ()
        inputs, staged = Inputs(uint8, tuple(stages), config.policy), Staged(model, given)
        if on_gpu(device):
            gpu.compile_where_asked(staged, context.precision)
        before = load_phase(finished[number], model, generator)
        if before is not None:
            fits.append(before)
            continue
        assert model.encoder is not None
        unfreeze(model.encoder)
        if phase == "decoder":
            freeze(model.encoder, config.statistics)  # type: ignore[arg-type]
        else:
            _freeze_given(staged)
        last = number == len(config.phases) - 1
        path = context.checkpoint if last else finished[number].with_name(f"{finished[number].name}.training")
        fits.append(_fit(config, staged, inputs, rows, labels, generator, path, device))
        if not last:
            save_phase(finished[number], model, generator, fits[-1])
            path.unlink(missing_ok=True)
    for path in finished:
        path.unlink(missing_ok=True)
    return fits, staged, inputs


def _given(config: PylonRun, phase: str) -> int:
    """Stages that are read from the store in a phase: all four where the encoder is as it was when they were stored."""
    if config.policy or config.greys != "backbone":
        return 0
    if phase == "decoder" and config.statistics == "frozen" and not config.source:
        return STAGES
    return config.train_from


def _freeze_given(staged: Staged) -> None:
    """Train decoder and later stages only; what lies before is not run, and gets no gradient."""
    if staged.later is not None:
        assert staged.model.encoder is not None
        staged.model.encoder.requires_grad_(False)
        staged.later.requires_grad_(True)


def _fit(
    config: PylonRun,
    staged: Staged,
    inputs: Inputs,
    rows: Mapping[str, np.ndarray],
    labels: Tensor,
    generator: torch.Generator,
    checkpoint: Path,
    device: str,
) -> Fit:
    trained = [parameter for parameter in staged.parameters() if parameter.requires_grad]

    def validate(model: nn.Module) -> dict[str, float]:
        logits = predict(model, inputs, rows["val"], device)[0]
        truth = labels[torch.from_numpy(rows["val"]).to(device)]
        return {"loss": float(binary_cross_entropy_with_logits(logits, truth))}

    return fit(
        staged,
        objective_of(inputs, labels, rows["train"], generator, device),
        len(rows["train"]),
        validate=validate,
        optimizer=torch.optim.AdamW(trained, lr=config.learning_rate, weight_decay=config.weight_decay),
        epochs=config.epochs,
        batch_size=config.batch_size,
        generator=generator,
        plateau=Plateau(patience=config.patience, every=config.every),
        checkpoint=checkpoint,
        autocast=torch.bfloat16 if config.mixed else None,
    )


def _curves(fits: list[Fit]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    names = ["phase", "epoch", "loss", "rate"]
    table = [
        [float(phase), check["epoch"], check["loss"], check["rate"]]
        for phase, one in enumerate(fits)
        for check in one.checks
    ]
    return np.array(table), np.array(names)
