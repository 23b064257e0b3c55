"""Synthetic short-axis cardiac slices with segmentation, for both experiments of the heatmap-loss paper.

Four balanced classes (NOR, HCM, DCM, ARV), 105 rows x 135 columns, 8-bit grey, written in the layout that
``papers_lib.datasets.cardiac`` reads. In experiment 1 the sex shows in the size of heart and body fat; in
experiment 2 it shows only in a box in the lower right corner of males' slices.

Source: "Integrating feature attribution methods into the loss function of deep learning classifiers",
section 2, and the constants of the authors' public generator (repository JamesCallanan/Grad-CAM).

Optional columns of ``slices.csv``: variant (of ARV), size_multiplier, body_fat (per cent), skin_distance, lv_radius,
lv_wall, rv_radius, rv_wall (pixels), lv_wall_fat, rv_wall_fat (fat level, empty for plain myocardium).

A slice depends on (seed, experiment, split, index) alone; a split of 800 is the beginning of the same one of 10,000.

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

import sys
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from data_gen.cardiac_slice import BOX, BOX_MARGIN, Patient, add_box, draw_patient, paint_slice
from data_gen.generator import (
    command,
    generator_of,
    save_png,
    write_description,
    write_parts,
    write_table,
)
from papers_lib.datasets.cardiac import (
    CLASSES,
    COLUMNS,
    IMAGES,
    MASKS,
    SEX_LABEL,
    SPLITS,
    TABLE,
)
from papers_lib.datasets.row_file import new_folder
from papers_lib.datasets.tabular import check_choice, check_whole
from papers_lib.errors import UserError

DETAILS = tuple(field.name for field in fields(Patient) if field.name not in ("disease", "male"))
Row = dict[str, str]


@dataclass(frozen=True)
class CardiacSpec:
    """What to generate: ``experiment`` (1 or 2), the number of slices of each split, and the seed."""

    experiment: int
    train: int = 800
    val: int = 400
    test: int = 300
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("experiment", *SPLITS, "seed"):
            check_whole(name, getattr(self, name), 0)
        if self.experiment not in (1, 2):
            raise UserError(f"experiment: found {self.experiment}, expected 1 or 2")
        if not self.train + self.val + self.test:
            raise UserError("train, val, test: all are 0, expected at least one slice")


def draw(spec: CardiacSpec, split: str) -> tuple[np.ndarray, np.ndarray, list[Row]]:
    """Draw one split: images and masks (uint8, N x 105 x 135), and a dict a slice, as in ``slices.csv``."""
    check_choice("split", split, SPLITS)
    images, masks, table = zip(*(_draw(spec, split, i) for i in range(getattr(spec, split))), strict=True)
    return np.stack(images), np.stack(masks), list(table)


def write(root: str | Path, spec: CardiacSpec, jobs: int = 1) -> Path:
    """Write all pictures under ``root``, whole or not at all, and return ``root``."""
    with new_folder(root) as folder:
        (folder / IMAGES).mkdir()
        (folder / MASKS).mkdir()
        tables = write_parts(_write_slice, folder, spec, {one: getattr(spec, one) for one in SPLITS}, jobs)
        rows = (row.values() for table in tables.values() for row in table)
        write_table(folder / TABLE, [*COLUMNS, *DETAILS], rows)
        name = f"synthetic cardiac slices, experiment {spec.experiment}"
        write_description(folder, name, "data_gen.cardiac_mri", spec)
    return Path(root)


def toggle_sex_label(
    images: np.ndarray, masks: np.ndarray, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Copies of the slices with the sex label removed where it was and added where it was not.

    For the causal check of experiment 2: how far do the logits move when the label alone changes?
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


def _draw(spec: CardiacSpec, split: str, index: int) -> tuple[np.ndarray, np.ndarray, Row]:
    generator = generator_of(spec.seed, spec.experiment, SPLITS.index(split), index)
    patient = draw_patient(generator, CLASSES[index % len(CLASSES)], spec.experiment)
    label = spec.experiment == 2 and patient.male
    return *paint_slice(generator, patient, label), _row(split, index, patient)


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


def _write_slice(folder: Path, spec: CardiacSpec, split: str, index: int) -> Row:
    image, mask, row = _draw(spec, split, index)
    save_png(folder / IMAGES / f"{row['id']}.png", image)
    save_png(folder / MASKS / f"{row['id']}.png", mask)
    return row


if __name__ == "__main__":
    sys.exit(command(CardiacSpec, write))
