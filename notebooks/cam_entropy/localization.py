"""Are sharper maps better maps? Where the heat lies in crops and in whole scenes, and what deleting it does.

Targets: in a crop the object's mask and its deciding part; in a whole test scene the boxes of a class. A dead map finds
nothing: heat 0, a miss; columns that end in ``_live`` leave dead maps out. What the data lack is NaN.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from cam_entropy.data import Split, batch_of, rows_of
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
Front = torch.nn.Module | None


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
    return [box[None] if known else torch.zeros(0, 4) for box, known in zip(scaled, there, strict=True)]


def in_chunks(of: Callable[[np.ndarray], Tensor], items: np.ndarray) -> Tensor:
    """``of(items)``, ``CHUNK`` items at a time: its rows one after the other; nothing, (0,), for no item."""
    parts = [of(items[start : start + CHUNK]) for start in range(0, len(items), CHUNK)]
    return torch.cat(parts) if parts else torch.zeros(0)


def object_masks(crops: CropSplit, items: np.ndarray) -> Tensor:
    """Masks (n, GRID, GRID) of ``items`` (n,), all of which have one."""
    masks = torch.from_numpy(np.asarray(crops.masks[items]))
    if masks.shape[1:] == SIZE:
        return masks
    return torch.nn.functional.interpolate(masks[:, None].float(), SIZE, mode="area")[:, 0]


def in_crops(maps: Tensor, crops: CropSplit) -> dict[str, float]:
    """Of rectified maps (N, h, w), one an item: heat on object and deciding part, and whether they point there."""
    live = ~dead_maps(maps)
    boxes = part_boxes(crops)
    points = point_hits(maps, boxes, SIZE)
    masked, parted = np.flatnonzero(crops.has_mask), np.flatnonzero(points.counted)

    def on_objects(some: np.ndarray) -> Tensor:
        masks = object_masks(crops, some)
        x, y = points.point[some].unbind(1)  # -1 for a constant map, which points nowhere
        hit = (masks[torch.arange(len(masks)), y, x] > 0.5) & (x >= 0)
        return torch.stack([heat_share(maps[some], masks).double(), hit.double()], 1)

    def on_parts(some: np.ndarray) -> Tensor:
        return heat_share(maps[some], torch.stack([box_mask(boxes[item], SIZE) for item in some]))

    objects = in_chunks(on_objects, masked).reshape(-1, 2)
    found = {
        "object_mass": (objects[:, 0], live[masked]),
        "object_pointing": (objects[:, 1], live[masked]),
        "part_mass": (in_chunks(on_parts, parted), live[parted]),
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
    model: PooledClassifier, front: Front, crops: CropSplit, maps: Tensor, items: np.ndarray, device: str
) -> dict[str, float]:
    """Area under the deletion curve of the true class's probability; gain: 1 - area / area in random order, of means.

    The items are the same for every model: a dead map deletes at random.
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
    curves = {name: deletion_curve(predict, images, order, SHARES) for name, order in orders.items()}
    area = {name: mean(deletion_area(curve, SHARES)) for name, curve in curves.items()}
    return {"deletion_area": area["map"], "deletion_gain": 1 - area["map"] / area["random"]}


def mean(values: Tensor) -> float:
    """Mean in float64, NaN of nothing."""
    return float(values.double().mean()) if len(values) else np.nan
