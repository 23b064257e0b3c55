"""Figures 1A and 2 to 5 of the PYLON page: heatmaps of test images beside their boxes.

Which images: :mod:`pylon.shown`. A heatmap is enlarged bilinearly as for the evaluation, scaled
to its own range, and its hottest pixel is marked: a ring inside a box of the class, a cross outside of all. All
functions take the pixels of the store, uint8 (N, H, W) or (N, H, W, 3); they return None without a run or image.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from papers_lib.datasets.boxed_images import BoxedImages
from pylon.frame import Swept
from pylon.heat import Scale, draw_heat, draw_image, image_grid, wrapped
from pylon.settings import setting_names
from pylon.shown import (
    ARMS,
    Column,
    Pair,
    Shown,
    all_shown,
    example_pairs,
    methods_of,
    smallest_pairs,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RESOLUTIONS = ("cam", "pylon_2up", "pylon")


def heatmap_panels(
    swept: Swept,
    pixels: np.ndarray,
    columns: Sequence[Column] | None = None,
    pairs: Sequence[Pair] | None = None,
    *,
    training: str | None = None,
    count: int = 4,
    arms: Sequence[str] = ARMS,
    cells: bool = False,
    scale: Scale = "range",
    a_line: int = 6,
    side: float | None = None,
) -> "Figure | None":
    """Figures 2, 3 and 5. A row an image: the image with its boxes, then a heatmap a method.

    Args:
        columns: methods; those without a run are left out. None: the paper's, with ``training``.
        pairs: which images and classes; None for the first ``count`` of ``pylon_shown.example_pairs``.
        cells: show the raw cells instead of enlarging bilinearly, and their number above.
        scale: each map from its smallest to its largest value, or logistic, alike for all.
        a_line: pictures beside each other; a row with more goes on below.
        side: of a picture in inches; None for what a page has room for.
    """
    models = all_shown(swept, methods_of(swept, training, arms) if columns is None else columns, arms)
    pairs = example_pairs(swept, count, arms) if pairs is None else list(pairs)
    if not models or not pairs:
        return None
    names = setting_names([(model.method, model.training) for model in models])
    above = [_title(model, names, cells) for model in models]
    once = a_line > len(models)  # a row a line: titles above the first one are enough
    titles = [
        [wrapped(swept.images.classes[k]), *(above if line == 0 or not once else [""] * len(above))]
        for line, (_, k) in enumerate(pairs)
    ]
    figure, axes = image_grid(titles, a_line=a_line, side=side)
    for (row, k), (first, *others) in zip(pairs, axes, strict=True):
        boxes = swept.images.of_class(k, pixels.shape[1:3])[row].numpy()
        draw_image(first, pixels[row], boxes)
        for axis, model in zip(others, models, strict=True):
            draw_heat(axis, pixels[row], model.map_of((row, k)), boxes, cells=cells, scale=scale)
    return figure


def resolution_panels(
    swept: Swept,
    pixels: np.ndarray,
    columns: Sequence[Column] = RESOLUTIONS,
    *,
    count: int = 2,
    arms: Sequence[str] = ARMS,
    side: float | None = None,
) -> "Figure | None":
    """Figure 1A: the cells of maps of several strides, for images of the classes with the smallest boxes."""
    pairs = smallest_pairs(swept, count, arms)
    return heatmap_panels(swept, pixels, columns, pairs, arms=arms, cells=True, side=side)


def phase_panels(
    swept: Swept,
    pixels: np.ndarray,
    method: str = "pylon",
    trainings: Sequence[str] = ("one_phase", "transfer_one_phase", "transfer_two_phase"),
    *,
    count: int = 4,
    side: float | None = None,
) -> "Figure | None":
    """Figure 4: one method without transfer, with it, and with two phases."""
    return heatmap_panels(
        swept, pixels, [(method, training) for training in trainings], count=count, side=side
    )


def example_images(
    images: BoxedImages, pixels: np.ndarray, *, a_line: int = 4, side: float | None = None
) -> "Figure | None":
    """Of each class the first image of the test part (else of all) with a box of it, and all its boxes of the class."""
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


def _title(model: Shown, names: Mapping[tuple[str, str], str], cells: bool) -> str:
    name = wrapped(names[model.method, model.training])
    return f"{name}\n{model.maps.shape[-2]} × {model.maps.shape[-1]} cells" if cells else name
