"""Figures 1A and 2 to 5 of the PYLON page: heatmaps of test images beside their boxes.

Which images are shown is decided before any training: :func:`examples` takes them in the order of the test part, class
after class (``pylon_measures`` keeps the maps of such images). Maps are of the lowest seed. A heatmap is enlarged
bilinearly as for the evaluation, scaled to its own range, and its hottest pixel is marked: a ring inside a box of
the class, a cross outside of all.
"""

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import torch

from papers_lib.companion.plots import HEAT
from papers_lib.experiments.pylon_frame import POST_HOC, Swept
from papers_lib.experiments.pylon_tables import setting_names
from papers_lib.metrics.localization import point_hits
from papers_lib.metrics.masks import resize_maps

if TYPE_CHECKING:
    from matplotlib.axes import Axes
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
    rows = _kept(swept, arms)
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
    scale: Literal["range", "probability"] = "range",
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
    figure, axes = _grid(len(pairs), 1 + len(models), a_line, side)
    names = setting_names([(model.method, model.training) for model in models])
    for line, (row, k) in enumerate(pairs):
        boxes = swept.images.of_class(k, pixels.shape[1:3])[row].numpy()
        draw_image(axes[line][0], pixels[row], boxes)
        axes[line][0].set_title(_wrapped(swept.images.classes[k]), fontsize=8.5, loc="center")
        for axis, model in zip(axes[line][1:], models, strict=True):
            raw = model.map_of((row, k))
            draw_heat(axis, pixels[row], raw, boxes, cells=cells, scale=scale)
            title = _wrapped(names[model.method, model.training])
            if cells and raw is not None:
                title = f"{title}\n{raw.shape[0]} × {raw.shape[1]} cells"
            if line == 0 or a_line < 1 + len(models):
                axis.set_title(title, fontsize=8.5, loc="center")
    return figure


def draw_image(axis: "Axes", image: np.ndarray, boxes: np.ndarray, **style: object) -> None:
    """An image and boxes (n, 4), in its pixels, white with a dark edge."""
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import Normal, Stroke

    axis.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    for x_min, y_min, x_max, y_max in boxes:
        frame = Rectangle(
            (x_min, y_min), x_max - x_min, y_max - y_min, fill=False, ec="white", lw=1.1, **style
        )
        frame.set_path_effects([Stroke(linewidth=2.2, foreground="black"), Normal()])
        axis.add_patch(frame)


def draw_heat(
    axis: "Axes",
    image: np.ndarray,
    raw: np.ndarray | None,
    boxes: np.ndarray,
    *,
    cells: bool = False,
    scale: Literal["range", "probability"] = "range",
    opacity: float = 0.6,
) -> None:
    """The heatmap over the image, the boxes, and the hottest pixel; the image alone where there is no map."""
    draw_image(axis, image, boxes)
    if raw is None:
        return
    size = image.shape[:2]
    extent = (-0.5, size[1] - 0.5, size[0] - 0.5, -0.5)
    heat = scaled(raw if cells else enlarged(raw, size), scale)
    axis.imshow(heat, cmap=HEAT, vmin=0, vmax=1, alpha=opacity, extent=extent, interpolation="nearest")
    found = point_hits(torch.from_numpy(raw)[None], [torch.from_numpy(boxes)], size)
    x, y = found.point[0].tolist()
    if x >= 0:
        hit = bool(found.hit[0])
        axis.plot(x, y, "o" if hit else "x", ms=7 if hit else 6, mfc="none", mec="black", mew=3, zorder=4)
        axis.plot(x, y, "o" if hit else "x", ms=7 if hit else 6, mfc="none", mec="#56B4E9", mew=1.6, zorder=5)


def enlarged(raw: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A map (h, w) resized bilinearly to (H, W), as point localization resizes it."""
    return resize_maps(torch.from_numpy(raw), size).numpy()


def scaled(values: np.ndarray, scale: Literal["range", "probability"] = "range") -> np.ndarray:
    """Values in [0, 1]: from the smallest to the largest of the map (0 if it is constant), or logistic.

    >>> scaled(np.array([1.0, 2.0, 5.0])).tolist()
    [0.0, 0.25, 1.0]
    """
    if scale == "probability":
        return 1 / (1 + np.exp(-np.clip(values, -60, 60)))
    spread = float(np.ptp(values))
    return (values - values.min()) / spread if spread > 0 else np.zeros_like(values)


def _kept(swept: Swept, arms: Sequence[str] | None) -> list[int]:
    """Rows of the images whose maps were kept, in their order; the same for all models of a test part."""
    for record in swept.records:
        if record.status == "ok" and (arms is None or record.config.arm in arms):
            arrays = record.arrays()
            if "shown" in arrays:
                return [int(row) for row in arrays["shown"]]
    return []


def _grid(rows: int, pictures: int, a_line: int, side: float) -> "tuple[Figure, list[list[Axes]]]":
    """Axes of each row in one list, however many lines it takes."""
    import matplotlib.pyplot as plt

    width = min(a_line, pictures)
    lines = -(-pictures // width)
    height = rows * lines * (side + 0.08) + 0.32 * (rows * lines if lines > 1 else 1) + (rows - 1) * 0.12
    figure, axes = plt.subplots(
        rows * lines, width, figsize=(width * (side + 0.04), height), squeeze=False, layout="constrained"
    )
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.0, hspace=0.01)  # type: ignore[union-attr, call-arg]
    for axis in axes.flat:
        axis.set_axis_off()
    return figure, [list(axes[row * lines : (row + 1) * lines].flat)[:pictures] for row in range(rows)]


def _wrapped(name: str) -> str:
    return fill(name.replace("_", " "), 14)
