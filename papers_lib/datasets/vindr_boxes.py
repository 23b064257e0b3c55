"""``train.csv`` of VinDr-CXR in its Kaggle form: what each of three readers found in each image, and where.

A row is a reader's box of one finding, in pixels of the original image; "No finding" rows have empty boxes.
Readers are not reconciled: an image has up to three boxes of one finding, and readers may contradict each other.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from papers_lib.datasets.tabular import Row, read_rows
from papers_lib.datasets.voc_annotations import shown
from papers_lib.errors import UserError

CLASSES = (
    "Aortic enlargement",
    "Atelectasis",
    "Calcification",
    "Cardiomegaly",
    "Consolidation",
    "ILD",
    "Infiltration",
    "Lung Opacity",
    "Nodule/Mass",
    "Other lesion",
    "Pleural effusion",
    "Pleural thickening",
    "Pneumothorax",
    "Pulmonary fibrosis",
)
"""In the order of ``class_id``, 0 to 13."""

NO_FINDING = "No finding"  # class_id 14
TABLE = "train.csv"
CORNERS = ("x_min", "y_min", "x_max", "y_max")
COLUMNS = ("image_id", "class_name", "class_id", "rad_id", *CORNERS)
TOLERANCE = 10.0  # pixels by which a hand may overshoot the edge; such a box is clipped
MAX_NUMBER = 1e6


class Finding(NamedTuple):
    """One row: where it stands, who read the image, index into ``CLASSES``, and the box in pixels.

    ``kind`` and ``corners`` are None for "No finding"; ``corners`` are x_min, y_min, x_max, y_max.
    """

    where: str
    reader: str
    kind: int | None
    corners: tuple[float, ...] | None


def read_findings(path: str | Path) -> dict[str, list[Finding]]:
    """The rows of each image, images and rows in the order of the table.

    Raises:
        UserError: a missing file or column; an image without a plain name, a row without reader; an unknown class, or
            a class_id that is not its number; a box for "No finding", or none for a finding; a coordinate that is
            no number; x_max not above x_min, or y_max not above y_min. The line names file and line.
    """
    found: dict[str, list[Finding]] = {}
    for row in read_rows(path, COLUMNS):
        found.setdefault(image_name(row), []).append(_finding(row))
    return found


def image_name(row: Row) -> str:
    """The row's ``image_id``, which must be a file name without folders.

    Raises:
        UserError: it is not.
    """
    name = row["image_id"]
    plain = name.isprintable() and not set(name) & set("/\\") and len(name.encode()) <= 200
    if not name or not plain:
        raise UserError(f"{row.where}: image_id: found {shown(name)}, expected a file name without folders")
    return name


def _finding(row: Row) -> Finding:
    name, reader = row["class_name"], row["rad_id"]
    if name not in (*CLASSES, NO_FINDING):
        known = ", ".join((*CLASSES, NO_FINDING))
        raise UserError(f"{row.where}: class_name: found {shown(name)}, expected one of {known}")
    number = (*CLASSES, NO_FINDING).index(name)
    if row["class_id"] != str(number):
        raise UserError(
            f"{row.where}: class_id: found {shown(row['class_id'])}, expected {number} for {name}"
        )
    if not reader:
        raise UserError(f"{row.where}: rad_id: found '', expected the reader's name")
    given = [key for key in CORNERS if row[key]]
    if name == NO_FINDING:
        if given:
            found = f"{given[0]}: found {shown(row[given[0]])}"
            raise UserError(f"{row.where}: {found}, expected it empty for {NO_FINDING}")
        return Finding(row.where, reader, None, None)
    if len(given) < len(CORNERS):
        absent = next(key for key in CORNERS if not row[key])
        raise UserError(f"{row.where}: {absent}: found '', expected a box for {name}")
    corners = tuple(_number(row, key) for key in CORNERS)
    for low, high, axis in ((corners[0], corners[2], "x"), (corners[1], corners[3], "y")):
        if low >= high:
            raise UserError(
                f"{row.where}: found {axis}_min {low:g} and {axis}_max {high:g}, expected {axis}_max to be greater"
            )
    return Finding(row.where, reader, number, corners)


def _number(row: Row, key: str) -> float:
    text = row[key]
    try:
        value = float(text) if len(text) <= 50 else np.nan
    except ValueError:
        value = np.nan
    if not abs(value) <= MAX_NUMBER:  # also false for NaN
        raise UserError(f"{row.where}: {key}: found {shown(text)}, expected a number up to {MAX_NUMBER:.0f}")
    return value


def box_shares(finding: Finding, size: tuple[int, int]) -> np.ndarray:
    """The finding's box as shares of the sides of its original image of ``size`` (H, W), float32 (4,).

    Corners are taken as edges of the image's pixel grid, so that its right edge is x = W. A box that leaves the image
    by at most 10 pixels is clipped.

    Raises:
        UserError: the box leaves the image farther, or has no area in it.
        ValueError: "No finding" has no box.

    >>> box_shares(Finding("train.csv line 2", "R1", 0, (25.0, 0.0, 50.0, 80.0)), (80, 100)).tolist()
    [0.25, 0.0, 0.5, 1.0]
    """
    if finding.corners is None:
        raise ValueError("finding: found no corners, expected a box")
    limits = np.array([size[1], size[0], size[1], size[0]], dtype=np.float64)
    pixels = np.array(finding.corners)
    fitted = np.clip(pixels, 0, limits)
    box = (fitted / limits).astype(np.float32)
    if np.abs(fitted - pixels).max() > TOLERANCE or not (box[:2] < box[2:]).all():
        x_min, y_min, x_max, y_max = finding.corners
        raise UserError(
            f"{finding.where}: found box x {x_min:g} to {x_max:g}, y {y_min:g} to {y_max:g}, "
            f"expected it inside the image's width {size[1]} and height {size[0]}"
        )
    return box
