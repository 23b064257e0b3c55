"""Synthetic chest radiographs in the layout of CheXpert, the stand-in for it in the report on calibration.

Frozen before the first run: no model was trained or probed to choose a constant (``data_gen.chexpert_labels`` says how
they were chosen), and the pictures are those of ``data_gen.chest``, whose drawing it shares. A change of any constant
is a new data set with a new fingerprint (``data_gen.store``), and takes all results with it.

What makes it of use for calibration: **the probability of each label given the picture is known**, and so are the
labels behind the uncertain ones. Of CheXpert's fourteen labels the five of its competition are drawn. Consolidation is
a dense patch in one lung, Edema a haze over both lungs, Pleural Effusion fluid in one angle; Cardiomegaly is a wide
heart; Atelectasis are plates or a wedge.

Layout, as `papers_lib.datasets.chexpert` reads it::

    ROOT/train/patientNNNNN/studyN/view1_frontal.jpg    8-bit grey, ``side`` x ``side`` (the release: about 320 x 390)
    ROOT/valid/patientNNNNN/studyN/view1_frontal.jpg    of other patients, from number 64541
    ROOT/train.csv, ROOT/valid.csv    Path, Sex, Age, Frontal/Lateral, AP/PA and fourteen labels; nine are blank
    ROOT/boxes.csv        Path, Label, x_min, y_min, x_max, y_max as shares of the picture: what is painted
    ROOT/truth.csv        Path, P(label) and the drawn label for each of the five
    ROOT/dataset.json     {"name", "kind": "stand-in", "generator", "parameters"}

train.csv has 1, 0, -1 (uncertain) or a blank (not mentioned); valid.csv has 0 or 1, the labels as they were drawn.
"No Finding" is 1 where none of the five is positive or uncertain. A box says what is painted, not what is labelled:
a finding that nobody called one has a box too, and a label without a finding has none.

What differs from the release, besides the pictures being drawn: no lateral views; shares of positive labels are those
of CheXpert or near them, but are shares of all labels, uncertain ones among them; valid.csv is as large as asked (the
release: 200 patients) and its labels are as common as train.csv's; a study has one picture; boxes.csv and truth.csv.

A picture depends on (seed, split, patient, follow-up) alone: splits share no draws, processes make no difference, and
a split of 100 is the beginning of the same split of 1000.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np

from data_gen.chest_layout import Box
from data_gen.chest_paint import paint
from data_gen.chest_patients import Patient, Visit, draw_patient, draw_visit, last_pictures, raised
from data_gen.chexpert_files import FIRST_VALID, TABLES, Entry, path_of, save_picture, write_tables
from data_gen.chexpert_labels import KINDS, LABELS, draw_truth, draw_written, probabilities
from papers_lib.errors import UserError
from papers_lib.files import replacing_folder, write_json

SPLITS = tuple(TABLES)
PART = {
    "train": 3,
    "valid": 4,
}  # keeps the draws apart from data_gen.chest's 0 and 1 and data_gen.chest_vindr's 2
CHUNK = 64  # pictures a worker writes before it reports back


@dataclass(frozen=True)
class ChexpertSpec:
    """What to generate.

    Attributes:
        train, valid: numbers of pictures.
        seed: of all draws.
        side: of the stored pictures in pixels.
        signal: factor on what findings add to the attenuation; 1 but for a test.
        odds: factor on the odds that a finding shows, in both splits; P(y | x) stays.
        uncertain: factor on the probabilities that a label of train.csv is uncertain; 0 for none.
        boxed: share of the pictures with findings that have boxes.

    Raises:
        UserError: a count, seed or side that is no whole number, too small or too large, a factor out of range,
            a share outside 0 to 1, or no picture at all.
    """

    train: int = 1500
    valid: int = 3000
    seed: int = 0
    side: int = 256
    signal: float = 1.0
    odds: float = 1.0
    uncertain: float = 1.0
    boxed: float = 1.0

    def __post_init__(self) -> None:
        for name, least in (("train", 0), ("valid", 0), ("seed", 0), ("side", 64)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise UserError(f"{name}: found {value!r}, expected a whole number of at least {least}")
        if self.train >= FIRST_VALID:  # a patient has at least one picture, so the numbers cannot run out
            raise UserError(f"train: found {self.train}, expected at most {FIRST_VALID - 1}")
        for name in ("signal", "odds"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1000:
                raise UserError(f"{name}: found {value!r}, expected a number above 0, at most 1000")
        for name, most in (("uncertain", 1000), ("boxed", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
                raise UserError(f"{name}: found {value!r}, expected a number from 0 to {most}")
        if not self.train + self.valid:
            raise UserError("train, valid: both are 0, expected at least one picture")

    @property
    def shown(self) -> tuple[float, ...]:
        """Share of pictures that show a finding of each of the five labels, in the order of ``LABELS``."""
        return tuple(raised(one.shown, self.odds) for one in LABELS.values())


def draw(spec: ChexpertSpec, split: str, index: int) -> tuple[np.ndarray, Entry]:
    """Draw picture ``index`` of ``split`` (train or valid) in memory, with its rows of the tables.

    Raises:
        UserError: ``split`` is not train or valid.
        ValueError: ``index`` is not below the split's number of pictures.
    """
    number, follow_up = patient_of(spec, split, index)
    patient, visit = describe(spec, split, number, follow_up)
    image, boxes = paint(visit.radiograph, spec.side, spec.signal)
    painted = {kind for kind, _ in boxes}
    probability = probabilities(one for one in visit.radiograph.findings if one.kind in painted)
    generator = _generator(spec, split, number, 1 + follow_up, 1)
    truth = draw_truth(generator, probability)
    written = draw_written(generator, probability, truth, spec.uncertain)
    if split == "valid":
        written = truth.astype(np.float64)
    boxed = _generator(spec, split, number, 1 + follow_up, 2).random() < spec.boxed
    identity = number + (FIRST_VALID if split == "valid" else 1)
    return image, Entry(
        path=path_of(split, identity, 1 + follow_up),
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
    """Number of the patient of picture ``index`` of ``split``, and of the visit, both from 0.

    Raises:
        UserError: ``split`` is not train or valid.
        ValueError: ``index`` is not below the split's number of pictures.
    """
    if split not in SPLITS:
        raise UserError(f"split: found {split!r}, expected one of {', '.join(SPLITS)}")
    count = getattr(spec, split)
    if not 0 <= index < count:
        raise ValueError(f"index: found {index}, expected 0 to {count - 1}")
    ends = last_pictures(spec.seed, PART[split], count)
    number = int(np.searchsorted(ends, index, side="right"))
    return number, index - (int(ends[number - 1]) if number else 0)


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
    return np.random.default_rng(np.random.SeedSequence(spec.seed, spawn_key=(PART[split], *key)))


def write(root: str | Path, spec: ChexpertSpec, jobs: int = 1) -> Path:
    """Write all pictures under ``root``, whole or not at all, and return ``root``.

    ``jobs`` is the number of processes (0: one for each core); the files do not depend on it.

    Raises:
        UserError: ``root`` is there already and not empty, cannot be written, or ``jobs`` is negative.
    """
    root = Path(root)
    if jobs < 0:
        raise UserError(f"jobs: found {jobs}, expected at least 0")
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise UserError(f"{root}: is there already, expected a new or an empty folder")
    chunks = [
        (split, start, min(start + CHUNK, getattr(spec, split)))
        for split in SPLITS
        for start in range(0, getattr(spec, split), CHUNK)
    ]
    processes = min(jobs or os.cpu_count() or 1, len(chunks))
    with replacing_folder(root) as temporary:
        if processes == 1:
            parts = [_write_range(temporary, spec, *chunk) for chunk in chunks]
        else:
            from joblib import Parallel, delayed

            parts = Parallel(n_jobs=processes)(
                delayed(_write_range)(temporary, spec, *chunk) for chunk in chunks
            )
        entries: dict[str, list[Entry]] = {split: [] for split in SPLITS}
        for (split, _, _), part in zip(chunks, parts, strict=True):
            entries[split] += part
        write_tables(temporary, entries)
        description = {
            "name": "synthetic chest radiographs with labels of known probability",
            "kind": "stand-in",
            "generator": "data_gen.chest_chexpert",
            "parameters": asdict(spec),
        }
        write_json(temporary / "dataset.json", description)
    return root


def _write_range(folder: Path, spec: ChexpertSpec, split: str, start: int, stop: int) -> list[Entry]:
    entries = []
    for index in range(start, stop):
        image, entry = draw(spec, split, index)
        save_picture(folder, entry.path, image)
        entries.append(entry)
    return entries


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: ``python -m data_gen.chest_chexpert ROOT --train 1500 --valid 3000 --side 256``."""
    parser = argparse.ArgumentParser(prog="python -m data_gen.chest_chexpert", description=main.__doc__)
    parser.add_argument("root", type=Path, metavar="ROOT", help="folder to write, new or empty")
    for field in fields(ChexpertSpec):
        kind = type(field.default)
        parser.add_argument(f"--{field.name}", type=kind, default=field.default, help="%(default)s")
    parser.add_argument("--jobs", type=int, default=1, help="processes; 0 means one for each core")
    given = vars(parser.parse_args(arguments))
    root, jobs = given.pop("root"), given.pop("jobs")
    try:
        write(root, ChexpertSpec(**given), jobs)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
