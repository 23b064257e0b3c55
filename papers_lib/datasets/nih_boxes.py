"""``BBox_List_2017.csv`` of the NIH ChestX-ray14 release: 984 boxes that radiologists drew on 880 images.

The header is ``Image Index,Finding Label,Bbox [x,y,w,h],,,``: the four numbers are columns 3 to 6, the upper left
corner, width and height in pixels of the 1024 x 1024 image, whatever the size of the pictures at hand.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from papers_lib.datasets.nih_files import CLASSES, csv_lines
from papers_lib.datasets.voc_annotations import shown
from papers_lib.errors import UserError

BOXES = "BBox_List_2017.csv"
HEADER = "Image Index,Finding Label,Bbox [x,y,w,h]"
SIDE = 1024  # of the images on which the boxes were drawn
TOLERANCE = 10.0  # pixels by which a hand may overshoot the edge; such a box is clipped
MAX_NUMBER = 1e6
SYNONYMS = {"Infiltrate": "Infiltration"}


class NihBox(NamedTuple):
    """One row: where it stands, the image, index into ``CLASSES``, box (4,) float32 as shares of the sides."""

    where: str
    image: str
    kind: int
    box: np.ndarray


def read_boxes(path: Path) -> list[NihBox]:
    """All boxes of the file, in its order.

    Raises:
        UserError: a missing file, another header, another number of values, an unknown class, a value that is no
            number, a width or height that is not above 0, a box that leaves the image by more than 10 pixels,
            no box at all. The line names file and line.
    """
    lines = csv_lines(path, f"boxes with the header {HEADER}")
    line, header = next(lines, (1, []))
    # However a program split or quoted the names: joined again they are the same.
    if ",".join(header).rstrip(",") != HEADER:
        found = shown(",".join(header)) if header else "nothing"
        raise UserError(f"{path} line {line}: found columns {found}, expected {HEADER}")
    boxes = [_read(f"{path} line {line}", values) for line, values in lines]
    if not boxes:
        raise UserError(f"{path}: found a header and no rows, expected at least one box")
    return boxes


def _read(where: str, values: list[str]) -> NihBox:
    if len(values) != 6:
        raise UserError(f"{where}: found {len(values)} values, expected image, class, x, y, width, height")
    image, label = values[:2]
    name = SYNONYMS.get(label, label)
    if name not in CLASSES:
        raise UserError(f"{where}: found class {shown(label)}, expected one of {', '.join(CLASSES)}")
    x, y, width, height = (
        _number(text, f"{where}: {what}")
        for what, text in zip(("x", "y", "width", "height"), values[2:], strict=True)
    )
    for what, value in (("width", width), ("height", height)):
        if value <= 0:
            raise UserError(f"{where}: found {what} {value:g}, expected above 0 pixels")
    pixels = np.array([x, y, x + width, y + height])
    fitted = np.clip(pixels, 0, SIDE)
    found = f"found x {x:g} to {pixels[2]:g}, y {y:g} to {pixels[3]:g}"
    if np.abs(fitted - pixels).max() > TOLERANCE:
        raise UserError(f"{where}: {found}, expected a box inside the {SIDE} x {SIDE} pixels of the image")
    box = (fitted / SIDE).astype(np.float32)
    if not (box[:2] < box[2:]).all():
        raise UserError(f"{where}: {found}, expected a box with some area inside the image")
    return NihBox(where, image, CLASSES.index(name), box)


def _number(text: str, where: str) -> float:
    try:
        value = float(text) if len(text) <= 50 else np.nan
    except ValueError:
        value = np.nan
    if not abs(value) <= MAX_NUMBER:  # also false for NaN
        raise UserError(f"{where}: found {shown(text)}, expected a number up to {MAX_NUMBER:.0f}")
    return value
