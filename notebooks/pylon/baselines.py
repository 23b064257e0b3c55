"""What point localization comes to without a model, class by class: chance, priors, and ceilings of strides.

NIH has boxes in its test part alone: there the prior of an image comes from the boxes of all other images.
"""

from collections.abc import Sequence

import pandas as pd
import torch
from torch import Tensor

from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.metrics.localization import chance, class_mean_centre, fixed_point_hits, stride_ceiling
from papers_lib.metrics.overlap import box_mask
from pylon.printed import MACRO, WEIGHTED

STRIDES = (32, 16, 8, 4)
CHANCE, PRIOR, CENTRE, BEST = "chance", "prior", "image centre", "best fixed point"


def baselines(images: BoxedImages, side: int, *, part: str | None = "test") -> pd.DataFrame:
    """Baselines for the boxed images of one part, or of all (None), enlarged to ``side`` pixels.

    A row a class with boxes, then ``MACRO`` and ``WEIGHTED`` (by images). Columns: images (that have a box), and hit
    rates. chance: a random pixel, edges included. prior: the class's mean box centre. best fixed point: the pixel in
    most images' boxes, found on these boxes. ceiling: share of images in which some map of the stride can hit.
    """
    tested = images if part is None else images.part(part)
    trained = images.take([]) if part is None else images.part("train")
    rows = {}
    for k, name in enumerate(tested.classes):
        boxes, given = (
            [box for box in one.of_class(k, (side, side)) if len(box)] for one in (tested, trained)
        )
        if boxes:
            rows[name] = _of_class(boxes, given, side)
    table = pd.DataFrame.from_dict(rows, orient="index")
    weights = table.notna().mul(table["images"], axis=0)
    averages = {MACRO: table.mean(), WEIGHTED: table.mul(weights).sum() / weights.sum()}
    table = pd.concat([table, pd.DataFrame(averages).T.assign(images=table["images"].sum())])
    return table.astype({"images": int}).rename_axis("class")


def _of_class(boxes: Sequence[Tensor], given: Sequence[Tensor], side: int) -> dict[str, float]:
    """Boxes of the tested images, and of the training images that the prior comes from, in pixels."""
    size, count = (side, side), len(boxes)
    unions = torch.stack([box_mask(some, size) for some in boxes])
    return {
        "images": count,
        CHANCE: chance(boxes, size),
        PRIOR: _rate(class_mean_centre(given, size), boxes, side) if given else _left_out(boxes, side),
        CENTRE: _rate(torch.tensor([0.5, 0.5]), boxes, side),
        BEST: int(unions.sum(0).max()) / count,
        **{f"ceiling, stride {stride}": stride_ceiling(boxes, size, stride) for stride in STRIDES},
    }


def _left_out(boxes: Sequence[Tensor], side: int) -> float:
    """Hit rate where each image gets the mean centre of the boxes of all others; every box weighs the same."""
    if len(boxes) < 2:
        return float("nan")
    centres = [((box[:, :2] + box[:, 2:]).double() / 2).sum(0) for box in boxes]
    number, total = sum(map(len, boxes)), torch.stack(centres).sum(0)
    rates = [
        _rate((total - own) / (number - len(box)) / side, [box], side)
        for box, own in zip(boxes, centres, strict=True)
    ]
    return sum(rates) / len(boxes)


def _rate(centre: Tensor, boxes: Sequence[Tensor], side: int) -> float:
    return float(fixed_point_hits(centre, boxes, (side, side)).hit.double().mean())
