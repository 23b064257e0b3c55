"""Synthetic chest radiographs in the layout of VinDr-CXR (Kaggle), the stand-in for it in the paper on PYLON.

Frozen before the first localization run, like ``data_gen.chest``, whose drawing it shares. Another hospital: other
exposures, poses, markers, few objects from the bedside, and one picture a patient, so that models from one set meet
other pictures in the other. Of VinDr-CXR's fourteen classes nine are drawn (``data_gen.chest_readers``).

Layout, as `papers_lib.datasets.vindr_cxr` reads it::

    ROOT/train/ID.png        8-bit grey, ``side`` x ``side``, as the common PNG conversions of the DICOM files are
    ROOT/train.csv           image_id, class_name, class_id, rad_id, x_min, y_min, x_max, y_max: a row a box,
                             in whole pixels of the original; empty for "No finding"
    ROOT/train_meta.csv      image_id, dim0 (height), dim1 (width) of the original
    ROOT/dataset.json        {"name", "kind": "stand-in", "generator", "parameters"}

Originals have one of several sizes and are not square; only their sizes exist, pictures are drawn as the square
conversion shows them. Three of seventeen readers read a picture. They draw boxes by hand and miss some findings, the
slight ones more often, so a picture may show what nobody saw. A reader who finds nothing adds a row "No finding".

A picture depends on (seed, index) alone: processes make no difference, and a set of 100 is the beginning of the same
set of 1000.
"""

import argparse
import csv
import hashlib
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np

from data_gen.chest_files import save_picture
from data_gen.chest_film import Exposure
from data_gen.chest_findings import Finding, draw_place
from data_gen.chest_frame import Pose
from data_gen.chest_paint import Radiograph, paint
from data_gen.chest_patients import draw_patient, draw_visit
from data_gen.chest_readers import CLASSES, Reading, chances, read
from papers_lib.errors import UserError
from papers_lib.files import replacing_folder, write_json

IMAGES, TABLE, META = "train", "train.csv", "train_meta.csv"
COLUMNS = ("image_id", "class_name", "class_id", "rad_id", "x_min", "y_min", "x_max", "y_max")
META_COLUMNS = ("image_id", "dim0", "dim1")
SIZES = ((2836, 2336), (3072, 2540), (2880, 2304), (2430, 1994), (2788, 2446), (2544, 3056))
"""Heights and widths of originals."""
CHUNK = 64  # pictures a worker writes before it reports back


@dataclass(frozen=True)
class VindrSpec:
    """What to generate.

    Attributes:
        images: number of pictures.
        seed: of all draws.
        side: of the stored pictures in pixels.
        odds: factor on the odds of each class among VinDr-CXR's training images.
        signal: factor on what findings add to the attenuation; 1 but for a test.

    Raises:
        UserError: a count, seed or side that is no whole number or too small, or a factor that is not above 0.
    """

    images: int = 1000
    seed: int = 0
    side: int = 256
    odds: float = 3.0
    signal: float = 1.0

    def __post_init__(self) -> None:
        for name, least in (("images", 1), ("seed", 0), ("side", 64)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise UserError(f"{name}: found {value!r}, expected a whole number of at least {least}")
        for name in ("odds", "signal"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1000:
                raise UserError(f"{name}: found {value!r}, expected a number above 0, at most 1000")


@dataclass(frozen=True)
class VindrEntry:
    """One picture's rows of the tables: name, height and width of the original, and the readings."""

    name: str
    height: int
    width: int
    readings: tuple[Reading, ...]


def draw(spec: VindrSpec, index: int) -> tuple[np.ndarray, VindrEntry]:
    """Draw picture ``index`` in memory, with its rows of the tables.

    Raises:
        ValueError: ``index`` is not below the number of pictures.
    """
    radiograph, found = describe(spec, index)
    image, boxes = paint(radiograph, spec.side, spec.signal)
    places = dict(boxes)
    drawn = [(name, one, places[one.kind]) for name, one in found if one.kind in places]
    generator = _generator(spec, index, 1)
    height, width = SIZES[int(generator.integers(len(SIZES)))]
    readings = read(generator, drawn, spec.side, height, width)
    name = hashlib.sha256(f"chest_vindr {spec.seed} {index}".encode()).hexdigest()[:32]
    return image, VindrEntry(name, height, width, tuple(readings))


def describe(spec: VindrSpec, index: int) -> tuple[Radiograph, list[tuple[str, Finding]]]:
    """The radiograph of picture ``index`` before it is painted, and the class of each of its findings.

    Raises:
        ValueError: ``index`` is not below the number of pictures.
    """
    if not 0 <= index < spec.images:
        raise ValueError(f"index: found {index}, expected 0 to {spec.images - 1}")
    generator = _generator(spec, index, 0)
    patient = draw_patient(generator, ())
    radiograph = _other_hospital(generator, draw_visit(generator, patient, 0, (), ()).radiograph)
    found = []
    any_finding, shares = chances(spec.odds)
    sick = generator.random() < any_finding
    for name, one in CLASSES.items():
        present, severity, which = generator.random(3)
        kind = one.kinds[0 if which < one.kinds[0][1] else -1][0]
        place, texture = draw_place(generator, kind), int(generator.integers(2**32))
        if sick and present < shares[name]:
            found.append((name, Finding(kind, float(severity), place, texture, one.size)))
    return replace(radiograph, findings=tuple(one for _, one in found)), found


def _other_hospital(generator: np.random.Generator, radiograph: Radiograph) -> Radiograph:
    """The picture as another hospital takes it: upright, harder film, less scatter, letters on dark plates."""
    uniform = generator.uniform
    exposure = Exposure(
        strength=float(uniform(1.3, 2.0)),
        gamma=float(uniform(1.1, 1.6)),
        black=float(uniform(0, 40)),
        white=float(uniform(205, 255)),
        veil=float(uniform(0.0, 0.08)),
        noise=float(uniform(0.4, 1.6)),
        texture=radiograph.exposure.texture,
    )
    pose = Pose(
        scale=float(np.clip(generator.normal(0.93, 0.05), 0.8, 1.05)),
        right=float(generator.normal(0, 0.015)),
        down=float(generator.normal(0.0, 0.02)),
        turn=float(generator.normal(0, 0.015)),
    )
    few = uniform() < 0.1
    devices = replace(
        radiograph.devices,
        leads=radiograph.devices.leads if few else 0,
        tubes=radiograph.devices.tubes if few else 0,
        marker=1 if uniform() < 0.5 else -1,
        lettering=2,
    )
    return replace(
        radiograph,
        pose=pose,
        exposure=exposure,
        devices=devices,
        breath=float(uniform(-0.01, 0.025)),
        arms=False,
        scapulae=float(uniform(0.4, 1.6)),
    )


def _generator(spec: VindrSpec, index: int, part: int) -> np.random.Generator:
    # 2 keeps the draws apart from those of data_gen.chest, whose splits are 0 and 1.
    return np.random.default_rng(np.random.SeedSequence(spec.seed, spawn_key=(2, index, part)))


def write(root: str | Path, spec: VindrSpec, jobs: int = 1) -> Path:
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
    chunks = [(start, min(start + CHUNK, spec.images)) for start in range(0, spec.images, CHUNK)]
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
        _write_tables(temporary, [entry for part in parts for entry in part])
        description = {
            "name": "synthetic chest radiographs read by three readers",
            "kind": "stand-in",
            "generator": "data_gen.chest_vindr",
            "parameters": asdict(spec),
        }
        write_json(temporary / "dataset.json", description)
    return root


def _write_range(folder: Path, spec: VindrSpec, start: int, stop: int) -> list[VindrEntry]:
    entries = []
    for index in range(start, stop):
        image, entry = draw(spec, index)
        save_picture(folder / IMAGES / f"{entry.name}.png", image)
        entries.append(entry)
    return entries


def _write_tables(folder: Path, entries: Sequence[VindrEntry]) -> None:
    with open(folder / TABLE, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for entry in entries:
            for one in entry.readings:
                writer.writerow((entry.name, one.name, one.number, one.reader, *(one.box or ("",) * 4)))
    with open(folder / META, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(META_COLUMNS)
        writer.writerows((entry.name, entry.height, entry.width) for entry in entries)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: ``python -m data_gen.chest_vindr ROOT --images 1000 --side 256``."""
    parser = argparse.ArgumentParser(prog="python -m data_gen.chest_vindr", description=main.__doc__)
    parser.add_argument("root", type=Path, metavar="ROOT", help="folder to write, new or empty")
    for field in fields(VindrSpec):
        kind = type(field.default)
        parser.add_argument(f"--{field.name}", type=kind, default=field.default, help="%(default)s")
    parser.add_argument("--jobs", type=int, default=1, help="processes; 0 means one for each core")
    given = vars(parser.parse_args(arguments))
    root, jobs = given.pop("root"), given.pop("jobs")
    try:
        write(root, VindrSpec(**given), jobs)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
