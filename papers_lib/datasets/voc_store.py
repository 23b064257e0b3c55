"""All crops of a VOC data set made once, as arrays that runs map into memory (read by `voc_crop_split`).

Decoding a picture for every box and epoch costs more than training on frozen features; made once, 40,000
crops of VOC 2007 and 2012 are a file that any number of runs share. Pixels are those of `voc_crops`.

::

    FOLDER/crops.json                names of the classes, lists, spec, parts that were left out
    FOLDER/{train,test}/NAME.npy     `ARRAYS`, and in test, with scene_side, `SCENES` as well
    FOLDER/{train,test}/pictures.json  ids of the pictures ("VOC2012/2012_000001")
"""

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from papers_lib.datasets.row_file import RowFile, check_room, new_row_file
from papers_lib.datasets.voc import VocRecord, VocSplit, load_voc
from papers_lib.datasets.voc_annotations import Reason, SkipReport, VocFault
from papers_lib.datasets.voc_files import SPLITS, VocIndex
from papers_lib.datasets.voc_frame import Frame, crop_frame, in_frame, record_picture, square
from papers_lib.datasets.voc_masks import mask_in_frame, object_masks
from papers_lib.datasets.voc_parts import part_boxes
from papers_lib.errors import UserError
from papers_lib.files import replacing_folder, write_json

DESCRIPTION = "crops.json"
PICTURES = "pictures.json"
ARRAYS = ("images", "masks", "has_mask", "classes", "image", "boxes", "region", "parts")
SCENES = ("scenes", "scene_boxes")
CHUNK = 64  # pictures a worker makes before it reports back


@dataclass(frozen=True)
class CropSpec:
    """What to make of a data set.

    Attributes: data (fingerprint of the VOC set); side of an item in pixels; whole (the whole picture
    instead of the crop, one item a box all the same); difficult (keep boxes marked difficult); scene_side
    (side of the test pictures stored besides, 0 for none); mask_side of a mask in cells.

    Raises:
        UserError: a side that is no whole number, or too small.
    """

    data: str
    side: int
    whole: bool = False
    difficult: bool = True
    scene_side: int = 0
    mask_side: int = 96

    def __post_init__(self) -> None:
        for name, least in (("side", 1), ("scene_side", 0), ("mask_side", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise UserError(f"{name}: found {value!r}, expected a whole number of at least {least}")


def splits_of(root: str | Path) -> dict[str, str]:
    """Names of the lists to train and to test on: trainval and test where both exist, else train and val.

    Raises:
        UserError: neither pair is there.
    """
    index = VocIndex.find(root)
    main = [folder / "ImageSets" / "Main" for folder in index.folders.values()]
    there = [name for name in SPLITS if any((folder / f"{name}.txt").is_file() for folder in main)]
    for train, test in (("trainval", "test"), ("train", "val")):
        if train in there and test in there:
            return {"train": train, "test": test}
    raise UserError(
        f"{root}: found of the lists ImageSets/Main/*.txt {', '.join(there) or 'none'}, "
        "expected trainval and test, or train and val"
    )


def write_crops(folder: str | Path, spec: CropSpec, *, root: str | Path, jobs: int = 1) -> Path:
    """Make every item of both splits of the VOC set at ``root`` and write them to ``folder``, whole or not at all.

    For ``data_gen.store.ensure(..., "crops", spec, partial(write_crops, root=root, jobs=jobs))``: ``spec.data``
    stands for what is at ``root``, and the number of processes (0: one for each core) changes no byte.
    No split is ever in memory: a worker holds one picture and one item.

    Raises:
        UserError: a fault of the data set (strict: the first one stops, except that parts without a usable
            box are left out and counted in ``crops.json``); a single class to train on; a picture in both
            lists; no room on the disk;
            ``folder`` is there already and not empty.
    """
    folder = Path(folder)
    if jobs < 0:
        raise UserError(f"jobs: found {jobs}, expected at least 0")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: is there already, expected a new or an empty folder")
    lists = splits_of(root)
    train = _load(root, lists["train"], spec)
    _check_classes(root, train)
    # With the names of the first list, which are all names under the root, so that indices agree.
    test = _load(root, lists["test"], spec, train.classes)
    both = {record.id for record in train.records} & {record.id for record in test.records}
    if both:
        lists_named = " and ".join(lists.values())
        raise UserError(f"{root}: found {min(both)} in both lists, {lists_named}, expected it in one")
    with replacing_folder(folder) as temporary:
        _check_room(temporary, spec, train, test)
        left_out = {
            "train": _write_split(temporary / "train", spec, train, False, jobs),
            "test": _write_split(temporary / "test", spec, test, spec.scene_side > 0, jobs),
        }
        made = {"classes": train.classes, "lists": lists, "parts_left_out": left_out, "spec": asdict(spec)}
        write_json(temporary / DESCRIPTION, made)
    return folder


def _load(root: str | Path, name: str, spec: CropSpec, classes: Sequence[str] | None = None) -> VocSplit:
    try:
        return load_voc(root, name, difficult=spec.difficult, classes=classes)
    except VocFault as fault:
        raise UserError(str(fault)) from None  # the runner knows errors by their name, not a subclass


def _check_classes(root: str | Path, train: VocSplit) -> None:
    seen = sorted({name for record in train.records for name in record.names})
    if len(seen) < 2:
        lists = ", ".join(map(str, VocIndex.find(root).lists(train.name, None).values()))
        raise UserError(f"{lists}: found objects of class {seen[0]!r} alone, expected at least two classes")


def _check_room(folder: Path, spec: CropSpec, train: VocSplit, test: VocSplit) -> None:
    records = [*train.records, *test.records]
    items = sum(len(record.boxes) for record in records)
    masked = sum(len(record.boxes) for record in records if has_masks(record))  # no room for none: sparse
    pixels = items * spec.side**2 + len(test) * spec.scene_side**2
    check_room(folder.parent, 3 * pixels + masked * spec.mask_side**2, f"{items} crops")


def has_masks(record: VocRecord) -> bool:
    """Whether the set has masks of a picture's objects, where `voc_masks.object_masks` looks for them."""
    return (record.image.parent.parent / "SegmentationObject" / f"{record.image.stem}.png").is_file()


class _Chunk(NamedTuple):
    """Consecutive pictures of a split: numbers of the first picture and of its first item, and the records."""

    picture: int
    item: int
    records: Sequence[VocRecord]


class _Made(NamedTuple):
    """What a worker hands back of its items; pixels and masks are in the files by then."""

    region: list[np.ndarray]
    part: list[np.ndarray]
    has_mask: list[bool]
    left_out: Counter[Reason]


def _write_split(folder: Path, spec: CropSpec, split: VocSplit, scenes: bool, jobs: int) -> dict[str, int]:
    """Write the arrays of one split; return how many parts were left out, by reason."""
    counts = np.array([len(record.boxes) for record in split.records])
    total = int(counts.sum())
    folder.mkdir()
    new_row_file(folder / "images.npy", np.uint8, (total, spec.side, spec.side, 3))
    new_row_file(folder / "masks.npy", np.bool_, (total, spec.mask_side, spec.mask_side))
    if scenes:
        new_row_file(folder / "scenes.npy", np.uint8, (len(split), spec.scene_side, spec.scene_side, 3))
    starts = np.cumsum(counts) - counts
    chunks = [
        _Chunk(first, int(starts[first]), split.records[first : first + CHUNK])
        for first in range(0, len(split), CHUNK)
    ]
    processes = min(jobs or os.cpu_count() or 1, len(chunks))
    if processes == 1:
        made = [_write_chunk(folder, spec, chunk, scenes) for chunk in chunks]
    else:
        from joblib import Parallel, delayed

        write = delayed(_write_chunk)
        made = Parallel(n_jobs=processes)(write(folder, spec, chunk, scenes) for chunk in chunks)
    boxes = [record.boxes for record in split.records]
    small = {
        "classes": np.concatenate([record.classes for record in split.records]),
        "image": np.repeat(np.arange(len(split)), counts),
        "boxes": np.concatenate(boxes),
        "region": np.stack([region for one in made for region in one.region]),
        "parts": np.stack([part for one in made for part in one.part]),
        "has_mask": np.array([has for one in made for has in one.has_mask]),
    }
    if scenes:
        frames = [(0, 0, *record.size) for record in split.records]
        scaled = [in_frame(b, f, spec.scene_side) for b, f in zip(boxes, frames, strict=True)]
        small["scene_boxes"] = np.concatenate(scaled)
    for name, array in small.items():
        np.save(folder / f"{name}.npy", array)
    write_json(folder / PICTURES, [record.id for record in split.records])
    left_out = sum((one.left_out for one in made), Counter[Reason]())
    return {reason.value: n for reason, n in left_out.items()}


def _write_chunk(folder: Path, spec: CropSpec, chunk: _Chunk, scenes: bool) -> _Made:
    try:
        return _chunk(folder, spec, chunk, scenes)
    except UserError as error:
        raise UserError(str(error)) from None  # a subclass need not survive the way back to the parent


def _chunk(folder: Path, spec: CropSpec, chunk: _Chunk, scenes: bool) -> _Made:
    report = SkipReport("skip")
    made = _Made([], [], [], report.boxes)
    item = chunk.item
    with ExitStack() as stack:
        names = ("images", "masks", *(["scenes"] if scenes else []))
        rows = {name: stack.enter_context(RowFile(folder / f"{name}.npy")) for name in names}
        for number, record in enumerate(chunk.records, start=chunk.picture):
            picture, masks = record_picture(record), object_masks(record)
            parts = part_boxes(record, report)
            full: Frame = (0, 0, *record.size)
            if scenes:
                rows["scenes"].write(number, square(picture, full, spec.scene_side))
            pixels = square(picture, full, spec.side) if spec.whole else None
            for place, box in enumerate(record.boxes):
                frame = full if spec.whole else crop_frame(box)
                rows["images"].write(item, square(picture, frame, spec.side) if pixels is None else pixels)
                cells = None if masks is None else mask_in_frame(masks[place], frame, spec.mask_side)
                if cells is not None:
                    rows["masks"].write(item, cells)
                made.has_mask.append(cells is not None)
                made.region.append(in_frame(box[None], frame, spec.side)[0])
                made.part.append(_first_part(parts[place], frame, spec.side))
                item += 1
    return made


def _first_part(parts: np.ndarray, frame: Frame, side: int) -> np.ndarray:
    """The first part inside the item, clipped to it; NaN (4,) where there is none or nothing of it is left."""
    part = np.clip(in_frame(parts[:1], frame, side), 0, side)
    usable = len(part) and (part[0, :2] < part[0, 2:]).all()
    return part[0] if usable else np.full(4, np.nan, np.float32)
