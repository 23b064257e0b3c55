"""A rectangle of a picture, resized to a square, and the boxes in it: the geometry of crops and whole images.

Shared by `voc_crops` (drawn while training) and `voc_store` (made once), so that both show the same pixels.
"""

import math

import numpy as np
from PIL import Image

from papers_lib.datasets.voc import VocRecord
from papers_lib.datasets.voc_files import read_picture
from papers_lib.errors import UserError

Frame = tuple[int, int, int, int]
"""x_min, y_min, x_max, y_max in whole pixels: `picture[y_min:y_max, x_min:x_max]`."""


def record_picture(record: VocRecord) -> Image.Image:
    """Decode the picture of ``record`` as RGB.

    Raises:
        UserError: not decodable, or of another size than when the split was loaded.
    """
    picture = read_picture(record.image)
    if picture.size != record.size:
        raise UserError(f"{record.image}: found size {picture.size}, expected {record.size} as when loaded")
    return picture


def crop_frame(box: np.ndarray) -> Frame:
    """Every pixel that the box (4,) touches, so that a fraction of a pixel never gives an empty crop.

    >>> crop_frame(np.array([4.5, 2, 8.5, 6]))
    (4, 2, 9, 6)
    """
    x_min, y_min, x_max, y_max = map(float, box)
    return math.floor(x_min), math.floor(y_min), math.ceil(x_max), math.ceil(y_max)


def square(picture: Image.Image, frame: Frame, side: int) -> np.ndarray:
    """Pixels of ``frame`` resized to ``side`` x ``side``, uint8 (side, side, 3).

    The aspect ratio is not kept; bilinear with antialiasing, from the pixels of the frame alone.
    """
    crop = picture if frame == (0, 0, *picture.size) else picture.crop(frame)
    return np.asarray(crop.resize((side, side), Image.Resampling.BILINEAR))


def in_frame(boxes: np.ndarray, frame: Frame, side: int) -> np.ndarray:
    """Boxes (n, 4) of the picture in the pixels of the resized ``frame``, float32 (n, 4), not clipped.

    >>> in_frame(np.array([[4.5, 2, 8.5, 6]]), (4, 2, 9, 6), 20).tolist()
    [[2.0, 0.0, 18.0, 20.0]]
    """
    # In float64 and multiplied first, so that the frame's own edges land on 0 and side exactly.
    extent = np.array((frame[2] - frame[0], frame[3] - frame[1]) * 2, dtype=np.float64)
    resized: np.ndarray = (boxes - np.array(frame[:2] * 2)) * side / extent
    return resized.astype(np.float32)
