"""What the size of boxes alone decides of point localization: areas, and the ceiling that a map's stride sets.

PYLON's last stage has stride 32, its heatmap stride 4 (Preechakul et al., iScience 25 (2022) 103933, Fig. 1B). The
ceilings are :func:`papers_lib.metrics.localization.stride_ceiling` at several input sizes.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.metrics.localization import stride_ceiling

NODULE_AREA = 0.005  # "on average only 0.5% of the total image area" (Introduction)
SIDES = (128, 256, 512)
STRIDES = (32, 16, 8, 4)


def random_squares(area: float, count: int, generator: torch.Generator) -> Tensor:
    """Square boxes (count, 4), x_min, y_min, x_max, y_max as shares of a square image, anywhere inside it.

    Args: area: share of the image, in (0, 1]. Raises: ValueError for another area or a count below 1.
    """
    if not 0 < area <= 1 or count < 1:
        raise ValueError(f"area {area}, count {count}: expected an area in (0, 1] and at least one box")
    side = math.sqrt(area)
    corner = torch.rand(count, 2, generator=generator, dtype=torch.float64) * (1 - side)
    return torch.cat([corner, corner + side], 1)


def nodule_ceilings(
    generator: torch.Generator,
    *,
    area: float = NODULE_AREA,
    count: int = 1000,
    sides: Sequence[int] = SIDES,
    strides: Sequence[int] = STRIDES,
) -> pd.DataFrame:
    """Ceiling of point localization for boxes of one area, if they are squares at uniformly random places.

    Real nodules are neither all of the mean area nor all square; :func:`class_ceilings` takes real boxes.

    Args: generator: draws the places; area: share of the image; count: boxes, one an image (standard error at most
        .016 for 1000); sides: of the square input in pixels; strides: of the map in pixels.
    Returns: a row a side, a column a stride, in [0, 1]. Raises: ValueError as :func:`random_squares`.
    """
    boxes = random_squares(area, count, generator)
    return _ceilings(lambda side: list(boxes[:, None] * side), sides, strides)


def inner_ceiling(area: float, side: int, stride: int) -> float:
    """The same for one square box whose place is uniform and more than a cell away from the edges, exactly.

    A map of even stride can peak at the two pixels beside the centre of each inner cell: along one axis a box of w
    pixels holds one of them with probability (w + 1) / stride, at most 1. At the edges less can be reached, so
    :func:`nodule_ceilings` is lower. Raises: ValueError for an odd stride or an area beyond (0, 1].

    >>> [round(inner_ceiling(0.005, side, 32), 2) for side in (128, 256, 512)]  # ((√.005 · side + 1) / 32)²
    [0.1, 0.36, 1.0]
    """
    if stride < 2 or stride % 2 or not 0 < area <= 1:
        raise ValueError(f"area {area}, stride {stride}: expected an area in (0, 1] and an even stride")
    return min(1.0, (math.sqrt(area) * side + 1) / stride) ** 2


def class_ceilings(
    images: BoxedImages, name: str, *, sides: Sequence[int] = SIDES, strides: Sequence[int] = STRIDES
) -> pd.DataFrame:
    """The same for the boxes of class ``name`` in ``images``; any of an image's boxes counts.

    Raises: ValueError for an unknown class or one without boxes.
    """
    if name not in images.classes:
        raise ValueError(f"name: found {name!r}, expected one of {', '.join(images.classes)}")
    k = images.classes.index(name)
    return _ceilings(lambda side: images.of_class(k, (side, side)), sides, strides)


def mean_area_shares(images: BoxedImages) -> pd.DataFrame:
    """Mean share of the image that a box covers, a row a class that has boxes: ``boxes``, ``area``.

    Table 1 prints this for the 984 boxes of the NIH release. Each box counts once; boxes that overlap are not joined.
    """
    boxes = np.concatenate([np.zeros((0, 4), np.float32), *images.boxes]).astype(np.float64)
    kinds = np.concatenate([np.zeros(0, np.int64), *images.box_classes])
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    name = pd.Series([images.classes[k] for k in kinds], name="class", dtype=object)
    return pd.Series(area).groupby(name).agg(boxes="size", area="mean")


def _ceilings(
    boxes_at: Callable[[int], list[Tensor]], sides: Sequence[int], strides: Sequence[int]
) -> pd.DataFrame:
    rows = {}
    for side in sides:
        boxes = boxes_at(side)
        rows[side] = {stride: stride_ceiling(boxes, (side, side), stride) for stride in strides}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(index="input, px", columns="stride")
