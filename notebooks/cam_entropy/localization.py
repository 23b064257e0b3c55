"""Are sharper maps better maps? Where the heat lies in crops and in whole scenes, and what deleting it does.

In a crop the object's mask and its deciding part are the targets; in a whole test scene, through which the same
convolutions run, the boxes of a class. Maps and targets meet on a grid of ``GRID`` x ``GRID``. A dead map finds
nothing: heat 0, a miss. Columns that end in ``_live`` leave dead maps out instead. What the data lack is NaN.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from cam_entropy.split import Split, batch_of, rows_of
from papers_lib.datasets.voc_store import CropSplit
from papers_lib.metrics.deletion import deletion_area, deletion_curve, random_order_maps
from papers_lib.metrics.localization import point_hits, point_localization
from papers_lib.metrics.overlap import box_mask, heat_share
from papers_lib.metrics.sharpness import dead_maps, heat
from papers_lib.models.classifier import PooledClassifier, pooled_mlp_grad_cam

GRID = 96
SIZE = (GRID, GRID)
SHARES = (0.0, 0.06, 0.12, 0.25, 0.5, 0.75, 1.0)  # of the map's cells, deleted hottest first
SCENES = 32  # whole pictures a pass
CHUNK = 512  # items whose maps are enlarged to the grid at a time; changes memory, not results
NOWHERE = torch.zeros(0, 4)
NOTHING = torch.zeros(0, dtype=torch.float64)


def on_grid(boxes: np.ndarray, side: int) -> Tensor:
    """Boxes (n, 4) in pixels of a square of ``side`` as boxes on the grid, edges turned into pixels."""
    scaled = torch.from_numpy(np.asarray(boxes, dtype=np.float64)) * (GRID / side)
    low = scaled[:, :2].floor().clamp(0, GRID - 1)
    high = (scaled[:, 2:].ceil() - 1).clamp(0, GRID - 1)
    return torch.cat([low, torch.maximum(high, low)], 1)


def part_boxes(crops: CropSplit) -> list[Tensor]:
    """Box of the deciding part on the grid, (1, 4) or (0, 4), an item each."""
    there = ~np.isnan(crops.parts[:, 0])
    scaled = on_grid(np.where(there[:, None], crops.parts, 0.0), crops.images.shape[1])
    return [box[None] if known else NOWHERE for box, known in zip(scaled, there, strict=True)]


def in_chunks(items: np.ndarray) -> Iterator[np.ndarray]:
    """``items`` (n,) in order, ``CHUNK`` at a time; nothing for none."""
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))


def object_masks(crops: CropSplit, items: np.ndarray) -> Tensor:
    """Masks (n, GRID, GRID) of ``items`` (n,), all of which have one."""
    masks = torch.from_numpy(np.asarray(crops.masks[items]))
    if masks.shape[1:] != SIZE:
        masks = torch.nn.functional.interpolate(masks[:, None].float(), SIZE, mode="area")[:, 0]
    return masks


def in_crops(maps: Tensor, crops: CropSplit) -> dict[str, float]:
    """Heat on the object and on its deciding part, and whether the hottest point lies on them.

    Args: maps, rectified (N, h, w), one an item of ``crops``.
    """
    live = ~dead_maps(maps)
    boxes = part_boxes(crops)
    points = point_hits(maps, boxes, SIZE)
    masked, parted = np.flatnonzero(crops.has_mask), points.counted.nonzero()[:, 0]
    object_mass, on_object = [NOTHING], [NOTHING]
    for some in in_chunks(masked):
        masks = object_masks(crops, some)
        object_mass.append(heat_share(maps[some], masks))
        at = points.point[some]  # (-1, -1) for a constant map, which points nowhere
        hit = (masks[torch.arange(len(masks)), at[:, 1], at[:, 0]] > 0.5) & (at[:, 0] >= 0)
        on_object.append(hit.double())
    part_mass = [heat_share(maps[i : i + 1], box_mask(boxes[i], SIZE)[None]) for i in parted]
    found = {
        "object_mass": (torch.cat(object_mass), live[masked]),
        "object_pointing": (torch.cat(on_object), live[masked]),
        "part_mass": (torch.cat([NOTHING, *part_mass]), live[parted]),
        "part_pointing": (points.hit[parted].double(), live[parted]),
    }
    metrics = {name: mean(values) for name, (values, _) in found.items()}
    return metrics | {f"{name}_live": mean(values[alive]) for name, (values, alive) in found.items()}


@torch.no_grad()
def in_scenes(model: PooledClassifier, data: Split, device: str) -> dict[str, float]:
    """Pointing and heat in the boxes of each class on whole test pictures, means over classes (macro)."""
    if data.scene_inputs is None or data.crops.scenes is None:
        return {"scene_pointing": np.nan, "scene_mass": np.nan, "scene_dead_share": np.nan}
    side, classes = data.crops.scenes.shape[1], len(data.crops.names)
    model.eval()
    maps: list[list[Tensor]] = [[] for _ in range(classes)]
    boxes: list[list[Tensor]] = [[] for _ in range(classes)]
    count = len(data.scene_inputs)
    for some in np.array_split(np.arange(count), max(1, -(-count // SCENES))):
        activations = model.features(batch_of(data.scene_inputs, some, device))
        found = heat(pooled_mlp_grad_cam(model.head, activations, "all")[1]).cpu()
        for row, scene in enumerate(some):
            kinds = np.asarray(data.crops.scene_classes[scene])
            every = on_grid(data.crops.scene_boxes[scene], side)
            for kind in np.unique(kinds):
                maps[kind].append(found[row, kind])
                boxes[kind].append(every[torch.from_numpy(kinds == kind)])
    seen = [(torch.stack(some), rows) for some, rows in zip(maps, boxes, strict=True) if some]
    hits = [point_hits(stack, rows, SIZE) for stack, rows in seen]
    mass = [
        mean(heat_share(stack, torch.stack([box_mask(box, SIZE) for box in rows]))) for stack, rows in seen
    ]
    return {
        "scene_pointing": point_localization(hits).macro,
        "scene_mass": float(np.mean(mass)),
        "scene_dead_share": mean(dead_maps(torch.cat([stack for stack, _ in seen])).double()),
    }


@torch.no_grad()
def under_deletion(
    model: PooledClassifier,
    front: torch.nn.Module | None,
    crops: CropSplit,
    maps: Tensor,
    items: np.ndarray,
    device: str,
) -> dict[str, float]:
    """Area under the deletion curve of the true class's probability, and how much less it is than in random order.

    ``deletion_area`` is lower, ``deletion_gain`` (1 - area by the map / area at random, of means) higher for maps whose
    hot cells carry the decision. The items are the same for every model: a dead map deletes at random.
    """
    if not len(items):
        return {"deletion_area": np.nan, "deletion_gain": np.nan}
    model.eval()
    target = rows_of(crops.classes, items, device)
    images = batch_of(crops.images, items, device)

    def predict(pictures: Tensor) -> Tensor:
        inputs = pictures if front is None else front.to(device)(pictures)
        return model(inputs).softmax(1).gather(1, target[:, None])[:, 0]

    chosen = maps[items]  # raw: rectified, all cells without heat would tie
    random = random_order_maps(torch.Generator().manual_seed(0), chosen.shape).to(chosen)
    orders = {"map": torch.where(dead_maps(chosen)[:, None, None], random, chosen), "random": random}
    area = {}
    for name, order in orders.items():
        area[name] = mean(deletion_area(deletion_curve(predict, images, order, SHARES), SHARES))
    return {"deletion_area": area["map"], "deletion_gain": 1 - area["map"] / area["random"]}


def mean(values: Tensor) -> float:
    """Mean in float64, NaN of nothing."""
    return float(values.double().mean()) if len(values) else np.nan
