"""Pascal VOC's folders as a list of images with boxes: as they are (`load_voc`), or as `BoxedImages` (`voc_boxed`).

Layout: ROOT/VOC2007, ROOT/VOC2012 or the like, ROOT being a VOCdevkit or a folder that holds one; in each
`Annotations/*.xml`, `JPEGImages/*.jpg`, `ImageSets/Main/{train,val,trainval,test}.txt`.
Boxes are (x_min, y_min, x_max, y_max) in 0-based pixel edges: see `voc_annotations.pixel_box`.
"""

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from papers_lib.datasets.boxed_images import BoxedImages, check_parts
from papers_lib.datasets.pictures import opened
from papers_lib.datasets.splits import image_split
from papers_lib.datasets.tabular import NAME, check_choice, check_range, read_text, shown
from papers_lib.datasets.voc_annotations import VocObject, leave_out, pixel_box, read_annotation
from papers_lib.errors import UserError

SPLITS = ("train", "val", "trainval", "test")
SUFFIXES = (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG")  # VOC's own is the first
VAL_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class VocRecord:
    """One image with its objects."""

    id: str  # "VOC2012/2012_000001"
    image: Path
    size: tuple[int, int]  # width and height of the picture
    boxes: np.ndarray  # float32 (n, 4)
    names: tuple[str, ...]  # of the n classes
    classes: np.ndarray  # the same as indices into `VocSplit.classes`, int64 (n,)
    difficult: np.ndarray  # bool (n,)
    truncated: np.ndarray  # bool (n,)
    objects: tuple[VocObject, ...] = field(repr=False)  # as written
    written: int  # how many objects the file has in all

    def beside(self, folder: str, suffix: str) -> Path:
        """The file of this image in another folder of its year, such as "Annotations"."""
        return self.image.parent.parent / folder / f"{self.image.stem}{suffix}"


@dataclass(frozen=True, eq=False)
class VocSplit:
    """A split as loaded: its name, class names, records in the order listed, and a line for all that was left out."""

    name: str
    classes: tuple[str, ...]
    records: tuple[VocRecord, ...]
    left_out: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.records)


def load_voc(
    root: str | Path,
    split: str,
    years: Sequence[int] | None = None,
    classes: Sequence[str] | None = None,
    mode: Literal["strict", "skip"] = "strict",
    difficult: bool = True,
) -> VocSplit:
    """Load one split (train, val, trainval or test) of the VOCdevkit ``root``, or of one inside of it.

    Args:
        years: the years to join; None joins every year that has this split.
        classes: class names in the order of their indices; None takes all names in all annotations, sorted.
        mode: "strict" stops at the first fault; "skip" leaves out the box or the image, and says so in ``left_out``.
        difficult: False leaves out boxes marked difficult (and images without any other), in both modes.
    """
    check_choice("mode", mode, ("strict", "skip"))
    if classes is not None and (isinstance(classes, str) or not classes or len(set(classes)) != len(classes)):
        raise UserError(f"classes: found {shown(classes)}, expected a list of different names")
    left_out: list[str] | None = [] if mode == "skip" else None
    folders, lists = find_years(root), find_lists(root, split, years)
    names_in: dict[Path, frozenset[str]] = {}  # annotation file → class names, so that none is parsed twice
    records: list[VocRecord] = []
    for year, path in lists.items():
        seen: set[str] = set()
        lines = read_text(path, "one image name a line").splitlines()
        for image_id in filter(None, map(str.strip, lines)):
            try:
                if image_id in seen:
                    raise UserError(f"{path}: found {shown(image_id)} twice, expected it once")
                seen.add(image_id)
                if NAME.value(image_id) is None:
                    raise UserError(f"{path}: found {shown(image_id)}, expected {NAME.expected}")
                record = _record(folders[year], image_id, names_in, difficult, left_out)
            except UserError as error:
                leave_out(error, left_out)
            else:
                records += [record] if len(record.boxes) else []
    if not records:
        first = left_out[0] if left_out else "none listed, or all objects difficult"
        raise UserError(f"{', '.join(map(str, lists.values()))}: 0 images usable ({first}), expected some")
    names = tuple(classes) if classes is not None else _discover(folders, names_in)
    for record in records:
        unknown = sorted(set(record.names) - set(names))
        if unknown:
            source = record.beside("Annotations", ".xml")
            found = f"{source}: found class {shown(unknown[0])}"
            raise UserError(f"{found}, expected one of {shown(list(names))}")
    numbered = (replace(r, classes=np.array([names.index(n) for n in r.names], np.int64)) for r in records)
    return VocSplit(split, names, tuple(numbered), tuple(left_out or ()))


def find_years(root: str | Path) -> dict[int, Path]:
    """The folders VOC2007 and the like, by year, in ``root`` or in ``root``/VOCdevkit; none is a `UserError`."""
    root = Path(root)
    for base in (root, root / "VOCdevkit"):
        try:
            found = sorted(os.listdir(base)) if os.path.isdir(base) else []
        except OSError as error:
            raise UserError(f"{base}: cannot be read ({error.strerror}), expected a VOCdevkit") from error
        years = [n for n in found if re.fullmatch(r"VOC[0-9]{4}", n) and os.path.isdir(base / n)]
        if years:
            return {int(name[3:]): base / name for name in years}
    hint = ": give the folder above it" if os.path.isdir(root / "Annotations") else ""
    raise UserError(f"{root}: found no VOC2007 or VOC2012 folder, expected a VOCdevkit{hint}")


def find_lists(root: str | Path, split: str, years: Sequence[int] | None = None) -> dict[int, Path]:
    """The list file of ``split`` for each of ``years`` (default: every year that has one); none is a `UserError`."""
    check_choice("split", split, SPLITS)
    if isinstance(years, int | str):
        raise UserError(f"years: found {shown(years)}, expected a list such as [2007, 2012]")
    files = {y: p / "ImageSets" / "Main" / f"{split}.txt" for y, p in find_years(root).items()}
    files = {year: path for year, path in files.items() if os.path.isfile(path)}
    wanted = sorted(files if years is None else set(years))
    missing = [year for year in wanted if year not in files]
    if missing or not wanted:
        what = f"for {missing[0]} " if missing else ""
        has = ", ".join(map(str, files)) or "none"
        found = f"found no list ImageSets/Main/{split}.txt {what}(years that have it: {has})"
        raise UserError(f"{root}: {found}, expected one")
    return {year: files[year] for year in wanted}


def splits_of(root: str | Path) -> dict[str, str]:
    """Names of the lists to train and to test on: trainval and test where both exist, else train and val."""
    main = [folder / "ImageSets" / "Main" for folder in find_years(root).values()]
    there = [name for name in SPLITS if any((folder / f"{name}.txt").is_file() for folder in main)]
    for train, test in (("trainval", "test"), ("train", "val")):
        if train in there and test in there:
            return {"train": train, "test": test}
    found = f"{root}: found of the lists ImageSets/Main/*.txt {', '.join(there) or 'none'}"
    raise UserError(f"{found}, expected trainval and test, or train and val")


def load_parts(root: str | Path, lists: Mapping[str, str], *, difficult: bool = True) -> dict[str, VocSplit]:
    """The lists of each part, all with the same classes; a picture in two of them is a `UserError`."""
    loaded: dict[str, VocSplit] = {}
    list_of: dict[str, str] = {}
    known: tuple[str, ...] | None = None  # all names under root, read once
    for part, name in lists.items():
        loaded[part] = load_voc(root, name, classes=known, difficult=difficult)
        known = loaded[part].classes
        for record in loaded[part].records:
            other = list_of.setdefault(record.id, name)
            if other != name:
                found = f"{root}: found {record.id} in both lists, {other} and {name}"
                raise UserError(f"{found}, expected it in one")
    return loaded


def voc_boxed(
    root: str | Path,
    *,
    validation: Literal["cut", "own"] = "cut",
    val_share: float = VAL_SHARE,
    seed: int = 0,
    difficult: bool = True,
) -> BoxedImages:
    """List the pictures of a VOC set with labels (the classes of their boxes), boxes and split; all years are joined.

    Args:
        validation: "cut" draws it picture by picture from the training list of `splits_of`; "own" takes the set's own
            lists train, val and test, which must all be there (PYLON's authors tested on the val list).
        val_share, seed: of the cut; a share of 0 makes no validation part.
        difficult: False leaves out boxes marked difficult, and pictures without any other.
    """
    check_choice("validation", validation, ("cut", "own"))
    check_range("val_share", val_share, 0, 1)
    lists = splits_of(root) if validation == "cut" else {name: name for name in ("train", "val", "test")}
    loaded = load_parts(root, lists, difficult=difficult)
    parts = np.repeat(np.array(list(loaded), dtype="<U5"), [len(split) for split in loaded.values()])
    if validation == "cut" and val_share:
        rows = np.flatnonzero(parts == "train")
        parts[rows] = image_split(len(rows), {"train": 1 - val_share, "val": val_share}, seed)
        check_parts(parts, dict.fromkeys(("train", "val"), root))
    records = [record for split in loaded.values() for record in split.records]
    classes = loaded["train"].classes
    labels = np.zeros((len(records), len(classes)), dtype=np.bool_)
    for row, record in enumerate(records):
        labels[row, record.classes] = True
    # float64 until the division is done, so that an edge of the picture lands on 1 exactly
    boxes = [record.boxes / np.array(record.size * 2, dtype=np.float64) for record in records]
    return BoxedImages(
        classes=classes,
        names=tuple(record.id for record in records),
        paths=tuple(record.image for record in records),
        where=tuple(str(record.beside("Annotations", ".xml")) for record in records),
        labels=labels,
        boxes=tuple(box.astype(np.float32) for box in boxes),
        box_classes=tuple(record.classes for record in records),
        patients=None,
        split=parts,
    )


def _record(
    folder: Path,
    image_id: str,
    names_in: dict[Path, frozenset[str]],
    difficult: bool,
    left_out: list[str] | None,
) -> VocRecord:
    """One image; it has no box where all are difficult ones that nobody wants."""
    source = folder / "Annotations" / f"{image_id}.xml"
    found = read_annotation(source, left_out)
    names_in[source] = found.names
    paths = [folder / "JPEGImages" / f"{image_id}{suffix}" for suffix in SUFFIXES]
    picture = next((path for path in paths if os.path.isfile(path)), None)
    if picture is None:
        raise UserError(f"{paths[0]}: found no such file, expected the picture")
    with opened(picture, "JPEG or PNG") as image:
        size = image.size
    if found.size not in (None, size):
        raise UserError(f"{source}: found size {found.size}, expected {size} as in {picture}")
    if not found.written:
        raise UserError(f"{source}: found no <object>, expected at least one")
    usable, boxes = [], []
    for item in found.objects:
        try:
            boxes.append(pixel_box(item, size, f"{source}: {shown(item.name)}", left_out))
            usable.append(item)
        except UserError as error:
            leave_out(error, left_out)
    if not usable:
        raise UserError(f"{source}: found {found.written} boxes, none usable")
    kept = [place for place, item in enumerate(usable) if difficult or not item.difficult]
    objects = [usable[place] for place in kept]
    return VocRecord(
        id=f"{folder.name}/{image_id}",
        image=picture,
        size=size,
        boxes=np.stack(boxes)[kept],
        names=tuple(item.name for item in objects),
        classes=np.full(len(kept), -1),
        difficult=np.array([item.difficult for item in objects], np.bool_),
        truncated=np.array([item.truncated for item in objects], np.bool_),
        objects=tuple(objects),
        written=found.written,
    )


def _discover(folders: Mapping[int, Path], known: Mapping[Path, frozenset[str]]) -> tuple[str, ...]:
    names = set().union(*known.values())
    for folder in folders.values():
        for path in sorted((folder / "Annotations").glob("*.xml")):
            if path not in known:
                with suppress(UserError):  # a fault outside the split asked for is not this split's
                    names |= read_annotation(path, []).names
    return tuple(sorted(names))
