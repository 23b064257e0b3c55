"""Readers of the synthetic VinDr-CXR: three a picture, each draws boxes by hand and now and then misses a finding.

Names and numbers of the classes are those of Kaggle's ``train.csv``. Nine of the fourteen are drawn; each has a kind
(or two) of ``data_gen.chest_findings`` behind it, and a factor on its area, since boxes of VinDr-CXR have other sizes
than NIH's.
"""

from dataclasses import dataclass

import numpy as np

from data_gen.chest_findings import Finding
from data_gen.chest_layout import Box
from data_gen.chest_patients import raised


@dataclass(frozen=True)
class VindrClass:
    """A class: number in ``class_id``, what is drawn for it and how often, share of images, area of its boxes.

    Attributes:
        number: ``class_id``.
        kinds: what may be drawn, with the chance of each.
        size: factor on the areas of ``data_gen.chest_findings``.
        prevalence: share of the 15,000 training images, about.
        area: mean area of a box as a share of the image (paper, Table 3).
    """

    number: int
    kinds: tuple[tuple[str, float], ...]
    size: float
    prevalence: float
    area: float


CLASSES = {
    "Aortic enlargement": VindrClass(0, (("Aortic enlargement", 1.0),), 1.0, 0.204, 0.02),
    "Atelectasis": VindrClass(1, (("Atelectasis", 1.0),), 4.2, 0.012, 0.07),
    "Calcification": VindrClass(2, (("Calcification", 1.0),), 1.0, 0.030, 0.02),
    "Cardiomegaly": VindrClass(3, (("Cardiomegaly", 1.0),), 1.0, 0.153, 0.07),
    "Consolidation": VindrClass(4, (("Pneumonia", 1.0),), 0.55, 0.024, 0.05),
    "Infiltration": VindrClass(6, (("Infiltration", 1.0),), 0.46, 0.041, 0.06),
    "Nodule/Mass": VindrClass(8, (("Nodule", 0.6), ("Mass", 0.4)), 1.0, 0.055, 0.02),
    "Pleural effusion": VindrClass(10, (("Effusion", 1.0),), 0.7, 0.069, 0.05),
    "Pneumothorax": VindrClass(12, (("Pneumothorax", 1.0),), 3.2, 0.006, 0.10),
}
ANY = 0.293  # share of VinDr-CXR's training images with a finding, about
NO_FINDING, NO_FINDING_NUMBER = "No finding", 14
READERS = tuple(f"R{number}" for number in range(1, 18))
A_PICTURE = 3
MISSED = (0.25, 0.05)  # chance that a reader misses a finding, from the least to the greatest severity
HAND = 0.06  # deviation of a box's edges, as a share of its width or height
OF_THE_HEART = (
    0.55  # VinDr-CXR's readers box the heart's lower, widest part: where it begins, down from its top
)


def chances(odds: float) -> tuple[float, dict[str, float]]:
    """Share of pictures with findings, and the share of each class among them, the odds of all raised by ``odds``.

    Findings come together: the share with any is that of VinDr-CXR raised likewise, or as much as the commonest
    class needs. Within such pictures classes are independent, so a few of them show nothing after all.
    """
    shares = {name: raised(one.prevalence, odds) for name, one in CLASSES.items()}
    any_finding = min(1.0, max(raised(ANY, odds), 1.1 * max(shares.values())))
    return any_finding, {name: share / any_finding for name, share in shares.items()}


@dataclass(frozen=True)
class Reading:
    """One row of ``train.csv``: reader, class, box in whole pixels of the original; no box for "No finding"."""

    reader: str
    name: str
    box: tuple[int, int, int, int] | None

    @property
    def number(self) -> int:
        """``class_id``."""
        return NO_FINDING_NUMBER if self.name == NO_FINDING else CLASSES[self.name].number


def shown_part(name: str, box: Box) -> Box:
    """The part of a drawn box that the readers mean to box: all of it, but for Cardiomegaly.

    >>> shown_part("Cardiomegaly", (10.0, 100.0, 90.0, 200.0))
    (10.0, 155.0, 90.0, 200.0)
    """
    if name != "Cardiomegaly":
        return box
    return box[0], box[1] + OF_THE_HEART * (box[3] - box[1]), box[2], box[3]


def read(
    generator: np.random.Generator,
    drawn: list[tuple[str, Finding, Box]],
    side: int,
    height: int,
    width: int,
) -> list[Reading]:
    """Let three readers read a picture.

    Args:
        generator: source of the draws.
        drawn: class, finding and box (in pixels of the picture) of what is there.
        side: of the picture in pixels.
        height, width: of the original that the picture stands for.

    Returns: the rows, reader by reader; a reader who sees nothing gives one row "No finding".
    """
    rows = []
    scale = np.array((width, height, width, height)) / side
    for reader in generator.choice(len(READERS), A_PICTURE, replace=False):
        own = []
        for name, finding, box in drawn:
            missed = generator.random() < finding.between(*MISSED)
            moved = generator.normal(0, HAND, 4)
            if missed:
                continue
            part = np.array(shown_part(name, box))
            extent = np.tile(part[2:] - part[:2], 2)
            corners = np.clip((part + moved.clip(-0.2, 0.2) * extent) * scale, 0, scale * side)
            x_min, y_min, x_max, y_max = np.rint(corners).astype(int).tolist()
            if x_min < x_max and y_min < y_max:
                own.append(Reading(READERS[reader], name, (x_min, y_min, x_max, y_max)))
        rows += own or [Reading(READERS[reader], NO_FINDING, None)]
    return rows
