"""Synthetic chest radiographs in the layout of NIH ChestX-ray14, for the paper on PYLON.

Frozen before the first localization run: no model was trained or probed to choose its constants; contrasts were chosen
by eye so that each finding can be recognised at 160 pixels. A change of any constant is a new data set.

A picture shows the chest of a patient (``data_gen.chest_anatomy``), with any of the eight findings that have boxes in
the release (``data_gen.chest_findings``), objects that are no finding (``data_gen.chest_devices``), and an exposure
of its own. Attenuations add up and go through one curve to grey levels, so that ribs, vessels and findings lie over
each other as on film. Patients have 1 to 10 pictures, with the same chest; findings stay a while and move a little.

The layout is that of `papers_lib.datasets.nih_cxr14`. The headers are the release's: commas within
``OriginalImage[Width,Height]`` and ``Bbox [x,y,w,h]`` are not quoted, so each makes a column of its own. Boxes are in
pixels of 1024 x 1024 whatever ``side``; only pictures of test_list.txt have some, as in the release.

What differs from the release, besides the pictures being drawn: eight labels, so "No Finding" means none of the eight;
odds of all findings raised by the factor ``odds``, since a small set would hold too few; a box for every finding of a
boxed picture, one for each, tight around what is drawn (the release's are drawn by hand, about one a picture).
A collapsed part of a lung does not pull its surroundings along: what a finding changes lies within its box.

A picture depends on (seed, split, patient, follow-up) alone; a split of 100 is the beginning of the same one of 1000.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_gen.chest_anatomy import Box
from data_gen.chest_findings import NIH, PREVALENCE
from data_gen.chest_paint import paint
from data_gen.chest_patients import Patient, Visit, draw_patient, draw_visit, patient_and_visit, raised
from data_gen.generator import (
    command,
    generator_of,
    save_png,
    write_description,
    write_parts,
    write_table,
)
from papers_lib.datasets.row_file import new_folder
from papers_lib.datasets.tabular import check_choice, check_range, check_whole
from papers_lib.errors import UserError

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


def scaled(box: Box, side: int) -> Box:
    """A box of a picture of ``side`` pixels in pixels of the release's."""
    factor = ORIGINAL / side
    return box[0] * factor, box[1] * factor, box[2] * factor, box[3] * factor


def write_tables(folder: Path, entries: Mapping[str, Sequence[Entry]]) -> None:
    """Write both tables and both lists of ``entries`` (by the names of ``LISTS``) into ``folder``."""
    rows = [entry for split in LISTS for entry in entries[split]]
    write_table(folder / ENTRIES, ENTRY_HEADER, (_entry_row(one) for one in rows))
    boxes = ((one.name, kind, box) for one in rows for kind, box in one.boxes)
    write_table(folder / BOXES, BOX_HEADER, (_box_row(*one) for one in boxes))
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


SPLITS = tuple(LISTS)


@dataclass(frozen=True)
class ChestSpec:
    """What to generate: numbers of pictures, their side in pixels, and how they are drawn."""

    train_val: int = 1600
    test: int = 400
    seed: int = 0
    side: int = 256
    odds: float = 3.0  # factor on the odds of each finding in NIH's images
    signal: float = 1.0  # factor on what findings add to the attenuation; 1 but for a test
    boxed: float = 1.0  # share of the test pictures with findings that have boxes

    def __post_init__(self) -> None:
        for name, least in (("train_val", 0), ("test", 0), ("seed", 0), ("side", 64)):
            check_whole(name, getattr(self, name), least)
        for name in ("odds", "signal"):
            check_range(name, getattr(self, name), 1e-9, 1000)
        check_range("boxed", self.boxed, 0, 1)
        if not self.train_val + self.test:
            raise UserError("train_val, test: both are 0, expected at least one picture")

    @property
    def prevalence(self) -> tuple[float, ...]:
        """Share of pictures that show each of the eight findings, in the order of their names."""
        return tuple(raised(PREVALENCE[kind], self.odds) for kind in NIH)


def draw(spec: ChestSpec, split: str, index: int) -> tuple[np.ndarray, Entry]:
    """Draw picture ``index`` of ``split`` (train_val or test) in memory, with its row of the tables."""
    number, follow_up = patient_of(spec, split, index)
    patient, visit = describe(spec, split, number, follow_up)
    image, boxes = paint(visit.radiograph, spec.side, spec.signal)
    identity = 2 * number + SPLITS.index(split) + 1
    boxed = split == "test" and _generator(spec, split, number, 1 + follow_up, 1).random() < spec.boxed
    entry = Entry(
        name=f"{identity:08d}_{follow_up:03d}.png",
        labels=tuple(kind for kind, _ in boxes),
        visit=follow_up,
        patient=identity,
        age=visit.age,
        female=patient.female,
        view=visit.view,
        boxes=tuple((kind, scaled(box, spec.side)) for kind, box in boxes) if boxed else (),
    )
    return image, entry


def patient_of(spec: ChestSpec, split: str, index: int) -> tuple[int, int]:
    """Number of the patient of picture ``index`` of ``split``, and of the visit, both from 0."""
    check_choice("split", split, SPLITS)
    return patient_and_visit(spec.seed, SPLITS.index(split), getattr(spec, split), index)


def describe(spec: ChestSpec, split: str, number: int, follow_up: int) -> tuple[Patient, Visit]:
    """Patient ``number`` of ``split`` and one of the visits, before anything is painted."""
    patient = draw_patient(_generator(spec, split, number, 0), NIH)
    generator = _generator(spec, split, number, 1 + follow_up)
    return patient, draw_visit(generator, patient, follow_up, NIH, spec.prevalence)


def _generator(spec: ChestSpec, split: str, *key: int) -> np.random.Generator:
    return generator_of(spec.seed, SPLITS.index(split), *key)


def write(root: str | Path, spec: ChestSpec, jobs: int = 1) -> Path:
    """Write all pictures under ``root``, whole or not at all, and return ``root``."""
    with new_folder(root) as folder:
        (folder / IMAGES).mkdir()
        counts = {split: getattr(spec, split) for split in SPLITS}
        write_tables(folder, write_parts(_write_picture, folder, spec, counts, jobs))
        write_description(folder, "synthetic chest radiographs", "data_gen.chest", spec)
    return Path(root)


def _write_picture(folder: Path, spec: ChestSpec, split: str, index: int) -> Entry:
    image, entry = draw(spec, split, index)
    save_png(folder / IMAGES / entry.name, image)
    return entry


if __name__ == "__main__":
    sys.exit(command(ChestSpec, write))
