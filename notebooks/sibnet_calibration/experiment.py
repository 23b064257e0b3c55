"""The Sibnet report's experiment: one multi-label classifier, its loss on labels and on its own saliency maps.

``run(config, context)`` trains and measures one model. Settings of the report: Sharma and Pradeep 2023, sections 3 and
4; deviations stand at each field. All runs of a seed share initial weights and sample order.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from papers_lib.errors import UserError
from papers_lib.losses.auc_margin import AucMargin
from papers_lib.losses.class_distinctiveness import class_distinctiveness_loss, sample_pairs
from papers_lib.losses.imbalance import balance_weights, focal_loss, weighted_bce
from papers_lib.losses.pesg import PESG
from papers_lib.losses.published_coherence import published_coherence
from papers_lib.losses.saliency_images import as_images
from papers_lib.losses.spatial_coherence import spatial_coherence
from papers_lib.models.eval_statistics import eval_statistics
from papers_lib.models.mimo import Mimo, independent_shuffles, widen_first_convolution
from papers_lib.models.multilabel_classifier import MultilabelClassifier, cut, multilabel_classifier
from papers_lib.sweep import Context
from papers_lib.training import Objective, compile_where_asked, frozen_front, on_gpu, train
from sibnet_calibration.data import Inputs
from sibnet_calibration.measures import epoch_scores, measure


@dataclass(frozen=True)
class SibnetRun:
    """One model."""

    seed: int  # of the new layers, the sample order and the sampled pairs
    arm: str = "losses"  # the comparison that the run belongs to
    loss: str = "bce"  # on the labels: bce, wbce (weighted, section 3.3), focal or auc (section 3.4)
    optimizer: str = "adam"  # as in the report; adam_ascending: alpha's gradient turned round; pesg: for auc
    distinct: float = 0.0  # λ1, weight of class distinctiveness; the report's is almost 1.4
    coherent: float = 0.0  # λ2, weight of spatial coherence (mean over pairs, scaled maps); not in the report
    encoded: bool = True  # whether distinctiveness encodes the maps again, or compares the raw ones
    estimator: str = "sampled"  # of distinctiveness, as ``share``: see class_distinctiveness_loss
    share: float = 0.25
    variant: str = "printed"  # of coherence: printed (the equation) or published (the loss paper's code)
    first_epochs: int = 0  # of the first stage, on ``first_loss`` alone ("modified pipeline", section 3.3)
    first_loss: str = "wbce"
    inputs: int = 1  # images that the network takes at once; more than 1: a MIMO network (section 3.5)
    repetition: int = 4  # of a batch, for a MIMO network (Havasi 2021)
    gamma: float = 2.0  # of the focal loss; not in the report
    margin: float = 1.0  # of the AUC loss; not in the report
    backbone: str = "efficientnet_lite0"  # the report: DenseNet-121, whole
    weights: str = "packaged"
    last_stage: str = "blocks_4"
    train_from: str = "blocks_4"  # first stage that is trained, on stored features; "" trains all
    dropout: float = 0.0  # of the pooled features
    epochs: int = 6  # of both stages together; the report: 15 (Table 4.1), 5 (Table 4.2)
    batch_size: int = 32  # the report: 64, with rate 1e-4 and decay 1e-5 (Table 4.2)
    learning_rate: float = 3e-4
    weight_decay: float = 1e-5
    pesg_rate: float = 3.0  # learning rate of PESG: constant, its reference point is the start
    mixed: bool = False  # bfloat16 autocast

    def __post_init__(self) -> None:
        if self.inputs > 1 and (self.train_from or self.distinct or self.coherent or self.first_epochs):
            raise UserError(
                f"inputs: found {self.inputs}; a MIMO network mixes images in its first layer, so that it has no "
                "frozen part, no maps of one image and no first stage"
            )
        if self.optimizer == "pesg" and self.loss != "auc":
            raise UserError(f"optimizer: found pesg with the loss {self.loss}, expected auc")

    def setting(self) -> str:
        """What was trained, as the claims file names it: "bce", "auc_pesg", "cd", "cd_sc_two_stage", "mimo_2", …"""
        parts = [self.loss, *([self.optimizer] if self.loss == "auc" else [])]
        if self.distinct or self.coherent:
            terms = ("cd" if self.encoded else "cd_raw") if self.distinct else ""
            coherent = ("sc" if self.variant == "printed" else "sc_published") if self.coherent else ""
            parts = [part for part in (terms, coherent) if part]
        if self.inputs > 1:
            parts = [f"mimo_{self.inputs}"]
        return "_".join([*parts, *(["two_stage"] if self.first_epochs else [])])

    def label(self) -> str:
        """Short name of the run for the progress line."""
        return f"{self.arm} {self.setting()} seed {self.seed}"

    def kind(self) -> str:
        """What decides the time of one unit of :meth:`cost`."""
        terms = "maps" if self.distinct or self.coherent else "labels"
        return f"{self.backbone} from {self.train_from or 'its first layer'}, {self.inputs} images at once, {terms}"

    def cost(self) -> float:
        """Passes over the training images; one with terms on the maps counts as several, after measured steps."""
        terms = 8.0 * self.share if self.distinct and self.encoded else 0.0
        terms += 2.0 if self.coherent else 0.0
        passes = self.epochs + terms * (self.epochs - self.first_epochs)
        return passes * (1.0 if self.train_from else 6.0)


def build(config: SibnetRun, classes: int) -> MultilabelClassifier:
    """The initial model of a run; the same for every loss of a seed."""
    model = multilabel_classifier(
        config.backbone,
        config.inputs * classes,
        generator=torch.Generator().manual_seed(config.seed),
        weights=config.weights,  # type: ignore[arg-type]
        last_stage=config.last_stage,
        dropout=config.dropout,
    )
    if config.inputs == 1:
        return model
    wide = widen_first_convolution(model, config.inputs)
    assert isinstance(wide, MultilabelClassifier)
    scale = wide.features.get_submodule("scale")
    for name in ("mean", "std"):
        setattr(scale, name, getattr(scale, name).repeat(config.inputs, 1, 1))
    return wide


class _Plain(nn.Module):
    """A loss without weights of its own."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        return self.function(logits, labels)


def step_seed(seed: int, indices: Tensor) -> int:
    """A seed for what one step draws, from the run's seed and the step's samples: an interrupted run draws the same."""
    return seed << 32 | zlib.crc32(indices.cpu().numpy().tobytes())


def label_loss(config: SibnetRun, name: str, labels: Tensor) -> nn.Module:
    """The loss called ``name``; class weights and (smoothed) prevalences are those of the set's ``labels`` (N, K)."""
    if name == "wbce":
        weights = balance_weights(labels)
        return _Plain(lambda logits, target: weighted_bce(logits, target, weights))
    if name == "focal":
        return _Plain(lambda logits, target: focal_loss(logits, target, gamma=config.gamma))
    if name == "auc":
        share = (labels.sum(0) + 1) / (len(labels) + 2)
        return AucMargin(share, margin=config.margin, ascend=config.optimizer == "adam_ascending")
    return nn.BCEWithLogitsLoss()


def saliency_terms(
    config: SibnetRun, maps: Tensor, encode: nn.Module, side: int, seed: int
) -> tuple[Tensor, dict[str, Tensor]]:
    """λ1 L_CD + λ2 L_SC (section 3.1) of raw Grad-CAM maps (B, K, h, w) with their graph, and each term by name.

    ``encode`` takes images (n, 3, side, side) to features; its batch norm is held. ``seed``: of the sampled pairs.
    """
    size, generator = (side, side), torch.Generator().manual_seed(seed)
    total, logs = maps.new_zeros(()), {}
    if config.distinct:
        with eval_statistics(encode):
            found = class_distinctiveness_loss(
                maps,
                encode if config.encoded else None,
                size=size,
                channels=3,
                estimator=config.estimator,  # type: ignore[arg-type]
                share=config.share,
                generator=generator,
            )
        total, logs["distinctiveness"] = total + config.distinct * found, found
    if config.coherent:
        if config.estimator == "all":
            chosen = maps.flatten(0, 1)
        else:  # two maps of a share of the images: unbiased for the mean over all maps
            pairs = sample_pairs(*maps.shape[:2], share=config.share, generator=generator)
            chosen = maps[pairs.images[:, None], pairs.classes].flatten(0, 1)
        coherence = spatial_coherence if config.variant == "printed" else published_coherence
        found = coherence(as_images(chosen, size)[:, 0], reduction="mean")
        total, logs["coherence"] = total + config.coherent * found, found
    return total, logs


class Trained(nn.Module):
    """What is trained: the classifier from ``stage`` on, and the label loss, which may have weights of its own."""

    def __init__(self, model: MultilabelClassifier, stage: str, loss: nn.Module) -> None:
        super().__init__()
        _, model.features = cut(model, stage)
        self.model, self.loss = model, loss

    def forward(self, given: Tensor) -> Tensor:
        return self.model(given)


def frozen_part(config: SibnetRun, device: str) -> nn.Module:
    """The layers before the first stage that is trained, in eval mode; nothing where all is trained."""
    if not config.train_from:
        return nn.Identity()
    return frozen_front(config.backbone, config.weights, config.train_from).to(device)


def objective_of(
    config: SibnetRun,
    front: nn.Module,
    inputs: Inputs,
    labels: Tensor,
    generator: torch.Generator,
    terms: bool,
) -> Objective:
    """Loss on the labels, with ``terms`` plus λ1 L_CD + λ2 L_SC on the maps of the same forward pass (3.1.2).

    Maps that are encoded again pass the frozen ``front`` first; ``labels`` (N, K) are those of the training part;
    ``generator`` shuffles the inputs of a MIMO network.
    """
    rows, side = inputs.rows["train"], inputs.images.pixels.shape[1]

    def objective(model: Trained, indices: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        seed, net = step_seed(config.seed, indices), model.model
        if config.inputs > 1:
            with _dropping(config.dropout, seed):
                logits, target = several(net, indices)
            return model.loss(logits.float(), target), {}
        given = inputs.batch(rows[indices.cpu().numpy()])
        with _dropping(config.dropout, seed):
            seen = net.see(given)
        if not terms:
            return model.loss(seen.logits.float(), labels[indices]), {}
        added, logs = saliency_terms(config, seen.maps, nn.Sequential(front, net.features), side, seed)
        base = model.loss(seen.logits.float(), labels[indices])
        return base + added, {"label_loss": base, **logs}

    def several(net: MultilabelClassifier, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (n M, K) and labels of a MIMO network: each image ``repetition`` times, shuffled for each input."""
        table = independent_shuffles(
            indices.cpu(), config.inputs, repetition=config.repetition, generator=generator
        )
        images = torch.stack([inputs.batch(rows[column.numpy()]) for column in table.T], 1)
        logits = Mimo(net, inputs=config.inputs, classes=labels.shape[1])(images)
        return logits.flatten(0, 1), labels[table.flatten().to(labels.device)]

    return objective


@contextmanager
def _dropping(share: float, seed: int) -> Iterator[None]:
    """Dropout draws from torch's own generator: seeded for the step, and put back."""
    if not share:
        yield
        return
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def optimizer_of(config: SibnetRun, whole: Trained, loss: str) -> torch.optim.Optimizer:
    """PESG for the AUC loss of a run that asks for it; Adam otherwise, over the loss's own weights too."""
    if config.optimizer == "pesg" and loss == "auc":
        own = whole.loss
        weights = list(whole.model.parameters())
        return PESG(weights, own, lr=config.pesg_rate, weight_decay=config.weight_decay)  # type: ignore[arg-type]
    trained = [parameter for parameter in whole.parameters() if parameter.requires_grad]
    return torch.optim.Adam(trained, lr=config.learning_rate, weight_decay=config.weight_decay)


def run(config: SibnetRun, context: Context) -> dict[str, float | int | bool | str]:
    """Train one model and measure its last epoch, as the report names no choice of a checkpoint.

    Metrics and arrays: see ``measures.measure``; ``curves`` (epochs, columns) with ``curve_names`` is added.
    Raises: RunFailed, "diverged" (loss not finite).
    """
    device = context.device
    inputs = Inputs.of(context.data_root, config.backbone, config.weights, config.train_from, device)
    images = inputs.images.images
    labels = torch.from_numpy(images.labels[inputs.rows["train"]]).float().to(device)
    model = build(config, len(images.classes))
    model.start_at_prevalence(((labels.sum(0) + 1) / (len(labels) + 2)).cpu().repeat(config.inputs))
    stages = [(config.first_loss, config.first_epochs)] if config.first_epochs else []
    stages.append((config.loss, config.epochs - config.first_epochs))
    front = frozen_part(config, device)
    generator = torch.Generator().manual_seed(config.seed)
    whole = Trained(model, config.train_from, label_loss(config, stages[0][0], labels))
    if on_gpu(device):
        compile_where_asked(whole.model.features, context.precision)
    # A MIMO step shows each image several times: as many images a step, and in all, as any other network sees.
    often = config.repetition if config.inputs > 1 else 1
    # The first stage's checkpoint is kept until the run ends, so that an interrupted second stage goes on.
    first = context.checkpoint.with_name(f"{context.checkpoint.name}.stage0")
    history: list[dict[str, float]] = []
    for number, (loss, epochs) in enumerate(stages):
        last = number == len(stages) - 1
        whole.loss = label_loss(config, loss, labels)
        whole.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        terms = last and bool(config.distinct or config.coherent)
        trained = train(
            whole,
            objective_of(config, front, inputs, labels, generator, terms),
            len(labels),
            optimizer=optimizer_of(config, whole, loss),
            epochs=max(1, round(epochs / often)),
            batch_size=max(2, config.batch_size // often),
            generator=generator,
            validate=lambda _: epoch_scores(whole.model, inputs, config.inputs),
            checkpoint=context.checkpoint if last else first,
            autocast=torch.bfloat16 if config.mixed else None,
        )
        history += [{"stage": float(number), **entry} for entry in trained.epochs]
    first.unlink(missing_ok=True)
    metrics, arrays = measure(whole.model, front, inputs, config.inputs)
    names = sorted({name for entry in history for name in entry})
    curves = np.array([[entry.get(name, np.nan) for name in names] for entry in history])
    context.save_arrays(curves=curves, curve_names=np.array(names), **arrays)
    return {
        "setting": config.setting(),
        "train_images": len(labels),
        "train_loss": history[-1]["loss"],
        **metrics,
    }
