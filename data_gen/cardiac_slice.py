"""One synthetic short-axis slice: the picture of a patient and its segmentation, pixel by pixel.

The left ventricle (LV) is a disc of cavity in a ring of wall; the right ventricle (RV) is a smaller one
that touches it on the right. A bar of subcutaneous fat lies at the top, and in experiment 2 a box in the
lower right corner marks males. All else is black.
"""

import math

import numpy as np

from data_gen.cardiac_patient import HEIGHT, WIDTH, Patient
from papers_lib.datasets.cardiac import LV_CAVITY, LV_WALL, RV_CAVITY, RV_WALL, SEX_LABEL

FAT, CAVITY, MYOCARDIUM, LABEL = 0.9 * 255, 0.8 * 255, 0.2 * 255, 1.0 * 255  # mean grey levels
NOISE = 2.0  # standard deviation of a grey level
FAT_DEPTH = 4  # rows
BOX, BOX_MARGIN = 9, 1  # side of the sex label and its distance from both edges of the image


def paint_slice(
    generator: np.random.Generator, patient: Patient, label: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Image and mask of ``patient``, both uint8 of shape (105, 135).

    ``label`` adds the sex label. The stack of fat bar, skin distance and LV is centred from top to
    bottom; the heart and the bar are each centred from left to right.
    """
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    image = np.zeros((HEIGHT, WIDTH), np.uint8)

    lv_outer, rv_outer = patient.lv_radius + patient.lv_wall, patient.rv_radius + patient.rv_wall
    # A disc of radius r holds the pixels nearer than r to its centre pixel: reach columns to each side.
    lv_reach, rv_reach = math.ceil(lv_outer) - 1, math.ceil(rv_outer) - 1
    distance = round(patient.skin_distance)
    top = (HEIGHT - (distance + 2 * lv_reach + 1)) // 2
    row = top + distance + lv_reach
    lv_column = (WIDTH - (2 * lv_reach + 2 * rv_reach + 2)) // 2 + lv_reach
    rv_column = lv_column + lv_reach + 1 + rv_reach  # the discs' edge pixels are neighbours
    for column, radius, value in (
        (lv_column, lv_outer, LV_WALL),
        (lv_column, patient.lv_radius, LV_CAVITY),
        (rv_column, rv_outer, RV_WALL),
        (rv_column, patient.rv_radius, RV_CAVITY),
    ):
        mask[_disc(row, column, radius)] = value

    cavity = (mask == LV_CAVITY) | (mask == RV_CAVITY)
    image[cavity] = _normal(generator, CAVITY, int(cavity.sum()))
    for value, fat in ((LV_WALL, patient.lv_wall_fat), (RV_WALL, patient.rv_wall_fat)):
        wall = mask == value
        image[wall] = _wall(generator, fat, int(wall.sum()))

    # 80 % body fat at size multiplier 1 is a bar of 70 pixels.
    length = min(WIDTH, round(patient.body_fat * patient.size_multiplier * 70 / 80))
    left = (WIDTH - length) // 2
    bar = _normal(generator, FAT, FAT_DEPTH * length)
    image[top : top + FAT_DEPTH, left : left + length] = bar.reshape(FAT_DEPTH, length)
    if label:
        add_box(generator, image, mask)
    return image, mask


def add_box(generator: np.random.Generator, image: np.ndarray, mask: np.ndarray) -> None:
    """Paint the sex label, 9 x 9 pixels, into the lower right corner of an image and its mask, in place."""
    height, width = mask.shape
    rows = slice(height - BOX_MARGIN - BOX, height - BOX_MARGIN)
    columns = slice(width - BOX_MARGIN - BOX, width - BOX_MARGIN)
    image[rows, columns] = _normal(generator, LABEL, BOX * BOX).reshape(BOX, BOX)
    mask[rows, columns] = SEX_LABEL


def _disc(row: int, column: int, radius: float) -> np.ndarray:
    rows, columns = np.arange(HEIGHT) - row, np.arange(WIDTH) - column
    return (rows * rows)[:, None] + (columns * columns)[None, :] < radius * radius


def _wall(generator: np.random.Generator, fat: float | None, count: int) -> np.ndarray:
    """Grey levels of a wall; fat grows in unevenly: uniform from myocardium up to the fat level."""
    if fat is None:
        return _normal(generator, MYOCARDIUM, count)
    return _to_grey(generator.uniform(MYOCARDIUM, MYOCARDIUM + fat * (FAT - MYOCARDIUM), count))


def _normal(generator: np.random.Generator, level: float, count: int) -> np.ndarray:
    return _to_grey(generator.normal(level, NOISE, count))


def _to_grey(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
