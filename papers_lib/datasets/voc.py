"""Pascal VOC's folders as a list of images with boxes (for training: `voc_crops.VocCrops`).

Layout: ROOT/VOC2007 and/or ROOT/VOC2012 (any `VOC` and four digits), ROOT being a VOCdevkit or a folder that
holds one; in each `Annotations/*.xml`, `JPEGImages/*.jpg`, `ImageSets/Main/{train,val,trainval,test}.txt`.
Boxes are (x_min, y_min, x_max, y_max) in 0-based pixel edges: see `voc_annotations.pixel_box`.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from papers_lib.datasets.voc_annotations import (
    Annotation,
    Reason,
    SkipReport,
    VocFault,
    pixel_box,
    read_annotation,
    shown,
)
from papers_lib.datasets.voc_files import VocIndex, check_id, find_picture, image_ids
from papers_lib.errors import UserError


@dataclass(frozen=True, eq=False)
class VocRecord:
    """One image with its objects.

    Attributes: id ("VOC2012/2012_000001"); image (path); size (width, height) of the picture; boxes (n, 4)
    float32; names (n,) of the classes; classes (n,) int64, the same as indices into `VocSplit.classes`;
    difficult and truncated (n,) bool.
    """

    id: str
    image: Path
    size: tuple[int, int]
    boxes: np.ndarray
    names: tuple[str, ...]
    classes: np.ndarray
    difficult: np.ndarray
    truncated: np.ndarray


@dataclass(frozen=True, eq=False)
class VocSplit:
    """A split as loaded: its name, class names, records in the order listed, and what was left out."""

    name: str
    classes: tuple[str, ...]
    records: tuple[VocRecord, ...]
    report: SkipReport

    def __len__(self) -> int:
        return len(self.records)


def load_voc(
    root: str | Path,
    split: str,
    years: Sequence[int] | None = None,
    classes: Sequence[str] | None = None,
    mode: Literal["strict", "skip"] = "strict",
    difficult: bool = True,
    verify_images: bool = False,
) -> VocSplit:
    """Load one split of a data set in Pascal VOC's layout.

    Args:
        root: a VOCdevkit, or a folder that holds one.
        split: train, val, trainval or test.
        years: the years to join; None joins every year that has this split.
        classes: fixed class names in the order of their indices; None takes every name in any annotation
            under ``root``, sorted, so that all splits and years of one root agree on the indices.
        mode: "strict" stops at the first fault; "skip" counts it and leaves the box or the image out.
        difficult: False leaves out boxes marked difficult (and images without any other), in both modes.
        verify_images: decode every picture now instead of when it is first used.

    Raises:
        UserError: a fault in mode "strict"; in both modes a name outside ``classes``, or no image left.
    """
    if mode not in ("strict", "skip"):
        raise UserError(f"mode: found {shown(mode)}, expected strict or skip")
    if classes is not None and (isinstance(classes, str) or not classes or len(set(classes)) != len(classes)):
        raise UserError(f"classes: found {shown(classes)}, expected a list of different names")
    index = VocIndex.find(root)
    lists = index.lists(split, years)
    report = SkipReport(mode)
    names_in: dict[Path, frozenset[str]] = {}  # annotation file → class names, so that none is parsed twice
    records = []
    for year, path in lists.items():
        seen: set[str] = set()
        for image_id in image_ids(path):
            report.listed += 1
            try:
                check_id(image_id, seen, path)
                source = index.folders[year] / "Annotations" / f"{image_id}.xml"
                annotation = read_annotation(source, report)
                names_in[source] = annotation.names
                picture, size = find_picture(index.folders[year], image_id, verify_images)
                record = _record(f"VOC{year}/{image_id}", source, annotation, picture, size, report)
                _check_classes(record, classes, source)
                records.append(record if difficult else _without_difficult(record, source, report))
            except VocFault as fault:
                if fault.reason is Reason.DIFFICULT:
                    report.images[fault.reason] += 1  # asked for, so no fault of the data in mode "strict"
                else:
                    report.image(fault)
    report.usable = len(records)
    if not records:
        raise UserError(f"{', '.join(map(str, lists.values()))}: 0 images usable ({report.summary()})")
    names = tuple(classes) if classes is not None else _discover(index, names_in)
    number = {name: i for i, name in enumerate(names)}
    numbered = (replace(r, classes=np.array([number[n] for n in r.names], dtype=np.int64)) for r in records)
    return VocSplit(split, names, tuple(numbered), report)


def _record(
    name: str, source: Path, found: Annotation, picture: Path, size: tuple[int, int], report: SkipReport
) -> VocRecord:
    if found.size not in (None, size):
        raise VocFault(
            Reason.WRONG_SIZE, f"{source}: found size {found.size}, expected {size} as in {picture}"
        )
    if not found.written:
        raise VocFault(Reason.EMPTY, f"{source}: found no <object>, expected at least one")
    kept, boxes = [], []
    for item in found.objects:
        try:
            boxes.append(pixel_box(item, size, f"{source}: {shown(item.name)}", report))
            kept.append(item)
        except VocFault as fault:
            report.box(fault)
    if not kept:
        raise VocFault(Reason.NO_BOX_LEFT, f"{source}: found {found.written} boxes, none usable")
    difficult, truncated = (np.array([getattr(i, k) for i in kept]) for k in ("difficult", "truncated"))
    names = tuple(item.name for item in kept)
    return VocRecord(
        name, picture, size, np.stack(boxes), names, np.full(len(kept), -1), difficult, truncated
    )


def _check_classes(record: VocRecord, classes: Sequence[str] | None, source: Path) -> None:
    unknown = [name for name in record.names if classes is not None and name not in classes]
    if unknown:
        raise UserError(
            f"{source}: found class {shown(unknown[0])}, expected one of {shown(list(classes or ()))}"
        )


def _without_difficult(record: VocRecord, source: Path, report: SkipReport) -> VocRecord:
    keep = ~record.difficult
    report.boxes[Reason.DIFFICULT] += int((~keep).sum())
    if not keep.any():
        raise VocFault(Reason.DIFFICULT, f"{source}: only difficult objects")
    names = tuple(name for name, kept in zip(record.names, keep, strict=True) if kept)
    arrays = {k: getattr(record, k)[keep] for k in ("boxes", "classes", "difficult", "truncated")}
    return replace(record, names=names, **arrays)


def _discover(index: VocIndex, known: dict[Path, frozenset[str]]) -> tuple[str, ...]:
    names = set().union(*known.values())
    for folder in index.folders.values():
        for path in sorted((folder / "Annotations").glob("*.xml")):
            if path not in known:
                with suppress(VocFault):  # a fault outside the split asked for is not this split's
                    names |= read_annotation(path, SkipReport("skip")).names
    return tuple(sorted(names))
