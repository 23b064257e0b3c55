"""Figures 1A and 2 to 6 of the PYLON page: heatmaps of test images beside their boxes.

Images are decided before any training: ``pylon.measures`` keeps the maps of the first ones of the test part, class
after class, and the figures take them in that order. Maps are of the lowest seed (and fold), in half precision. A
heatmap is enlarged bilinearly as for the evaluation, scaled to its own range and drawn over a grey picture; its hottest
pixel is a ring inside a box of the class, a cross outside of all. Figures are None without a run or image.
"""

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.metrics.localization import point_hits
from papers_lib.metrics.overlap import box_mask, resize_maps
from papers_lib.plots import HEAT
from papers_lib.sweep import Record
from pylon.frame import POST_HOC, Setting, Swept, in_order, mean_areas, printed_name, setting_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINT = "#56B4E9"  # sky blue, which the heat has not
TEXT = 8.5  # points
HALF = 0.5  # of a map's range: above it, an object counts as found; the threshold needs no labels
Column = str | tuple[str, str]
"""A method, or a method and its training ("one_phase", …) where there are several."""
Pair = tuple[int, int]
"""An image, by its row in the store, and a class."""
Maps = dict[int, np.ndarray]
ARMS = ("main", "others", "large", "transfer", "voc")
"""Comparisons with the paper's methods."""


def _of(swept: Swept, training: str | None = None) -> list[Record]:
    """Runs that ended well of the comparisons with the paper's methods, lowest seed and fold first."""
    found = [one for one in swept.records if one.status == "ok" and one.config.arm in ARMS]
    found = [one for one in found if training in (None, one.config.training())]
    return sorted(found, key=lambda one: (one.config.seed, one.config.fold))


def kept_maps(swept: Swept, columns: Sequence[Column]) -> dict[Setting, Maps]:
    """Raw maps (K, h, w) by row of the image, of the lowest seed (and fold) of each method that has a run."""
    found: dict[Setting, Maps] = {}
    for column in columns:
        method, training = (column, None) if isinstance(column, str) else column
        prefix, trained = (f"{method}.", "cam") if method in POST_HOC else ("", method)
        for record in _of(swept, training):
            arrays = record.arrays() if record.config.method == trained else {}
            if f"{prefix}shown_maps" in arrays:
                maps = arrays[f"{prefix}shown_maps"].astype(np.float32)
                rows = arrays["shown"].tolist()
                found[method, record.config.training()] = dict(zip(rows, maps, strict=True))
                break
    return found


def methods_of(swept: Swept, training: str | None = None) -> list[Column]:
    """The paper's methods that have a run, with the maps read off the baseline; ``training``: those runs alone."""
    methods = [record.config.method for record in _of(swept, training)]
    methods += [*POST_HOC] if "cam" in methods else []
    found = [method for method in in_order(methods) if printed_name(method)]
    return [method if training is None else (method, training) for method in found]


def kept_rows(swept: Swept) -> list[int]:
    """Rows of the images whose maps were kept, in their order; the same for all models of a test part."""
    kept = (record.arrays().get("shown") for record in _of(swept))
    return next(([int(row) for row in rows] for rows in kept if rows is not None), [])


def example_pairs(swept: Swept, count: int = 6, *, smallest: bool = False) -> list[Pair]:
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
    swept: Swept,
    columns: Sequence[Column] | None = None,
    pairs: Sequence[Pair] | None = None,
    *,
    training: str | None = None,
    count: int = 4,
    cells: bool = False,
    objects: bool = False,
) -> "Figure | None":
    """A row an image: the image with its boxes, then a heatmap a method.

    Args:
        columns: methods; those without a run are left out. None: the paper's, with ``training``.
        pairs: which images and classes; None for the first ``count`` of :func:`example_pairs`.
        cells: show the raw cells instead of enlarging bilinearly, and their number above.
        objects: draw the boxes solid that :func:`found_objects` finds, the others dotted (Figure 6).
    """
    models = kept_maps(swept, methods_of(swept, training) if columns is None else columns)
    pairs = example_pairs(swept, count) if pairs is None else list(pairs)
    if not models or not pairs:
        return None
    above = [wrapped(name) for name in setting_names(models).values()]
    if cells:
        sides = [next(iter(maps.values())).shape[-1] for maps in models.values()]
        above = [f"{name}\n{side} × {side} cells" for name, side in zip(above, sides, strict=True)]
    figure, axes = image_grid([[wrapped(swept.images.classes[k]), *above] for _, k in pairs])
    for pair, (first, *others) in zip(pairs, axes, strict=True):
        image, boxes = swept.pixels[pair[0]], _boxes(swept, pair)
        draw(first, image, boxes)
        for axis, maps in zip(others, models.values(), strict=True):
            raw = map_of(maps, pair)
            draw(axis, image, boxes, raw, cells=cells)
            if objects and raw is not None:
                for patch, one in zip(
                    axis.patches, found_objects(raw, boxes, image.shape[:2]).boxes, strict=True
                ):
                    patch.set_linestyle("-" if one else ":")
    return figure


class Found(NamedTuple):
    """Of one image and class: which boxes are found (n,), how many hold the hottest pixel, hot share of the rest."""

    boxes: np.ndarray
    pointed: int
    outside: float


def found_objects(raw: np.ndarray, boxes: np.ndarray, size: tuple[int, int]) -> Found:
    """Which objects hold a pixel in the upper half of the map's range.

    Args: raw, map (h, w); boxes (n, 4) in pixels of an image of ``size`` (H, W), n at least 1.

    >>> raw = np.array([[9.0, 0.0, 0.0, 6.0]])
    >>> boxes = np.array([[0.0, 0.0, 0.0, 0.0], [2.0, 0.0, 3.0, 0.0], [1.0, 0.0, 1.0, 0.0]])
    >>> found_objects(raw, boxes, (1, 4))
    Found(boxes=array([ True,  True, False]), pointed=1, outside=0.0)
    """
    hot = torch.from_numpy(scaled(enlarged(raw, size)) >= HALF)
    each = [box_mask(torch.from_numpy(box)[None], size) for box in boxes]
    x, y = point_hits(torch.from_numpy(raw)[None], [torch.from_numpy(boxes)], size).point[0].tolist()
    rest = ~torch.stack(each).any(0)
    outside = float((hot & rest).sum() / rest.sum()) if bool(rest.any()) else 0.0
    found = np.array([bool((hot & mask).any()) for mask in each])
    return Found(found, sum(bool(mask[y, x]) for mask in each) if x >= 0 else 0, outside)


def objects_table(swept: Swept, columns: Sequence[Column]) -> pd.DataFrame:
    """A row a method: how many of the objects in the images of :func:`several_objects` its maps find.

    "upper half elsewhere" (share of the image outside of the boxes, mean) stands beside, since a map that is hot
    everywhere finds every object.
    """
    models, pairs = kept_maps(swept, columns), several_objects(swept)
    rows, size = [], (swept.side, swept.side)
    for maps, name in zip(models.values(), setting_names(models).values(), strict=True):
        raws = [(raw, _boxes(swept, pair)) for pair in pairs if (raw := map_of(maps, pair)) is not None]
        found = [found_objects(raw, boxes, size) for raw, boxes in raws]
        if found:
            each = np.concatenate([one.boxes for one in found])
            row = {"method": name, "images": len(found), "boxes": len(each)}
            row["held the hottest pixel"] = sum(one.pointed for one in found) / len(each)
            row["in the upper half of the range"] = each.mean()
            row["all found"] = np.mean([one.boxes.all() for one in found])
            row["upper half elsewhere"] = np.mean([one.outside for one in found])
            rows.append(row)
    return pd.DataFrame(rows)


def example_images(images: BoxedImages, pixels: np.ndarray) -> "Figure | None":
    """Of each class the first image of the test part (else of all) with a box of it, and all its boxes of the class."""
    part = np.flatnonzero(images.split == "test")
    rows = part if len(part) else np.arange(len(images))
    of_class = [[row for row in rows if k in images.box_classes[row]] for k in range(len(images.classes))]
    pairs = [(found[0], k) for k, found in enumerate(of_class) if found]
    if not pairs:
        return None
    figure, axes = image_grid([[wrapped(images.classes[k], 20) for _, k in pairs]], 4)
    for axis, (row, k) in zip(axes[0], pairs, strict=True):
        draw(axis, pixels[row], images.of_class(k, pixels.shape[1:3])[row].numpy())
    return figure


def map_of(maps: Maps, pair: Pair) -> np.ndarray | None:
    """The raw map (h, w) of an image and class; None if it was not kept."""
    return maps[pair[0]][pair[1]] if pair[0] in maps else None


def _boxes(swept: Swept, pair: Pair) -> np.ndarray:
    """Boxes (n, 4) of the class in the image, in its pixels."""
    found: np.ndarray = swept.images.of_class(pair[1], (swept.side, swept.side))[pair[0]].numpy()
    return found


def image_grid(titles: Sequence[Sequence[str]], a_line: int = 6) -> "tuple[Figure, Any]":
    """Figure, and axes for rows of square pictures under their titles, in the order of ``titles``.

    Args: titles, a row a list, as many in each; a_line, pictures beside each other at most: a row with more
    goes on below, in lines as even as can be.
    """
    import matplotlib.pyplot as plt

    count = len(titles[0])
    lines = -(-count // a_line)
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
            axis.set_title(text, fontsize=TEXT, loc="center", pad=3)
    return figure, axes[:, :count]


def wrapped(name: str, width: int = 14) -> str:
    """A name in lines of at most ``width`` letters.

    >>> wrapped("Pleural_Thickening, mild")
    'Pleural\\nThickening,\\nmild'
    """
    return fill(name.replace("_", " "), width)


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
    heat = scaled(raw if cells else enlarged(raw, size))
    axis.imshow(heat, cmap=HEAT, vmin=0, vmax=1, alpha=0.6, extent=extent, interpolation="nearest")
    found = point_hits(torch.from_numpy(raw)[None], [torch.from_numpy(boxes)], size)
    x, y = found.point[0].tolist()
    if x >= 0:
        mark, size_of = ("o", 7) if bool(found.hit[0]) else ("x", 6)
        for colour, edge in (("black", 3.0), (POINT, 1.6)):
            axis.plot(x, y, mark, ms=size_of, mfc="none", mec=colour, mew=edge, zorder=4, clip_on=False)


def enlarged(raw: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A map (h, w) resized bilinearly to (H, W), as point localization resizes it."""
    return resize_maps(torch.from_numpy(raw), size).numpy()


def scaled(values: np.ndarray) -> np.ndarray:
    """Values from the smallest, 0, to the largest of the map, 1; 0 if it is constant.

    >>> scaled(np.array([1.0, 2.0, 5.0])).tolist()
    [0.0, 0.25, 1.0]
    """
    spread = float(np.ptp(values))
    return (values - values.min()) / spread if spread > 0 else np.zeros_like(values)
