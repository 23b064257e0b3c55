"""Synthetic chest radiographs in the layout of NIH ChestX-ray14, the stand-in for it in the paper on PYLON.

Frozen before the first localization run: the commit that brings this generator in precedes every training run on
its pictures, and no model was trained or probed to choose its constants; contrasts were chosen by eye so that each
finding can be recognised at 160 pixels. A change of any constant is a new data set with a new fingerprint
(``data_gen.store``), and takes all results with it.

A picture shows the chest of a patient (``data_gen.chest_anatomy``), with any of the eight findings that have boxes in
the release (``data_gen.chest_findings``), objects that are no finding (``data_gen.chest_devices``), and an exposure
of its own. Attenuations add up and go through one curve to grey levels, so that ribs, vessels and findings lie over
each other as on film. Patients have 1 to 10 pictures, with the same chest; findings stay a while and move a little.

Layout, as `papers_lib.datasets.nih_cxr14` reads it::

    ROOT/images/NNNNNNNN_FFF.png    patient and follow-up, 8-bit grey, ``side`` x ``side`` (the release: 1024)
    ROOT/Data_Entry_2017.csv        labels joined by |, or "No Finding"; patient, age, sex, view
    ROOT/BBox_List_2017.csv         x, y, w, h in pixels of 1024 x 1024 whatever ``side``; "Infiltrate"
    ROOT/train_val_list.txt         names of the pictures of one part of the patients
    ROOT/test_list.txt              and of the others; only these have boxes, as in the release
    ROOT/dataset.json               {"name", "kind": "stand-in", "generator", "parameters"}

What differs from the release, besides the pictures being drawn: eight labels, so "No Finding" means none of the eight;
odds of all findings raised by the factor ``odds``, since a small set would hold too few; a box for every finding of a
boxed picture, one for each, tight around what is drawn (the release's are drawn by hand, about one a picture).
A collapsed part of a lung does not pull its surroundings along: what a finding changes lies within its box.

A picture depends on (seed, split, patient, follow-up) alone: splits share no draws, processes make no difference, and
a split of 100 is the beginning of the same split of 1000.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from data_gen.chest_files import IMAGES, LISTS, Entry, image_name, save_picture, scaled, write_tables
from data_gen.chest_findings import NIH, PREVALENCE
from data_gen.chest_paint import paint
from data_gen.chest_patients import Patient, Visit, draw_patient, draw_visit, last_pictures, raised
from papers_lib.errors import UserError
from papers_lib.files import replacing_folder, write_json

SPLITS = tuple(LISTS)
CHUNK = 64  # pictures a worker writes before it reports back


@dataclass(frozen=True)
class ChestSpec:
    """What to generate.

    Attributes:
        train_val, test: numbers of pictures.
        seed: of all draws.
        side: of the stored pictures in pixels.
        odds: factor on the odds of each finding in NIH's images.
        signal: factor on what findings add to the attenuation; 1 but for a test.
        boxed: share of the test pictures with findings that have boxes.

    Raises:
        UserError: a count, seed or side that is no whole number or too small, a factor that is not above 0,
            a share outside 0 to 1, or no picture at all.
    """

    train_val: int = 1600
    test: int = 400
    seed: int = 0
    side: int = 256
    odds: float = 3.0
    signal: float = 1.0
    boxed: float = 1.0

    def __post_init__(self) -> None:
        for name, least in (("train_val", 0), ("test", 0), ("seed", 0), ("side", 64)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise UserError(f"{name}: found {value!r}, expected a whole number of at least {least}")
        for name in ("odds", "signal"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1000:
                raise UserError(f"{name}: found {value!r}, expected a number above 0, at most 1000")
        if (
            isinstance(self.boxed, bool)
            or not isinstance(self.boxed, int | float)
            or not 0 <= self.boxed <= 1
        ):
            raise UserError(f"boxed: found {self.boxed!r}, expected a share from 0 to 1")
        if not self.train_val + self.test:
            raise UserError("train_val, test: both are 0, expected at least one picture")

    @property
    def prevalence(self) -> tuple[float, ...]:
        """Share of pictures that show each of the eight findings, in the order of their names."""
        return tuple(raised(PREVALENCE[kind], self.odds) for kind in NIH)


def draw(spec: ChestSpec, split: str, index: int) -> tuple[np.ndarray, Entry]:
    """Draw picture ``index`` of ``split`` (train_val or test) in memory, with its row of the tables.

    Raises:
        UserError: ``split`` is not train_val or test.
        ValueError: ``index`` is not below the split's number of pictures.
    """
    number, follow_up = patient_of(spec, split, index)
    patient, visit = describe(spec, split, number, follow_up)
    image, boxes = paint(visit.radiograph, spec.side, spec.signal)
    identity = 2 * number + SPLITS.index(split) + 1
    boxed = split == "test" and _generator(spec, split, number, 1 + follow_up, 1).random() < spec.boxed
    entry = Entry(
        name=image_name(identity, follow_up),
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
    """Number of the patient of picture ``index`` of ``split``, and of the visit, both from 0.

    Raises:
        UserError: ``split`` is not train_val or test.
        ValueError: ``index`` is not below the split's number of pictures.
    """
    if split not in SPLITS:
        raise UserError(f"split: found {split!r}, expected one of {', '.join(SPLITS)}")
    count = getattr(spec, split)
    if not 0 <= index < count:
        raise ValueError(f"index: found {index}, expected 0 to {count - 1}")
    ends = last_pictures(spec.seed, SPLITS.index(split), count)
    number = int(np.searchsorted(ends, index, side="right"))
    return number, index - (int(ends[number - 1]) if number else 0)


def describe(spec: ChestSpec, split: str, number: int, follow_up: int) -> tuple[Patient, Visit]:
    """Patient ``number`` of ``split`` and one of the visits, before anything is painted."""
    patient = draw_patient(_generator(spec, split, number, 0), NIH)
    generator = _generator(spec, split, number, 1 + follow_up)
    return patient, draw_visit(generator, patient, follow_up, NIH, spec.prevalence)


def _generator(spec: ChestSpec, split: str, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(spec.seed, spawn_key=(SPLITS.index(split), *key)))


def write(root: str | Path, spec: ChestSpec, jobs: int = 1) -> Path:
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
        (temporary / IMAGES).mkdir()
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
            "name": "synthetic chest radiographs",
            "kind": "stand-in",
            "generator": "data_gen.chest",
            "parameters": asdict(spec),
        }
        write_json(temporary / "dataset.json", description)
    return root


def _write_range(folder: Path, spec: ChestSpec, split: str, start: int, stop: int) -> list[Entry]:
    entries = []
    for index in range(start, stop):
        image, entry = draw(spec, split, index)
        save_picture(folder / IMAGES / entry.name, image)
        entries.append(entry)
    return entries


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: ``python -m data_gen.chest ROOT --train_val 1600 --test 400 --side 256``."""
    parser = argparse.ArgumentParser(prog="python -m data_gen.chest", description=main.__doc__)
    parser.add_argument("root", type=Path, metavar="ROOT", help="folder to write, new or empty")
    for field in fields(ChestSpec):
        kind = type(field.default)
        parser.add_argument(f"--{field.name}", type=kind, default=field.default, help="%(default)s")
    parser.add_argument("--jobs", type=int, default=1, help="processes; 0 means one for each core")
    given = vars(parser.parse_args(arguments))
    root, jobs = given.pop("root"), given.pop("jobs")
    try:
        write(root, ChestSpec(**given), jobs)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
