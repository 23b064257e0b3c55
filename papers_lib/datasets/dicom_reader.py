"""Radiographs of DICOM files as 8-bit grey pictures; needs pydicom, which nothing else does.

What the file asks for is done in the standard's order (PS3.3 C.11): rescale or modality table, then the first VOI
table or window, then inversion where high values are meant to be dark (MONOCHROME1). The result's least value becomes
0 and its greatest 255. This last step is a choice: the common PNG conversions of VinDr-CXR do the same, and a file
without window that uses 12 of its 16 bits does not come out black; but one stray pixel can compress the greys.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from papers_lib.datasets.image_pixels import read_image
from papers_lib.datasets.voc_annotations import shown
from papers_lib.errors import UserError

if TYPE_CHECKING:
    from pydicom import FileDataset

SUFFIXES = (".dicom", ".dcm")
GREY = ("MONOCHROME1", "MONOCHROME2")


def read_radiograph(path: Path) -> Image.Image:
    """Decode a file: `read_dicom` for a name in ``SUFFIXES``, else a PNG or JPEG.

    The ``reader`` of `papers_lib.datasets.image_store.write_images` for folders that hold either.

    Raises:
        UserError: missing, or no such picture.
    """
    return read_dicom(path) if path.suffix.lower() in SUFFIXES else read_image(path)


def read_dicom(path: Path) -> Image.Image:
    """Decode a DICOM file of one grey image as a picture of mode "L".

    Raises:
        UserError: pydicom is not installed; the file is missing, broken, compressed in a way that needs a decoder
            which is not installed, in colour, of several frames, or of a single grey.
    """
    with _opened(path) as file:
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
            raise UserError(
                f"{path}: found values from {low:g} to {high:g}, expected an image of several greys"
            )
        levels = np.zeros(occurring[-1] + 1, np.uint8)
        levels[occurring] = np.rint((values - low) * (255 / (high - low)))
        return Image.fromarray((255 - levels if kind == "MONOCHROME1" else levels)[places])


def dicom_size(path: Path) -> tuple[int, int]:
    """Height and width in pixels, from the file's header.

    Raises:
        UserError: pydicom is not installed; the file is missing, broken, or does not say its size.
    """
    with _opened(path, stop_before_pixels=True, specific_tags=["Rows", "Columns"]) as file:
        size = file.get("Rows"), file.get("Columns")
    if not all(isinstance(side, int) and side > 0 for side in size):
        raise UserError(f"{path}: found Rows {size[0]}, Columns {size[1]}, expected the size of an image")
    return int(size[0]), int(size[1])


@contextmanager
def _opened(path: Path, **options: Any) -> Iterator["FileDataset"]:
    """The file's data set; whatever goes wrong with it, there or in the block, becomes one line."""
    try:
        from pydicom import dcmread
    except ImportError as error:
        raise UserError(
            f"{path}: pydicom is not installed, expected it for DICOM: pip install pydicom"
        ) from error
    try:
        yield dcmread(path, **options)
    except (UserError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file, expected a DICOM image") from error
    except Exception as error:  # pydicom and its decoders raise what they like; the file is at fault
        what = shown(f"{type(error).__name__}: {error}")
        raise UserError(f"{path}: cannot be decoded ({what}), expected a DICOM image") from error


def _check_decoder(path: Path, file: "FileDataset") -> None:
    """pydicom's own message about a decoder that is not installed runs over many lines."""
    from pydicom.pixels import get_decoder

    syntax = file.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        return
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        raise UserError(f"{path}: found pixels compressed as {syntax.name}, expected an image") from None
    if not available:
        raise UserError(
            f"{path}: found pixels compressed as {syntax.name}, expected a decoder for them: pip install python-gdcm"
        )


def _transformed(stored: np.ndarray, file: "FileDataset") -> np.ndarray:
    """Modality and VOI transformation of stored values."""
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    values = apply_modality_lut(stored, file)
    if file.get("VOILUTSequence"):
        values = np.rint(values).astype(np.int64)  # a table is indexed by whole numbers
    return np.asarray(apply_voi_lut(values, file), dtype=np.float64)
