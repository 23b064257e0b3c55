"""Pictures of data sets: PNG, JPEG and DICOM files, and a square of 8-bit pixels of each.

DICOM is read in the standard's order (PS3.3 C.11): rescale or modality table, the first VOI table or window, then
inversion where high values are meant to be dark (MONOCHROME1). The least value becomes 0, the greatest 255, as in the
common PNG conversions of VinDr-CXR.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from papers_lib.datasets.tabular import shown
from papers_lib.errors import UserError

if TYPE_CHECKING:
    from pydicom import FileDataset

FORMATS = ("PNG", "JPEG")  # what is decoded, whatever the suffix says
DICOM_SUFFIXES = (".dicom", ".dcm")
GREY = ("MONOCHROME1", "MONOCHROME2")
SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N", "I")  # "I" is how some versions of Pillow open such a PNG
MODES = {1: "L", 3: "RGB"}


@contextmanager
def _decoding(path: Path, expected: str) -> Iterator[None]:
    """What goes wrong with the file at ``path`` in the block is a `UserError`."""
    try:
        yield
    except (UserError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file, expected {expected}") from error
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error …
        what = shown(str(error).replace(str(path), path.name))
        raise UserError(f"{path}: cannot be decoded ({what}), expected {expected}") from error


@contextmanager
def opened(path: Path, expected: str, formats: tuple[str, ...] = FORMATS) -> Iterator[Image.Image]:
    """The picture at ``path``, not decoded yet; what goes wrong with it, there or in the block, is a `UserError`."""
    with _decoding(path, expected), Image.open(path, formats=formats) as picture:
        yield picture


def read_image(path: Path) -> Image.Image:
    """Decode a PNG or JPEG, pixels as stored (an EXIF rotation is not applied); anything else is a `UserError`."""
    with opened(path, "a PNG or JPEG picture") as picture:
        picture.load()
        return picture


def square(picture: Image.Image, side: int, channels: int) -> np.ndarray:
    """The whole picture as uint8 (side, side) for one channel, (side, side, 3) for three.

    Bicubic and antialiased; the aspect ratio is not kept. Colour becomes grey by ITU-R 601 luma. 16-bit grey is
    scaled by 255/65535; ValueError for floats or more bits.
    """
    if channels not in MODES:
        raise ValueError(f"channels: found {channels}, expected 1 or 3")
    if picture.mode in SIXTEEN_BIT:
        values = np.asarray(picture).astype(np.int64)
        low, high = int(values.min()), int(values.max())
        if low < 0 or high > 65535:
            raise ValueError(f"found values {low} to {high}, expected 0 to 65535")
        picture = Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))
    elif picture.mode == "F":
        raise ValueError("found mode F, expected 8-bit or 16-bit pixels")
    same = picture if picture.mode == MODES[channels] else picture.convert(MODES[channels])
    return np.asarray(same.resize((side, side), Image.Resampling.BICUBIC))


def read_radiograph(path: Path) -> Image.Image:
    """Decode a file: `read_dicom` for a name in ``DICOM_SUFFIXES``, else `read_image`."""
    return read_dicom(path) if path.suffix.lower() in DICOM_SUFFIXES else read_image(path)


def read_dicom(path: Path) -> Image.Image:
    """Decode a DICOM file of one grey image as a picture of mode "L"; any other, and a single grey, is refused."""
    with _dicom(path) as file:
        kind = str(file.get("PhotometricInterpretation", ""))
        if kind not in GREY:
            raise UserError(f"{path}: found pixels of kind {shown(kind)}, expected {' or '.join(GREY)}")
        _check_decoder(path, file)
        stored = file.pixel_array
        if stored.ndim != 2 or stored.dtype.kind not in "iu" or stored.dtype.itemsize > 2:
            found = f"{stored.dtype} pixels of shape {stored.shape}"
            raise UserError(f"{path}: found {found}, expected one image of at most 16 bits")
        # Every step is one of single values: worked out once for each that occurs, not for each of ten million pixels.
        lowest = int(stored.min())
        places = stored.astype(np.int32) - lowest
        occurring = np.flatnonzero(np.bincount(places.ravel()))
        values = _transformed((occurring + lowest).astype(stored.dtype), file)
        low, high = float(values.min()), float(values.max())
        if not (np.isfinite([low, high]).all() and low < high):
            found = f"found values from {low:g} to {high:g}"
            raise UserError(f"{path}: {found}, expected an image of several greys")
        levels = np.zeros(occurring[-1] + 1, np.uint8)
        levels[occurring] = np.rint((values - low) * (255 / (high - low)))
        return Image.fromarray((255 - levels if kind == "MONOCHROME1" else levels)[places])


def dicom_size(path: Path) -> tuple[int, int]:
    """Height and width in pixels, from the file's header; a file that does not say them is a `UserError`."""
    with _dicom(path, stop_before_pixels=True, specific_tags=["Rows", "Columns"]) as file:
        size = file.get("Rows"), file.get("Columns")
    if not all(isinstance(side, int) and side > 0 for side in size):
        raise UserError(f"{path}: found Rows {size[0]}, Columns {size[1]}, expected the size of an image")
    return int(size[0]), int(size[1])


@contextmanager
def _dicom(path: Path, **options: Any) -> Iterator["FileDataset"]:
    from pydicom import dcmread

    with _decoding(path, "a DICOM image"):
        yield dcmread(path, **options)


def _check_decoder(path: Path, file: "FileDataset") -> None:
    from pydicom.pixels import get_decoder  # its own message runs over many lines

    syntax = file.file_meta.TransferSyntaxUID
    try:
        known = not syntax.is_encapsulated or get_decoder(syntax).is_available
        expected = "a decoder for them: pip install python-gdcm"
    except NotImplementedError:
        known, expected = False, "an image"
    if not known:
        raise UserError(f"{path}: found pixels compressed as {syntax.name}, expected {expected}")


def _transformed(stored: np.ndarray, file: "FileDataset") -> np.ndarray:
    """Modality and VOI transformation of stored values."""
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    values = apply_modality_lut(stored, file)
    if file.get("VOILUTSequence"):
        values = np.rint(values).astype(np.int64)  # a table is indexed by whole numbers
    return np.asarray(apply_voi_lut(values, file), dtype=np.float64)
