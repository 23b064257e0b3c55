"""Synthetic short-axis cardiac slices with segmentation, for both experiments of the heatmap-loss paper.

Four balanced classes (NOR, HCM, DCM, ARV), 105 rows x 135 columns, 8-bit grey, written in the layout that
``papers_lib.datasets.cardiac`` reads. In experiment 1 the sex shows in the size of heart and body fat; in
experiment 2 it shows only in a box in the lower right corner of males' slices.

Source: "Integrating feature attribution methods into the loss function of deep learning classifiers",
section 2, and the constants of the authors' public generator (repository JamesCallanan/Grad-CAM).

Layout, the same for real slices::

    ROOT/slices.csv     id, split (train, val, test), class, sex (M, F or empty), then optional columns
    ROOT/images/ID.png  8-bit grey
    ROOT/masks/ID.png   8-bit: 0 background, 1 LV cavity, 2 LV wall, 3 RV cavity, 4 RV wall, 5 sex label
    ROOT/dataset.json   {"name", "kind": "stand-in" or "real", "generator", "parameters"}

The optional columns here: variant (of ARV), size_multiplier, body_fat (per cent), skin_distance, lv_radius,
lv_wall, rv_radius, rv_wall (pixels), lv_wall_fat, rv_wall_fat (fat level, empty for plain myocardium).

A slice depends on (seed, experiment, split, index) alone: splits share no draws, chunks and processes
make no difference, and a split of 800 is the beginning of the same split of 10,000.

Ambiguities, each with the choice made:

- "Every size x + Normal(x, 0.02 x)" doubles the size; kept, since the printed areas need it. It is applied
  to LV radius, LV wall, RV radius and RV wall, each with a draw of its own; a wall's thickness is in the
  same unit (25 px x size multiplier) as a radius, and the outer radius is their sum.
- "Touching": the outer discs' edge pixels are neighbours in the row of the centres, with no gap and no
  overlap. The authors move the RV by 1 px and let its wall cover what overlaps.
- Skin distance runs from the top of the fat bar to the top of the LV, the bar's 4 rows included.
- Position: bar, distance and LV stand centred as one stack; heart and bar are centred across.
- "Body fat x size multiplier x 70/80" is the bar's length in pixels; a negative draw of body fat is 0.
- Size multipliers are limited to at least 0.4 and to what fits the image.
- A wall's fat level is one draw a patient; its pixels are uniform from the myocardium's grey level up to
  myocardium + level x (fat - myocardium). "10 % of ARV" with LV wall fat is drawn apart from the variant.
- Grey levels are rounded and clipped to 0 to 255. The label's noise is clipped likewise, hence a mean of
  254.2 instead of 255 (the authors' label is constant).
- The box keeps 1 px from both edges.
- Class of slice i is i modulo 4, so that the classes of any count differ by one slice at most.
"""

import argparse
import csv
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from data_gen.cardiac_patient import HEIGHT, WIDTH, Patient, draw_patient
from data_gen.cardiac_slice import BOX, BOX_MARGIN, add_box, paint_slice
from papers_lib.datasets.cardiac import (
    CLASSES,
    COLUMNS,
    DESCRIPTION,
    IMAGES,
    MASKS,
    SEX_LABEL,
    SPLITS,
    TABLE,
)
from papers_lib.errors import UserError
from papers_lib.files import replacing_folder, write_json

DETAILS = tuple(field.name for field in fields(Patient) if field.name not in ("disease", "male"))
CHUNK = 250  # slices a worker writes before it reports back
Row = dict[str, str]


@dataclass(frozen=True)
class CardiacSpec:
    """What to generate: ``experiment`` (1 or 2), the number of slices of each split, and the seed.

    Raises:
        UserError: an experiment other than 1 and 2, a negative count or seed, or no slice at all.
    """

    experiment: int
    train: int = 800
    val: int = 400
    test: int = 300
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("experiment", *SPLITS, "seed"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise UserError(f"{name}: found {value!r}, expected a whole number of at least 0")
        if self.experiment not in (1, 2):
            raise UserError(f"experiment: found {self.experiment}, expected 1 or 2")
        if not any(self.count(split) for split in SPLITS):
            raise UserError("train, val, test: all are 0, expected at least one slice")

    def count(self, split: str) -> int:
        """Number of slices of ``split``."""
        return {"train": self.train, "val": self.val, "test": self.test}[split]


def draw(spec: CardiacSpec, split: str) -> tuple[np.ndarray, np.ndarray, list[Row]]:
    """Draw one split in memory.

    Returns:
        images (uint8, N x 105 x 135), masks (likewise) and the table: one dict a slice, as in ``slices.csv``.

    Raises:
        UserError: ``split`` is not train, val or test.
    """
    if split not in SPLITS:
        raise UserError(f"split: found {split!r}, expected one of {', '.join(SPLITS)}")
    return _draw_range(spec, split, 0, spec.count(split))


def write(root: str | Path, spec: CardiacSpec, jobs: int = 1) -> Path:
    """Write all splits under ``root``, whole or not at all, and return ``root``.

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
        (split, start, min(start + CHUNK, spec.count(split)))
        for split in SPLITS
        for start in range(0, spec.count(split), CHUNK)
    ]
    processes = min(jobs or os.cpu_count() or 1, len(chunks))
    with replacing_folder(root) as folder:
        (folder / IMAGES).mkdir()
        (folder / MASKS).mkdir()
        if processes == 1:
            tables = [_write_range(folder, spec, *chunk) for chunk in chunks]
        else:
            from joblib import Parallel, delayed

            tables = Parallel(n_jobs=processes)(
                delayed(_write_range)(folder, spec, *chunk) for chunk in chunks
            )
        with open(folder / TABLE, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [*COLUMNS, *DETAILS], lineterminator="\n")
            writer.writeheader()
            for table in tables:
                writer.writerows(table)
        description = {
            "name": f"synthetic cardiac slices, experiment {spec.experiment}",
            "kind": "stand-in",
            "generator": "data_gen.cardiac_mri",
            "parameters": asdict(spec),
        }
        write_json(folder / DESCRIPTION, description)
    return root


def toggle_sex_label(
    images: np.ndarray, masks: np.ndarray, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Copies of the slices with the sex label removed where it was and added where it was not.

    For the causal check of experiment 2: how far do the logits move when the label alone changes?

    Args:
        images, masks: uint8, N x H x W, as from ``draw``; left as they are.
        generator: source of the noise of the labels that are added.

    Raises:
        ValueError: shapes differ, or a label would cover part of the heart.
    """
    if images.ndim != 3 or images.shape != masks.shape:
        raise ValueError(f"images {images.shape} and masks {masks.shape}: expected the same N x H x W")
    images, masks = images.copy(), masks.copy()
    for image, mask in zip(images, masks, strict=True):
        present = mask == SEX_LABEL
        if present.any():
            image[present] = 0
            mask[present] = 0
            continue
        if mask[-BOX - BOX_MARGIN : -BOX_MARGIN, -BOX - BOX_MARGIN : -BOX_MARGIN].any():
            raise ValueError("the sex label would cover part of the heart")
        add_box(generator, image, mask)
    return images, masks


def _draw_range(
    spec: CardiacSpec, split: str, start: int, stop: int
) -> tuple[np.ndarray, np.ndarray, list[Row]]:
    images = np.empty((stop - start, HEIGHT, WIDTH), np.uint8)
    masks = np.empty_like(images)
    table = []
    for place, index in enumerate(range(start, stop)):
        key = (spec.experiment, SPLITS.index(split), index)
        generator = np.random.default_rng(np.random.SeedSequence(spec.seed, spawn_key=key))
        patient = draw_patient(generator, CLASSES[index % len(CLASSES)], spec.experiment)
        label = spec.experiment == 2 and patient.male
        images[place], masks[place] = paint_slice(generator, patient, label)
        table.append(_row(split, index, patient))
    return images, masks, table


def _row(split: str, index: int, patient: Patient) -> Row:
    row = {
        "id": f"{split}_{index:06d}",
        "split": split,
        "class": patient.disease,
        "sex": "M" if patient.male else "F",
    }
    for name in DETAILS:
        value = getattr(patient, name)
        row[name] = f"{value:.4f}" if isinstance(value, float) else value or ""
    return row


def _write_range(folder: Path, spec: CardiacSpec, split: str, start: int, stop: int) -> list[Row]:
    from PIL import Image

    images, masks, table = _draw_range(spec, split, start, stop)
    for image, mask, row in zip(images, masks, table, strict=True):
        Image.fromarray(image).save(folder / IMAGES / f"{row['id']}.png", compress_level=1)
        Image.fromarray(mask).save(folder / MASKS / f"{row['id']}.png", compress_level=1)
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: ``python -m data_gen.cardiac_mri ROOT --experiment 2 --train 800``."""
    parser = argparse.ArgumentParser(prog="python -m data_gen.cardiac_mri", description=main.__doc__)
    parser.add_argument("root", type=Path, metavar="ROOT", help="folder to write, new or empty")
    parser.add_argument("--experiment", type=int, required=True, help="1 or 2")
    for split in SPLITS:
        default = getattr(CardiacSpec, split)
        parser.add_argument(f"--{split}", type=int, default=default, help=f"slices (default {default})")
    parser.add_argument("--seed", type=int, default=CardiacSpec.seed, help="default %(default)s")
    parser.add_argument("--jobs", type=int, default=1, help="processes; 0 means one for each core")
    given = vars(parser.parse_args(arguments))
    root, jobs = given.pop("root"), given.pop("jobs")
    try:
        write(root, CardiacSpec(**given), jobs)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
