"""Figures 1A and 2 to 6 of the PYLON page: heatmaps of test images beside their boxes.

Images are decided before any training: ``pylon.measures`` keeps the maps of the first ones of the test part. Maps are
of the lowest seed (and fold). A heatmap is enlarged bilinearly as for the evaluation, scaled to its own range and drawn
over a grey picture; its hottest pixel is a ring inside a box of the class, a cross outside of all.
"""

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from papers_lib.metrics.localization import point_hits
from papers_lib.metrics.overlap import box_mask, resize_maps
from papers_lib.plots import HEAT
from pylon.frame import POST_HOC, Setting, Swept, mean_areas, setting_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Column = str | Setting  # a method, in all its trainings or one
Pair = tuple[int, int]  # an image, by its row in the store, and a class
Maps = dict[int, np.ndarray]  # raw maps (K, h, w) by row of the image
ARMS = ("main", "others", "large", "transfer", "voc")  # with the paper's methods


def kept_maps(swept: Swept) -> dict[Setting, Maps]:
    """Maps of the lowest seed (and fold) of each method and training, with those read off the baseline."""
    found: dict[Setting, Maps] = {}
    records = [one for one in swept.records if one.status == "ok" and one.config.arm in ARMS]
    for record in sorted(records, key=lambda one: (one.config.seed, one.config.fold)):
        arrays, config = record.arrays(), record.config
        for prefix, method in (("", config.method), *((f"{cam}.", cam) for cam in POST_HOC)):
            if f"{prefix}shown_maps" in arrays:
                maps = arrays[f"{prefix}shown_maps"].astype(np.float32)
                own = dict(zip(arrays["shown"].tolist(), maps, strict=True))
                found.setdefault((method, config.training()), own)
    return found


def kept_rows(swept: Swept) -> list[int]:
    """Rows of the images whose maps were kept; the same for all models of a test part."""
    return [*next(iter(kept_maps(swept).values()), {})]


def example_pairs(swept: Swept, count: int, *, smallest: bool = False) -> list[Pair]:
    """Images to show: of each class in turn the first kept one that has a box of it and is not taken yet.

    Args: smallest: the classes with the smallest boxes first, by mean area over the set.
    """
    rows, classes, found = kept_rows(swept), swept.images.classes, dict[int, int]()
    for k in range(len(classes)):
        fitting = [row for row in rows if row not in found and k in swept.images.box_classes[row]]
        found |= {fitting[0]: k} if fitting else {}
    areas = mean_areas(swept.images)
    pairs = list(found.items())
    return sorted(pairs, key=lambda pair: areas[classes[pair[1]]] if smallest else 0)[:count]


def several_objects(swept: Swept) -> list[Pair]:
    """Kept images with two or more boxes of a class, in their order, each with the class that has most."""
    classes = len(swept.images.classes)
    counts = {row: np.bincount(swept.images.box_classes[row], minlength=classes) for row in kept_rows(swept)}
    return [(row, int(count.argmax())) for row, count in counts.items() if count.max() > 1]


def heatmap_panels(
    swept: Swept, columns: Sequence[Column], pairs: Sequence[Pair], cells: bool = False, objects: bool = False
) -> "Figure | None":
    """A row an image: the image with its boxes, then a heatmap a method, or method and training.

    Args: cells: show the raw cells instead of enlarging bilinearly, and their number above; objects: draw the boxes
    that :func:`found_objects` finds solid, others dotted (Figure 6).
    """
    kept = kept_maps(swept)
    models = [key for one in columns for key in kept if one in (key, key[0])]
    if not models or not pairs:
        return None
    above = [fill(name, 14) for name in setting_names(models).values()]
    if cells:
        sides = [next(iter(kept[key].values())).shape[-1] for key in models]
        above = [f"{name}\n{side} × {side} cells" for name, side in zip(above, sides, strict=True)]
    figure, axes = image_grid(
        [[fill(swept.images.classes[k].replace("_", " "), 14), *above] for _, k in pairs]
    )
    for (row, k), (first, *others) in zip(pairs, axes, strict=True):
        image = swept.pixels[row]
        boxes = swept.images.of_class(k, image.shape[:2])[row].numpy()
        draw(first, image, boxes)
        for axis, key in zip(others, models, strict=True):
            raw = kept[key][row][k] if row in kept[key] else None
            draw(axis, image, boxes, raw, cells=cells)
            if objects and raw is not None:
                for patch, one in zip(axis.patches, found_objects(raw, boxes, image.shape[:2]), strict=True):
                    patch.set_linestyle("-" if one else ":")
    return figure


def found_objects(raw: np.ndarray, boxes: np.ndarray, size: tuple[int, int]) -> list[bool]:
    """Which of the ``boxes`` (n, 4), in pixels, hold a pixel in the upper half of the map's range."""
    hot = scaled(resize_maps(torch.from_numpy(raw), size)) >= 0.5
    return [bool((hot & box_mask(torch.from_numpy(box)[None], size)).any()) for box in boxes]


def image_grid(titles: Sequence[Sequence[str]]) -> "tuple[Figure, Any]":
    """Figure, and axes for rows of square pictures under their titles; a row of more than six goes on below."""
    import matplotlib.pyplot as plt

    count = len(titles[0])
    lines = -(-count // 6)
    width = -(-count // lines)
    side = min(1.4, 6.2 / width)
    above = 0.05 + 0.15 * max(1 + text.count("\n") for row in titles for text in row)
    size = (width * side, len(titles) * lines * (side + above))
    figure, grid = plt.subplots(len(titles) * lines, width, figsize=size, squeeze=False)
    figure.set_layout_engine("constrained", w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
    axes = grid.reshape(len(titles), -1)
    for axis in grid.flat:
        axis.set_axis_off()
    for row, words in zip(axes, titles, strict=True):
        for axis, text in zip(row, words, strict=False):
            axis.set_title(text, fontsize=8.5, pad=3)
    return figure, axes[:, :count]


def draw(
    axis: "Axes", image: np.ndarray, boxes: np.ndarray, raw: np.ndarray | None = None, *, cells: bool = False
) -> None:
    """An image with boxes (n, 4), in its pixels; with a map, the heat over the grey image, and its hottest pixel."""
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import Normal, Stroke

    size = image.shape[:2]
    if raw is not None and image.ndim == 3:
        image = image @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    axis.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axis.autoscale(False)  # a box at the edge would make room for itself
    for x, y, x_max, y_max in boxes:
        frame = Rectangle((x, y), x_max - x, y_max - y, fill=False, ec="white", lw=1.1)
        frame.set_path_effects([Stroke(linewidth=2.2, foreground="black"), Normal()])
        axis.add_patch(frame)
    if raw is None:
        return
    extent = (-0.5, size[1] - 0.5, size[0] - 0.5, -0.5)
    heat = scaled(torch.from_numpy(raw) if cells else resize_maps(torch.from_numpy(raw), size))
    axis.imshow(heat.numpy(), cmap=HEAT, vmin=0, vmax=1, alpha=0.6, extent=extent, interpolation="nearest")
    found = point_hits(torch.from_numpy(raw)[None], [torch.from_numpy(boxes)], size)
    x, y = found.point[0].tolist()
    if x >= 0:
        mark, size_of = ("o", 7) if bool(found.hit[0]) else ("x", 6)
        for colour, edge in (("black", 3.0), ("#56B4E9", 1.6)):
            axis.plot(x, y, mark, ms=size_of, mfc="none", mec=colour, mew=edge, zorder=4, clip_on=False)


def scaled(values: Tensor) -> Tensor:
    """Values from the smallest, 0, to the largest of the map, 1; 0 if it is constant."""
    spread = float(values.max() - values.min())
    return (values - values.min()) / spread if spread > 0 else torch.zeros_like(values)
