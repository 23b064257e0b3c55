"""Short-axis cardiac slices with segmentation, synthetic or real, read from one layout.

::

    ROOT/slices.csv     id, split (train, val, test), class (NOR, HCM, DCM, ARV), sex (M, F or empty), ...
    ROOT/images/ID.png  8-bit grey
    ROOT/masks/ID.png   8-bit: 0 background, 1 LV cavity, 2 LV wall, 3 RV cavity, 4 RV wall, 5 sex label
    ROOT/dataset.json   optional: {"name": ..., "kind": "stand-in" or "real", ...}

All images of a split have one size. An RGB image counts as grey where its three channels are equal; a mask
may have a palette, its indices are the labels. ``data_gen.cardiac_mri`` writes this layout.
"""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from papers_lib.datasets.cardiac_layout import (
    CLASSES,
    COLUMNS,
    DESCRIPTION,
    IMAGES,
    LABELS,
    LV_CAVITY,
    MASKS,
    RV_WALL,
    SEX_LABEL,
    SPLITS,
    TABLE,
)
from papers_lib.datasets.tabular import Row, read_rows
from papers_lib.errors import UserError

__all__ = ["CLASSES", "KINDS", "LABELS", "CardiacSplit", "Description", "describe", "load_cardiac"]

KINDS = ("stand-in", "real")
SEXES = {"F": 0, "M": 1, "": 255}


@dataclass(frozen=True, eq=False)
class CardiacSplit:
    """One split in memory, in the order of the table.

    Attributes:
        images: grey levels, uint8 (N, H, W).
        masks: values of ``LABELS``, uint8 (N, H, W).
        classes: indices into ``CLASSES``, int64 (N,).
        sex: 0 female, 1 male, 255 unknown, uint8 (N,).
        ids: the N names.
    """

    images: np.ndarray
    masks: np.ndarray
    classes: np.ndarray
    sex: np.ndarray
    ids: tuple[str, ...]

    @property
    def heart(self) -> np.ndarray:
        """Cavities and walls of both ventricles, bool (N, H, W)."""
        return _heart(self.masks)

    @property
    def label_box(self) -> np.ndarray:
        """The synthetic sex label, bool (N, H, W); false everywhere on real slices."""
        return self.masks == SEX_LABEL


@dataclass(frozen=True)
class Description:
    """Name of a data set and its kind, "stand-in" (synthetic) or "real"."""

    name: str
    kind: str


def load_cardiac(root: str | Path, split: str) -> CardiacSplit:
    """Read and check one split of the data set at ``root``.

    Raises:
        UserError: a missing folder, file or column; an unknown split, class or sex; an id that is empty,
            repeated or no plain file name; a split without rows; an image or mask that is missing, corrupt,
            of another kind or size than expected; a mask with an unknown value or without heart. The line
            names the file, and the row of ``slices.csv`` that asks for it.
    """
    root = Path(root)
    if split not in SPLITS:
        raise UserError(f"split: found {split!r}, expected one of {', '.join(SPLITS)}")
    if not root.is_dir():
        raise UserError(f"{root}: no such folder, expected one with {TABLE}, {IMAGES}/ and {MASKS}/")
    rows = read_rows(root / TABLE, COLUMNS)
    _check_rows(rows)
    wanted = [row for row in rows if row["split"] == split]
    if not wanted:
        counts = Counter(row["split"] for row in rows)
        found = ", ".join(f"{name} {counts[name]}" for name in SPLITS if counts[name])
        raise UserError(f"{root / TABLE}: found no row of split {split!r} (rows: {found})")
    # One thread: most of the time goes to Python, and two or four threads were measured to be slower.
    images, masks = zip(*(_read_slice(root, row) for row in wanted), strict=True)
    for row, image in zip(wanted, images, strict=True):
        if image.shape != images[0].shape:
            raise UserError(
                f"{_image_path(root, row)} ({row.where}): found {_size(image)}, "
                f"expected {_size(images[0])} as the first image of split {split!r}"
            )
    return CardiacSplit(
        np.stack(images),
        np.stack(masks),
        np.array([CLASSES.index(row["class"]) for row in wanted], np.int64),
        np.array([SEXES[row["sex"]] for row in wanted], np.uint8),
        tuple(row["id"] for row in wanted),
    )


def describe(root: str | Path) -> Description:
    """Name and kind from ``dataset.json``; without that file, the folder's name and "real".

    Raises:
        UserError: the file is not JSON, or its kind is neither "stand-in" nor "real".
    """
    path = Path(root) / DESCRIPTION
    if not path.exists():
        return Description(Path(root).resolve().name, "real")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: not readable as JSON ({error})") from error
    content = content if isinstance(content, dict) else {}
    name, kind = content.get("name"), content.get("kind")
    if not isinstance(name, str) or kind not in KINDS:
        raise UserError(f"{path}: found name {name!r}, kind {kind!r}, expected a text and stand-in or real")
    return Description(name, kind)


def _check_rows(rows: list[Row]) -> None:
    first: dict[str, int] = {}
    for row in rows:
        name = row["id"]
        if not name or not name.isprintable() or "/" in name or "\\" in name:
            raise UserError(f"{row.where}: id: found {name!r}, expected a file name without folders")
        if name in first:
            raise UserError(f"{row.where}: id: found {name!r} again (first on line {first[name]})")
        first[name] = row.line
        row.choice("split", SPLITS)
        row.choice("class", CLASSES)
        row.choice("sex", tuple(SEXES))


def _read_slice(root: Path, row: Row) -> tuple[np.ndarray, np.ndarray]:
    """Image and mask of one row, checked on their own and against each other."""
    path, mask_path = _image_path(root, row), root / MASKS / f"{row['id']}.png"
    image = _read_png(path, row, ("L", "RGB"), "8-bit grey")
    if image.ndim == 3:
        if (image != image[..., :1]).any():
            raise UserError(f"{path} ({row.where}): found an image in colour, expected 8-bit grey")
        image = np.ascontiguousarray(image[..., 0])
    mask = _read_png(mask_path, row, ("L", "P"), "an 8-bit mask of one channel")
    if mask.shape != image.shape:
        found = f"found {_size(mask)}, expected {_size(image)} as its image"
        raise UserError(f"{mask_path} ({row.where}): {found}")
    if mask.max() > max(LABELS.values()):
        found = f"found value {mask.max()}, expected 0 to {max(LABELS.values())}"
        raise UserError(f"{mask_path} ({row.where}): {found}")
    if not _heart(mask).any():
        raise UserError(f"{mask_path} ({row.where}): found no heart, expected pixels of value 1 to 4")
    return image, mask


def _read_png(path: Path, row: Row, modes: tuple[str, ...], expected: str) -> np.ndarray:
    try:
        with Image.open(path, formats=("PNG",)) as picture:
            if picture.mode not in modes:
                raise UserError(f"{path} ({row.where}): found mode {picture.mode}, expected {expected}")
            return np.array(picture)
    except FileNotFoundError as error:
        raise UserError(f"{path} ({row.where}): no such file, expected {expected}") from error
    except UserError:
        raise
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError, IndexError, struct.error …
        raise UserError(f"{path} ({row.where}): not a readable PNG image, expected {expected}") from error


def _image_path(root: Path, row: Row) -> Path:
    return root / IMAGES / f"{row['id']}.png"


def _heart(masks: np.ndarray) -> np.ndarray:
    return (masks >= LV_CAVITY) & (masks <= RV_WALL)


def _size(array: np.ndarray) -> str:
    return f"{array.shape[0]} x {array.shape[1]} pixels"
