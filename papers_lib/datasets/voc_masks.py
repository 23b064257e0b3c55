"""Masks of single objects from `SegmentationObject`, which VOC has for about one picture in six.

Format: the VOC development kit, section on segmentation: a palette PNG of the picture's size whose pixels hold
the number of the object in the order of the annotation, from 1; 0 is background, 255 "void": a border
around each object, and objects marked difficult.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from papers_lib.datasets.voc import VocRecord
from papers_lib.datasets.voc_annotations import shown
from papers_lib.datasets.voc_frame import Frame
from papers_lib.datasets.voc_parts import annotation_path, written_objects
from papers_lib.errors import UserError

VOID = 255


def object_masks(record: VocRecord) -> np.ndarray | None:
    """Return the mask of each of the record's objects.

    Returns: bool (n, height, width), in the order of ``record.boxes``, void pixels false; all false for a
        difficult object that the file has as void; None where the picture has no such file.

    Raises:
        UserError: the file is no palette or 8-bit grey PNG, is corrupt or of another size than the picture;
            an object that is not marked difficult has no pixel; there is a number above that of the objects.
    """
    path = record.image.parent.parent / "SegmentationObject" / f"{record.image.stem}.png"
    if not path.is_file():
        return None
    numbers = _read(path, record.size)
    items, written = written_objects(record)
    largest = int(numbers.max(where=numbers != VOID, initial=0))
    if largest > written:
        raise UserError(
            f"{path}: found object number {largest}, expected 1 to {written} as in {annotation_path(record)}"
        )
    masks: np.ndarray = numbers == np.array([item.row for item in items])[:, None, None]
    for item, mask in zip(items, masks, strict=True):
        if not item.difficult and not mask.any():
            raise UserError(f"{path}: found no pixel of object number {item.row} ({shown(item.name)})")
    return masks


def mask_in_frame(mask: np.ndarray, frame: Frame, side: int) -> np.ndarray | None:
    """Return the part of a mask (height, width) inside ``frame`` as cells, bool (side, side).

    A cell belongs to the object when at least half of its area does. Where no cell has that much (a thin or
    tiny object) those with the most do, so that an object never vanishes; None if it has no pixel in there.

    >>> mask_in_frame(np.array([[1, 1, 1, 0], [1, 0, 0, 0]], bool), (0, 0, 4, 2), 2).tolist()
    [[True, True], [True, False]]
    """
    inside = mask[frame[1] : frame[3], frame[0] : frame[2]]
    if not inside.any():
        return None
    picture = Image.fromarray(inside.astype(np.float32))
    share = np.asarray(picture.resize((side, side), Image.Resampling.BOX))
    cells: np.ndarray = share >= min(0.5, share.max())
    return cells


def _read(path: Path, size: tuple[int, int]) -> np.ndarray:
    expected = "expected a PNG with a palette, as VOC's own"
    try:
        with Image.open(path, formats=("PNG",)) as picture:
            mode, found = picture.mode, picture.size
            # The pixels are decoded only if the header is right.
            numbers = np.array(picture) if mode in ("P", "L") and found == size else None
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, ValueError, zlib.error …
        what = shown(str(error).replace(str(path), path.name))
        raise UserError(f"{path}: cannot be decoded ({what}), {expected}") from error
    if numbers is None and mode not in ("P", "L"):
        raise UserError(f"{path}: found mode {mode}, {expected}")
    if numbers is None:
        raise UserError(f"{path}: found size {found}, expected {size} as the picture")
    return numbers
