"""Boxes of the parts of objects (`<part>`: a head, a hand), for asking whether a map points at one.

Format: the VOC development kit's person layout: `<object>…<part><name/><bndbox/></part>…</object>`, parts in
the same coordinates as objects. They are read when asked for, so that a fault in one stops nobody else.
"""

from pathlib import Path

import numpy as np

from papers_lib.datasets.voc import VocRecord
from papers_lib.datasets.voc_annotations import (
    SkipReport,
    VocFault,
    VocObject,
    pixel_box,
    read_annotation,
    read_object,
    shown,
)
from papers_lib.errors import UserError


def part_boxes(record: VocRecord, report: SkipReport | None = None) -> list[np.ndarray]:
    """Return the boxes of each object's parts, in the order of ``record.boxes`` and of the file.

    A part is fitted to the picture as `pixel_box` fits an object, but one that reaches out of the picture
    is clipped in both modes.

    Args:
        record: one image of a split from `load_voc`, whatever that split left out.
        report: None or mode "strict" stops at the first fault; mode "skip" counts the part under its reason
            and leaves it out.

    Returns: for each object float32 (parts, 4), (x_min, y_min, x_max, y_max) in 0-based pixel edges of the
        picture; (0, 4) where it has none.

    Raises:
        UserError: a part without box or area, or wholly outside the picture, in mode "strict"; in both
            modes, an annotation that is gone or no longer has the record's objects.
    """
    report = SkipReport("strict") if report is None else report
    path = annotation_path(record)
    return [_boxes(item, record.size, path, report) for item in written_objects(record)[0]]


def annotation_path(record: VocRecord) -> Path:
    """Return the path of the annotation from which ``record`` was loaded."""
    return record.image.parent.parent / "Annotations" / f"{record.image.stem}.xml"


def written_objects(record: VocRecord) -> tuple[list[VocObject], int]:
    """Read the annotation again: the objects behind ``record.boxes``, and how many the file has.

    Args:
        record: one image of a split; it may lack objects that were refused or left out as difficult.

    Returns: one `VocObject` for each box, with its row in the file and its parts; the number of `<object>`s.

    Raises:
        UserError: the annotation cannot be read, or no longer has the record's objects.
    """
    path = annotation_path(record)
    found = read_annotation(path, SkipReport("skip"))
    waiting = iter(found.objects)
    items = []
    # Objects that are left out are left out for what is compared here, so the first that agrees is the one.
    wanted = zip(record.names, record.boxes, record.difficult, record.truncated, strict=True)
    for name, box, difficult, truncated in wanted:
        same = (name, box.tolist(), bool(difficult), bool(truncated))
        item = next((item for item in waiting if _compared(item, record.size, path) == same), None)
        if item is None:
            raise UserError(f"{path}: found no {shown(name)} at {box.tolist()}, expected it as when loaded")
        items.append(item)
    return items, found.written


def _compared(
    item: VocObject, size: tuple[int, int], path: Path
) -> tuple[str, list[float], bool, bool] | None:
    try:
        box = pixel_box(item, size, str(path), SkipReport("skip"))
    except VocFault:
        return None
    return item.name, box.tolist(), item.difficult, item.truncated


def _boxes(item: VocObject, size: tuple[int, int], path: Path, report: SkipReport) -> np.ndarray:
    boxes = []
    for number, element in enumerate(item.parts, start=1):
        where = f"{path}: object {item.row} ({shown(item.name)}): part {number}"
        try:
            part = read_object(element, "part", where)
            boxes.append(pixel_box(part, size, where, SkipReport("skip")))
        except VocFault as fault:
            report.box(fault)
    return np.array(boxes, dtype=np.float32).reshape(-1, 4)
