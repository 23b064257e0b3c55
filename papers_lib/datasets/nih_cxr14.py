"""NIH ChestX-ray14 as the release lays it out (Wang et al., CVPR 2017), as `BoxedImages`.

::

    ROOT/Data_Entry_2017.csv    a row an image: findings joined by "|", patient (also Data_Entry_2017_v2020.csv)
    ROOT/BBox_List_2017.csv     984 boxes that radiologists drew on 880 images
    ROOT/train_val_list.txt     images to train and validate on, one a line
    ROOT/test_list.txt          images to test on; no patient is in both lists of the release
    ROOT/images/NAME.png        or images_001/images/NAME.png to images_012

Columns 3 to 6 of the boxes are the upper left corner, width and height in pixels of the 1024 x 1024 image.
"""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from papers_lib.datasets import tabular
from papers_lib.datasets.boxed_images import BoxedImages, box_shares, check_missing, check_parts, stacked
from papers_lib.datasets.splits import image_split, patient_split
from papers_lib.datasets.tabular import NAME, Check, number, read_table, read_text, shown, whole_number
from papers_lib.errors import UserError

CLASSES = (
    *("Atelectasis", "Cardiomegaly", "Effusion", "Infiltration", "Mass", "Nodule", "Pneumonia"),
    *("Pneumothorax", "Consolidation", "Edema", "Emphysema", "Fibrosis", "Pleural_Thickening", "Hernia"),
)
"""In the order of the data set's publications; the first eight have boxes."""

NO_FINDING = "No Finding"
TABLES, BOXES = "Data_Entry_2017*.csv", "BBox_List_2017.csv"
TRAIN_VAL, TEST = "train_val_list.txt", "test_list.txt"
IMAGE, FINDINGS, PATIENT = "Image Index", "Finding Labels", "Patient ID"
SIDE = 1024  # of the images on which the boxes were drawn
VAL_SHARE = 8040 / 86524
"""Of train_val_list.txt's images, as PYLON's authors have it: 78,484 to train and 8,040 to validate on."""


def load_nih(
    root: str | Path,
    *,
    split: Literal["patients", "authors"] = "patients",
    val_share: float = VAL_SHARE,
    seed: int = 0,
    missing: Literal["error", "skip"] = "error",
) -> BoxedImages:
    """List the images of the release at ``root`` with findings, boxes, patients and split; no picture is opened.

    The test part is test_list.txt, "val" is cut from train_val_list.txt, images in neither list have the split "".

    Args:
        split: "patients" keeps a patient's images on one side of the cut; "authors" cuts image by image, as PYLON's
            published lists do, where 4,385 patients are both in the training and in the validation part.
        val_share, seed: of the cut; a share of 0 makes no validation part.
        missing: what to do with images of the table that no folder has: an "error", or "skip" them.
    """
    root = Path(root)
    tabular.check_choice("split", split, ("patients", "authors"))
    tabular.check_choice("missing", missing, ("error", "skip"))
    tabular.check_range("val_share", val_share, 0, 1)
    path = find_table(root)
    table, pictures = read_entries(path), find_pictures(root)
    there = table[table[IMAGE].isin(list(pictures))]
    listed = _read_lists(root, set(table[IMAGE]))
    boxes = read_boxes(root / BOXES, table[IMAGE])
    gone = [
        f"{path} line {line}: found no file {shown(name)} in {root / 'images'} or images_*"
        for line, name in table[IMAGE].items()
        if name not in pictures
    ]
    check_missing(missing, gone, len(table))
    names = tuple(there[IMAGE])
    patients = np.array(there[PATIENT].tolist(), dtype=np.str_)
    parts = np.array([listed.get(name, "") for name in names], dtype="<U5")
    rows = np.flatnonzero(parts == "train")
    if val_share and len(rows):
        shares = {"train": 1 - val_share, "val": val_share}
        if split == "patients":
            parts[rows] = patient_split(patients[rows], shares, seed)
        else:
            parts[rows] = image_split(len(rows), shares, seed)
    lists = {"train": TRAIN_VAL, "test": TEST} | ({"val": TRAIN_VAL} if val_share else {})
    check_parts(parts, {part: root / file for part, file in lists.items()})
    labels = np.zeros((len(there), len(CLASSES)), dtype=np.bool_)
    for row, findings in enumerate(there[FINDINGS]):
        labels[row, list(findings)] = True
    return BoxedImages(
        classes=CLASSES,
        names=names,
        paths=tuple(pictures[name] for name in names),
        where=tuple(f"{path} line {line}" for line in there.index),
        labels=labels,
        patients=patients,
        split=parts,
        **stacked([boxes.get(name, []) for name in names]),
    )


def missing_images(root: str | Path) -> list[str]:
    """Images that the table of the release at ``root`` lists and no folder has, in the order of the table."""
    pictures = find_pictures(Path(root))
    return [name for name in read_entries(find_table(Path(root)))[IMAGE] if name not in pictures]


def find_table(root: Path) -> Path:
    """The one file ``Data_Entry_2017*.csv`` in ``root``; none, or several, is a `UserError`."""
    if not root.is_dir():
        raise UserError(f"{root}: no such folder, expected the NIH ChestX-ray14 release ({TABLES}, …)")
    tables = sorted(root.glob(TABLES))
    if len(tables) != 1:
        found = ", ".join(path.name for path in tables) or "none"
        raise UserError(f"{root}: found {found}, expected one table {TABLES}")
    return tables[0]


def read_entries(path: Path) -> pd.DataFrame:
    """``Data_Entry_2017*.csv`` by line: image, indices of its findings into ``CLASSES``, patient (00032 is 32)."""
    checks = {
        IMAGE: NAME,
        FINDINGS: Check(_findings, f"{', '.join(CLASSES)}, joined by |, or {NO_FINDING} alone"),
        PATIENT: Check(lambda text: str(whole_number(text)), "a whole number"),
    }
    return read_table(path, checks, unique=IMAGE)


def _findings(text: str) -> tuple[int, ...]:
    names = [name.strip() for name in text.split("|")]
    return () if names == [NO_FINDING] else tuple(map(CLASSES.index, names))


def read_boxes(path: Path, images: Iterable[str]) -> dict[str, list[tuple[int, np.ndarray]]]:
    """Class and box, as shares, of each box of ``BBox_List_2017.csv`` by image, which must be one of ``images``."""
    kinds = {name: k for k, name in enumerate(CLASSES)} | {"Infiltrate": CLASSES.index("Infiltration")}
    checks = {
        IMAGE: Check({name: name for name in images}.__getitem__, "one of the table's images"),
        "Finding Label": Check(kinds.__getitem__, f"one of {', '.join(CLASSES)}"),
        **dict.fromkeys(("Bbox [x", "y", "w", "h]"), number(-1e6, 1e6)),
    }
    boxes = defaultdict(list)
    for line, image, kind, x, y, width, height in read_table(path, checks, split_names=True).itertuples():
        found = f"{path} line {line}: found x {x:g} to {x + width:g}, y {y:g} to {y + height:g}"
        box = box_shares((x, y, x + width, y + height), (SIDE, SIDE)) if min(width, height) > 0 else None
        if box is None:
            raise UserError(f"{found}, expected a box inside the {SIDE} x {SIDE} pixels of the image")
        boxes[image].append((kind, box))
    return boxes


def _read_lists(root: Path, images: set[str]) -> dict[str, str]:
    """ "train" or "test" for each image of the two lists."""
    train_val, test = read_list(root / TRAIN_VAL), read_list(root / TEST)
    for name, where in [*test.items(), *train_val.items()]:
        if name not in images:
            raise UserError(f"{where}: found image {shown(name)}, expected one of the table's")
        if name in train_val and name in test:
            raise UserError(f"{where}: found {shown(name)} in both lists (also {train_val[name]})")
    return dict.fromkeys(train_val, "train") | dict.fromkeys(test, "test")


def read_list(path: Path) -> dict[str, str]:
    """Images of a list, one a line, each with where it stands; a missing or empty file, or a name twice, is refused."""
    found: dict[str, str] = {}
    for line, text in enumerate(read_text(path, "one image name a line").splitlines(), start=1):
        name, where = text.strip(), f"{path} line {line}"
        if name in found:
            raise UserError(f"{where}: found {shown(name)} again (first {found[name]}), expected it once")
        if name:
            found[name] = where
    if not found:
        raise UserError(f"{path}: found no name, expected one image name a line")
    return found


def find_pictures(root: Path) -> dict[str, Path]:
    """Every file in ``images/``, ``images_*/images/`` and ``images_*/`` of ``root``, by name; the first one counts."""
    parts = sorted(root.glob("images_*"))
    folders = [f for f in (root / "images", *(p / "images" for p in parts), *parts) if f.is_dir()]
    if not folders:
        raise UserError(f"{root}: found no folder images or images_001/images, expected the pictures there")
    try:
        files = (file for folder in reversed(folders) for file in folder.iterdir())
        return {file.name: file for file in files if file.is_file()}
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be read ({error.strerror})") from error
