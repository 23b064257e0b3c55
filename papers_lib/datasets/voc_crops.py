"""What is inside the box of a VOC object, or in the whole picture, as a square: pixels, boxes, parts and masks.

The aspect ratio is not kept; bilinear with antialiasing, from the pixels of the frame alone. `SegmentationObject`,
which VOC has for about one picture in six, holds palette PNGs whose pixels are the number of the object in the order
of the annotation, from 1; 0 is background, 255 "void": a border around objects, and objects marked difficult.
"""

import math

import numpy as np
from PIL import Image

from papers_lib.datasets.pictures import opened
from papers_lib.datasets.tabular import shown
from papers_lib.datasets.voc import VocRecord
from papers_lib.datasets.voc_annotations import leave_out, pixel_box, read_object
from papers_lib.errors import UserError

VOID = 255
Frame = tuple[int, int, int, int]
"""x_min, y_min, x_max, y_max in whole pixels: `picture[y_min:y_max, x_min:x_max]`."""


def record_picture(record: VocRecord) -> Image.Image:
    """Decode the picture of ``record`` as RGB; one of another size than when it was loaded is a `UserError`."""
    with opened(record.image, "JPEG or PNG") as image:
        picture = image.convert("RGB")  # an EXIF rotation is not applied: boxes refer to the file
    if picture.size != record.size:
        raise UserError(f"{record.image}: found size {picture.size}, expected {record.size} as when loaded")
    return picture


def crop_frame(box: np.ndarray) -> Frame:
    """Every pixel that the box (4,) touches, so that a fraction of a pixel never gives an empty crop."""
    x_min, y_min, x_max, y_max = map(float, box)
    return math.floor(x_min), math.floor(y_min), math.ceil(x_max), math.ceil(y_max)


def square(picture: Image.Image, frame: Frame, side: int) -> np.ndarray:
    """Pixels of ``frame`` resized to ``side`` x ``side``, uint8 (side, side, 3)."""
    crop = picture if frame == (0, 0, *picture.size) else picture.crop(frame)
    return np.asarray(crop.resize((side, side), Image.Resampling.BILINEAR))


def in_frame(boxes: np.ndarray, frame: Frame, side: int) -> np.ndarray:
    """Boxes (n, 4) of the picture in the pixels of the resized ``frame``, float32 (n, 4), not clipped."""
    # In float64 and multiplied first, so that the frame's own edges land on 0 and side exactly.
    extent = np.array((frame[2] - frame[0], frame[3] - frame[1]) * 2, dtype=np.float64)
    resized: np.ndarray = (boxes - np.array(frame[:2] * 2)) * side / extent
    return resized.astype(np.float32)


def part_boxes(record: VocRecord, left_out: list[str] | None = None) -> list[np.ndarray]:
    """Boxes of each object's parts, float32 (parts, 4) in pixel edges, in the order of ``record.boxes`` and the file.

    A part that reaches out is clipped; one without box or area, or wholly outside, is a fault (see ``left_out``).
    """
    found = []
    for item in record.objects:
        boxes = []
        for number, element in enumerate(item.parts, start=1):
            source = record.beside("Annotations", ".xml")
            where = f"{source}: object {item.row} ({shown(item.name)}): part {number}"
            try:
                boxes.append(pixel_box(read_object(element, "part", where), record.size, where, []))
            except UserError as error:
                leave_out(error, left_out)
        found.append(np.array(boxes, dtype=np.float32).reshape(-1, 4))
    return found


def object_masks(record: VocRecord) -> np.ndarray | None:
    """The mask of each of the record's objects, bool (n, height, width), in the order of ``record.boxes``.

    Void pixels are false; so is all of a difficult object that the file has as void. None where there is no file.
    """
    path = record.beside("SegmentationObject", ".png")
    if not path.is_file():
        return None
    expected = "a PNG with a palette, as VOC's own"
    with opened(path, expected, ("PNG",)) as picture:
        if picture.mode not in ("P", "L"):
            raise UserError(f"{path}: found mode {picture.mode}, expected {expected}")
        if picture.size != record.size:
            raise UserError(f"{path}: found size {picture.size}, expected {record.size} as the picture")
        numbers = np.array(picture)
    largest = int(numbers.max(where=numbers != VOID, initial=0))
    if largest > record.written:
        source = record.beside("Annotations", ".xml")
        found = f"{path}: found object number {largest}"
        raise UserError(f"{found}, expected 1 to {record.written} as in {source}")
    masks: np.ndarray = numbers == np.array([item.row for item in record.objects])[:, None, None]
    for item, mask in zip(record.objects, masks, strict=True):
        if not item.difficult and not mask.any():
            found = f"{path}: found no pixel of object number {item.row} ({shown(item.name)})"
            raise UserError(f"{found}, expected some")
    return masks


def mask_in_frame(mask: np.ndarray, frame: Frame, side: int) -> np.ndarray | None:
    """The mask inside ``frame``, bool (side, side), by half a cell's area or the most any has; None if empty."""
    inside = mask[frame[1] : frame[3], frame[0] : frame[2]]
    if not inside.any():
        return None
    picture = Image.fromarray(inside.astype(np.float32))
    share = np.asarray(picture.resize((side, side), Image.Resampling.BOX))
    cells: np.ndarray = share >= min(0.5, share.max())
    return cells
