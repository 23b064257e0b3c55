"""All crops of a VOC data set made once, as arrays that runs map into memory.

::

    FOLDER/crops.json                names of the classes, lists, spec, parts that were left out
    FOLDER/{train,test}/NAME.npy     `ARRAYS`, and in test, with scene_side, `SCENES` as well
    FOLDER/{train,test}/pictures.json  ids of the pictures ("VOC2012/2012_000001")
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from papers_lib.datasets import row_file
from papers_lib.datasets.row_file import CHUNK, RowFile, read_array, read_json
from papers_lib.datasets.tabular import check_choice, check_whole
from papers_lib.datasets.voc import VocRecord, VocSplit, find_lists, load_parts, splits_of
from papers_lib.datasets.voc_crops import (
    Frame,
    crop_frame,
    in_frame,
    mask_in_frame,
    object_masks,
    part_boxes,
    record_picture,
    square,
)
from papers_lib.errors import UserError
from papers_lib.files import write_json

DESCRIPTION = "crops.json"
PICTURES = "pictures.json"
ARRAYS = ("images", "masks", "has_mask", "classes", "image", "boxes", "region", "parts")
SCENES = ("scenes", "scene_boxes")
LARGE = ("images", "masks", "scenes")  # mapped into memory
WRITTEN = "what write_crops wrote"


@dataclass(frozen=True)
class CropSpec:
    """What to make of a data set."""

    data: str  # fingerprint of the VOC set
    side: int  # of an item in pixels
    whole: bool = False  # an item is the whole picture instead of a crop, one for each box all the same
    difficult: bool = True  # keep boxes marked difficult
    scene_side: int = 0  # of the test pictures stored besides, 0 for none
    mask_side: int = 96  # in cells

    def __post_init__(self) -> None:
        for name, least in (("side", 1), ("scene_side", 0), ("mask_side", 1)):
            check_whole(name, getattr(self, name), least)


@dataclass(frozen=True, eq=False)
class CropSplit:
    """One split of N items (one for each box) from S pictures; the items of one picture are consecutive."""

    images: np.ndarray  # uint8 (N, side, side, 3), a read-only memory map
    classes: np.ndarray  # int64 (N,), indices into names
    image: np.ndarray  # int64 (N,), the number of the item's picture, 0 to S - 1
    boxes: np.ndarray  # float32 (N, 4), the object's box in the picture's pixels, 0-based edges
    region: np.ndarray  # float32 (N, 4), the same box in the item's own pixels
    masks: np.ndarray  # bool (N, m, m), a read-only memory map: the object in the item as m x m cells
    has_mask: np.ndarray  # bool (N,); without one the row of masks is all false
    parts: np.ndarray  # float32 (N, 4), the object's first part in the item's pixels; NaN where there is none
    scenes: np.ndarray | None  # uint8 (S, s, s, 3), the whole pictures, a read-only memory map, if asked for
    scene_boxes: list[np.ndarray]  # S arrays float32 (n_i, 4) in the pixels of the scene; none without scenes
    scene_classes: list[np.ndarray]  # S arrays int64 (n_i,)
    names: tuple[str, ...]  # of the classes, the same for both splits
    pictures: tuple[str, ...]  # the S ids ("VOC2012/2012_000001")

    def __len__(self) -> int:
        return len(self.classes)

    def boxes_of_image(self) -> tuple[np.ndarray, np.ndarray]:
        """First item and number of items of each picture, int64 (S,) both."""
        count = np.bincount(self.image)
        return np.cumsum(count) - count, count


def write_crops(folder: str | Path, spec: CropSpec, *, root: str | Path, jobs: int = 1) -> Path:
    """Write every item of both splits of the VOC set at ``root`` to ``folder``, whole or not at all."""
    lists = splits_of(root)
    splits = load_parts(root, lists, difficult=spec.difficult)
    seen = sorted({name for record in splits["train"].records for name in record.names})
    if len(seen) < 2:
        files = ", ".join(map(str, find_lists(root, lists["train"]).values()))
        raise UserError(f"{files}: found objects of class {seen[0]!r} alone, expected at least two classes")
    records = [record for split in splits.values() for record in split.records]
    items = sum(len(record.boxes) for record in records)
    pixels = items * spec.side**2 + len(splits["test"]) * spec.scene_side**2  # masks are sparse
    with row_file.new_folder(folder) as temporary:
        row_file.check_room(temporary.parent, 3 * pixels, f"{items} crops")
        left_out = {
            part: _write_split(temporary / part, spec, split, part == "test" and spec.scene_side > 0, jobs)
            for part, split in splits.items()
        }
        classes = splits["train"].classes
        made = {"classes": classes, "lists": lists, "parts_left_out": left_out, "spec": asdict(spec)}
        write_json(temporary / DESCRIPTION, made)
    return Path(folder)


class _Made(NamedTuple):
    """What a worker hands back of its items; pixels and masks are in the files by then."""

    region: list[np.ndarray]
    parts: list[np.ndarray]
    has_mask: list[bool]
    left_out: list[str]


def _write_split(folder: Path, spec: CropSpec, split: VocSplit, scenes: bool, jobs: int) -> int:
    """Write the arrays of one split; return how many parts were left out."""
    counts = np.array([len(record.boxes) for record in split.records])
    starts, total = np.cumsum(counts) - counts, int(counts.sum())
    folder.mkdir()
    row_file.new_row_file(folder / "images.npy", np.uint8, (total, spec.side, spec.side, 3))
    row_file.new_row_file(folder / "masks.npy", np.bool_, (total, spec.mask_side, spec.mask_side))
    side = spec.scene_side
    if scenes:
        row_file.new_row_file(folder / "scenes.npy", np.uint8, (len(split), side, side, 3))
    chunks = [
        (folder, spec, first, int(starts[first]), split.records[first : first + CHUNK], scenes)
        for first in range(0, len(split), CHUNK)
    ]
    made = row_file.in_processes(_write_chunk, chunks, jobs)
    small = {
        "classes": np.concatenate([record.classes for record in split.records]),
        "image": np.repeat(np.arange(len(split)), counts),
        "boxes": np.concatenate([record.boxes for record in split.records]),
        "region": np.stack([region for one in made for region in one.region]),
        "parts": np.stack([part for one in made for part in one.parts]),
        "has_mask": np.array([has for one in made for has in one.has_mask]),
    }
    if scenes:
        scaled = [in_frame(record.boxes, (0, 0, *record.size), side) for record in split.records]
        small["scene_boxes"] = np.concatenate(scaled)
    row_file.write_arrays(folder, small)
    write_json(folder / PICTURES, [record.id for record in split.records])
    return sum(len(one.left_out) for one in made)


def _write_chunk(
    folder: Path, spec: CropSpec, first: int, item: int, records: Sequence[VocRecord], scenes: bool
) -> _Made:
    """Write the items of consecutive pictures; numbers of the first picture and of its first item in the split."""
    made = _Made([], [], [], [])
    with ExitStack() as stack:
        names = ("images", "masks", *(["scenes"] if scenes else []))
        rows = {name: stack.enter_context(RowFile(folder / f"{name}.npy")) for name in names}
        for number, record in enumerate(records, start=first):
            picture, masks = record_picture(record), object_masks(record)
            full: Frame = (0, 0, *record.size)
            if scenes:
                rows["scenes"].write(number, square(picture, full, spec.scene_side))
            whole = square(picture, full, spec.side) if spec.whole else None
            parts = part_boxes(record, made.left_out)
            for place, box in enumerate(record.boxes):
                frame = full if spec.whole else crop_frame(box)
                pixels = square(picture, frame, spec.side) if whole is None else whole
                rows["images"].write(item, pixels)
                cells = None if masks is None else mask_in_frame(masks[place], frame, spec.mask_side)
                if cells is not None:
                    rows["masks"].write(item, cells)
                made.has_mask.append(cells is not None)
                made.region.append(in_frame(box[None], frame, spec.side)[0])
                made.parts.append(_first_part(parts[place], frame, spec.side))
                item += 1
    return made


def _first_part(parts: np.ndarray, frame: Frame, side: int) -> np.ndarray:
    """The first part inside the item, clipped to it; NaN (4,) where there is none or nothing of it is left."""
    part = np.clip(in_frame(parts[:1], frame, side), 0, side)
    usable = len(part) and (part[0, :2] < part[0, 2:]).all()
    return part[0] if usable else np.full(4, np.nan, np.float32)


def load_crops(folder: str | Path, split: Literal["train", "test"]) -> CropSplit:
    """Open one split of a folder that `write_crops` made; a run reads only the rows that it uses."""
    folder = Path(folder)
    check_choice("split", split, ("train", "test"))
    path = folder / split
    names = read_json(folder / DESCRIPTION, WRITTEN).get("classes")
    pictures = read_json(path / PICTURES, WRITTEN, list)
    wanted = (*ARRAYS, *(SCENES if (path / "scenes.npy").exists() else ()))
    arrays = {name: read_array(path / f"{name}.npy", WRITTEN, mapped=name in LARGE) for name in wanted}
    rows = {name: len(array) for name, array in arrays.items()} | {"names": len(names or ())}
    rows |= {"pictures": len(pictures), "pictures of items": len(np.unique(arrays["image"]))}
    expected = dict.fromkeys(arrays, rows["images"]) | {"pictures of items": len(pictures)}
    expected |= {"scenes": len(pictures)} if "scenes" in arrays else {}
    for name, count in expected.items():
        if rows[name] != count or not names:
            raise UserError(f"{path}: found {rows[name]} {name}, expected {count} as in {WRITTEN}")
    ends = np.cumsum(np.bincount(arrays["image"]))[:-1]
    scenes, boxes = arrays.pop("scenes", None), arrays.pop("scene_boxes", None)
    return CropSplit(
        **arrays,
        scenes=scenes,
        scene_boxes=[] if boxes is None else np.split(boxes, ends),
        scene_classes=[] if scenes is None else np.split(arrays["classes"], ends),
        names=tuple(names),
        pictures=tuple(pictures),
    )
