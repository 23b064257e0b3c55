"""What a trained heatmap classifier is measured by: pointing, IoU, masked-out area, AUROC."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from papers_lib.cams import grad_cam, grad_cam_pp, head_gradients, xgrad_cam
from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.metrics.classification import auroc
from papers_lib.metrics.heatmap_iou import heatmap_iou, mean_iou
from papers_lib.metrics.localization import PointHits, point_hits, point_localization
from papers_lib.metrics.masked_out import ALREADY_NEGATIVE, NEVER, masked_out, mean_masked_out_area
from papers_lib.metrics.thresholds import best_gmean_thresholds
from pylon.data import Inputs, Staged

BATCH = 64  # images a pass in evaluation
SHOWN = 24  # test images whose maps are kept for figures
CAMS = ("grad_cam", "grad_cam_pp", "xgrad_cam")
"""Maps read off the model of method "cam", all without ReLU, as the paper has them."""


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
) -> tuple[dict[str, float | int], dict[str, np.ndarray]]:
    """Measure a model on the test part; thresholds come from the validation part.

    Args:
        staged, inputs: the model in eval mode and what it is fed with.
        images: the set; rows of its parts.
        cam: also measure Grad-CAM, Grad-CAM++ and XGrad-CAM of the model, under prefixes.
        masked: number of pairs whose masked-out area is measured.

    Returns:
        Metrics: "auroc_macro", "auroc_weighted", "auroc/CLASS"; "point_macro", "point_weighted", "point/CLASS" and the
        same with "iou", where there are maps; "masked_out_macro", "masked_out_negative", "masked_out_never",
        "masked_out_passes" a pair, "masked_out_all_passes" (of a loop over all levels); with ``cam``
        "grad_cam.point_macro" …
        Arrays: "pairs" (p, 2), row and class of every boxed pair of the test part, and "hits" (p,), in that order;
        "shown" (s,) rows with "shown_maps" (s, K, h, w), float16; "test_logits" (n, K).
    """
    test = images.take(rows["test"])
    side = inputs.images.shape[1]
    boxed = np.array([position for position, boxes in enumerate(test.boxes) if len(boxes)], dtype=np.int64)
    logits, _ = predict(staged, inputs, rows["test"], device)
    found: dict[str, float | int] = _auroc(logits.cpu(), test)
    arrays = {"test_logits": logits.cpu().numpy()}
    _, maps = predict(staged, inputs, rows["test"][boxed], device, with_maps=True)
    if maps is None or not len(boxed):
        return found, arrays
    some = test.take(boxed)
    pointed, hits = _pointing(maps, some, side)
    found |= pointed
    pairs = _pairs(some)
    arrays["pairs"] = np.stack([rows["test"][boxed][pairs[:, 0]], pairs[:, 1]], 1)
    arrays["hits"] = hits[pairs[:, 0], pairs[:, 1]]
    shown = _shown(some)
    arrays["shown"], arrays["shown_maps"] = rows["test"][boxed][shown], maps[shown].half().numpy()
    if cam:
        for name, own in _cams(staged, inputs, rows["test"][boxed], device).items():
            pointed, hits = _pointing(own, some, side)
            found |= {f"{name}.{key}": value for key, value in pointed.items()}
            arrays[f"{name}.hits"] = hits[pairs[:, 0], pairs[:, 1]]
            arrays[f"{name}.shown_maps"] = own[shown].half().numpy()
            arrays[f"{name}.points_apart"] = np.array(_points_apart(maps, own, some, side))
    thresholds = _thresholds(staged, inputs, images, rows["val"], device)
    found |= _iou(maps, some, side, thresholds)
    if masked:
        found |= _masked_out(staged, inputs, rows["test"][boxed], maps, pairs, thresholds, device, masked)
    return found, arrays


def _auroc(logits: Tensor, test: BoxedImages) -> dict[str, float | int]:
    score = auroc(logits, torch.from_numpy(test.labels))
    each = {f"auroc/{name}": float(value) for name, value in zip(test.classes, score.per_class, strict=True)}
    return {"auroc_macro": score.macro, "auroc_weighted": score.weighted, **each}


def _pointing(maps: Tensor, test: BoxedImages, side: int) -> tuple[dict[str, float | int], np.ndarray]:
    """Point localization, and hits (n, K)."""
    found = [_point_hits(maps, test, k, side) for k in range(len(test.classes))]
    score = point_localization(found)
    each = {f"point/{name}": float(value) for name, value in zip(test.classes, score.per_class, strict=True)}
    metrics = {"point_macro": score.macro, "point_weighted": score.weighted, **each}
    return metrics, np.stack([one.hit.numpy() for one in found], 1)


def _point_hits(maps: Tensor, test: BoxedImages, k: int, side: int) -> PointHits:
    """Of one class; only maps of images with a box of it are enlarged."""
    boxes = test.of_class(k, (side, side))
    counted = torch.tensor([len(box) > 0 for box in boxes])
    found = point_hits(maps[counted, k], [box for box in boxes if len(box)], (side, side))
    hit = torch.zeros(len(boxes), dtype=torch.bool)
    hit[counted] = found.hit
    point = torch.full((len(boxes), 2), -1)
    point[counted] = found.point
    return PointHits(hit, counted, point)


def _pairs(test: BoxedImages) -> np.ndarray:
    """Position and class of every pair of an image and a class with a box, image after image: (p, 2)."""
    found = [(place, kind) for place, kinds in enumerate(test.box_classes) for kind in np.unique(kinds)]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def _shown(test: BoxedImages) -> np.ndarray:
    """Images for figures, the same for every model of a set: class after class, the next image with a box of it."""
    of_class = [
        [place for place, kinds in enumerate(test.box_classes) if k in kinds]
        for k in range(len(test.classes))
    ]
    turns = max(map(len, of_class), default=0)
    found = [places[turn] for turn in range(turns) for places in of_class if turn < len(places)]
    return np.array(list(dict.fromkeys(found))[:SHOWN], dtype=np.int64)


@torch.no_grad()
def _cams(staged: Staged, inputs: Inputs, rows: np.ndarray, device: str) -> dict[str, Tensor]:
    """Grad-CAM and its kin on the features under the 1x1 head, of every class, without ReLU: (n, K, h, w)."""
    found: dict[str, list[Tensor]] = {name: [] for name in CAMS}
    decoder = staged.model.decoder
    for part in np.split(rows, range(BATCH, len(rows), BATCH)):
        A = decoder.decode(staged.features(inputs.batch(part, device)))  # type: ignore[operator]
        _, G = head_gradients(lambda a: decoder.head(a).amax((-2, -1)), A, "all")  # type: ignore[operator]
        found["grad_cam"].append(grad_cam(A, G).cpu())
        found["grad_cam_pp"].append(grad_cam_pp_signed(A, G).cpu())
        found["xgrad_cam"].append(xgrad_cam(A, G).cpu())
    return {name: torch.cat(parts) for name, parts in found.items()}


def grad_cam_pp_signed(activations: Tensor, gradients: Tensor) -> Tensor:
    """Grad-CAM++ without the ReLU on the gradients, sum_ij α_ij G_ij as weights: the paper's variant.

    α is a function of G times the sum of A, which two minus signs leave alone; so the second term of
    [G]+ - [-G]+ is Grad-CAM++ of the negatives.
    """
    return grad_cam_pp(activations, gradients) + grad_cam_pp(-activations, -gradients)


def _points_apart(maps: Tensor, others: Tensor, test: BoxedImages, side: int) -> int:
    """Pairs in which two maps point at different pixels."""
    apart = 0
    for k in range(len(test.classes)):
        a, b = _point_hits(maps, test, k, side), _point_hits(others, test, k, side)
        apart += int((a.point != b.point).any(1).sum())
    return apart


def _thresholds(staged: Staged, inputs: Inputs, images: BoxedImages, rows: np.ndarray, device: str) -> Tensor:
    """Logit of the largest G-mean of each class on the validation part; NaN for a class that it lacks."""
    logits, _ = predict(staged, inputs, rows, device)
    return best_gmean_thresholds(
        logits.cpu(), torch.from_numpy(images.labels[rows]), undefined="nan"
    ).threshold


def _iou(maps: Tensor, test: BoxedImages, side: int, thresholds: Tensor) -> dict[str, float | int]:
    found, names = [], []
    for k, name in enumerate(test.classes):
        boxes = test.of_class(k, (side, side))
        if any(len(box) for box in boxes) and not bool(thresholds[k].isnan()):
            found.append(heatmap_iou(maps[:, k], boxes, (side, side), float(thresholds[k])))
            names.append(name)
    if not found:
        return {}
    score = mean_iou(found)
    each = {f"iou/{name}": float(value) for name, value in zip(names, score.per_class, strict=True)}
    return {"iou_macro": score.macro, "iou_weighted": score.weighted, **each}


def _masked_out(
    staged: Staged,
    inputs: Inputs,
    rows: np.ndarray,
    maps: Tensor,
    pairs: np.ndarray,
    thresholds: Tensor,
    device: str,
    count: int,
) -> dict[str, float | int]:
    """Masked-out area of pairs spread over the classes; the mask is the value that the network scales to 0."""
    chosen = _spread(pairs[~thresholds.isnan().numpy()[pairs[:, 1]]], count)
    if not len(chosen):
        return {}
    model = staged.model
    assert model.encoder is not None
    owners, owner = np.unique(chosen[:, 0], return_inverse=True)
    target = torch.from_numpy(chosen[:, 1])
    found = masked_out(
        lambda batch: model(batch).logits,
        inputs.pixels(rows[owners], device),
        maps[chosen[:, 0], chosen[:, 1]],
        target,
        thresholds,
        owner=torch.from_numpy(owner),
        fill=model.encoder.scale.mean.flatten(),
    )
    if not bool((found.status != ALREADY_NEGATIVE).any()):
        return {
            "masked_out_macro": float("nan"),
            "masked_out_weighted": float("nan"),
            "masked_out_negative": 1.0,
        }
    area = mean_masked_out_area(found, target, len(thresholds))
    return {
        "masked_out_macro": area.macro,
        "masked_out_weighted": area.weighted,
        "masked_out_negative": float((found.status == ALREADY_NEGATIVE).double().mean()),
        "masked_out_never": float((found.status == NEVER).double().mean()),
        "masked_out_passes": found.passes / len(target),
        "masked_out_calls": found.calls,
        "masked_out_all_passes": found.all_levels / len(target),
    }


def _spread(pairs: np.ndarray, count: int) -> np.ndarray:
    """The first pairs of each class in turn, ``count`` in all."""
    turn = np.zeros(len(pairs), dtype=np.int64)
    seen: dict[Any, int] = {}
    for place, kind in enumerate(pairs[:, 1]):
        turn[place] = seen.get(kind, 0)
        seen[kind] = turn[place] + 1
    return pairs[np.argsort(turn, kind="stable")[:count]]
