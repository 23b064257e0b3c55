"""Synthetic chest radiographs in the layout of CheXpert, for the report on calibration.

Frozen before the first run, by shares of labels alone: no model was trained or probed to choose a constant. The
pictures are those of ``data_gen.chest``, whose drawing it shares. A change of any constant is a new data set.

What makes it of use for calibration: **the probability of each label given the picture is known**, and so are the
labels behind the uncertain ones. Of CheXpert's fourteen labels the five of its competition are drawn. Consolidation is
a dense patch in one lung, Edema a haze over both lungs, Pleural Effusion fluid in one angle; Cardiomegaly is a wide
heart; Atelectasis are plates or a wedge.

The layout is that of `papers_lib.datasets.chexpert`, and besides truth.csv: Path, P(label) and the drawn label for each
of the five. train.csv has 1, 0, -1 (uncertain) or a blank (not mentioned); valid.csv, of patients from number 64541,
has 0 or 1, the labels as they were drawn. "No Finding" is 1 where none of the five is positive or uncertain. A box says
what is painted, not what is labelled.

What differs from the release, besides the pictures being drawn: no lateral views; shares of positive labels are those
of CheXpert or near them, but are shares of all labels, uncertain ones among them; valid.csv is as large as asked (the
release: 200 patients) and its labels are as common as train.csv's; a study has one picture; boxes.csv and truth.csv.

A picture depends on (seed, split, patient, follow-up) alone; a split of 100 is the beginning of the same one of 1000.

A label is drawn, never read off: with the severity s of the finding, from 0 to 1,

    P(y = 1 | x) = LEAST + (MOST - LEAST) * sigmoid(slope * (s - middle))    where one of the kind is painted
    P(y = 1 | x) = absent                                                    where none is

so a classifier that knew P would be perfectly calibrated, and none separates the labels better than P does. Severity
shows as size and contrast, so that a model has to estimate it. ``shown`` is 1.6 times the share of positive labels that
was aimed at (CheXpert's where it is from 5 to 30 %; Pleural Effusion's 40 % is cut to 30), ``middle`` then gives that
share. Uncertain labels (-1) are drawn where P is near one half, independent of the label itself:

    P(u = 1 | x) = min(0.9, doubt * 4 P (1 - P))

``doubt`` gives each label CheXpert's share of uncertain studies (Irvin et al. 2019, Table 1).
"""

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.special import expit

from data_gen.chest_anatomy import Box
from data_gen.chest_findings import Finding
from data_gen.chest_paint import paint
from data_gen.chest_patients import Patient, Visit, draw_patient, draw_visit, patient_and_visit, raised
from data_gen.generator import (
    command,
    generator_of,
    write_description,
    write_parts,
    write_table,
)
from papers_lib.datasets.row_file import new_folder
from papers_lib.datasets.tabular import check_choice, check_range, check_whole
from papers_lib.errors import UserError

LEAST, MOST = 0.02, 0.97
"""Probabilities of a label that the slightest and the most severe findings tend to."""
SUREST = 0.9
"""Largest probability that a label is uncertain."""


@dataclass(frozen=True)
class Label:
    """How one label comes about."""

    kind: str  # of finding that is painted for it
    shown: float  # share of pictures that show one
    absent: float  # probability of the label where none is painted
    slope: float  # of the probability over the severity
    middle: float
    doubt: float  # factor of the probability that the label is uncertain
    negative: (
        float  # share of labels neither positive nor uncertain that train.csv states as 0, not as a blank
    )


LABELS: Mapping[str, Label] = {
    "Atelectasis": Label("Atelectasis", 0.24, 0.015, 9.0, 0.41, 0.973, 0.01),
    "Cardiomegaly": Label("Cardiomegaly", 0.19, 0.010, 12.0, 0.40, 0.326, 0.06),
    "Consolidation": Label("Pneumonia", 0.11, 0.010, 8.0, 0.43, 1.560, 0.16),
    "Edema": Label("Infiltration", 0.37, 0.015, 10.0, 0.39, 0.300, 0.13),
    "Pleural Effusion": Label("Effusion", 0.48, 0.020, 10.0, 0.38, 0.194, 0.28),
}
"""By the name in CheXpert, in the order of its competition."""
KINDS = tuple(one.kind for one in LABELS.values())


def probabilities(findings: Iterable[Finding]) -> np.ndarray:
    """P(y = 1 | x) of the five labels of a picture that shows ``findings``, float64 (5,)."""
    severities = {one.kind: one.severity for one in findings}
    return np.array([_probability(one, severities.get(one.kind)) for one in LABELS.values()])


def _probability(label: Label, severity: float | None) -> float:
    if severity is None:
        return label.absent
    return float(LEAST + (MOST - LEAST) * expit(label.slope * (severity - label.middle)))


def doubts(probability: np.ndarray, factor: float = 1.0) -> np.ndarray:
    """P(u = 1 | x) of the five labels from their ``probability``, (5,) or (N, 5); ``factor`` times as many."""
    doubt = np.array([one.doubt for one in LABELS.values()])
    return np.minimum(SUREST, factor * doubt * 4 * probability * (1 - probability))


def draw_written(
    generator: np.random.Generator, probability: np.ndarray, truth: np.ndarray, uncertain: float = 1.0
) -> np.ndarray:
    """The five labels as train.csv has them: 1, 0, -1, or NaN for a blank; float64 (5,)."""
    doubted, stated = generator.random((2, len(LABELS)))
    negative = np.array([one.negative for one in LABELS.values()])
    written = np.where(truth, 1.0, np.where(stated < negative, 0.0, np.nan))
    written[doubted < doubts(probability, uncertain)] = -1.0
    return written


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
    """One picture's rows of the tables."""

    path: str  # as ``Path`` has it
    female: bool
    age: int
    view: str  # AP or PA
    probability: tuple[float, ...]  # of the five labels
    truth: tuple[bool, ...]
    written: tuple[float, ...]  # the labels as its table has them: 1, 0, -1, NaN for a blank
    boxes: tuple[tuple[str, Box], ...]  # with their labels, as shares


def write_tables(folder: Path, entries: Mapping[str, Sequence[Entry]]) -> None:
    """Write all tables of ``entries`` (by the names of ``TABLES``) into ``folder``."""
    for split, name in TABLES.items():
        sick = "" if split == "train" else "0.0"  # "No Finding" of such a picture: train.csv has no 0
        write_table(folder / name, COLUMNS, (_row(entry, sick) for entry in entries[split]))
    rows = [entry for split in TABLES for entry in entries[split]]
    boxes = (
        (one.path, label, *(f"{value:.6f}" for value in box)) for one in rows for label, box in one.boxes
    )
    write_table(folder / BOXES, BOX_COLUMNS, boxes)
    truth = ((one.path, *map(repr, one.probability), *(f"{float(y)}" for y in one.truth)) for one in rows)
    write_table(folder / TRUTH, TRUTH_COLUMNS, truth)


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


SPLITS = tuple(TABLES)
PART = {
    "train": 3,
    "valid": 4,
}  # keeps the draws apart from data_gen.chest's 0 and 1 and data_gen.chest_vindr's 2


@dataclass(frozen=True)
class ChexpertSpec:
    """What to generate: numbers of pictures, their side in pixels, and how they are drawn."""

    train: int = 1500
    valid: int = 3000
    seed: int = 0
    side: int = 256
    signal: float = 1.0  # factor on what findings add to the attenuation; 1 but for a test
    odds: float = 1.0  # factor on the odds that a finding shows; P(y | x) stays
    uncertain: float = 1.0  # factor on the probabilities that a label of train.csv is uncertain
    boxed: float = 1.0  # share of the pictures with findings that have boxes

    def __post_init__(self) -> None:
        for name, least in (("train", 0), ("valid", 0), ("seed", 0), ("side", 64)):
            check_whole(name, getattr(self, name), least)
        if self.train >= FIRST_VALID:  # a patient has at least one picture, so the numbers cannot run out
            raise UserError(f"train: found {self.train}, expected at most {FIRST_VALID - 1}")
        for name in ("signal", "odds"):
            check_range(name, getattr(self, name), 1e-9, 1000)
        for name, most in (("uncertain", 1000), ("boxed", 1)):
            check_range(name, getattr(self, name), 0, most)
        if not self.train + self.valid:
            raise UserError("train, valid: both are 0, expected at least one picture")

    @property
    def shown(self) -> tuple[float, ...]:
        """Share of pictures that show a finding of each of the five labels, in the order of ``LABELS``."""
        return tuple(raised(one.shown, self.odds) for one in LABELS.values())


def draw(spec: ChexpertSpec, split: str, index: int) -> tuple[np.ndarray, Entry]:
    """Draw picture ``index`` of ``split`` (train or valid) in memory, with its rows of the tables."""
    number, follow_up = patient_of(spec, split, index)
    patient, visit = describe(spec, split, number, follow_up)
    image, boxes = paint(visit.radiograph, spec.side, spec.signal)
    painted = {kind for kind, _ in boxes}
    probability = probabilities(one for one in visit.radiograph.findings if one.kind in painted)
    generator = _generator(spec, split, number, 1 + follow_up, 1)
    truth = generator.random(len(LABELS)) < probability
    written = draw_written(generator, probability, truth, spec.uncertain)
    if split == "valid":
        written = truth.astype(np.float64)
    boxed = _generator(spec, split, number, 1 + follow_up, 2).random() < spec.boxed
    identity = number + (FIRST_VALID if split == "valid" else 1)
    return image, Entry(
        path=f"{RELEASE}/{split}/patient{identity:05d}/study{1 + follow_up}/view1_frontal.jpg",
        female=patient.female,
        age=visit.age,
        view=visit.view,
        probability=tuple(probability.tolist()),
        truth=tuple(truth.tolist()),
        written=tuple(written.tolist()),
        boxes=_shares(boxes, spec.side) if boxed else (),
    )


def _shares(boxes: Sequence[tuple[str, Box]], side: int) -> tuple[tuple[str, Box], ...]:
    names = dict(zip(KINDS, LABELS, strict=True))
    return tuple((names[kind], (x / side, y / side, u / side, v / side)) for kind, (x, y, u, v) in boxes)


def patient_of(spec: ChexpertSpec, split: str, index: int) -> tuple[int, int]:
    """Number of the patient of picture ``index`` of ``split``, and of the visit, both from 0."""
    check_choice("split", split, SPLITS)
    return patient_and_visit(spec.seed, PART[split], getattr(spec, split), index)


def describe(spec: ChexpertSpec, split: str, number: int, follow_up: int) -> tuple[Patient, Visit]:
    """Patient ``number`` of ``split`` and one of the visits, before anything is painted."""
    patient = draw_patient(_generator(spec, split, number, 0), KINDS)
    one_lung = int(_generator(spec, split, number, 0, 1).choice((-1, 1)))
    sides = {"Pneumonia": one_lung, "Infiltration": 0}
    places = zip(KINDS, patient.places, strict=True)
    patient = replace(
        patient, places=tuple(replace(place, side=sides.get(kind, place.side)) for kind, place in places)
    )
    generator = _generator(spec, split, number, 1 + follow_up)
    return patient, draw_visit(generator, patient, follow_up, KINDS, spec.shown)


def _generator(spec: ChexpertSpec, split: str, *key: int) -> np.random.Generator:
    return generator_of(spec.seed, PART[split], *key)


def write(root: str | Path, spec: ChexpertSpec, jobs: int = 1) -> Path:
    """Write all pictures under ``root``, whole or not at all, and return ``root``."""
    with new_folder(root) as folder:
        counts = {split: getattr(spec, split) for split in SPLITS}
        write_tables(folder, write_parts(_write_picture, folder, spec, counts, jobs))
        name = "synthetic chest radiographs with labels of known probability"
        write_description(folder, name, "data_gen.chest_chexpert", spec)
    return Path(root)


def _write_picture(folder: Path, spec: ChexpertSpec, split: str, index: int) -> Entry:
    image, entry = draw(spec, split, index)
    file = folder.joinpath(*entry.path.split("/")[1:])
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(file, quality=QUALITY)
    return entry


if __name__ == "__main__":
    sys.exit(command(ChexpertSpec, write))
