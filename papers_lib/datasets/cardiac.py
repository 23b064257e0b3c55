"""Short-axis cardiac slices with segmentation, synthetic or real, read from one layout.

::

    ROOT/slices.csv     id, split (train, val, test), class (NOR, HCM, DCM, ARV), sex (M, F or empty), ...
    ROOT/images/ID.png  8-bit grey
    ROOT/masks/ID.png   8-bit: 0 background, 1 LV cavity, 2 LV wall, 3 RV cavity, 4 RV wall, 5 sex label
    ROOT/dataset.json   optional: {"name": ..., "kind": "synthetic data" or "real", ...}

All images of a split have one size.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from papers_lib.datasets.tabular import NAME, Check, check_choice, one_of, read_table
from papers_lib.errors import UserError

CLASSES = ("NOR", "HCM", "DCM", "ARV")
"""Normal, hypertrophic, dilated and arrhythmogenic right ventricular cardiomyopathy; a class is its index."""

BACKGROUND, LV_CAVITY, LV_WALL, RV_CAVITY, RV_WALL, SEX_LABEL = range(6)
LABELS = dict(
    zip(("background", "LV cavity", "LV wall", "RV cavity", "RV wall", "sex label"), range(6), strict=True)
)
"""Values of a mask; the heart is 1 to 4, the sex label is in synthetic slices only."""

SPLITS = ("train", "val", "test")
COLUMNS = ("id", "split", "class", "sex")
TABLE, IMAGES, MASKS = "slices.csv", "images", "masks"
SEXES = {"F": 0, "M": 1, "": 255}


@dataclass(frozen=True, eq=False)
class CardiacSplit:
    """One split of N slices in memory, in the order of the table."""

    images: np.ndarray  # grey levels, uint8 (N, H, W)
    masks: np.ndarray  # values of LABELS, uint8 (N, H, W)
    classes: np.ndarray  # indices into CLASSES, int64 (N,)
    sex: np.ndarray  # 0 female, 1 male, 255 unknown, uint8 (N,)
    ids: tuple[str, ...]

    @property
    def heart(self) -> np.ndarray:
        """Cavities and walls of both ventricles, bool (N, H, W)."""
        return _heart(self.masks)

    @property
    def label_box(self) -> np.ndarray:
        """The synthetic sex label, bool (N, H, W); false everywhere on real slices."""
        return self.masks == SEX_LABEL


def load_cardiac(root: str | Path, split: str) -> CardiacSplit:
    """Read and check one split of the data set at ``root``."""
    root = Path(root)
    check_choice("split", split, SPLITS)
    table = read_slices(root)
    wanted = table[table["split"] == SPLITS.index(split)]
    if wanted.empty:
        counts = table["split"].value_counts().sort_index()
        found = ", ".join(f"{SPLITS[part]} {count}" for part, count in counts.items())
        raise UserError(f"{root / TABLE}: found no row of split {split!r} (rows: {found})")
    # One thread: most of the time goes to Python, and two or four threads were measured to be slower.
    listed = [(name, f"{root / TABLE} line {line}") for line, name in wanted["id"].items()]
    images, masks = zip(*(_read_slice(root, name, where) for name, where in listed), strict=True)
    for (name, where), image in zip(listed, images, strict=True):
        if image.shape != images[0].shape:
            expected = f"expected {_size(images[0])} as the first image of split {split!r}"
            raise UserError(f"{root / IMAGES / name}.png ({where}): found {_size(image)}, {expected}")
    return CardiacSplit(
        np.stack(images),
        np.stack(masks),
        wanted["class"].to_numpy(np.int64),
        wanted["sex"].to_numpy(np.uint8),
        tuple(wanted["id"]),
    )


def read_slices(root: Path) -> pd.DataFrame:
    """``slices.csv`` by line: id, and split, class and sex as numbers."""
    if not root.is_dir():
        raise UserError(f"{root}: no such folder, expected one with {TABLE}, {IMAGES}/ and {MASKS}/")
    sex = Check(SEXES.__getitem__, "one of F, M, empty")
    checks = {"id": NAME, "split": one_of(SPLITS), "class": one_of(CLASSES), "sex": sex}
    return read_table(root / TABLE, checks, unique="id")


def _read_slice(root: Path, name: str, where: str) -> tuple[np.ndarray, np.ndarray]:
    path, mask_path = root / IMAGES / f"{name}.png", root / MASKS / f"{name}.png"
    image = _read_png(path, where, ("L", "RGB"), "8-bit grey")
    if image.ndim == 3:
        if (image != image[..., :1]).any():
            raise UserError(f"{path} ({where}): found an image in colour, expected 8-bit grey")
        image = np.ascontiguousarray(image[..., 0])
    mask = _read_png(mask_path, where, ("L", "P"), "an 8-bit mask of one channel")
    wrong = ""
    if mask.shape != image.shape:
        wrong = f"found {_size(mask)}, expected {_size(image)} as its image"
    elif mask.max() > SEX_LABEL:
        wrong = f"found value {mask.max()}, expected 0 to {SEX_LABEL}"
    elif not _heart(mask).any():
        wrong = "found no heart, expected pixels of value 1 to 4"
    if wrong:
        raise UserError(f"{mask_path} ({where}): {wrong}")
    return image, mask


def _read_png(path: Path, where: str, modes: tuple[str, ...], expected: str) -> np.ndarray:
    try:
        with Image.open(path, formats=("PNG",)) as picture:
            if picture.mode in modes:
                return np.array(picture)
            found = f"found mode {picture.mode}"
    except FileNotFoundError:
        found = "no such file"
    except Exception:  # Pillow raises OSError, SyntaxError, ValueError, IndexError, struct.error …
        found = "not a readable PNG image"
    raise UserError(f"{path} ({where}): {found}, expected {expected}")


def _heart(masks: np.ndarray) -> np.ndarray:
    return (masks >= LV_CAVITY) & (masks <= RV_WALL)


def _size(array: np.ndarray) -> str:
    return f"{array.shape[0]} x {array.shape[1]} pixels"
