"""A picture of any kind to a square of 8-bit grey or RGB: what `image_store` keeps of it."""

from pathlib import Path

import numpy as np
from PIL import Image

from papers_lib.datasets.voc_annotations import shown
from papers_lib.errors import UserError

FORMATS = ("PNG", "JPEG")  # what is decoded, whatever the suffix says
SIXTEEN_BIT = (
    "I;16",
    "I;16L",
    "I;16B",
    "I;16N",
    "I",
)  # the last is how some versions of Pillow open such a PNG
MODES = {1: "L", 3: "RGB"}


def read_image(path: Path) -> Image.Image:
    """Decode a PNG or JPEG, pixels as stored (an EXIF rotation is not applied).

    Raises:
        UserError: missing, truncated, or otherwise no such picture.
    """
    try:
        with Image.open(path, formats=FORMATS) as picture:
            picture.load()
            return picture
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file, expected a PNG or JPEG picture") from error
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error …
        what = shown(str(error).replace(str(path), path.name))
        raise UserError(f"{path}: cannot be decoded ({what}), expected a PNG or JPEG picture") from error


def square(picture: Image.Image, side: int, channels: int) -> np.ndarray:
    """The whole picture as uint8 (side, side) for one channel, (side, side, 3) for three.

    Resized with Pillow's bicubic filter, whose support grows with the reduction (antialiased); the aspect ratio is
    not kept. Colour becomes grey by ITU-R 601 luma, so that a grey picture stored as RGB or RGBA keeps its
    values; transparency does not count. 16-bit grey is scaled by 255/65535: its full range, not the picture's.

    Raises:
        ValueError: a picture of floats, or of integers beyond 16 bits, whose range is not known; other ``channels``.

    >>> square(Image.new("RGBA", (4, 2), (90, 90, 90, 0)), 2, channels=1).tolist()
    [[90, 90], [90, 90]]
    """
    if channels not in MODES:
        raise ValueError(f"channels: found {channels}, expected 1 or 3")
    if picture.mode in SIXTEEN_BIT:
        picture = _eight_bit(picture)
    elif picture.mode == "F":
        raise ValueError("found mode F, expected 8-bit or 16-bit pixels")
    same = picture if picture.mode == MODES[channels] else picture.convert(MODES[channels])
    return np.asarray(same.resize((side, side), Image.Resampling.BICUBIC))


def _eight_bit(picture: Image.Image) -> Image.Image:
    values = np.asarray(picture).astype(np.int64)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise ValueError(f"found values {low} to {high}, expected 0 to 65535")
    return Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))
