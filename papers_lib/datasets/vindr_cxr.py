"""VinDr-CXR as Kaggle's competition lays it out (Nguyen et al. 2020, arXiv 2012.15029), as `BoxedImages`.

::

    ROOT/train.csv              a row a box of one reader, in pixels of the original; "No finding" has an empty box
    ROOT/train/ID.dicom         the originals (.dcm is found as well), or
    ROOT/train/ID.png           conversions of any size, with
    ROOT/train_meta.csv         image_id, dim0 (height) and dim1 (width) of the original in pixels

Three readers read each image and may contradict each other. The competition's test part has no labels, so its 15,000
training images are split, as in PYLON (Preechakul 2022, iScience 25:103933): by image, since the set does not name
patients.
"""

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from papers_lib.datasets import tabular
from papers_lib.datasets.boxed_images import BoxedImages, box_shares, check_missing, check_parts, stacked
from papers_lib.datasets.pictures import DICOM_SUFFIXES, dicom_size, opened
from papers_lib.datasets.splits import image_split
from papers_lib.datasets.tabular import NAME, Check, number, one_of, read_table, shown, whole_number
from papers_lib.errors import UserError

CLASSES = (
    *("Aortic enlargement", "Atelectasis", "Calcification", "Cardiomegaly", "Consolidation", "ILD"),
    *("Infiltration", "Lung Opacity", "Nodule/Mass", "Other lesion", "Pleural effusion"),
    *("Pleural thickening", "Pneumothorax", "Pulmonary fibrosis"),
)
"""In the order of ``class_id``, 0 to 13."""

NO_FINDING = "No finding"  # class_id 14
TABLE, FOLDER, META = "train.csv", "train", "train_meta.csv"
CORNERS = ("x_min", "y_min", "x_max", "y_max")
SHARES = {"train": 0.7, "val": 0.1, "test": 0.2}
"""Of the images, as the paper has it."""

PNG = ".png"
EXPECTED = "ID.dicom, or ID.png with train_meta.csv"


class Finding(NamedTuple):
    """One row: where it stands, the reader, index into ``CLASSES``, corners in pixels; None twice for "No finding"."""

    where: str
    reader: str
    kind: int | None
    corners: tuple[float, ...] | None


def load_vindr(
    root: str | Path,
    *,
    min_readers: int = 1,
    seed: int = 0,
    shares: Mapping[str, float] = SHARES,
    missing: Literal["error", "skip"] = "error",
) -> BoxedImages:
    """List the images of the release at ``root`` with labels, boxes and split, sorted by name; only headers are read.

    A class is a label of an image if at least ``min_readers`` (1: the union, 2: the majority) drew a box of it; then
    all their boxes of it are kept: the paper merges them "into a single ground truth region". "No finding" is no
    class. ``seed``, ``shares``: of the split. ``missing``: images that ``train/`` has not are an "error", or "skip"
    them.
    """
    root = Path(root)
    tabular.check_whole("min_readers", min_readers, 1)
    tabular.check_choice("missing", missing, ("error", "skip"))
    if not root.is_dir():
        raise UserError(f"{root}: no such folder, expected one with {TABLE} and {FOLDER}/")
    findings, files = read_findings(root / TABLE), find_files(root / FOLDER)
    names = sorted(name for name in findings if name in files)
    gone = [
        f"{rows[0].where}: found no image {shown(name)} ({EXPECTED}) in {root / FOLDER}"
        for name, rows in findings.items()
        if name not in files
    ]
    check_missing(missing, gone, len(findings))
    if not names:
        raise UserError(f"{root / FOLDER}: found no image of {root / TABLE}, expected some")
    pngs = any(files[name].suffix.lower() == PNG for name in names)
    stated = _stated_sizes(root / META) if pngs else {}
    labels = np.zeros((len(names), len(CLASSES)), dtype=np.bool_)
    drawn = []
    for row, name in enumerate(names):
        size = _original_size(root, files[name], findings[name][0].where, stated)
        boxes = [(one.kind, _shares(one, size)) for one in findings[name] if one.kind is not None]
        readers = Counter(kind for kind, _ in {(one.kind, one.reader) for one in findings[name]})
        drawn.append([(kind, box) for kind, box in boxes if readers[kind] >= min_readers])
        labels[row, [kind for kind, _ in drawn[-1]]] = True
    split = image_split(len(names), shares, seed)
    check_parts(split, {part: root / TABLE for part, share in shares.items() if share > 0})
    return BoxedImages(
        classes=CLASSES,
        names=tuple(names),
        paths=tuple(files[name] for name in names),
        where=tuple(findings[name][0].where for name in names),
        labels=labels,
        patients=None,
        split=split,
        **stacked(drawn),
    )


def missing_images(root: str | Path) -> list[str]:
    """Images that train.csv at ``root`` lists and ``train/`` has not, in the order of the table."""
    files = find_files(Path(root) / FOLDER)
    return [name for name in read_findings(Path(root) / TABLE) if name not in files]


def read_findings(path: Path) -> dict[str, list[Finding]]:
    """The rows of each image, images and rows in the order of ``train.csv``; the first row that is wrong is refused."""
    corner = number(-1e6, 1e6, blank=True)
    names = (*CLASSES, NO_FINDING)
    checks = {"image_id": NAME, "class_name": one_of(names), "class_id": None, "rad_id": None}
    found: dict[str, list[Finding]] = {}
    table = read_table(path, {**checks, **dict.fromkeys(CORNERS, corner)})
    for line, image, kind, given, reader, *corners in table.itertuples():
        where, known = f"{path} line {line}", ~np.isnan(corners)
        healthy = kind == len(CLASSES)
        first, empty = CORNERS[known.argmax()], CORNERS[known.argmin()]
        wrong = ""
        if given != str(kind):
            wrong = f"class_id: found {shown(given)}, expected {kind} for {names[kind]}"
        elif not reader:
            wrong = "rad_id: found '', expected the reader's name"
        elif healthy and known.any():
            wrong = f"{first}: found {corners[known.argmax()]:g}, expected it empty for {NO_FINDING}"
        elif not healthy and not known.all():
            wrong = f"{empty}: found '', expected a box for {names[kind]}"
        elif not healthy and not (corners[0] < corners[2] and corners[1] < corners[3]):
            wrong = f"found {corners}, expected x_max and y_max to be greater than x_min and y_min"
        if wrong:
            raise UserError(f"{where}: {wrong}")
        kept = (None, None) if healthy else (kind, tuple(corners))
        found.setdefault(image, []).append(Finding(where, reader, *kept))
    return found


def find_files(folder: Path) -> dict[str, Path]:
    """The files of ``train/`` by name without suffix: of two, the DICOM."""
    try:
        there = sorted(os.listdir(folder))
    except OSError as error:
        raise UserError(f"{folder}: cannot be read ({error.strerror}), expected {EXPECTED}") from error
    files: dict[str, Path] = {}
    for suffix in (*DICOM_SUFFIXES, PNG):
        for path in (folder / name for name in there if Path(name).suffix.lower() == suffix):
            files.setdefault(path.stem, path)
    return files


def _shares(finding: Finding, size: tuple[int, int]) -> np.ndarray:
    assert finding.corners is not None
    box = box_shares(finding.corners, size)
    if box is None:
        expected = f"expected it inside the image's width {size[1]} and height {size[0]}"
        raise UserError(f"{finding.where}: found box {finding.corners}, {expected}")
    return box


def _original_size(
    root: Path, path: Path, where: str, stated: Mapping[str, tuple[int, int]]
) -> tuple[int, int]:
    try:
        if path.suffix.lower() in DICOM_SUFFIXES:
            return dicom_size(path)
        with opened(path, "a PNG picture", ("PNG",)):
            pass
    except UserError as error:
        raise UserError(f"{error} (listed in {where})") from error
    if path.stem not in stated:
        expected = "expected the height and width of its original"
        raise UserError(f"{path}: found no row in {root / META}, {expected}")
    return stated[path.stem]


def _stated_sizes(path: Path) -> dict[str, tuple[int, int]]:
    """Height and width of the originals, from train_meta.csv."""
    side = Check(lambda text: whole_number(text) or None, "a whole number of pixels")
    table = read_table(path, {"image_id": NAME, "dim0": side, "dim1": side}, unique="image_id")
    return {name: (height, width) for _, name, height, width in table.itertuples()}
