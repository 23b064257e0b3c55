"""Synthetic chest radiographs as the files of CheXpert-v1.0-small: pictures and tables, and the truth besides.

Format: the release's ``train.csv`` and ``valid.csv`` (Irvin et al., "CheXpert", AAAI 2019), whose ``Path`` begins with
the name of the release, whatever the folder is called.
"""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from data_gen.chest_layout import Box
from data_gen.chexpert_labels import LABELS

RELEASE = "CheXpert-v1.0-small"
TABLES = {"train": "train.csv", "valid": "valid.csv"}
BOXES, TRUTH = "boxes.csv", "truth.csv"
COLUMNS = (
    *("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA"),
    *("No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema"),
    *("Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion", "Pleural Other"),
    *("Fracture", "Support Devices"),
)
"""Of both tables, in the order of the release."""
BOX_COLUMNS = ("Path", "Label", "x_min", "y_min", "x_max", "y_max")
TRUTH_COLUMNS = ("Path", *(f"P({name})" for name in LABELS), *LABELS)
FIRST_VALID = 64541
"""Number of the first patient of valid.csv in the release; those before are train.csv's."""
QUALITY = 90  # of the JPEG files


@dataclass(frozen=True)
class Entry:
    """One picture's rows of the tables.

    Attributes: path, as ``Path`` has it; female, age, view (AP or PA); probability and truth of the five labels;
    written, the labels as its table has them (1, 0, -1, NaN for a blank); boxes with their labels, as shares.
    """

    path: str
    female: bool
    age: int
    view: str
    probability: tuple[float, ...]
    truth: tuple[bool, ...]
    written: tuple[float, ...]
    boxes: tuple[tuple[str, Box], ...]


def path_of(split: str, patient: int, study: int) -> str:
    """``Path`` of the frontal picture of a study; patients and studies count from 1.

    >>> path_of("train", 1, 2)
    'CheXpert-v1.0-small/train/patient00001/study2/view1_frontal.jpg'
    """
    return f"{RELEASE}/{split}/patient{patient:05d}/study{study}/view1_frontal.jpg"


def save_picture(root: Path, path: str, image: np.ndarray) -> None:
    """Save an 8-bit grey JPEG where ``path`` belongs below ``root``."""
    file = root.joinpath(*path.split("/")[1:])
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(file, quality=QUALITY)


def write_tables(folder: Path, entries: Mapping[str, Sequence[Entry]]) -> None:
    """Write all tables of ``entries`` (by the names of ``TABLES``) into ``folder``."""
    for split, name in TABLES.items():
        sick = "" if split == "train" else "0.0"  # "No Finding" of such a picture: train.csv has no 0
        _write_rows(folder / name, COLUMNS, (_row(entry, sick) for entry in entries[split]))
    rows = [entry for split in TABLES for entry in entries[split]]
    boxes = (
        (one.path, label, *(f"{value:.6f}" for value in box)) for one in rows for label, box in one.boxes
    )
    _write_rows(folder / BOXES, BOX_COLUMNS, boxes)
    truth = ((one.path, *map(repr, one.probability), *(f"{float(y)}" for y in one.truth)) for one in rows)
    _write_rows(folder / TRUTH, TRUTH_COLUMNS, truth)


def _row(entry: Entry, sick: str) -> list[str]:
    values = dict.fromkeys(COLUMNS, "")
    values |= {
        "Path": entry.path,
        "Sex": "Female" if entry.female else "Male",
        "Age": str(entry.age),
        "Frontal/Lateral": "Frontal",
        "AP/PA": entry.view,
    }
    for label, value in zip(LABELS, entry.written, strict=True):
        values[label] = "" if math.isnan(value) else f"{value:.1f}"
    values["No Finding"] = sick if any(abs(value) == 1 for value in entry.written) else "1.0"
    return list(values.values())


def _write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
