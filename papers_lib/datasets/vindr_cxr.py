"""VinDr-CXR as Kaggle's competition lays it out (Nguyen et al. 2020, arXiv 2012.15029), as `BoxedImages`.

::

    ROOT/train.csv              boxes of each reader, `vindr_boxes`
    ROOT/train/ID.dicom         the originals (.dcm is found as well), or
    ROOT/train/ID.png           conversions of any size, with
    ROOT/train_meta.csv         image_id, dim0 (height) and dim1 (width) of the original in pixels

The competition's own test part has no labels, so its 15,000 training images are split, as in PYLON (Preechakul
2022, iScience 25:103933, "Adapting PYLON to small VinDr-CXR datasets"). The set does not say whose image is whose: the
split is by image, a patient may be on both sides of it, and nothing can be done about that.
"""

import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.datasets.dicom_reader import SUFFIXES, dicom_size
from papers_lib.datasets.splits import image_split
from papers_lib.datasets.tabular import Row, read_rows
from papers_lib.datasets.vindr_boxes import (
    CLASSES,
    TABLE,
    Finding,
    box_shares,
    image_name,
    read_findings,
)
from papers_lib.datasets.voc_annotations import shown
from papers_lib.errors import UserError

__all__ = ["CLASSES", "SHARES", "load_vindr", "missing_images"]

SHARES = {"train": 0.7, "val": 0.1, "test": 0.2}
"""Of the images, as the paper has it."""

FOLDER, META = "train", "train_meta.csv"
META_COLUMNS = ("image_id", "dim0", "dim1")
MAX_SIDE = 1_000_000
PNG = ".png"
EXPECTED = "ID.dicom, or ID.png with train_meta.csv"


def load_vindr(
    root: str | Path,
    *,
    min_readers: int = 1,
    seed: int = 0,
    shares: Mapping[str, float] = SHARES,
    missing: Literal["error", "skip"] = "error",
) -> BoxedImages:
    """List the images of the release at ``root`` with labels, boxes and split, sorted by name.

    A class is a label of an image if at least ``min_readers`` readers drew a box of it; then all their boxes of it are
    kept. The paper merges the boxes of a class in an image "into a single ground truth region": that region is
    their union, and a point is in it if it is in any box, which is how `papers_lib.metrics.localization` reads a
    list of boxes. "No finding" is no class. Only the headers of images are read.

    Args:
        root: folder of the release.
        min_readers: 1 is the union of the readers, 2 the majority of three.
        seed: of the random split.
        shares: of the images in each part.
        missing: what to do with images of the table that ``train/`` has not: an "error", or "skip" them
            (:func:`missing_images` names them).

    Raises:
        UserError: a fault of a file, in one line that names file and line; an image that is none; a box outside its
            image; a PNG without a row in train_meta.csv; a part without an image; an argument out of range.
        ValueError: ``shares`` that do not sum to 1.
    """
    root = Path(root)
    if isinstance(min_readers, bool) or not isinstance(min_readers, int) or min_readers < 1:
        raise UserError(f"min_readers: found {min_readers!r}, expected a whole number of at least 1")
    if missing not in ("error", "skip"):
        raise UserError(f"missing: found {missing!r}, expected error or skip")
    findings, files = _listed(root)
    names = sorted(name for name in findings if name in files)
    if missing == "error" and len(names) < len(findings):
        gone = next(name for name in findings if name not in files)
        raise UserError(
            f"{findings[gone][0].where}: found no image {shown(gone)} in {root / FOLDER}, expected {EXPECTED} "
            f"({len(findings) - len(names)} of {len(findings)} are not there; missing=skip leaves them out)"
        )
    if not names:
        raise UserError(f"{root / FOLDER}: found no image of {root / TABLE}, expected some")
    pngs = any(files[name].suffix.lower() == PNG for name in names)
    stated = _stated_sizes(root / META) if pngs else {}
    sizes = [_original_size(root, files[name], findings[name][0].where, stated) for name in names]
    labels = np.zeros((len(names), len(CLASSES)), dtype=np.bool_)
    boxes, kinds = [], []
    for row, name in enumerate(names):
        drawn = [(one.kind, box_shares(one, sizes[row])) for one in findings[name] if one.kind is not None]
        agreed = _agreed(findings[name], min_readers)
        labels[row, agreed] = True
        boxes.append(np.array([box for kind, box in drawn if kind in agreed], np.float32).reshape(-1, 4))
        kinds.append(np.array([kind for kind, _ in drawn if kind in agreed], np.int64))
    split = image_split(len(names), shares, seed)
    for part in (part for part, share in shares.items() if share > 0):
        if not (split == part).any():
            raise UserError(f"{root / TABLE}: found {len(names)} images, too few for the part {part}")
    return BoxedImages(
        classes=CLASSES,
        names=tuple(names),
        paths=tuple(files[name] for name in names),
        where=tuple(findings[name][0].where for name in names),
        labels=labels,
        boxes=tuple(boxes),
        box_classes=tuple(kinds),
        patients=None,
        split=split,
    )


def missing_images(root: str | Path) -> list[str]:
    """Images that train.csv at ``root`` lists and ``train/`` has not, in the order of the table.

    Raises:
        UserError: as :func:`load_vindr` about the table and the folder.
    """
    findings, files = _listed(Path(root))
    return [name for name in findings if name not in files]


def _listed(root: Path) -> tuple[dict[str, list[Finding]], dict[str, Path]]:
    """The table by image, and the files of ``train/`` by name without suffix: of two, the DICOM."""
    if not root.is_dir():
        raise UserError(f"{root}: no such folder, expected one with {TABLE} and {FOLDER}/")
    findings = read_findings(root / TABLE)
    folder = root / FOLDER
    try:
        there = sorted(os.listdir(folder))
    except OSError as error:
        raise UserError(f"{folder}: cannot be read ({error.strerror}), expected {EXPECTED}") from error
    files: dict[str, Path] = {}
    for suffix in (*SUFFIXES, PNG):
        for path in (folder / name for name in there if Path(name).suffix.lower() == suffix):
            files.setdefault(path.stem, path)
    return findings, files


def _agreed(findings: list[Finding], min_readers: int) -> list[int]:
    """Classes of which at least so many readers drew a box, in ascending order."""
    readers = defaultdict(set)
    for one in findings:
        if one.kind is not None:
            readers[one.kind].add(one.reader)
    return sorted(kind for kind, who in readers.items() if len(who) >= min_readers)


def _original_size(
    root: Path, path: Path, where: str, stated: Mapping[str, tuple[int, int]]
) -> tuple[int, int]:
    """Height and width in whose pixels the boxes are; ``path`` is checked to be an image by its header."""
    if path.suffix.lower() in SUFFIXES:
        try:
            return dicom_size(path)
        except UserError as error:
            raise UserError(f"{error} (listed in {where})") from error
    try:
        with Image.open(path, formats=("PNG",)):
            pass
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError, struct.error …
        raise UserError(f"{path}: not a readable PNG, expected an image (listed in {where})") from error
    if path.stem not in stated:
        raise UserError(
            f"{path}: found no row in {root / META}, expected the height and width of its original"
        )
    return stated[path.stem]


def _stated_sizes(path: Path) -> dict[str, tuple[int, int]]:
    """Height and width of the originals, from train_meta.csv."""
    sizes: dict[str, tuple[int, int]] = {}
    for row in read_rows(path, META_COLUMNS):
        name = image_name(row)
        if name in sizes:
            raise UserError(f"{row.where}: image_id: found {shown(name)} again, expected it once")
        sizes[name] = _side(row, "dim0"), _side(row, "dim1")
    return sizes


def _side(row: Row, column: str) -> int:
    text = row[column]
    side = int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0
    if not 1 <= side <= MAX_SIDE:
        raise UserError(f"{row.where}: {column}: found {shown(text)}, expected a whole number of pixels")
    return side
