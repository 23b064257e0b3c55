"""Synthetic chest radiographs as the files of NIH ChestX-ray14: pictures, tables and lists.

Format: the release's ``Data_Entry_2017.csv``, ``BBox_List_2017.csv``, ``train_val_list.txt`` and ``test_list.txt``
(Wang et al., "ChestX-ray8", CVPR 2017). The headers are the release's: commas within ``OriginalImage[Width,Height]``
and ``Bbox [x,y,w,h]`` are not quoted, so each makes a column of its own.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from data_gen.chest_layout import Box

IMAGES, ENTRIES, BOXES = "images", "Data_Entry_2017.csv", "BBox_List_2017.csv"
LISTS = {"train_val": "train_val_list.txt", "test": "test_list.txt"}
ORIGINAL = 1024  # pixels of the release's pictures; boxes are in these, whatever the stored size
NO_FINDING = "No Finding"
BOX_NAMES = {"Infiltration": "Infiltrate"}  # as the release's table of boxes spells it
ENTRY_HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
)
BOX_HEADER = "Image Index,Finding Label,Bbox [x,y,w,h],,,"


@dataclass(frozen=True)
class Entry:
    """One picture's row of the tables; boxes are in pixels of the release's 1024 x 1024."""

    name: str
    labels: tuple[str, ...]
    visit: int
    patient: int
    age: int
    female: bool
    view: str
    boxes: tuple[tuple[str, Box], ...]


def image_name(patient: int, visit: int) -> str:
    """File name of a picture.

    >>> image_name(13, 2)
    '00000013_002.png'
    """
    return f"{patient:08d}_{visit:03d}.png"


def scaled(box: Box, side: int) -> Box:
    """A box of a picture of ``side`` pixels in pixels of the release's.

    >>> scaled((1.0, 2.0, 3.0, 4.0), 256)
    (4.0, 8.0, 12.0, 16.0)
    """
    factor = ORIGINAL / side
    return box[0] * factor, box[1] * factor, box[2] * factor, box[3] * factor


def save_picture(path: Path, image: np.ndarray) -> None:
    """Save an 8-bit grey PNG."""
    Image.fromarray(image).save(path, compress_level=1)


def write_tables(folder: Path, entries: Mapping[str, Sequence[Entry]]) -> None:
    """Write both tables and both lists of ``entries`` (by the names of ``LISTS``) into ``folder``."""
    rows = [entry for split in LISTS for entry in entries[split]]
    _write_rows(folder / ENTRIES, ENTRY_HEADER, (_entry_row(one) for one in rows))
    boxes = ((one.name, kind, box) for one in rows for kind, box in one.boxes)
    _write_rows(folder / BOXES, BOX_HEADER, (_box_row(*one) for one in boxes))
    for split, name in LISTS.items():
        (folder / name).write_text("".join(f"{one.name}\n" for one in entries[split]), encoding="utf-8")


def _entry_row(entry: Entry) -> list[str | int]:
    labels = "|".join(entry.labels) or NO_FINDING
    gender = "F" if entry.female else "M"
    about: list[str | int] = [entry.name, labels, entry.visit, entry.patient, entry.age, gender, entry.view]
    return [*about, 2048, 2048, "0.171", "0.171", ""]


def _box_row(name: str, kind: str, box: Box) -> list[str]:
    numbers = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
    return [name, BOX_NAMES.get(kind, kind), *(f"{value:.3f}" for value in numbers), "", "", ""]


def _write_rows(path: Path, header: str, rows: Iterable[Sequence[str | int]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        file.write(f"{header}\n")
        csv.writer(file, lineterminator="\n").writerows(rows)
