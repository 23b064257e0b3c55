"""What a trained classifier of the Sibnet experiment is measured by: logits of all parts, and its saliency maps.

Calibration is not measured here: logits are stored, and calibrators and errors are computed from them afterwards.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.losses.class_distinctiveness import class_distinctiveness, class_distinctiveness_loss
from papers_lib.losses.saliency_images import as_images
from papers_lib.losses.spatial_coherence import spatial_coherence
from papers_lib.metrics.classification import auroc
from papers_lib.metrics.localization import point_hits, point_localization
from papers_lib.models.mimo import Mimo, logit_of_mean
from papers_lib.models.multilabel_classifier import MultilabelClassifier
from sibnet_calibration.data import Inputs

BATCH = 64  # images a pass in evaluation
ENCODED = 96  # test images whose maps are re-encoded
COHERENT = 48  # test images whose maps' spatial coherence is measured
SHOWN = 400  # test images whose maps are kept, for figures and for similarities between models
SHIFTED = 600  # test images that are seen again with half their contrast
CONTRAST = 0.5


@torch.no_grad()
def predict(model: MultilabelClassifier, inputs: Inputs, rows: np.ndarray, several: int) -> Tensor:
    """Logits (n, K) of rows, on the CPU; of a MIMO network the log-odds of its outputs' mean probability."""
    return torch.cat([_logits(model, inputs.batch(part), several).cpu() for part in _batches(rows)])


def _logits(model: MultilabelClassifier, given: Tensor, several: int) -> Tensor:
    if several == 1:
        return model(given).float()
    classes = model.linear.out_features // several
    mimo = Mimo(model, inputs=several, classes=classes)
    return logit_of_mean(mimo(given[:, None].expand(-1, several, -1, -1, -1)).float())


def _batches(rows: np.ndarray) -> list[np.ndarray]:
    return np.split(rows, range(BATCH, len(rows), BATCH))


def epoch_scores(model: MultilabelClassifier, inputs: Inputs, several: int) -> dict[str, float]:
    """Mean AUROC and cross-entropy of the calibration part after an epoch (Figure 4.2)."""
    logits = predict(model, inputs, inputs.rows["val"], several)
    labels = torch.from_numpy(inputs.images.images.labels[inputs.rows["val"]])
    return {
        "val_auroc": auroc(logits, labels).macro,
        "val_loss": float(binary_cross_entropy_with_logits(logits, labels.float())),
    }


def measure(
    model: MultilabelClassifier, front: nn.Module, inputs: Inputs, several: int
) -> tuple[dict[str, float | int], dict[str, np.ndarray]]:
    """Metrics of the test part and arrays of all parts; ``model`` stands behind its frozen part ``front``.

    Arrays: "train_logits", "val_logits", "test_logits" (n, K); of the first test images "contrast_logits" (half their
    contrast) and, but for MIMO (``several`` inputs), raw "maps" (s, K, h, w). "code_negative" and "dead_maps" are
    shares: of negative values in the codes, of maps without a positive value.
    """
    model.eval()
    logits = {part: predict(model, inputs, rows, several) for part, rows in inputs.rows.items()}
    test = inputs.images.images.part("test")
    labels = torch.from_numpy(test.labels)
    score = auroc(logits["test"], labels)
    found: dict[str, float | int] = {
        "auroc_macro": score.macro,
        **{f"auroc/{name}": float(value) for name, value in zip(test.classes, score.per_class, strict=True)},
        "nll": float(binary_cross_entropy_with_logits(logits["test"], labels.float())),
    }
    arrays = {f"{part}_logits": values.numpy() for part, values in logits.items()}
    shifted = inputs.rows["test"][:SHIFTED]
    with torch.no_grad():  # contrast is halved about a medium grey
        pale = (front(0.5 + CONTRAST * (inputs.pixels(part) - 0.5)) for part in _batches(shifted))
        arrays["contrast_logits"] = torch.cat([_logits(model, one, several).cpu() for one in pale]).numpy()
    if several == 1:
        parts = _batches(inputs.rows["test"])
        with torch.no_grad():
            maps = torch.cat([model.see(inputs.batch(part)).maps.cpu() for part in parts])
        arrays["maps"] = maps[:SHOWN].half().numpy()
        side = inputs.images.pixels.shape[1]
        found |= _map_scores(nn.Sequential(front, model.features), maps.to(inputs.device), side)
        found |= _pointing(maps, test, side)
    return found, arrays


@torch.no_grad()
def _map_scores(encode: nn.Module, maps: Tensor, side: int) -> dict[str, float]:
    """The two saliency losses as measures, on the first test images; lower is more distinct, more coherent."""
    size = (side, side)
    some, few = maps[:ENCODED], maps[:COHERENT].flatten(0, 1)
    cosines, negative = [], []
    for part in some.split(BATCH // 4):
        cosines.append(class_distinctiveness_loss(part, encode, size=size, channels=3) * len(part))
        negative.append(
            (encode(as_images(part.flatten(0, 1), size, channels=3)) < 0).float().mean() * len(part)
        )
    scaled = as_images(few, size)[:, 0]
    return {
        "distinctiveness": float(torch.stack(cosines).sum() / len(some)),
        "raw_distinctiveness": float(class_distinctiveness(some.relu())),
        "code_negative": float(torch.stack(negative).sum() / len(some)),
        "coherence": float(spatial_coherence(scaled, reduction="mean")),
        "coherence_sum": float(spatial_coherence(scaled, reduction="sum")),
        "dead_maps": float((maps.amax((-2, -1)) <= 0).float().mean()),
    }


def _pointing(maps: Tensor, test: BoxedImages, side: int) -> dict[str, float]:
    """Share of maps whose hottest pixel lies in a box of their class; nothing for a set without boxes."""
    hits = []
    for k in range(len(test.classes)):
        boxes = test.of_class(k, (side, side))
        counted = torch.tensor([len(box) > 0 for box in boxes], dtype=torch.bool)
        hits.append(point_hits(maps[counted, k], [box for box in boxes if len(box)], (side, side)))
    if not any(len(one.hit) for one in hits):
        return {}
    score = point_localization(hits)
    each = {f"point/{name}": float(value) for name, value in zip(test.classes, score.per_class, strict=True)}
    return {"point_macro": score.macro, **each}
