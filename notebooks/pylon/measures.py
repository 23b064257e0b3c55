"""What a trained heatmap classifier is measured by: pointing, IoU, masked-out area, AUROC."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from papers_lib.cams import grad_cam, grad_cam_pp, head_gradients, xgrad_cam
from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.metrics.classification import auroc, best_gmean_thresholds
from papers_lib.metrics.deletion import ALREADY_NEGATIVE, NEVER, masked_out, mean_masked_out_area
from papers_lib.metrics.heatmap_iou import heatmap_iou, mean_iou
from papers_lib.metrics.localization import PointHits, point_hits, point_localization
from pylon.data import Inputs, Staged

BATCH = 64  # images a pass in evaluation
SHOWN = 24  # test images whose maps are kept for figures, the same for every model of a set
CAMS = ("grad_cam", "grad_cam_pp", "xgrad_cam")  # read off the model of method "cam", all without ReLU
Metrics = dict[str, float | int]


@torch.no_grad()
def predict(
    model: nn.Module, inputs: Inputs, rows: np.ndarray, device: str, *, with_maps: bool = False
) -> tuple[Tensor, Tensor | None]:
    """Logits (n, K), on the device, and maps (n, K, h, w), on the CPU, where they are asked for and exist."""
    logits, maps = [], []
    for part in np.split(rows, range(BATCH, len(rows), BATCH)):
        found = model(inputs.batch(part, device))
        logits.append(found.logits.float())
        if with_maps and found.maps is not None:
            maps.append(found.maps.float().cpu())
    return torch.cat(logits), torch.cat(maps) if maps else None


def measure(
    staged: Staged,
    inputs: Inputs,
    images: BoxedImages,
    rows: Mapping[str, np.ndarray],
    device: str,
    *,
    cam: bool,
    masked: int,
) -> tuple[Metrics, dict[str, np.ndarray]]:
    """Measure a model in eval mode on the test part; thresholds come from the validation part.

    Args: cam: also measure the maps of :data:`CAMS`, under prefixes; masked: of how many pairs the masked-out area.
    Returns: metrics "auroc_macro", "auroc_weighted", "auroc/CLASS", where there are maps the same with "point" and
    "iou", and "masked_out_…". Arrays: "pairs" (p, 2), row and class of every boxed pair, and their "hits" (p,);
    "shown" (s,) rows with "shown_maps" (s, K, h, w), float16; "test_logits" (n, K).
    """
    test = images.take(rows["test"])
    side = inputs.images.shape[1]
    boxed = np.array([place for place, boxes in enumerate(test.boxes) if len(boxes)], dtype=np.int64)
    logits = predict(staged, inputs, rows["test"], device)[0].cpu()
    found = _scores("auroc", auroc(logits, torch.from_numpy(test.labels)), test.classes)
    arrays = {"test_logits": logits.numpy()}
    own = rows["test"][boxed]
    _, maps = predict(staged, inputs, own, device, with_maps=True)
    if maps is None or not len(boxed):
        return found, arrays
    some = test.take(boxed)
    pairs = np.array([(n, k) for n, kinds in enumerate(some.box_classes) for k in np.unique(kinds)])
    order = np.lexsort((pairs[:, 1], _turns(pairs)))  # for figures: class after class, the next image of it
    shown = np.array(list(dict.fromkeys(pairs[order, 0].tolist()))[:SHOWN])
    arrays |= {"pairs": np.stack([own[pairs[:, 0]], pairs[:, 1]], 1), "shown": own[shown]}
    every = {"": maps}
    if cam:
        every |= {f"{name}.": read for name, read in _cams(staged, inputs, own, device).items()}
    points = {}
    for prefix, one in every.items():
        hits = points[prefix] = _point_hits(one, some, pairs, side)
        scores = _scores("point", point_localization(hits), test.classes)
        found |= {f"{prefix}{name}": value for name, value in scores.items()}
        arrays[f"{prefix}hits"] = np.zeros(len(pairs), bool)
        for k, hit in enumerate(hits):
            arrays[f"{prefix}hits"][pairs[:, 1] == k] = hit.hit.numpy()
        arrays[f"{prefix}shown_maps"] = one[shown].half().numpy()
        if prefix:
            apart = [(a.point != b.point).any(1).sum() for a, b in zip(points[""], hits, strict=True)]
            arrays[f"{prefix}points_apart"] = np.array(int(sum(apart)))
    logits, _ = predict(staged, inputs, rows["val"], device)
    known = torch.from_numpy(images.labels[rows["val"]])
    thresholds = best_gmean_thresholds(logits.cpu(), known, undefined="nan").threshold
    found |= _iou(maps, some, side, thresholds)
    if masked:
        chosen = _spread(pairs[~thresholds.isnan().numpy()[pairs[:, 1]]], masked)
        found |= _masked_out(staged, inputs, own, maps, chosen, thresholds, device)
    return found, arrays


def _scores(name: str, score: Any, classes: Sequence[str]) -> Metrics:
    """Averages and every class of a score."""
    each = {f"{name}/{one}": float(value) for one, value in zip(classes, score.per_class, strict=True)}
    return {f"{name}_macro": score.macro, f"{name}_weighted": score.weighted, **each}


def _point_hits(maps: Tensor, test: BoxedImages, pairs: np.ndarray, side: int) -> list[PointHits]:
    """Of each class, over its boxed images alone."""
    found = []
    for k in range(len(test.classes)):
        places, boxes = pairs[pairs[:, 1] == k, 0], test.of_class(k, (side, side))
        found.append(point_hits(maps[places, k], [boxes[place] for place in places], (side, side)))
    return found


def _turns(pairs: np.ndarray) -> np.ndarray:
    """How many earlier pairs each pair has in its class: (p,)."""
    return np.tril(pairs[:, 1:] == pairs[:, 1], -1).sum(1)


def _spread(pairs: np.ndarray, count: int) -> np.ndarray:
    """The first pairs of each class in turn, ``count`` in all."""
    return pairs[np.argsort(_turns(pairs), kind="stable")[:count]]


@torch.no_grad()
def _cams(staged: Staged, inputs: Inputs, rows: np.ndarray, device: str) -> dict[str, Tensor]:
    """Grad-CAM and its kin on the features under the 1x1 head, of every class, without ReLU: (n, K, h, w)."""
    found = []
    decoder = staged.model.decoder
    for part in np.split(rows, range(BATCH, len(rows), BATCH)):
        A = decoder.decode(staged.features(inputs.batch(part, device)))  # type: ignore[operator]
        _, G = head_gradients(lambda a: decoder.head(a).amax((-2, -1)), A, "all")  # type: ignore[operator]
        found.append([read(A, G).cpu() for read in (grad_cam, grad_cam_pp_signed, xgrad_cam)])
    return {name: torch.cat(parts) for name, parts in zip(CAMS, zip(*found, strict=True), strict=True)}


def grad_cam_pp_signed(activations: Tensor, gradients: Tensor) -> Tensor:
    """Grad-CAM++ without the ReLU on the gradients, sum_ij α_ij G_ij as weights: the paper's variant.

    α is a function of G times the sum of A, which two minus signs leave alone; so the second term of
    [G]+ - [-G]+ is Grad-CAM++ of the negatives.
    """
    return grad_cam_pp(activations, gradients) + grad_cam_pp(-activations, -gradients)


def _iou(maps: Tensor, test: BoxedImages, side: int, thresholds: Tensor) -> Metrics:
    """IoU with the boxes of each class that has boxes, and a threshold on the validation part."""
    found, size = {}, (side, side)
    for k, name in enumerate(test.classes):
        boxes = test.of_class(k, size)
        if any(map(len, boxes)) and not bool(thresholds[k].isnan()):
            found[name] = heatmap_iou(maps[:, k], boxes, size, float(thresholds[k]))
    return _scores("iou", mean_iou(list(found.values())), list(found)) if found else {}


def _masked_out(
    staged: Staged,
    inputs: Inputs,
    rows: np.ndarray,
    maps: Tensor,
    pairs: np.ndarray,
    thresholds: Tensor,
    device: str,
) -> Metrics:
    """Masked-out area of pairs; the mask is the value that the network scales to 0.

    Beside the averages: shares "negative" from the start and "never" negative, "calls" of the network, "passes" a pair
    and "all_passes", those of a loop over all steps.
    """
    if not len(pairs):
        return {}
    assert staged.model.encoder is not None
    owners, owner = np.unique(pairs[:, 0], return_inverse=True)
    target = torch.from_numpy(pairs[:, 1])
    found = masked_out(
        lambda batch: staged.model(batch).logits,
        inputs.pixels(rows[owners], device),
        maps[pairs[:, 0], pairs[:, 1]],
        target,
        thresholds,
        owner=torch.from_numpy(owner),
        fill=staged.model.encoder.scale.mean.flatten(),
    )
    scores = {"negative": float((found.status == ALREADY_NEGATIVE).double().mean())}
    if scores["negative"] == 1:
        scores |= {"macro": float("nan"), "weighted": float("nan")}
    else:
        area = mean_masked_out_area(found, target, len(thresholds))
        scores |= {"macro": area.macro, "weighted": area.weighted, "calls": found.calls}
        scores["never"] = float((found.status == NEVER).double().mean())
        scores |= {"passes": found.passes / len(target), "all_passes": found.all_levels / len(target)}
    return {f"masked_out_{name}": value for name, value in scores.items()}
