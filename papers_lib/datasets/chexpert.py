"""CheXpert as the release lays it out (Irvin et al., AAAI 2019), as `BoxedImages` with the competition's five labels.

::

    ROOT/train.csv      a row a picture: Path, Sex, Age, Frontal/Lateral, AP/PA and 14 labels: 1, 0, -1 or blank
    ROOT/valid.csv      the same of 200 other patients, labelled by radiologists: 1 or 0
    ROOT/train/patient00001/study1/view1_frontal.jpg, ROOT/valid/…
    ROOT/boxes.csv      not in the release: Path, Label, x_min, y_min, x_max, y_max as shares of the picture

``Path`` begins with the name of the release (CheXpert-v1.0-small/train/…), whatever the folder is called; ROOT may
also be the folder that holds that one.
"""

import os
from pathlib import Path
from typing import Literal

import numpy as np

from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.datasets.chexpert_table import CLASSES, ChexpertTable, read_columns, read_table
from papers_lib.datasets.splits import patient_split
from papers_lib.datasets.voc_annotations import shown
from papers_lib.errors import UserError

__all__ = ["CLASSES", "POSITIVE", "find_root", "list_chexpert", "load_chexpert"]

TRAIN, VALID, BOXES = "train.csv", "valid.csv", "boxes.csv"
BOX_COLUMNS = ("Path", "Label", "x_min", "y_min", "x_max", "y_max")
POSITIVE = {
    "report": ("Cardiomegaly", "Edema"),
    "common": ("Atelectasis", "Edema"),
    "zeros": (),
    "ones": CLASSES,
}
"""Labels whose uncertain values count as positive, by the name of the mapping."""
VIEWS = ("frontal", "lateral", "all")
SKIPPED = "missing=skip leaves them out"


def load_chexpert(
    root: str | Path,
    *,
    uncertain: Literal["report", "common", "zeros", "ones"] = "report",
    views: Literal["frontal", "lateral", "all"] = "frontal",
    calibration_share: float = 1 / 3,
    calibration: Literal["valid", "train"] = "valid",
    seed: int = 0,
    missing: Literal["error", "skip"] = "error",
) -> BoxedImages:
    """List the images with labels, boxes, patients and split; no picture is opened.

    The part "train" is train.csv, "test" is valid.csv. The part "val", for what is fitted after training such as a
    temperature, is cut from one of the two, whole patients at a time; the report does not say on which images it
    fitted its temperatures (section 4.7), and names no third part. Blank labels count as negative.

    Args:
        root: folder of the release, or the one that holds it.
        uncertain: labels whose -1 becomes 1: Cardiomegaly and Edema ("report", its section 4.1), Atelectasis and
            Edema ("common", usual after the comparison in Irvin et al. 2019), none ("zeros"), all ("ones").
        views: which pictures.
        calibration_share: of the images of the table that "val" is cut from; 0 makes no such part.
        calibration: "valid" cuts "val" from valid.csv; "train" from train.csv, so that all of valid.csv is "test":
            200 patients, as in the release, are few.
        seed: of the cut.
        missing: what to do with pictures that are not there: an "error", or "skip" them.

    Raises:
        UserError: a fault of a file, in one line that names file and row; a patient in both tables; a part without an
            image; an argument out of range.
    """
    return list_chexpert(
        root,
        uncertain=uncertain,
        views=views,
        calibration_share=calibration_share,
        calibration=calibration,
        seed=seed,
        missing=missing,
    )[0]


def list_chexpert(
    root: str | Path,
    *,
    uncertain: str = "report",
    views: str = "frontal",
    calibration_share: float = 1 / 3,
    calibration: str = "valid",
    seed: int = 0,
    missing: str = "error",
) -> tuple[BoxedImages, np.ndarray]:
    """As :func:`load_chexpert`, and the labels as the tables have them: 1, 0, -1 or NaN, float64 (N, 5)."""
    for name, value, known in (
        ("uncertain", uncertain, tuple(POSITIVE)),
        ("views", views, VIEWS),
        ("calibration", calibration, ("valid", "train")),
        ("missing", missing, ("error", "skip")),
    ):
        if value not in known:
            raise UserError(f"{name}: found {value!r}, expected one of {', '.join(known)}")
    if not isinstance(calibration_share, int | float) or not 0 <= calibration_share < 1:
        raise UserError(f"calibration_share: found {calibration_share!r}, expected at least 0 and below 1")
    base = find_root(root)
    tables = read_table(base / TRAIN), read_table(base / VALID)
    _refuse_shared_patients(*tables)
    boxes = _read_boxes(base / BOXES, {name for table in tables for name in table.names})
    kept = [_kept(base, table, views, missing) for table in tables]
    patients = [table.patients[rows] for table, rows in zip(tables, kept, strict=True)]
    parts = [np.full(len(patients[0]), "train", dtype="<U5"), np.full(len(patients[1]), "test", dtype="<U5")]
    which = 0 if calibration == "train" else 1
    if calibration_share:
        rest = str(("train", "test")[which])
        shares = {rest: 1 - calibration_share, "val": calibration_share}
        parts[which] = patient_split(patients[which], shares, seed).astype("<U5")
    _refuse_empty(base, parts, "val" if calibration_share else "", (TRAIN, VALID)[which])
    raw = np.concatenate([table.labels[rows] for table, rows in zip(tables, kept, strict=True)])
    listed = [(table, row) for table, rows in zip(tables, kept, strict=True) for row in rows.tolist()]
    none = (np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    drawn = [boxes.get(table.names[row], none) for table, row in listed]
    images = BoxedImages(
        classes=CLASSES,
        names=tuple(table.names[row] for table, row in listed),
        paths=tuple(Path(f"{base}/{table.files[row]}") for table, row in listed),
        where=tuple(table.where(row) for table, row in listed),
        labels=_mapped(raw, uncertain),
        boxes=tuple(box for box, _ in drawn),
        box_classes=tuple(kinds for _, kinds in drawn),
        patients=np.concatenate(patients),
        split=np.concatenate(parts),
    )
    return images, raw


def find_root(root: str | Path) -> Path:
    """The folder with train.csv: ``root``, or the only one such in it.

    Raises:
        UserError: no such folder, or several.
    """
    root = Path(root)
    if not root.is_dir():
        raise UserError(f"{root}: no such folder, expected the CheXpert release ({TRAIN}, {VALID}, …)")
    if (root / TRAIN).is_file():
        return root
    inside = sorted(path.parent for path in root.glob(f"*/{TRAIN}"))
    if len(inside) != 1:
        found = ", ".join(str(path / TRAIN) for path in inside) or f"no {TRAIN} in it or in a folder in it"
        raise UserError(f"{root}: found {found}, expected the CheXpert release")
    return inside[0]


def _mapped(raw: np.ndarray, uncertain: str) -> np.ndarray:
    positive = np.array([name in POSITIVE[uncertain] for name in CLASSES])
    labels: np.ndarray = (raw == 1) | ((raw == -1) & positive)
    return labels


def _kept(base: Path, table: ChexpertTable, views: str, missing: str) -> np.ndarray:
    """Rows of the views asked for whose picture is there."""
    asked = np.flatnonzero(
        np.ones(len(table), bool) if views == "all" else table.frontal == (views == "frontal")
    )
    # Strings, not paths: of 223,414 pictures they take a third of the time.
    there = np.array([os.path.isfile(f"{base}/{table.files[row]}") for row in asked.tolist()], dtype=bool)
    if missing == "error" and not there.all():
        row, gone = int(asked[~there][0]), int((~there).sum())
        raise UserError(
            f"{table.where(row)}: Path: found no file {base / table.files[row]}, expected it "
            f"({gone} of {len(asked)} are not there; {SKIPPED})"
        )
    return asked[there]


def _refuse_shared_patients(train: ChexpertTable, valid: ChexpertTable) -> None:
    shared = np.isin(valid.patients, train.patients)
    if shared.any():
        row = int(np.flatnonzero(shared)[0])
        also = train.where(int(np.flatnonzero(train.patients == valid.patients[row])[0]))
        what = f"{valid.where(row)}: Path: found {valid.patients[row]}, who is in {also} too"
        raise UserError(f"{what}, expected other patients than in {TRAIN}")


def _refuse_empty(base: Path, parts: list[np.ndarray], val: str, val_from: str) -> None:
    files = {"train": TRAIN, "test": VALID} | ({"val": val_from} if val else {})
    for part, file in files.items():
        if not any((one == part).any() for one in parts):
            raise UserError(f"{base / file}: found no image for the part {part} in {base}, expected some")


def _read_boxes(path: Path, names: set[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Boxes and their classes by ``Path``; nothing where there is no such file."""
    if not path.exists():
        return {}
    lines, columns = read_columns(path, BOX_COLUMNS, least=0)
    found: dict[str, tuple[list[tuple[float, ...]], list[int]]] = {}
    for line, name, label, *texts in zip(lines, *(columns[one] for one in BOX_COLUMNS), strict=True):
        if name not in names:
            raise UserError(f"{path} line {line}: Path: found {shown(name)}, expected one of the tables'")
        if label not in CLASSES:
            raise UserError(
                f"{path} line {line}: Label: found {shown(label)}, expected one of {', '.join(CLASSES)}"
            )
        box = _box(texts)
        if not box:
            expected = "x_min < x_max and y_min < y_max from 0 to 1"
            raise UserError(f"{path} line {line}: found {shown(', '.join(texts))}, expected {expected}")
        boxes, kinds = found.setdefault(name, ([], []))
        boxes.append(box)
        kinds.append(CLASSES.index(label))
    return {name: (np.array(box, np.float32), np.array(k, np.int64)) for name, (box, k) in found.items()}


def _box(texts: list[str]) -> tuple[float, ...]:
    """The four shares, as single precision has them; nothing where they are no box."""
    try:
        left, top, right, bottom = (float(np.float32(text)) for text in texts)
    except ValueError:
        return ()
    return (left, top, right, bottom) if 0 <= left < right <= 1 and 0 <= top < bottom <= 1 else ()
