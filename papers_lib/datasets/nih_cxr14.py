"""NIH ChestX-ray14 as the release lays it out (Wang et al., CVPR 2017), as `BoxedImages`.

::

    ROOT/Data_Entry_2017.csv    a row an image: findings joined by "|", patient (also Data_Entry_2017_v2020.csv)
    ROOT/BBox_List_2017.csv     the boxes, `nih_boxes`
    ROOT/train_val_list.txt     images to train and validate on, one a line
    ROOT/test_list.txt          images to test on; no patient is in both lists of the release
    ROOT/images/NAME.png        or images_001/images/NAME.png to images_012
"""

from pathlib import Path
from typing import Literal

import numpy as np

from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.datasets.nih_boxes import BOXES, NihBox, read_boxes
from papers_lib.datasets.nih_files import (
    CLASSES,
    TEST,
    TRAIN_VAL,
    Entry,
    find_pictures,
    find_table,
    read_list,
    read_table,
)
from papers_lib.datasets.splits import image_split, patient_split
from papers_lib.datasets.voc_annotations import shown
from papers_lib.errors import UserError

__all__ = ["CLASSES", "VAL_SHARE", "load_nih", "missing_images"]

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

    The test part is test_list.txt. The validation part is cut from train_val_list.txt: by patient, or image by
    image as in PYLON's published lists, where 4,385 patients have images both in the training and in the
    validation part, so that early stopping sees patients it was trained on. Images in neither list have
    the split "". Images come in the order of the table.

    Args:
        root: folder of the release.
        split: "patients" keeps all images of a patient on one side; "authors" does not.
        val_share: of the images of train_val_list.txt; 0 makes no validation part.
        seed: of the cut.
        missing: what to do with images of the table that no folder has: an "error", or "skip" them
            (:func:`missing_images` names them).

    Raises:
        UserError: a fault of a file, in one line that names file and line; a list or a box with an image that the
            table has not; an image in both lists; a part without an image; an argument out of range.
    """
    root = Path(root)
    if split not in ("patients", "authors"):
        raise UserError(f"split: found {split!r}, expected patients or authors")
    if missing not in ("error", "skip"):
        raise UserError(f"missing: found {missing!r}, expected error or skip")
    if not 0 <= val_share < 1:
        raise UserError(f"val_share: found {val_share!r}, expected at least 0 and below 1")
    entries, pictures = read_table(find_table(root)), find_pictures(root)
    listed = _read_lists(root, entries)
    boxes: dict[str, list[NihBox]] = {}
    for box in read_boxes(root / BOXES):
        if box.image not in entries:
            raise UserError(f"{box.where}: found image {shown(box.image)}, expected one of the table's")
        boxes.setdefault(box.image, []).append(box)
    there = [entry for entry in entries.values() if entry.image in pictures]
    if missing == "error" and len(there) < len(entries):
        gone = next(entry for entry in entries.values() if entry.image not in pictures)
        raise UserError(
            f"{gone.where}: found no file {shown(gone.image)} in {root / 'images'} or images_*, expected it "
            f"({len(entries) - len(there)} of {len(entries)} are not there; missing=skip leaves them out)"
        )
    patients = np.array([entry.patient for entry in there], dtype=np.str_)
    parts = np.array([listed.get(entry.image, "") for entry in there], dtype="<U5")
    _cut_validation(parts, patients, split, val_share, seed)
    for part, file in (("train", TRAIN_VAL), ("val", TRAIN_VAL), ("test", TEST)):
        if not (parts == part).any() and (part != "val" or val_share > 0):
            raise UserError(f"{root / file}: found no image for the part {part} in {root}, expected some")
    return _boxed(there, pictures, boxes, patients, parts)


def missing_images(root: str | Path) -> list[str]:
    """Images that the table of the release at ``root`` lists and no folder has, in the order of the table.

    Raises:
        UserError: as :func:`load_nih` about the table and the folders.
    """
    pictures = find_pictures(Path(root))
    return [image for image in read_table(find_table(Path(root))) if image not in pictures]


def _read_lists(root: Path, entries: dict[str, Entry]) -> dict[str, str]:
    """ "train" or "test" for each image of the two lists."""
    train_val, test = read_list(root / TRAIN_VAL), read_list(root / TEST)
    for name, where in (train_val | test).items():
        if name not in entries:
            raise UserError(f"{where}: found image {shown(name)}, expected one of the table's")
    for name, where in test.items():
        if name in train_val:
            raise UserError(f"{where}: found {shown(name)} in both lists (also {train_val[name]})")
    return dict.fromkeys(train_val, "train") | dict.fromkeys(test, "test")


def _cut_validation(parts: np.ndarray, patients: np.ndarray, split: str, share: float, seed: int) -> None:
    rows = np.flatnonzero(parts == "train")
    if not share or not len(rows):
        return
    shares = {"train": 1 - share, "val": share}
    by_patient = split == "patients"
    parts[rows] = (
        patient_split(patients[rows], shares, seed) if by_patient else image_split(len(rows), shares, seed)
    )


def _boxed(
    entries: list[Entry],
    pictures: dict[str, Path],
    boxes: dict[str, list[NihBox]],
    patients: np.ndarray,
    parts: np.ndarray,
) -> BoxedImages:
    labels = np.zeros((len(entries), len(CLASSES)), dtype=np.bool_)
    for row, entry in enumerate(entries):
        labels[row, list(entry.findings)] = True
    drawn = [boxes.get(entry.image, []) for entry in entries]
    return BoxedImages(
        classes=CLASSES,
        names=tuple(entry.image for entry in entries),
        paths=tuple(pictures[entry.image] for entry in entries),
        where=tuple(entry.where for entry in entries),
        labels=labels,
        boxes=tuple(np.array([one.box for one in some], np.float32).reshape(-1, 4) for some in drawn),
        box_classes=tuple(np.array([one.kind for one in some], np.int64) for some in drawn),
        patients=patients,
        split=parts,
    )
