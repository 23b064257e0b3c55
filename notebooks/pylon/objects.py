"""Figure 6: images with several objects of one class, of which a maximum needs to find one only.

Of the maps that were kept for figures, so a few images a set. An object counts as found if its box holds a pixel in
the upper half of the map's own range: a threshold that needs no labels. How much of the rest of the image lies in
that half stands beside it, since a map that is hot everywhere finds every object.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import torch

from papers_lib.metrics.localization import point_hits
from papers_lib.metrics.masks import box_mask
from pylon.arms import FAIR
from pylon.frame import Swept
from pylon.heat import draw_heat, draw_image, enlarged, image_grid, scaled, wrapped
from pylon.settings import setting_names
from pylon.shown import ARMS, Column, Pair, all_shown, kept_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HALF = 0.5  # of a map's range


class Found(NamedTuple):
    """Of one image and class: which boxes are found (n,), how many hold the hottest pixel, hot share of the rest."""

    boxes: np.ndarray
    pointed: int
    outside: float


def several_objects(swept: Swept, arms: Sequence[str] = ARMS) -> list[Pair]:
    """Kept images with two or more boxes of a class, in their order, each with the class that has most."""
    pairs = []
    for row in kept_rows(swept, arms):
        count = np.bincount(swept.images.box_classes[row], minlength=len(swept.images.classes))
        if count.max() > 1:
            pairs.append((row, int(count.argmax())))
    return pairs


def found_objects(raw: np.ndarray, boxes: np.ndarray, size: tuple[int, int]) -> Found:
    """Args: raw, map (h, w); boxes (n, 4) in pixels of an image of ``size`` (H, W), n at least 1.

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


def objects_table(swept: Swept, columns: Sequence[Column] = FAIR, arms: Sequence[str] = ARMS) -> pd.DataFrame:
    """A row a method: how many of the objects in the images of :func:`several_objects` its maps find.

    Columns: images, boxes, "held the hottest pixel" and "in the upper half of the range" (shares of the boxes),
    "all found" (share of the images), "upper half elsewhere" (share of the image outside of the boxes, mean).
    """
    models, pairs = all_shown(swept, columns, arms), several_objects(swept, arms)
    names = setting_names([(model.method, model.training) for model in models])
    size = (swept.side, swept.side)
    rows = []
    for model in models:
        found = [
            found_objects(raw, swept.images.of_class(pair[1], size)[pair[0]].numpy(), size)
            for pair in pairs
            if (raw := model.map_of(pair)) is not None
        ]
        if found:
            boxes = sum(len(one.boxes) for one in found)
            rows.append(
                {
                    "method": names[model.method, model.training],
                    "images": len(found),
                    "boxes": boxes,
                    "held the hottest pixel": sum(one.pointed for one in found) / boxes,
                    "in the upper half of the range": sum(int(one.boxes.sum()) for one in found) / boxes,
                    "all found": float(np.mean([one.boxes.all() for one in found])),
                    "upper half elsewhere": float(np.mean([one.outside for one in found])),
                }
            )
    return pd.DataFrame(rows)


def several_panels(
    swept: Swept,
    pixels: np.ndarray,
    columns: Sequence[Column] = FAIR,
    *,
    count: int = 3,
    arms: Sequence[str] = ARMS,
    side: float | None = None,
) -> "Figure | None":
    """The first images of :func:`several_objects`: boxes found are drawn solid, the others dotted.

    Args: pixels, of the store; columns, methods. Returns: None where no run or no such image is there.
    """
    models, pairs = all_shown(swept, columns, arms), several_objects(swept, arms)[:count]
    if not models or not pairs:
        return None
    names = setting_names([(model.method, model.training) for model in models])
    first = [wrapped(names[model.method, model.training]) for model in models]
    titles = [
        [wrapped(swept.images.classes[k], 18), *(first if line == 0 else [""] * len(first))]
        for line, (_, k) in enumerate(pairs)
    ]
    figure, axes = image_grid(titles, a_line=1 + len(models), side=side)
    size = pixels.shape[1:3]
    for (row, k), (plain, *others) in zip(pairs, axes, strict=True):
        boxes = swept.images.of_class(k, size)[row].numpy()
        draw_image(plain, pixels[row], boxes)
        for axis, model in zip(others, models, strict=True):
            raw = model.map_of((row, k))
            found: Sequence[bool] = [] if raw is None else found_objects(raw, boxes, size).boxes.tolist()
            draw_heat(axis, pixels[row], raw, boxes, lines=["-" if one else ":" for one in found])
    return figure
