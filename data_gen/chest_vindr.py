"""Synthetic chest radiographs in the layout of VinDr-CXR (Kaggle), for the paper on PYLON.

Frozen before the first localization run, like ``data_gen.chest``, whose drawing it shares. Another hospital: other
exposures, poses, markers, few objects from the bedside, and one picture a patient, so that models from one set meet
other pictures in the other. Nine of the fourteen classes are drawn; each has a kind (or two) of
``data_gen.chest_findings`` behind it, and a factor on its area, since boxes have other sizes than NIH's.

The layout is that of `papers_lib.datasets.vindr_cxr`, with PNG pictures of ``side`` x ``side`` as the common
conversions are. Originals have one of several sizes and are not square; only their sizes exist.

Three of seventeen readers read a picture. They draw boxes by hand and miss some findings, the slight ones more often,
so a picture may show what nobody saw. A reader who finds nothing adds a row "No finding".

A picture depends on (seed, index) alone; a set of 100 is the beginning of the same set of 1000.
"""

import hashlib
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from data_gen.chest_anatomy import Box, Pose
from data_gen.chest_findings import Finding, draw_place
from data_gen.chest_paint import Exposure, Radiograph, paint
from data_gen.chest_patients import draw_patient, draw_visit, raised
from data_gen.generator import (
    command,
    generator_of,
    save_png,
    write_description,
    write_parts,
    write_table,
)
from papers_lib.datasets.row_file import new_folder
from papers_lib.datasets.tabular import check_range, check_whole


@dataclass(frozen=True)
class VindrClass:
    """A class and what is drawn for it."""

    number: int  # ``class_id``
    kinds: tuple[tuple[str, float], ...]  # what may be drawn, with the chance of each
    size: float  # factor on the areas of ``data_gen.chest_findings``
    prevalence: float  # share of the 15,000 training images, about
    area: float  # mean area of a box as a share of the image (paper, Table 3)


CLASSES = {
    "Aortic enlargement": VindrClass(0, (("Aortic enlargement", 1.0),), 1.0, 0.204, 0.02),
    "Atelectasis": VindrClass(1, (("Atelectasis", 1.0),), 4.2, 0.012, 0.07),
    "Calcification": VindrClass(2, (("Calcification", 1.0),), 1.0, 0.030, 0.02),
    "Cardiomegaly": VindrClass(3, (("Cardiomegaly", 1.0),), 1.0, 0.153, 0.07),
    "Consolidation": VindrClass(4, (("Pneumonia", 1.0),), 0.55, 0.024, 0.05),
    "Infiltration": VindrClass(6, (("Infiltration", 1.0),), 0.46, 0.041, 0.06),
    "Nodule/Mass": VindrClass(8, (("Nodule", 0.6), ("Mass", 0.4)), 1.0, 0.055, 0.02),
    "Pleural effusion": VindrClass(10, (("Effusion", 1.0),), 0.7, 0.069, 0.05),
    "Pneumothorax": VindrClass(12, (("Pneumothorax", 1.0),), 3.2, 0.006, 0.10),
}
ANY = 0.293  # share of VinDr-CXR's training images with a finding, about
NO_FINDING, NO_FINDING_NUMBER = "No finding", 14
READERS = tuple(f"R{number}" for number in range(1, 18))
A_PICTURE = 3
MISSED = (0.25, 0.05)  # chance that a reader misses a finding, from the least to the greatest severity
HAND = 0.06  # deviation of a box's edges, as a share of its width or height
OF_THE_HEART = 0.55  # where the widest part of the heart begins, which readers box, down from its top


def chances(odds: float) -> tuple[float, dict[str, float]]:
    """Share of pictures with findings, and the share of each class among them, the odds of all raised by ``odds``.

    Findings come together: the share with any is that of VinDr-CXR raised likewise, or as much as the commonest
    class needs. Within such pictures classes are independent, so a few of them show nothing after all.
    """
    shares = {name: raised(one.prevalence, odds) for name, one in CLASSES.items()}
    any_finding = min(1.0, max(raised(ANY, odds), 1.1 * max(shares.values())))
    return any_finding, {name: share / any_finding for name, share in shares.items()}


@dataclass(frozen=True)
class Reading:
    """One row of ``train.csv``: reader, class, box in whole pixels of the original; no box for "No finding"."""

    reader: str
    name: str
    box: tuple[int, int, int, int] | None

    @property
    def number(self) -> int:
        """``class_id``."""
        return NO_FINDING_NUMBER if self.name == NO_FINDING else CLASSES[self.name].number


def shown_part(name: str, box: Box) -> Box:
    """The part of a drawn box that the readers mean to box: all of it, but for Cardiomegaly."""
    if name != "Cardiomegaly":
        return box
    return box[0], box[1] + OF_THE_HEART * (box[3] - box[1]), box[2], box[3]


def read(
    generator: np.random.Generator, drawn: list[tuple[str, Finding, Box]], side: int, height: int, width: int
) -> list[Reading]:
    """The rows of three readers, one after the other; who sees nothing gives one row "No finding"."""
    rows = []
    scale = np.array((width, height, width, height)) / side
    for reader in generator.choice(len(READERS), A_PICTURE, replace=False):
        own = []
        for name, finding, box in drawn:
            missed = generator.random() < finding.between(*MISSED)
            moved = generator.normal(0, HAND, 4)
            if missed:
                continue
            part = np.array(shown_part(name, box))
            extent = np.tile(part[2:] - part[:2], 2)
            corners = np.clip((part + moved.clip(-0.2, 0.2) * extent) * scale, 0, scale * side)
            x_min, y_min, x_max, y_max = np.rint(corners).astype(int).tolist()
            if x_min < x_max and y_min < y_max:
                own.append(Reading(READERS[reader], name, (x_min, y_min, x_max, y_max)))
        rows += own or [Reading(READERS[reader], NO_FINDING, None)]
    return rows


IMAGES, TABLE, META = "train", "train.csv", "train_meta.csv"
COLUMNS = ("image_id", "class_name", "class_id", "rad_id", "x_min", "y_min", "x_max", "y_max")
META_COLUMNS = ("image_id", "dim0", "dim1")
SIZES = ((2836, 2336), (3072, 2540), (2880, 2304), (2430, 1994), (2788, 2446), (2544, 3056))
"""Heights and widths of originals."""


@dataclass(frozen=True)
class VindrSpec:
    """What to generate: number of pictures, their side in pixels, and how they are drawn."""

    images: int = 1000
    seed: int = 0
    side: int = 256
    odds: float = 3.0  # factor on the odds of each class among VinDr-CXR's training images
    signal: float = 1.0  # factor on what findings add to the attenuation; 1 but for a test

    def __post_init__(self) -> None:
        for name, least in (("images", 1), ("seed", 0), ("side", 64)):
            check_whole(name, getattr(self, name), least)
        for name in ("odds", "signal"):
            check_range(name, getattr(self, name), 1e-9, 1000)


@dataclass(frozen=True)
class VindrEntry:
    """One picture's rows of the tables: name, height and width of the original, and the readings."""

    name: str
    height: int
    width: int
    readings: tuple[Reading, ...]


def draw(spec: VindrSpec, index: int) -> tuple[np.ndarray, VindrEntry]:
    """Draw picture ``index`` in memory, with its rows of the tables."""
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
    """The radiograph of picture ``index`` before it is painted, and the class of each of its findings."""
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
    return generator_of(spec.seed, 2, index, part)


def write(root: str | Path, spec: VindrSpec, jobs: int = 1) -> Path:
    """Write all pictures under ``root``, whole or not at all, and return ``root``."""
    with new_folder(root) as folder:
        (folder / IMAGES).mkdir()
        entries = write_parts(_write_picture, folder, spec, {IMAGES: spec.images}, jobs)[IMAGES]
        boxes = ((one, row.box or ("",) * 4, row) for one in entries for row in one.readings)
        rows = ((one.name, row.name, row.number, row.reader, *box) for one, box, row in boxes)
        write_table(folder / TABLE, COLUMNS, rows)
        write_table(folder / META, META_COLUMNS, ((one.name, one.height, one.width) for one in entries))
        name = "synthetic chest radiographs read by three readers"
        write_description(folder, name, "data_gen.chest_vindr", spec)
    return Path(root)


def _write_picture(folder: Path, spec: VindrSpec, _: str, index: int) -> VindrEntry:
    image, entry = draw(spec, index)
    save_png(folder / IMAGES / f"{entry.name}.png", image)
    return entry


if __name__ == "__main__":
    sys.exit(command(VindrSpec, write))
