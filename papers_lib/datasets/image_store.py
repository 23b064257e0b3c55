"""All pictures of a set resized once, in one array that runs map into memory, beside everything else of
`BoxedImages`.

::

    FOLDER/images.npy       uint8 (N, side, side), or (N, side, side, 3)
    FOLDER/labels.npy       bool (N, K)
    FOLDER/boxes.npy        float32 (M, 4), image after image; box_classes.npy (M,), box_counts.npy (N,)
    FOLDER/images.json      names, files, patients, split, classes, spec
"""

import inspect
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from papers_lib.datasets import row_file
from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.datasets.pictures import MODES, read_image, square
from papers_lib.datasets.row_file import CHUNK, RowFile, read_array, read_json
from papers_lib.datasets.tabular import check_choice, check_whole, shown
from papers_lib.errors import UserError
from papers_lib.files import write_json

DESCRIPTION = "images.json"
ARRAYS = ("labels", "boxes", "box_classes", "box_counts")
WRITTEN = "what write_images wrote"
Reader = Callable[[Path], Image.Image]
"""Decodes one file; a function of a module, so that other processes find it."""


@dataclass(frozen=True)
class StoreSpec:
    """What to make of a data set."""

    data: str  # fingerprint of the set
    side: int  # in pixels
    channels: int = 1  # 1 grey, 3 RGB
    kind: str = "nih"
    options: dict[str, Any] = field(default_factory=dict)  # of the loader, by name

    def __post_init__(self) -> None:
        check_whole("side", self.side, 1)
        if isinstance(self.channels, bool) or self.channels not in MODES:
            raise UserError(f"channels: found {self.channels!r}, expected 1 or 3")

    def check_options(self, load: Callable[..., Any]) -> None:
        """Refuse options that ``load`` does not have."""
        known = [name for name in inspect.signature(load).parameters if name != "root"]
        for name in self.options:
            check_choice(f"options of {self.kind}", name, known)


def write_images(
    folder: str | Path, spec: StoreSpec, *, images: BoxedImages, jobs: int = 1, reader: Reader = read_image
) -> Path:
    """Resize every picture and write them with the list to ``folder``, whole or not at all.

    ``spec.data``, ``kind`` and ``options`` stand for ``images``; ``jobs`` changes no byte; ``reader`` decodes a file.
    """
    if not len(images):
        raise UserError(f"{folder}: found no image to write, expected at least one")
    shape = (len(images), spec.side, spec.side, *((spec.channels,) if spec.channels > 1 else ()))
    listed = list(zip(images.paths, images.where, strict=True))
    with row_file.new_folder(folder) as temporary:
        path = temporary / "images.npy"
        row_file.check_room(temporary.parent, int(np.prod(shape, dtype=np.int64)), f"{len(images)} images")
        row_file.new_row_file(path, np.uint8, shape)
        starts = range(0, len(listed), CHUNK)
        chunks = [(path, spec, start, listed[start : start + CHUNK], reader) for start in starts]
        row_file.in_processes(_write_chunk, chunks, jobs)
        small = {
            "labels": images.labels,
            "boxes": np.concatenate([np.zeros((0, 4), np.float32), *images.boxes]),
            "box_classes": np.concatenate([np.zeros(0, np.int64), *images.box_classes]).astype(np.int64),
            "box_counts": np.array([len(box) for box in images.boxes], np.int64),
        }
        row_file.write_arrays(temporary, small)
        described = {
            "classes": images.classes,
            "names": images.names,
            "paths": [str(path) for path in images.paths],
            "where": images.where,
            "patients": None if images.patients is None else [str(one) for one in images.patients],
            "split": [str(one) for one in images.split],
            "spec": asdict(spec),
        }
        write_json(temporary / DESCRIPTION, described)
    return Path(folder)


def _write_chunk(
    path: Path, spec: StoreSpec, start: int, chunk: list[tuple[Path, str]], reader: Reader
) -> None:
    with RowFile(path) as rows:
        for row, (source, where) in enumerate(chunk, start=start):
            rows.write(row, _pixels(source, where, spec, reader))


def _pixels(source: Path, where: str, spec: StoreSpec, reader: Reader) -> np.ndarray:
    try:
        return square(reader(source), spec.side, spec.channels)
    except UserError as error:
        raise UserError(f"{error} (listed in {where})") from None  # a subclass need not survive the way back
    except Exception as error:  # a decoder raises what it likes; the file is at fault, and is named
        what = f"{source}: cannot be decoded ({type(error).__name__}: {shown(error)})"
        raise UserError(f"{what}, expected a picture (listed in {where})") from error


def load_images(folder: str | Path) -> tuple[BoxedImages, np.ndarray]:
    """The list and the pixels, a read-only memory map uint8 (N, side, side) or (N, side, side, 3), of a store."""
    folder = Path(folder)
    described = read_json(folder / DESCRIPTION, WRITTEN)
    pixels = read_array(folder / "images.npy", WRITTEN, mapped=True)
    labels, boxes, kinds, counts = (read_array(folder / f"{name}.npy", WRITTEN) for name in ARRAYS)
    try:
        fits = pixels.dtype == np.uint8 and pixels.ndim in (3, 4) and 0 < len(pixels) == len(counts)
        if not fits or counts.min() < 0 or not len(boxes) == len(kinds) == counts.sum():
            found = f"{pixels.dtype} {pixels.shape}, {len(counts)} images, {len(boxes)} boxes, {len(kinds)} classes"
            raise ValueError(found)
        ends = np.cumsum(counts)[:-1]
        patients = described["patients"]
        images = BoxedImages(
            **{name: tuple(described[name]) for name in ("classes", "names", "where")},
            paths=tuple(map(Path, described["paths"])),
            labels=labels,
            boxes=tuple(np.split(boxes, ends)),
            box_classes=tuple(np.split(kinds, ends)),
            patients=None if patients is None else np.array(patients, dtype=np.str_),
            split=np.array(described["split"], dtype="<U5"),
        )
        if len(images) != len(pixels):
            raise ValueError(f"found {len(pixels)} pictures and {len(images)} names")
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise UserError(f"{folder}: does not fit together ({shown(error)}), expected {WRITTEN}") from error
    return images, pixels
