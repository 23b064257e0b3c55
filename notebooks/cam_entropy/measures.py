"""What is measured on a model: sharpness, dead maps, accuracy, and its curves.

All is taken from the raw Grad-CAM of the *true* class (section III B), rectified as in equation 4, on test boxes.
Means of sharpness are over live maps: a dead map, all zero, is neither sharp nor blurred.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from cam_entropy.data import Split, batch_of, rows_of
from cam_entropy.localization import in_crops, in_scenes, mean, under_deletion
from papers_lib.metrics.sharpness import MEASURES, dead_maps, heat
from papers_lib.models.classifier import PooledClassifier, pooled_mlp_grad_cam

BATCH = 128


class Measured(NamedTuple):
    """A model without its frozen front, and its test split."""

    model: PooledClassifier
    data: Split
    device: str


def one_item_a_picture(data: Split) -> np.ndarray:
    """Indices of one box a picture, drawn once and for all: the items of curves and figures."""
    start, count = data.crops.boxes_of_image()
    return start + np.random.default_rng(0).integers(count)


@torch.no_grad()
def explain(test: Measured, items: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    """Of test items: logits (n, K), raw maps of the true class (n, h, w), other classes' heat over its own (n,)."""
    test.model.eval()
    found = []
    for some in np.array_split(items, max(1, -(-len(items) // BATCH))):
        target = rows_of(test.data.crops.classes, some, test.device)
        activations = test.model.features(batch_of(test.data.inputs, some, test.device))
        logits, maps = pooled_mlp_grad_cam(test.model.head, activations, "all")
        each = heat(maps).sum((-2, -1))
        own = each.gather(1, target[:, None])[:, 0]
        ratio = (each.sum(1) - own) / (each.shape[1] - 1) / own  # infinite or NaN where the own map is dead
        found.append((logits, maps[torch.arange(len(maps), device=test.device), target], ratio))
    logits, maps, others = (torch.cat(column) for column in zip(*found, strict=True))
    return logits, maps, others


def step_sharpness(maps: Tensor) -> dict[str, Tensor]:
    """Sums over the live maps of a batch by its size, and the share of dead ones: finite, and so averageable."""
    values = {f"live_{name}": MEASURES[name](maps, dead=0.0).mean() for name in ("ce", "ca", "cd", "cv")}
    return values | {"dead_share": dead_maps(maps).float().mean()}


def curve_point(test: Measured, items: np.ndarray) -> dict[str, float]:
    """Accuracy, sharpness and dead maps on the test items of the curves: a point of figures 1 and 2."""
    logits, maps, _ = explain(test, items)
    classes = rows_of(test.data.crops.classes, items, test.device)
    sums = {name: float(value) for name, value in step_sharpness(maps).items()}
    dead = sums.pop("dead_share")
    point = {"test_accuracy": float((logits.argmax(1) == classes).double().mean()), "test_dead_share": dead}
    for name, value in sums.items():
        point[name.replace("live", "test")] = value / (1 - dead) if dead < 1 else np.nan
    return point


def sharpness(maps: Tensor) -> dict[str, float]:
    """Means over live maps of every measure and of Table I's quantities, and the share of dead maps."""
    dead = dead_maps(maps)
    live = heat(maps[~dead]).double()
    low, high = live.amin((1, 2)), live.amax((1, 2))
    above = low > 0
    metrics = {name: mean(of(live)) for name, of in MEASURES.items()}
    # what means over all maps say, with the all-zero map taken for the constant map that it is
    metrics |= {f"{name}_all": mean(of(maps.double())) for name, of in MEASURES.items()}
    # the same quantities of 1 + M, a conjecture on what the paper printed: defined for every map
    lifted = 1 + heat(maps.double())
    metrics |= {f"{name}_lifted": mean(of(lifted)) for name, of in MEASURES.items()}
    metrics["relative_difference_lifted"] = mean(lifted.amax((1, 2)) / lifted.amin((1, 2)) - 1)
    metrics |= {"dead_share": float(dead.double().mean()), "max_map": mean(high), "min_map": mean(low)}
    metrics["spread"] = mean((high - low) / live.mean((1, 2)))
    # the paper's relative difference, (max - min) / min, exists only where no cell is zero
    metrics["without_zero_share"] = mean(above.double())
    relative = (high[above] - low[above]) / low[above]
    metrics["relative_difference"] = float(relative.median()) if len(relative) else np.nan
    return metrics


def classification(logits: Tensor, classes: Tensor) -> dict[str, float]:
    """Accuracy over boxes and over classes (they are unbalanced), probability of the true class, extreme logits."""
    right = (logits.argmax(1) == classes).double()
    by_class = [float(right[classes == k].mean()) for k in classes.unique()]
    chosen = logits.double().softmax(1).gather(1, classes[:, None])
    return {
        "test_accuracy": float(right.mean()),
        "balanced_accuracy": float(np.mean(by_class)),
        "true_probability": float(chosen.mean()),
        "max_logit": float(logits.amax(1).double().mean()),
        "min_logit": float(logits.amin(1).double().mean()),
        "predicted_classes": float(len(logits.argmax(1).unique())),
    }


def of_the_dead(logits: Tensor, classes: Tensor, live: Tensor) -> dict[str, float]:
    """Accuracy on the boxes with a dead map, and the logit of the true class with dead and with live maps."""
    right = (logits.argmax(1) == classes).double()
    own = logits.gather(1, classes[:, None])[:, 0]
    return {
        "dead_accuracy": mean(right[~live]),
        "live_accuracy": mean(right[live]),
        "dead_logit": mean(own[~live]),
        "live_logit": mean(own[live]),
        "dead_negative_share": mean((own[~live] <= 0).double()),
    }


def measure(
    test: Measured, front: torch.nn.Module | None, shown: np.ndarray, deleted: np.ndarray
) -> tuple[dict[str, float], dict[str, Any]]:
    """Flat metrics on every test box, and the arrays ``maps``, ``logits``, ``items`` of the items ``shown`` in figures.

    ``front``: the frozen layers before the model, or None. ``deleted``: items of the deletion curve.
    """
    every = np.arange(len(test.data.crops.classes))
    logits, maps, others = explain(test, every)
    classes = rows_of(test.data.crops.classes, every, test.device)
    live = ~dead_maps(maps)
    metrics = {
        **classification(logits, classes),
        **sharpness(maps),
        "others_heat": mean(others[live]),
        **of_the_dead(logits, classes, live),
        **in_crops(heat(maps).cpu(), test.data.crops),
        **in_scenes(test.model, test.data, test.device),
        **under_deletion(test.model, front, test.data.crops, maps, deleted, test.device),
    }
    return metrics, {"maps": maps[shown].cpu().numpy(), "logits": logits[shown].cpu().numpy(), "items": shown}
