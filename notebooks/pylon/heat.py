"""Heatmaps drawn over images: boxes white, the hottest pixel a ring inside a box of the class, a cross outside of all.

Heat is drawn in one perceptually uniform colour map, over a grey picture, so that its hues are the heat's alone.
"""

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from papers_lib.companion.palette import HEAT
from papers_lib.metrics.localization import point_hits
from papers_lib.metrics.masks import resize_maps

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Scale = Literal["range", "probability"]
POINT = "#56B4E9"  # sky blue, which the heat has not
TEXT = 8.5  # points


def image_grid(
    titles: Sequence[Sequence[str]], *, a_line: int = 6, side: float | None = None
) -> "tuple[Figure, list[list[Axes]]]":
    """Axes for rows of square pictures under their titles; "" takes no room where its whole line has none.

    Args: titles, a row a list, as many in each; a_line, pictures beside each other at most: a row with more
    goes on below, in lines as even as can be; side, of a picture in inches, None for a page's width but 1.4 at most.
    Returns: figure, and axes in the order of ``titles``.
    """
    import matplotlib.pyplot as plt

    width = -(-len(titles[0]) // -(-len(titles[0]) // a_line))
    side = min(1.4, 6.2 / width - 0.05) if side is None else side
    lines = [row[start : start + width] for row in titles for start in range(0, len(row), width)]
    room = [0.07 + 0.145 * max(text.count("\n") + bool(text) for text in line) for line in lines]
    heights = [side + above for above in room]
    figure = plt.figure(figsize=(width * (side + 0.05), sum(heights) + 0.03))
    axes, top = [], sum(heights)
    for line, height in zip(lines, heights, strict=True):
        top -= height
        for place, text in enumerate(line):
            where = (place * (side + 0.05), top + 0.03, side, side)
            wide, high = figure.get_size_inches()
            x, y, w, h = where
            axis = figure.add_axes((x / wide, y / high, w / wide, h / high))
            axis.set_axis_off()
            if text:
                axis.set_title(text, fontsize=TEXT, loc="center", pad=3)
            axes.append(axis)
    count = len(titles[0])
    return figure, [axes[start : start + count] for start in range(0, len(axes), count)]


def wrapped(name: str, width: int = 14) -> str:
    """A name in lines of at most ``width`` letters.

    >>> wrapped("Pleural_Thickening, mild")
    'Pleural\\nThickening,\\nmild'
    """
    return fill(name.replace("_", " "), width)


def draw_image(
    axis: "Axes", image: np.ndarray, boxes: np.ndarray, lines: Sequence[str] | None = None
) -> None:
    """An image and boxes (n, 4), in its pixels, white with a dark edge; ``lines``, the line style of each."""
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import Normal, Stroke

    axis.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axis.autoscale(False)  # a box at the edge would make room for itself
    for (x_min, y_min, x_max, y_max), line in zip(boxes, lines or ["-"] * len(boxes), strict=True):
        frame = Rectangle(
            (x_min, y_min), x_max - x_min, y_max - y_min, fill=False, ec="white", lw=1.1, ls=line
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
    scale: Scale = "range",
    lines: Sequence[str] | None = None,
    opacity: float = 0.6,
) -> None:
    """The heatmap over the image, the boxes, and the hottest pixel; the image alone where there is no map."""
    if raw is None:
        draw_image(axis, image, boxes)
        return
    grey = image if image.ndim == 2 else image @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    draw_image(axis, grey, boxes, lines)
    size = image.shape[:2]
    extent = (-0.5, size[1] - 0.5, size[0] - 0.5, -0.5)
    heat = scaled(raw if cells else enlarged(raw, size), scale)
    axis.imshow(heat, cmap=HEAT, vmin=0, vmax=1, alpha=opacity, extent=extent, interpolation="nearest")
    found = point_hits(torch.from_numpy(raw)[None], [torch.from_numpy(boxes)], size)
    x, y = found.point[0].tolist()
    if x >= 0:
        mark, size_of = ("o", 7) if bool(found.hit[0]) else ("x", 6)
        for colour, edge in (("black", 3.0), (POINT, 1.6)):
            axis.plot(x, y, mark, ms=size_of, mfc="none", mec=colour, mew=edge, zorder=4, clip_on=False)


def enlarged(raw: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A map (h, w) resized bilinearly to (H, W), as point localization resizes it."""
    return resize_maps(torch.from_numpy(raw), size).numpy()


def scaled(values: np.ndarray, scale: Scale = "range") -> np.ndarray:
    """Values in [0, 1]: from the smallest to the largest of the map (0 if it is constant), or logistic.

    >>> scaled(np.array([1.0, 2.0, 5.0])).tolist()
    [0.0, 0.25, 1.0]
    """
    if scale == "probability":
        return 1 / (1 + np.exp(-np.clip(values, -60, 60)))
    spread = float(np.ptp(values))
    return (values - values.min()) / spread if spread > 0 else np.zeros_like(values)
