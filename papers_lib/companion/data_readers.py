"""What the adapters say about a data set, file by file, so that a fault in one does not hide those of the others.

There is no second reader: each step calls what a run calls. Where an adapter stops at the first fault of a file, that
fault alone of this file is known. Pictures are then opened one by one by `data_check`.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from papers_lib.datasets import (
    cardiac,
    chexpert,
    nih_boxes,
    nih_cxr14,
    nih_files,
    vindr_boxes,
    vindr_cxr,
    voc,
)
from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.datasets.cardiac_layout import COLUMNS, IMAGES, MASKS, SPLITS, TABLE
from papers_lib.datasets.chexpert_rows import check_rows
from papers_lib.datasets.chexpert_table import read_table
from papers_lib.datasets.data_kind import data_kind
from papers_lib.datasets.dicom_reader import SUFFIXES, read_radiograph
from papers_lib.datasets.image_pixels import read_image
from papers_lib.datasets.tabular import read_rows
from papers_lib.datasets.voc_files import VocIndex, read_picture
from papers_lib.datasets.voc_masks import object_masks
from papers_lib.datasets.voc_store import splits_of
from papers_lib.errors import UserError


@dataclass
class Listed:
    """A data set as listed.

    Attributes: problems (one line each); counts (name and finding, in the order of printing); pictures (file, and the
    row that lists it) and reader (decodes one).
    """

    problems: list[str] = field(default_factory=list)
    counts: dict[str, str] = field(default_factory=dict)
    pictures: list[tuple[Path, str]] = field(default_factory=list)
    reader: Callable[[Path], Image.Image] = read_image

    def attempt(self, read: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """What ``read`` returns; None where it refused, which becomes a problem unless it is known already."""
        try:
            return read(*arguments, **options)
        except UserError as error:
            line = " ".join(str(error).split())
            if line not in self.problems:
                self.problems.append(line)
            return None

    def take(self, images: BoxedImages | None, otherwise: Iterable[tuple[Path, str]]) -> None:
        """Count what an adapter listed, and have its pictures opened; those of ``otherwise`` where it refused."""
        if images is None:
            self.pictures = list(otherwise)
            self.counts["images"] = "not counted, as they cannot be listed yet"
            return
        self.pictures = list(zip(images.paths, images.where, strict=True))
        boxes = [len(box) for box in images.boxes]
        per_class = zip(images.classes, images.labels.sum(axis=0).tolist(), strict=True)
        self.counts |= {
            "images": str(len(images)),
            "classes": f"{len(images.classes)}: {', '.join(f'{name} {count}' for name, count in per_class)}",
            "boxes": f"{sum(boxes)} on {np.count_nonzero(boxes)} images",
            "patients": "not known" if images.patients is None else str(len(np.unique(images.patients))),
            "splits": _counted(Counter(images.split.tolist())),
        }


def _counted(parts: "Counter[str]") -> str:
    names = {"": "in none"}
    return ", ".join(
        f"{names.get(part, part)} {parts[part]}" for part in ("train", "val", "test", "") if parts[part]
    )


def read_nih(root: Path) -> Listed:
    """NIH ChestX-ray14: the table, both lists and the boxes on their own, then all of it together."""
    found = Listed()
    table = found.attempt(nih_files.find_table, root)
    entries = table and found.attempt(nih_files.read_table, table)
    for name in (nih_files.TRAIN_VAL, nih_files.TEST):
        found.attempt(nih_files.read_list, root / name)
    found.attempt(nih_boxes.read_boxes, root / nih_boxes.BOXES)
    pictures = found.attempt(nih_files.find_pictures, root)
    if entries and pictures:
        gone = (entry for entry in entries.values() if entry.image not in pictures)
        found.problems += [
            f"{one.where}: found no picture {one.image!r}, expected it in images" for one in gone
        ]
    there = [(one, entry) for name, one in (pictures or {}).items() if (entry := (entries or {}).get(name))]
    found.take(
        found.attempt(nih_cxr14.load_nih, root, missing="skip"),
        ((path, entry.where) for path, entry in there),
    )
    return found


def read_vindr(root: Path) -> Listed:
    """VinDr-CXR: the table on its own, then with the headers of the images."""
    found = Listed(reader=read_radiograph)
    findings = found.attempt(vindr_boxes.read_findings, root / vindr_boxes.TABLE)
    if findings is not None:
        gone = found.attempt(vindr_cxr.missing_images, root) or []
        where = {name: findings[name][0].where for name in gone}
        found.problems += [f"{where[name]}: found no image {name!r}, expected it in train" for name in gone]
    files = sorted(root.glob("train/*"))
    there = ((path, str(path.parent)) for path in files if path.suffix.lower() in (*SUFFIXES, ".png"))
    found.take(found.attempt(vindr_cxr.load_vindr, root, missing="skip"), there)
    return found


def read_chexpert(root: Path) -> Listed:
    """CheXpert: each table on its own, then both together with all views."""
    found = Listed()
    found.attempt(check_rows, root)
    base = found.attempt(chexpert.find_root, root)
    if base is None:
        return found
    there = []
    for name in (chexpert.TRAIN, chexpert.VALID):
        table = found.attempt(read_table, base / name)
        for row, file in enumerate(table.files if table else ()):
            if os.path.isfile(f"{base}/{file}"):
                there.append((base / file, table.where(row)))
            else:
                found.problems.append(f"{table.where(row)}: found no picture {file}, expected it in {base}")
    found.take(found.attempt(chexpert.load_chexpert, root, views="all", missing="skip"), there)
    return found


def read_cardiac(root: Path) -> Listed:
    """Cardiac slices: the description, the table, then each split with its pixels (its first fault)."""
    found = Listed()
    found.attempt(cardiac.describe, root)
    rows = found.attempt(read_rows, root / TABLE, COLUMNS)
    if rows is None:
        return found
    found.pictures = [
        (root / folder / f"{row['id']}.png", row.where) for row in rows for folder in (IMAGES, MASKS)
    ]
    there = Counter(row["split"] for row in rows)
    classes = Counter(row["class"] for row in rows)
    label = 0
    for split in SPLITS:
        loaded = found.attempt(cardiac.load_cardiac, root, split)
        label += 0 if loaded is None else int(loaded.label_box.any(axis=(1, 2)).sum())
    found.counts = {
        "images": f"{len(rows)}, each with a mask",
        "classes": ", ".join(f"{name} {count}" for name, count in sorted(classes.items())),
        "sex label": f"in {label} masks",
        "patients": "not known",
        "splits": _counted(there),
    }
    return found


def read_voc(root: Path) -> Listed:
    """Pascal VOC: each list that a run would use, faults counted by kind; then numbered masks, picture by picture."""
    found = Listed(reader=read_picture)
    if found.attempt(VocIndex.find, root) is None:
        return found
    lists = found.attempt(splits_of, root) or {}
    seen: dict[str, str] = {}
    records, classes = [], Counter[str]()
    for name in lists.values():
        split = found.attempt(voc.load_voc, root, name, mode="skip")
        if split is None:
            continue
        for reason, example in split.report.examples.items():
            more = split.report.images[reason] + split.report.boxes[reason] - 1
            found.problems.append(f"{example}" + (f" (and {more} more in {name}: {reason})" if more else ""))
        for record in split.records:
            if seen.setdefault(record.id, name) != name:
                found.problems.append(
                    f"{root}: found {record.id} in both lists, {seen[record.id]} and {name}"
                )
            found.attempt(object_masks, record)
            classes.update(record.names)
        records += split.records
    found.pictures = [(record.image, record.id) for record in records]
    of_list = Counter(seen.values())
    found.counts = {
        "images": str(len(records)),
        "classes": f"{len(classes)}: {', '.join(f'{name} {count}' for name, count in sorted(classes.items()))}",
        "boxes": str(sum(len(record.boxes) for record in records)),
        "patients": "not known",
        "splits": ", ".join(f"{name} {count}" for name, count in of_list.items()),
    }
    return found


READERS = {
    "nih": read_nih,
    "vindr": read_vindr,
    "chexpert": read_chexpert,
    "cardiac": read_cardiac,
    "voc": read_voc,
}


def read_set(root: Path, layout: str) -> Listed:
    """All that the adapters of ``layout`` say about the set at ``root``."""
    found = READERS[layout](root)
    base = root if layout != "chexpert" else found.attempt(chexpert.find_root, root) or root
    kind = found.attempt(data_kind, base)
    found.counts = {"kind": kind or "not known", **found.counts}
    return found
