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
SHOWN = 24  # test images whose maps are kept for figures
CAMS = ("grad_cam", "grad_cam_pp", "xgrad_cam")
"""Maps read off the model of method "cam", all without ReLU, as the paper has them."""
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
    """Measure a model on the test part; thresholds come from the validation part.

    Args:
        staged, inputs: the model in eval mode and what it is fed with.
        images, rows: the set, and the rows of its parts.
        cam: also measure Grad-CAM, Grad-CAM++ and XGrad-CAM of the model, under prefixes.
        masked: number of pairs of image and class whose masked-out area is measured.

    Returns:
        Metrics: "auroc_macro", "auroc_weighted", "auroc/CLASS", and where there are maps the same with "point" and
        "iou"; "masked_out_…", see :func:`_masked_out`; with ``cam`` "grad_cam.point_macro" …
        Arrays: "pairs" (p, 2), row and class of every boxed pair of the test part, and "hits" (p,), in that order;
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
    pairs, shown = _pairs(some), _shown(some)
    arrays |= {"pairs": np.stack([own[pairs[:, 0]], pairs[:, 1]], 1), "shown": own[shown]}
    every = {"": maps}
    if cam:
        every |= {f"{name}.": read for name, read in _cams(staged, inputs, own, device).items()}
    points = {}
    for prefix, one in every.items():
        hits = points[prefix] = [_point_hits(one, some, k, side) for k in range(len(test.classes))]
        scores = _scores("point", point_localization(hits), test.classes)
        found |= {f"{prefix}{name}": value for name, value in scores.items()}
        arrays[f"{prefix}hits"] = torch.stack([hit.hit for hit in hits], 1).numpy()[pairs[:, 0], pairs[:, 1]]
        arrays[f"{prefix}shown_maps"] = one[shown].half().numpy()
        if prefix:
            arrays[f"{prefix}points_apart"] = np.array(_points_apart(points[""], hits))
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


def _points_apart(hits: Sequence[PointHits], others: Sequence[PointHits]) -> int:
    """Pairs in which two maps point at different pixels."""
    return sum(int((a.point != b.point).any(1).sum()) for a, b in zip(hits, others, strict=True))


def _iou(maps: Tensor, test: BoxedImages, side: int, thresholds: Tensor) -> Metrics:
    """IoU with the boxes of each class that has boxes, and a threshold on the validation part."""
    found = {}
    for k, name in enumerate(test.classes):
        boxes = test.of_class(k, (side, side))
        if any(len(box) for box in boxes) and not bool(thresholds[k].isnan()):
            found[name] = heatmap_iou(maps[:, k], boxes, (side, side), float(thresholds[k]))
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

    Returns: "masked_out_macro", "masked_out_weighted"; shares "masked_out_negative" from the start and
    "masked_out_never" negative; "masked_out_calls" of the network, and "masked_out_passes" and "masked_out_all_passes"
    (of a loop over all steps) a pair.
    """
    if not len(pairs):
        return {}
    model = staged.model
    assert model.encoder is not None
    owners, owner = np.unique(pairs[:, 0], return_inverse=True)
    target = torch.from_numpy(pairs[:, 1])
    found = masked_out(
        lambda batch: model(batch).logits,
        inputs.pixels(rows[owners], device),
        maps[pairs[:, 0], pairs[:, 1]],
        target,
        thresholds,
        owner=torch.from_numpy(owner),
        fill=model.encoder.scale.mean.flatten(),
    )
    negative = float((found.status == ALREADY_NEGATIVE).double().mean())
    if negative == 1:
        nan = float("nan")
        return {"masked_out_macro": nan, "masked_out_weighted": nan, "masked_out_negative": negative}
    area = mean_masked_out_area(found, target, len(thresholds))
    return {
        "masked_out_macro": area.macro,
        "masked_out_weighted": area.weighted,
        "masked_out_negative": negative,
        "masked_out_never": float((found.status == NEVER).double().mean()),
        "masked_out_passes": found.passes / len(target),
        "masked_out_calls": found.calls,
        "masked_out_all_passes": found.all_levels / len(target),
    }


def _spread(pairs: np.ndarray, count: int) -> np.ndarray:
    """The first pairs of each class in turn, ``count`` in all."""
    turn = np.array(
        [int((pairs[:place, 1] == kind).sum()) for place, kind in enumerate(pairs[:, 1])], dtype=int
    )
    return pairs[np.argsort(turn, kind="stable")[:count]]
