"""Figures 1A and 2 to 5 of the PYLON page: heatmaps of test images beside their boxes.

Which images are shown is decided before any training: :func:`examples` takes them in the order of the test part, class
after class (``pylon_measures`` keeps the maps of such images). Maps are of the lowest seed. A heatmap is enlarged
bilinearly as for the evaluation, scaled to its own range, and its hottest pixel is marked: a ring inside a box of
the class, a cross outside of all.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.experiments.pylon_frame import POST_HOC, Swept
from papers_lib.experiments.pylon_heat import Scale, draw_heat, draw_image, image_grid, wrapped
from papers_lib.experiments.pylon_settings import setting_names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Column = str | tuple[str, str]
"""A method, or a method and its training ("one_phase", …) where there are several."""
Pair = tuple[int, int]
"""An image, by its row in the store, and a class."""


class Shown(NamedTuple):
    """The kept maps of one model: method and training, rows (s,) of the images, raw maps (s, K, h, w)."""

    method: str
    training: str
    rows: np.ndarray
    maps: np.ndarray

    def map_of(self, pair: Pair) -> np.ndarray | None:
        """The raw map (h, w) of an image and class; None if it was not kept."""
        at = np.flatnonzero(self.rows == pair[0])
        return self.maps[at[0], pair[1]].astype(np.float32) if len(at) else None


def shown(swept: Swept, column: Column, arms: Sequence[str] | None = None) -> Shown | None:
    """Kept maps of the run of lowest seed (and fold) of a method; None where there is no such run that ended well."""
    method, training = (column, None) if isinstance(column, str) else column
    prefix, trained = (f"{method}.", "cam") if method in POST_HOC else ("", method)
    of_method = [
        record
        for record in swept.records
        if record.status == "ok"
        and record.config.method == trained
        and training in (None, record.config.training())
        and (arms is None or record.config.arm in arms)
    ]
    for record in sorted(of_method, key=lambda record: (record.config.seed, record.config.fold)):
        arrays = record.arrays()
        if f"{prefix}shown_maps" in arrays:
            return Shown(method, record.config.training(), arrays["shown"], arrays[f"{prefix}shown_maps"])
    return None


def examples(swept: Swept, count: int = 6, arms: Sequence[str] | None = None) -> list[Pair]:
    """Images to show: of each class in turn the first kept one that has a box of it and is not shown yet."""
    rows = kept_rows(swept, arms)
    found: list[Pair] = []
    for k in range(len(swept.images.classes)):
        taken = {row for row, _ in found}
        fitting = [
            row for row in rows if row not in taken and bool((swept.images.box_classes[row] == k).any())
        ]
        found += [(fitting[0], k)] if fitting else []
    return found[:count]


def smallest_examples(swept: Swept, count: int = 2, arms: Sequence[str] | None = None) -> list[Pair]:
    """Of the classes with the smallest boxes, by mean area over all boxes of the set, the first kept image each."""
    images = swept.images
    boxes, kinds = np.concatenate(images.boxes), np.concatenate(images.box_classes)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    mean = {k: float(area[kinds == k].mean()) for k in np.unique(kinds).tolist()}
    firsts = {k: (row, k) for row, k in reversed(examples(swept, len(images.classes), arms))}
    return [firsts[k] for k in sorted(mean, key=lambda k: mean[k]) if k in firsts][:count]


def heatmap_figure(
    swept: Swept,
    pixels: np.ndarray,
    columns: Sequence[Column],
    pairs: Sequence[Pair] | None = None,
    *,
    arms: Sequence[str] | None = None,
    cells: bool = False,
    scale: Scale = "range",
    a_line: int = 6,
    side: float = 0.98,
) -> "Figure | None":
    """A row an image: the image with its boxes, then a heatmap a method.

    Args:
        pixels: of the store, uint8 (N, H, W) or (N, H, W, 3).
        columns: methods; those without a run are left out.
        pairs: which images and classes; None for :func:`examples`.
        cells: show the raw cells instead of enlarging bilinearly, and their number above (Figure 1A).
        scale: each map from its smallest to its largest value, or logistic, alike for all.
        a_line: pictures beside each other; a row with more goes on below.
        side: of a picture in inches.

    Returns: the figure; None where no run or no image is there.
    """
    models = [found for column in columns if (found := shown(swept, column, arms)) is not None]
    pairs = examples(swept, arms=arms) if pairs is None else list(pairs)
    if not models or not pairs:
        return None
    names = setting_names([(model.method, model.training) for model in models])
    every = a_line < 1 + len(models)
    titles = [
        [wrapped(swept.images.classes[k]), *("" for _ in models)]
        if line and not every
        else [wrapped(swept.images.classes[k]), *(_title(model, names, cells) for model in models)]
        for line, (_, k) in enumerate(pairs)
    ]
    figure, axes = image_grid(titles, a_line=a_line, side=side)
    for (row, k), (first, *others) in zip(pairs, axes, strict=True):
        boxes = swept.images.of_class(k, pixels.shape[1:3])[row].numpy()
        draw_image(first, pixels[row], boxes)
        for axis, model in zip(others, models, strict=True):
            draw_heat(axis, pixels[row], model.map_of((row, k)), boxes, cells=cells, scale=scale)
    return figure


def examples_figure(
    images: BoxedImages, pixels: np.ndarray, *, a_line: int = 4, side: float = 1.4
) -> "Figure | None":
    """Of each class the first image of the test part (else of all) with a box of it; None where nothing is boxed."""
    part = np.flatnonzero(images.split == "test")
    rows = part if len(part) else np.arange(len(images))
    firsts = [
        (next((int(row) for row in rows if bool((images.box_classes[row] == k).any())), None), k)
        for k in range(len(images.classes))
    ]
    pairs = [(row, k) for row, k in firsts if row is not None]
    if not pairs:
        return None
    figure, axes = image_grid([[wrapped(images.classes[k], 20) for _, k in pairs]], a_line=a_line, side=side)
    for axis, (row, k) in zip(axes[0], pairs, strict=True):
        draw_image(axis, pixels[row], images.of_class(k, pixels.shape[1:3])[row].numpy())
    return figure


def kept_rows(swept: Swept, arms: Sequence[str] | None) -> list[int]:
    """Rows of the images whose maps were kept, in their order; the same for all models of a test part."""
    for record in swept.records:
        if record.status == "ok" and (arms is None or record.config.arm in arms):
            arrays = record.arrays()
            if "shown" in arrays:
                return [int(row) for row in arrays["shown"]]
    return []


def _title(model: Shown, names: Mapping[tuple[str, str], str], cells: bool) -> str:
    name = wrapped(names[model.method, model.training])
    return f"{name}\n{model.maps.shape[-2]} × {model.maps.shape[-1]} cells" if cells else name
