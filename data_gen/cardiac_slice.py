"""One synthetic short-axis slice: the picture of a patient and its segmentation, pixel by pixel.

The left ventricle (LV) is a disc of cavity in a ring of wall; the right ventricle (RV) is a smaller one
that touches it on the right. A bar of subcutaneous fat lies at the top, and in experiment 2 a box in the
lower right corner marks males. All else is black.

Synthetic patients: disease, sex, heart sizes and body fat, drawn as the authors' generator draws them.

Every constant is the published generator's (repository JamesCallanan/Grad-CAM, the code behind the paper
"Integrating feature attribution methods into the loss function of deep learning classifiers"). What it
leaves open, and what was chosen, stands under "Ambiguities" in ``data_gen.cardiac_mri``.
"""

import math
from dataclasses import dataclass

import numpy as np

from papers_lib.datasets.cardiac import LV_CAVITY, LV_WALL, RV_CAVITY, RV_WALL, SEX_LABEL

HEIGHT, WIDTH = 105, 135
UNIT = 25.0  # pixels at size multiplier 1
SPREAD = 0.02  # every size x becomes x + Normal(x, 0.02 x): about 2 x
LEAST_MULTIPLIER = 0.4  # four standard deviations below the mean of females

NORMAL = {"lv_radius": 3.5 / 17, "lv_wall": 1.5 / 17, "rv_radius": 2.5 / 17, "rv_wall": 1 / 17}
MALE_SHARE = {"NOR": 0.5, "HCM": 0.6, "DCM": 0.5, "ARV": 2.7 / 3.7}
SKIN_DISTANCE = {1: 10.0, 2: 18.0}  # pixels at size multiplier 1


@dataclass(frozen=True)
class Patient:
    """What one slice shows. Sizes are in pixels; a wall fat of None is a wall of plain myocardium."""

    disease: str
    variant: str
    male: bool
    size_multiplier: float
    body_fat: float
    skin_distance: float
    lv_radius: float
    lv_wall: float
    rv_radius: float
    rv_wall: float
    lv_wall_fat: float | None
    rv_wall_fat: float | None


def draw_patient(generator: np.random.Generator, disease: str, experiment: int) -> Patient:
    """Draw one patient with ``disease`` (NOR, HCM, DCM or ARV) for ``experiment`` 1 or 2.

    Experiment 1 makes hearts and body fat depend on the sex; experiment 2 removes both dependences.
    The size multiplier is limited so that the slice fits into 105 x 135 pixels, which concerns fewer than
    one slice in 100,000, and body fat is at least 0 (about 3 draws in 10,000 are negative).
    """
    male = bool(generator.random() < MALE_SHARE[disease])
    variant, factors, rv_wall_fat = _draw_variant(generator, disease)
    lv_wall_fat = None
    if disease == "ARV" and generator.random() < 0.1:
        lv_wall_fat = float(generator.uniform(0.0, 0.4))
    multiplier = 1.0
    if experiment == 1:
        multiplier = float(generator.normal(1.3 if male else 1.0, 0.15))
    sizes = {}
    for name, normal in NORMAL.items():
        x = UNIT * normal * factors.get(name, 1.0)
        sizes[name] = x + float(generator.normal(x, SPREAD * x))
    multiplier = min(max(multiplier, LEAST_MULTIPLIER), _largest_multiplier(sizes, SKIN_DISTANCE[experiment]))
    return Patient(
        disease=disease,
        variant=variant,
        male=male,
        size_multiplier=multiplier,
        body_fat=max(0.0, _draw_body_fat(generator, disease, male, experiment)),
        skin_distance=multiplier * SKIN_DISTANCE[experiment],
        lv_wall_fat=lv_wall_fat,
        rv_wall_fat=rv_wall_fat,
        **{name: multiplier * size for name, size in sizes.items()},
    )


def _draw_variant(generator: np.random.Generator, disease: str) -> tuple[str, dict[str, float], float | None]:
    """Name of the variant, sizes as multiples of a normal heart's, fat level of the RV wall."""
    if disease == "NOR":
        return "", {}, None
    if disease == "DCM":
        return "", {"lv_radius": 1.8, "lv_wall": 0.8, "rv_radius": 1.2, "rv_wall": 0.9}, None
    if disease == "HCM":
        rare = generator.random() < 0.16
        return "", {"lv_radius": 0.4, "lv_wall": 2.2, "rv_radius": 1.2 if rare else 1.0}, None
    if generator.random() < 0.5:
        return "fatty", {"rv_radius": 1.5}, float(generator.uniform(0.7, 0.9))
    rare = generator.random() < 0.1
    factors = {"rv_radius": 1.5, "lv_wall": 0.9, "lv_radius": 1.2 if rare else 1.0}
    return "fatty-fibro", factors, float(generator.uniform(0.3, 0.8))


def _draw_body_fat(generator: np.random.Generator, disease: str, male: bool, experiment: int) -> float:
    """Body fat in per cent; obesity is a cause of DCM, so its mean is 2 higher there."""
    if experiment == 2:
        mean, spread = 31.0, 9.0
    elif male:
        mean, spread = 26.0, 7.9
    else:
        mean, spread = 36.4, 9.7
    return float(generator.normal(mean + 2.0 if disease == "DCM" else mean, spread))


def _largest_multiplier(sizes: dict[str, float], skin_distance: float) -> float:
    """The multiplier at which heart and skin distance just fit, a pixel or two left for rounding."""
    lv = sizes["lv_radius"] + sizes["lv_wall"]
    rv = sizes["rv_radius"] + sizes["rv_wall"]
    return min((HEIGHT - 1) / (2 * lv + skin_distance), (WIDTH - 3) / (2 * (lv + rv)))


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
