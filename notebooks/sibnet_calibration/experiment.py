"""The Sibnet report's experiment: one multi-label classifier, its loss on labels and on its own saliency maps.

``run(config, context)`` trains and measures one model. Settings of the report: Sharma and Pradeep 2023, sections 3 and
4; deviations stand at each field. All runs of a seed share initial weights and sample order.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from papers_lib.errors import UserError
from papers_lib.losses.pesg import PESG
from papers_lib.models.mimo import Mimo, independent_shuffles, widen_first_convolution
from papers_lib.models.multilabel_classifier import MultilabelClassifier, cut, multilabel_classifier
from papers_lib.sweep import Context
from papers_lib.training import Objective, compile_where_asked, frozen_front, on_gpu, train
from sibnet_calibration.data import Inputs
from sibnet_calibration.losses import label_loss, saliency_terms, step_seed
from sibnet_calibration.measures import epoch_scores, measure


@dataclass(frozen=True)
class SibnetRun:
    """One model.

    Attributes:
        seed: of the new layers, the sample order and the sampled pairs.
        arm: the comparison that the run belongs to.
        loss: on the labels: "bce", "wbce" (weighted, section 3.3), "focal" or "auc" (section 3.4).
        optimizer: "adam", as the report has it for all losses; it descends on the AUC loss's alpha too, whose
            maximum is sought. "adam_ascending" has the gradient of alpha turned round; "pesg" is made for the loss.
        distinct: weight λ1 of class distinctiveness; the report's is almost 1.4.
        coherent: weight λ2 of spatial coherence; the report gives none. On maps scaled to [0, 1], as a mean over pairs.
        encoded: whether distinctiveness encodes the maps again; without it compares the raw maps.
        estimator, share: of distinctiveness, see ``papers_lib.losses.class_distinctiveness``.
        variant: of coherence, "printed" (the equation) or "published" (the loss paper's code).
        first_epochs: epochs of the first stage, trained on ``first_loss`` alone ("modified pipeline", section 3.3).
        inputs: images that the network takes at once; 1 is the ordinary network, more a MIMO network (section 3.5).
        repetition: times that a batch is repeated for a MIMO network (Havasi 2021).
        gamma, margin: of the focal and the AUC loss; the report gives neither.
        backbone, weights, last_stage: see ``papers_lib.models.multilabel_classifier``; the report: DenseNet-121, whole.
        train_from: first stage that is trained; what lies before is frozen and its features are stored. "" trains all.
        dropout: of the pooled features.
        epochs, batch_size, learning_rate, weight_decay: of both stages together; the report has 15 epochs (Table 4.1),
            5 with batch 64, 1e-4 and 1e-5 (Table 4.2).
        pesg_rate: learning rate of PESG, which is run as one stage: no falling rate, its reference is the start.
        mixed: bfloat16 autocast.
    """

    seed: int
    arm: str = "losses"
    loss: str = "bce"
    optimizer: str = "adam"
    distinct: float = 0.0
    coherent: float = 0.0
    encoded: bool = True
    estimator: str = "sampled"
    share: float = 0.25
    variant: str = "printed"
    first_epochs: int = 0
    first_loss: str = "wbce"
    inputs: int = 1
    repetition: int = 4
    gamma: float = 2.0
    margin: float = 1.0
    backbone: str = "efficientnet_lite0"
    weights: str = "packaged"
    last_stage: str = "blocks_4"
    train_from: str = "blocks_4"
    dropout: float = 0.0
    epochs: int = 6
    batch_size: int = 32
    learning_rate: float = 3e-4
    weight_decay: float = 1e-5
    pesg_rate: float = 3.0
    mixed: bool = False

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


class Trained(nn.Module):
    """What is trained: the classifier behind its frozen part, and the label loss, which may have weights of its own.

    Args: model, whole; stage, the first that is trained; loss.
    """

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
    *,
    terms: bool,
) -> Objective:
    """Loss on the labels, plus λ1 L_CD + λ2 L_SC on the maps of the same forward pass (section 3.1.2).

    Args:
        front: the frozen part, which maps that are encoded again pass first.
        labels: (N, K) of the training part, on the device.
        generator: of a MIMO network's shuffles.
        terms: whether this stage has the terms on the maps.
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
    """Train one model and measure it; there is no choice of a checkpoint, as the report names none.

    Returns:
        Flat metrics, see ``measures.measure``. Arrays saved beside: see there, and ``curves`` (epochs, columns) with
        ``curve_names``.

    Raises:
        RunFailed: "diverged" (loss not finite).
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
            objective_of(config, front, inputs, labels, generator, terms=terms),
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
