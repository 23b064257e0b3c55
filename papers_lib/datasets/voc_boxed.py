"""A data set in Pascal VOC's layout (docs/data_voc.md) as `BoxedImages`: whole pictures, several classes each."""

from pathlib import Path
from typing import Literal

import numpy as np

from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.datasets.splits import image_split
from papers_lib.datasets.voc import VocRecord, VocSplit, load_voc
from papers_lib.datasets.voc_annotations import VocFault
from papers_lib.datasets.voc_store import splits_of
from papers_lib.errors import UserError

OWN = {"train": "train", "val": "val", "test": "test"}
VAL_SHARE = 0.1


def voc_boxed(
    root: str | Path,
    *,
    validation: Literal["cut", "own"] = "cut",
    val_share: float = VAL_SHARE,
    seed: int = 0,
    difficult: bool = True,
) -> BoxedImages:
    """List the pictures of a VOC set with labels (the classes of their boxes), boxes and split.

    Trained on trainval and tested on test where both exist, else train and val (`voc_store.splits_of`).
    PYLON's authors chose the checkpoint on VOC's val list and tested on it as well; here the validation part
    never is the test part.

    Args:
        root: a VOCdevkit, or a folder that holds one; all years that have a list are joined.
        validation: "cut" draws it from the training list, picture by picture; "own" takes the set's own lists train,
            val and test, which must all be there.
        val_share: of the training list's pictures, with "cut"; 0 makes no validation part.
        seed: of the cut.
        difficult: False leaves out boxes marked difficult, and pictures without any other.

    Raises:
        UserError: a fault of the data set (the first one stops); a picture in two lists; a part without a picture;
            an argument out of range.
    """
    if validation not in ("cut", "own"):
        raise UserError(f"validation: found {validation!r}, expected cut or own")
    if not 0 <= val_share < 1:
        raise UserError(f"val_share: found {val_share!r}, expected at least 0 and below 1")
    lists = splits_of(root) if validation == "cut" else OWN
    loaded: dict[str, VocSplit] = {}
    for part, name in lists.items():
        known = next((split.classes for split in loaded.values()), None)  # all names under root, read once
        loaded[part] = _load(root, name, known, difficult)
    _check_apart(root, loaded)
    parts = np.repeat(np.array(list(loaded), dtype="<U5"), [len(split) for split in loaded.values()])
    if validation == "cut" and val_share:
        rows = np.flatnonzero(parts == "train")
        parts[rows] = image_split(len(rows), {"train": 1 - val_share, "val": val_share}, seed)
        if not {"train", "val"} <= set(parts[rows].tolist()):
            raise UserError(
                f"{root}: found {len(rows)} pictures to train on, too few to cut {val_share} from"
            )
    records = [record for split in loaded.values() for record in split.records]
    return _boxed(next(iter(loaded.values())).classes, records, parts)


def _load(root: str | Path, name: str, classes: tuple[str, ...] | None, difficult: bool) -> VocSplit:
    try:
        return load_voc(root, name, classes=classes, difficult=difficult)
    except VocFault as fault:
        raise UserError(str(fault)) from None  # the runner knows errors by their name, not a subclass


def _check_apart(root: str | Path, loaded: dict[str, VocSplit]) -> None:
    list_of: dict[str, str] = {}
    for split in loaded.values():
        for record in split.records:
            other = list_of.setdefault(record.id, split.name)
            if other != split.name:
                lists = f"{other} and {split.name}"
                raise UserError(f"{root}: found {record.id} in both lists, {lists}, expected it in one")


def _boxed(classes: tuple[str, ...], records: list[VocRecord], parts: np.ndarray) -> BoxedImages:
    labels = np.zeros((len(records), len(classes)), dtype=np.bool_)
    for row, record in enumerate(records):
        labels[row, record.classes] = True
    # float64 until the division is done, so that an edge of the picture lands on 1 exactly
    sizes = [np.array(record.size * 2, dtype=np.float64) for record in records]
    return BoxedImages(
        classes=classes,
        names=tuple(record.id for record in records),
        paths=tuple(record.image for record in records),
        where=tuple(str(_annotation(record)) for record in records),
        labels=labels,
        boxes=tuple(
            (record.boxes / size).astype(np.float32) for record, size in zip(records, sizes, strict=True)
        ),
        box_classes=tuple(record.classes for record in records),
        patients=None,
        split=parts,
    )


def _annotation(record: VocRecord) -> Path:
    return record.image.parent.parent / "Annotations" / f"{record.image.stem}.xml"
