"""One model trained by CCE, by MSE, or by MSE and the heatmap term (Callanan et al., Section 2)."""

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from data_gen.cardiac_mri import toggle_sex_label
from heatmap_loss.measures import Samples, measure, predict
from papers_lib.cams import METHODS, Target, head_gradients
from papers_lib.datasets.cardiac import CLASSES, load_cardiac
from papers_lib.losses.heatmap import dead_share, heatmap_loss, shrink_mask, sigmoid_cce, sigmoid_mse
from papers_lib.models.vgg_cardiac import INPUT_SIZE, CardiacClassifier, small_vgg, vgg16
from papers_lib.sweep import Context, RunFailed
from papers_lib.training import Objective, train

GROUPS = ("cce", "mse", "heatmap")
KEPT_ABOVE = 0.95  # validation accuracy of an analysed model, Section 2, p. 2


@dataclass(frozen=True)
class HeatmapRun:
    """One model of one group.

    ``experiment``: 1 (sex shows in size and fat) or 2 (in a label only). ``group``: "cce" (cross entropy on the sigmoid
    outputs), "mse", or "heatmap" (MSE + ``weight`` x heatmap term). ``seed``: of initial weights, sample order and
    learning rate, in every group. ``weights``: "random", "digits" (``digits_convolutions``) or "imagenet" (vgg16).
    ``train_features``: False freezes the convolutions, as the authors did for CCE. ``lr_low``, ``lr_high``: the rate
    is log-uniform between them (deviation: the authors let a Bayesian search choose). ``form``, ``method``, ``target``
    (class of the map), ``mask`` (how it is shrunk): of the term; the defaults are what the authors coded.
    """

    experiment: int
    group: str
    seed: int
    arm: str = "main"
    model: str = "small_vgg"
    weights: str = "random"
    train_features: bool = True
    lr_low: float = 4e-4
    lr_high: float = 1.6e-3
    epochs: int = 5
    batch_size: int = 16
    weight: float = 1.0
    form: str = "mean"
    method: str = "hires_cam"
    target: str = "predicted"
    mask: str = "point"
    mixed: bool = False

    def label(self) -> str:
        """Short name of the run for the progress line."""
        detail = "" if self.group != "heatmap" else f" {self.form} x{self.weight:g}"
        return f"exp {self.experiment} {self.arm} {self.group}{detail} seed {self.seed}"

    def kind(self) -> str:
        """What decides the time of a pass over the training images."""
        return f"{self.model}, {self.group}{'' if self.train_features else ', frozen convolutions'}"

    def cost(self) -> float:
        """Passes over the training images."""
        return float(self.epochs)


def run(config: HeatmapRun, context: Context) -> dict[str, float | int | bool | str]:
    """Train one model and measure it on the test split.

    Returns metrics, ``kept`` by the filter or ``exclusion``: why not. Saves ``maps`` (n, 6, 8) of the first images.
    Raises: RunFailed, "diverged" (loss not finite) or "collapsed" (at most half of the classes ever predicted).
    """
    device = context.device
    data = {split: samples(context.data_root, split, device) for split in ("train", "val", "test")}
    model = build(config, device)
    rate = learning_rate(config)
    history = train(
        model,
        objective_of(config, data["train"]),
        len(data["train"].classes),
        optimizer=torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=rate),
        epochs=config.epochs,
        batch_size=config.batch_size,
        generator=torch.Generator().manual_seed(config.seed),
        checkpoint=context.checkpoint,
        autocast=torch.bfloat16 if config.mixed else None,
    )
    predicted = predict(model, data["val"].images).argmax(1)
    seen = len(predicted.unique())
    if seen <= len(CLASSES) // 2:
        raise RunFailed("collapsed", f"predicts {seen} of {len(CLASSES)} classes on the validation split")
    validation = float((predicted == data["val"].classes).double().mean())
    metrics, maps = measure(model, data["test"])
    context.save_arrays(maps=maps[:300].cpu().numpy())
    exclusion = ""
    if validation <= KEPT_ABOVE:
        exclusion = f"validation accuracy {validation:.3f}, not above {KEPT_ABOVE}"
    elif math.isnan(metrics["heart_share"]):
        exclusion = "every map of a class is dead"
    return {
        "learning_rate": rate,
        "train_loss": history.last("loss"),
        "train_dead_share": history.epochs[-1].get("dead_share", math.nan),
        "val_accuracy": validation,
        "kept": not exclusion,
        "exclusion": exclusion,
        **metrics,
    }


def objective_of(config: HeatmapRun, data: Samples) -> Objective:
    """The objective of a group, one forward pass of the convolutions and one of the head a step."""
    frozen = None

    def classify(model: CardiacClassifier, indices: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        nonlocal frozen
        loss = sigmoid_cce if config.group == "cce" else sigmoid_mse
        if config.train_features:
            logits = model(data.images[indices])
        else:  # frozen convolutions give the same features each epoch: compute them once
            if frozen is None:
                with torch.no_grad():
                    frozen = torch.cat([model.features(batch) for batch in data.images.split(256)])
            logits = model.head(frozen[indices])
        return loss(logits, data.classes[indices]), {}

    def heatmap(model: CardiacClassifier, indices: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        classes = data.classes[indices]
        activations = model.features(data.images[indices])
        target: Target = classes if config.target == "true" else "predicted"
        # The term divides by the map's maximum: half precision would be felt in a gradient of a gradient.
        with torch.autocast(activations.device.type, enabled=False):
            activations = activations.to(torch.promote_types(activations.dtype, torch.float32))
            logits, gradients = head_gradients(model.head, activations, target, create_graph=True)
            # H = sum_k A_k * dz_c / dA_k
            maps = METHODS[config.method](activations, gradients)
            term = heatmap_loss(maps, data.outside[config.mask][indices], form=config.form)  # type: ignore[arg-type]
            logs = {"heatmap_term": term, "dead_share": dead_share(maps)}
            # L = MSE + weight * term
            return sigmoid_mse(logits, classes) + config.weight * term, logs

    return heatmap if config.group == "heatmap" else classify


def learning_rate(config: HeatmapRun) -> float:
    """Log-uniform between the config's bounds, from the seed alone: groups share their learning rates."""
    draw = torch.rand((), generator=torch.Generator().manual_seed(7919 + config.seed), dtype=torch.float64)
    return config.lr_low * math.exp(float(draw) * math.log(config.lr_high / config.lr_low))


def build(config: HeatmapRun, device: str) -> CardiacClassifier:
    """The initial model of a run: the same for all groups of a seed."""
    generator = torch.Generator().manual_seed(config.seed)
    if config.model == "vgg16":
        model = vgg16(generator, len(CLASSES), pretrained=config.weights == "imagenet")
    else:
        model = small_vgg(generator, len(CLASSES))
        if config.weights == "digits":
            model.convolutions.load_state_dict(digits_convolutions())
    if not config.train_features:
        model.convolutions.requires_grad_(False)
    return model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


@lru_cache(maxsize=1)
def digits_convolutions() -> dict[str, Tensor]:
    """Weights of another task for the small VGG: two epochs on digits. Deviation: in the place of ImageNet's."""
    images, labels = digit_canvases()
    model = small_vgg(torch.Generator().manual_seed(0), classes=10).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    train(
        model,
        lambda net, index: (torch.nn.functional.cross_entropy(net(images[index]), labels[index]), {}),
        len(labels),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        epochs=2,
        batch_size=32,
        generator=torch.Generator().manual_seed(0),
    )
    return {name: value.detach().clone() for name, value in model.convolutions.state_dict().items()}


def digit_canvases() -> tuple[Tensor, Tensor]:
    """scikit-learn's handwritten digits (1797, 1, 105, 135) in [-1, 1], enlarged, at random places; labels (1797,)."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    rng = np.random.default_rng(0)
    height, width = INPUT_SIZE
    canvases = np.full((len(digits.target), 1, height, width), -1.0, dtype=np.float32)
    for canvas, digit in zip(canvases, digits.images, strict=True):
        scale = int(rng.integers(4, 9))  # 32 to 64 px, the size of a heart
        glyph = np.kron(digit / 8.0 - 1.0, np.ones((scale, scale)))
        top, left = (int(rng.integers(0, side - 8 * scale + 1)) for side in (height, width))
        canvas[0, top : top + 8 * scale, left : left + 8 * scale] = glyph
    images = torch.from_numpy(canvases).contiguous(memory_format=torch.channels_last)
    return images, torch.from_numpy(digits.target)


@lru_cache(maxsize=8)
def samples(root: Path, split: str, device: str) -> Samples:
    """Read a split, once a process."""
    data = load_cardiac(root, split)
    toggled = None
    if data.label_box.any():
        switched, _ = toggle_sex_label(data.images, data.masks, np.random.default_rng(0))
        toggled = scaled(switched, device)
    heart = torch.from_numpy(data.heart).to(device)
    shrunk = {
        how: shrink_mask(1.0 - heart.float(), CardiacClassifier.map_size, how) for how in ("point", "area")
    }
    classes, label_box = (torch.from_numpy(array).to(device) for array in (data.classes, data.label_box))
    return Samples(scaled(data.images, device), classes, heart, label_box, toggled, shrunk)


def scaled(images: np.ndarray, device: str) -> Tensor:
    """Grey levels (N, H, W) as (N, 1, H, W) in [-1, 1]; channels-last makes these convolutions 1.4x faster."""
    tensor = torch.from_numpy(images).to(device)[:, None].float() / 127.5 - 1.0
    return tensor.contiguous(memory_format=torch.channels_last)
