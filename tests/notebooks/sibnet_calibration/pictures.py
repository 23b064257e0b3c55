"""Seven pictures made by hand, with labels, boxes and P(y | x), as the Sibnet page's figures take them."""

from pathlib import Path

import numpy as np

from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.datasets.chexpert_store import ChexpertImages
from papers_lib.sweep.core import DataRef
from papers_lib.sweep.records import Record
from sibnet_calibration.data import Opened
from sibnet_calibration.sweeps import Swept

SIDE = 32
EDEMA, EFFUSION, NODULE = 0, 1, 2
LABELS = [[1, 0, 0], [0, 0, 1], [1, 1, 1], [1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0]]
QUARTER = (0, 0, 0.5, 0.5)
BOXED = [[EDEMA], [EDEMA], [EDEMA, EFFUSION], [EDEMA], [], [EFFUSION], []]
PIXELS = np.random.default_rng(0).integers(0, 256, (7, SIDE, SIDE), dtype=np.uint8)


def opened(boxes: bool = True, truth: bool = True) -> Opened:
    """Row 0 is of the training part, the rest of the test part; no nodule has a box. Boxes: the upper left quarter."""
    count = len(LABELS)
    kinds = BOXED if boxes else [[]] * count
    listed = BoxedImages(
        classes=("Edema", "Pleural Effusion", "Lung_Nodule"),
        names=tuple("abcdefg"),
        paths=tuple(Path(name) for name in "abcdefg"),
        where=("",) * count,
        labels=np.array(LABELS, bool),
        boxes=tuple(np.array([QUARTER] * len(one), np.float32).reshape(-1, 4) for one in kinds),
        box_classes=tuple(np.array(one, np.int64) for one in kinds),
        patients=None,
        split=np.array(["train", *["test"] * (count - 1)]),
    )
    known = np.linspace(0, 1, 3 * count).reshape(count, 3) if truth else np.full((count, 3), np.nan)
    images = ChexpertImages(listed, PIXELS, known, np.array(LABELS, float))
    return Opened(DataRef(Path("."), "", "stand-in"), images, "")


def swept(*records: Record, **kinds: bool) -> Swept:
    return Swept("first", records, opened(**kinds))


def peaked(*cells: tuple[int, int], side: int = 4, classes: int = 3) -> np.ndarray:
    """Raw maps (images, classes, side, side): -1, and 3 at each image's cell, the same for all classes."""
    found = np.full((len(cells), classes, side, side), -1.0)
    for image, (row, column) in enumerate(cells):
        found[image, :, row, column] = 3
    return found
