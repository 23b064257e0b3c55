"""CheXpert as the release lays it out (Irvin et al., AAAI 2019), as `BoxedImages` with the competition's five labels.

::

    ROOT/train.csv      a row a picture: Path, Sex, Age, Frontal/Lateral, AP/PA and 14 labels: 1, 0, -1 or blank
    ROOT/valid.csv      the same of 200 other patients, labelled by radiologists: 1 or 0
    ROOT/train/patient00001/study1/view1_frontal.jpg, ROOT/valid/…
    ROOT/boxes.csv      not in the release: Path, Label, x_min, y_min, x_max, y_max as shares of the picture

``Path`` begins with the name of the release (CheXpert-v1.0-small/train/…); ROOT may also be the folder around it.
"""

import os
import re
from collections import defaultdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from papers_lib.datasets.boxed_images import BoxedImages, check_missing, check_parts, stacked
from papers_lib.datasets.splits import patient_split
from papers_lib.datasets.tabular import (
    Check,
    check_choice,
    check_range,
    number,
    one_of,
    read_rows,
    read_table,
    shown,
)
from papers_lib.errors import UserError

CLASSES = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")
"""The five labels of the competition, in its order."""
COLUMNS = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *CLASSES)
TRAIN, VALID, BOXES = "train.csv", "valid.csv", "boxes.csv"
CORNERS = ("x_min", "y_min", "x_max", "y_max")
COMMON = ("Atelectasis", "Edema")
POSITIVE = {"report": ("Cardiomegaly", "Edema"), "common": COMMON, "zeros": (), "ones": CLASSES}
"""Labels whose uncertain values count as positive, by the name of the mapping."""
VIEWS = ("frontal", "lateral", "all")
PATH = re.compile(
    r"(?:[^/]+/)*?((?:train|valid)/(patient\d+)/study\d+/view\d+_(?:frontal|lateral)\.\w+)", re.ASCII
)
EXPECTED_PATH = "…/train/patient00001/study1/view1_frontal.jpg (or …/valid/…)"


def load_chexpert(root: str | Path, **options: Any) -> BoxedImages:
    """List the images with labels, boxes, patients and split, as :func:`list_chexpert`, which has the options."""
    return list_chexpert(root, **options)[0]


def list_chexpert(
    root: str | Path,
    *,
    uncertain: Literal["report", "common", "zeros", "ones"] = "report",
    views: Literal["frontal", "lateral", "all"] = "frontal",
    calibration_share: float = 1 / 3,
    calibration: Literal["valid", "train"] = "valid",
    seed: int = 0,
    missing: Literal["error", "skip"] = "error",
) -> tuple[BoxedImages, np.ndarray]:
    """List the images, and their labels as the tables have them: 1, 0, -1 or NaN, float64 (N, 5); none is opened.

    "train" is train.csv, "test" valid.csv; "val" is cut from one of them by patient (the report does not say on which
    images it fitted its temperatures, section 4.7). Blank labels count as negative.

    Args:
        uncertain: labels whose -1 becomes 1: Cardiomegaly and Edema ("report", its section 4.1), Atelectasis and
            Edema ("common", usual after the comparison in Irvin et al. 2019), none ("zeros"), all ("ones").
        calibration_share, seed: of the cut of "val", from the table ``calibration``; a share of 0 makes no such part.
        missing: what to do with pictures that are not there: an "error", or "skip" them.
    """
    check_choice("uncertain", uncertain, tuple(POSITIVE))
    check_choice("views", views, VIEWS)
    check_choice("calibration", calibration, ("valid", "train"))
    check_choice("missing", missing, ("error", "skip"))
    check_range("calibration_share", calibration_share, 0, 1)
    base = find_root(root)
    tables = [read_views(base / TRAIN), read_views(base / VALID)]
    shared = tables[1][tables[1]["patient"].isin(set(tables[0]["patient"]))]
    for patient, where in shared[["patient", "where"]].to_numpy()[:1]:
        also = tables[0]["where"][tables[0]["patient"] == patient].iloc[0]
        found = f"{where}: Path: found {patient}, who is in {also} too"
        raise UserError(f"{found}, expected other patients than in {TRAIN}")
    boxes = _read_boxes(base / BOXES, [name for table in tables for name in table["Path"]])
    kept = [_kept(base, table, views, missing) for table in tables]
    patients = [np.array(table["patient"].tolist(), dtype=np.str_) for table in kept]
    parts = [np.full(len(kept[0]), "train", dtype="<U5"), np.full(len(kept[1]), "test", dtype="<U5")]
    which = 0 if calibration == "train" else 1
    if calibration_share:
        shares = {("train", "test")[which]: 1 - calibration_share, "val": calibration_share}
        parts[which] = patient_split(patients[which], shares, seed).astype("<U5")
    split = np.concatenate(parts)
    files = {"train": TRAIN, "test": VALID} | ({"val": (TRAIN, VALID)[which]} if calibration_share else {})
    check_parts(split, {part: base / file for part, file in files.items()})
    raw = np.ascontiguousarray(np.concatenate([table[list(CLASSES)].to_numpy(np.float64) for table in kept]))
    names = tuple(name for table in kept for name in table["Path"])
    positive = np.array([name in POSITIVE[uncertain] for name in CLASSES])
    images = BoxedImages(
        classes=CLASSES,
        names=names,
        paths=tuple(Path(f"{base}/{file}") for table in kept for file in table["file"]),
        where=tuple(where for table in kept for where in table["where"]),
        labels=(raw == 1) | ((raw == -1) & positive),
        patients=np.concatenate(patients),
        split=split,
        **stacked([boxes.get(name, []) for name in names]),
    )
    return images, raw


def find_root(root: str | Path) -> Path:
    """The folder with train.csv: ``root``, or the only one such in it; none, or several, is a `UserError`."""
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


def check_rows(root: str | Path) -> None:
    """Refuse a copy whose tables are incomplete, before anything else is read; one that is absent is the loader's."""
    for path in (find_root(root) / TRAIN, find_root(root) / VALID):
        if path.exists():
            read_rows(path, COLUMNS)


def read_views(path: Path) -> pd.DataFrame:
    """``train.csv`` or ``valid.csv`` by line: ``COLUMNS``, and file (below the table's folder), patient and where.

    Labels are 1, 0, -1 (uncertain) or NaN (blank), the age is in years or NaN, "Frontal/Lateral" is 0 or 1.
    """
    checks = {
        **dict.fromkeys(COLUMNS),
        "Path": Check(PATH.fullmatch, EXPECTED_PATH),
        "Age": number(0, 1e6, blank=True),
        "Frontal/Lateral": one_of(("Frontal", "Lateral")),
        **dict.fromkeys(CLASSES, Check(_label, "1, 0, -1 or blank")),
    }
    table = read_table(path, checks, unique="Path")
    matches = table["Path"].tolist()
    groups = zip(*(one.group(0, 1, 2) for one in matches), strict=True)
    table["Path"], table["file"], table["patient"] = groups
    table["where"] = [f"{path} line {line}" for line in table.index]
    return table


def _label(text: str) -> float | None:
    return {1.0: 1.0, 0.0: 0.0, -1.0: -1.0}.get(float(text)) if text else np.nan


def _kept(base: Path, table: pd.DataFrame, views: str, missing: str) -> pd.DataFrame:
    """Rows of the views asked for whose picture is there."""
    asked = table if views == "all" else table[table["Frontal/Lateral"] == VIEWS.index(views)]
    # Strings, not paths: of 223,414 pictures they take a third of the time.
    there = np.array([os.path.isfile(f"{base}/{file}") for file in asked["file"]], dtype=bool)
    gone = asked.loc[~there, ["where", "file"]].to_numpy()
    lines = [f"{where}: Path: found no file {base / file}" for where, file in gone]
    check_missing(missing, lines, len(asked))
    return asked[there]


def _read_boxes(path: Path, names: list[str]) -> dict[str, list[tuple[int, np.ndarray]]]:
    """Class and box, as shares, of each picture by ``Path``; nothing where there is no such file."""
    found = defaultdict(list)
    share = Check(lambda text: float(np.float32(text)), "a share from 0 to 1")
    checks = {"Path": Check({name: name for name in names}.__getitem__, "one of the tables'")}
    checks |= {"Label": one_of(CLASSES), **dict.fromkeys(CORNERS, share)}
    rows = read_table(path, checks, least=0).itertuples() if path.exists() else ()
    for line, name, kind, *box in rows:
        if not (0 <= box[0] < box[2] <= 1 and 0 <= box[1] < box[3] <= 1):
            expected = "expected x_min < x_max and y_min < y_max from 0 to 1"
            raise UserError(f"{path} line {line}: found {shown(', '.join(map(str, box)))}, {expected}")
        found[name].append((kind, np.array(box, np.float32)))
    return found
