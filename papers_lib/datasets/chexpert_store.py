"""Small copies of CheXpert's pictures in one array, beside the labels as they are written and what is known of them.

::

    spec = ChexpertStore(tree_fingerprint(root), side=128, options={"uncertain": "report"})
    folder = ensure("data", "chexpert", spec, partial(write_store, root=root, jobs=2))
    found = open_store(folder)

    FOLDER/images.npy and the rest    as `image_store` writes them
    FOLDER/raw_labels.npy             float64 (N, 5): 1, 0, -1 (uncertain), NaN (blank)
    FOLDER/truth.npy                  float64 (N, 5): P(y = 1 | x), NaN where it is not known
"""

import inspect
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.datasets.chexpert import find_root, list_chexpert
from papers_lib.datasets.chexpert_table import CLASSES, read_columns
from papers_lib.datasets.image_store import StoreSpec, load_images, write_images
from papers_lib.datasets.voc_annotations import shown
from papers_lib.errors import UserError
from papers_lib.files import replacing_folder

TRUTH = "truth.csv"
ARRAYS = {"truth": "truth.npy", "raw_labels": "raw_labels.npy"}


@dataclass(frozen=True)
class ChexpertStore:
    """What to make: data (fingerprint of the set), side in pixels, options (of `load_chexpert`, by name).

    Raises:
        UserError: a side that is no whole number of at least 1, an option that `load_chexpert` has not.
    """

    data: str
    side: int
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        StoreSpec(self.data, self.side)
        known = [name for name in inspect.signature(list_chexpert).parameters if name != "root"]
        unknown = sorted(set(self.options) - set(known))
        if unknown:
            raise UserError(f"options: found {unknown[0]!r}, expected one of {', '.join(known)}")


@dataclass(frozen=True, eq=False)
class ChexpertImages:
    """N images with their pixels.

    Attributes:
        images: the list: labels with uncertain ones mapped, boxes, patients, split.
        pixels: read-only memory map uint8 (N, side, side).
        truth: P(y = 1 | x) of the five labels, NaN where it is not known (real data), float64 (N, 5).
        raw_labels: as the tables have them: 1, 0, -1 or NaN, float64 (N, 5).
    """

    images: BoxedImages
    pixels: np.ndarray
    truth: np.ndarray
    raw_labels: np.ndarray


def write_store(folder: str | Path, spec: ChexpertStore, *, root: str | Path, jobs: int = 1) -> Path:
    """List the set at ``root`` and write its small copies to ``folder``, whole or not at all.

    For ``data_gen.store.ensure``; where the folder is there already, the set is not even listed.

    Raises:
        UserError: as `load_chexpert` and `write_images`; a fault of truth.csv, in one line that names its row.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: is there already, expected a new or an empty folder")
    images, raw = list_chexpert(root, **spec.options)
    truth = read_truth(root, images.names)
    with replacing_folder(folder) as temporary:
        plain = StoreSpec(spec.data, spec.side, kind="chexpert", options=spec.options)
        write_images(temporary, plain, images=images, jobs=jobs)
        for name, array in {"truth": truth, "raw_labels": raw}.items():
            np.save(temporary / ARRAYS[name], array, allow_pickle=False)
    return folder


def open_store(folder: str | Path) -> ChexpertImages:
    """Open what :func:`write_store` wrote; no original is needed.

    Raises:
        UserError: a file that is missing, damaged or does not fit the others.
    """
    folder = Path(folder)
    images, pixels = load_images(folder)
    truth, raw = (_array(folder / name, len(images)) for name in ARRAYS.values())
    return ChexpertImages(images, pixels, truth, raw)


def _array(path: Path, count: int) -> np.ndarray:
    expected = f"float64 ({count}, {len(CLASSES)}) as write_store wrote it"
    try:
        array = np.load(path, allow_pickle=False)
    except Exception as error:  # OSError, ValueError, EOFError … and messages of several lines
        raise UserError(f"{path}: not readable as an array ({shown(error)}), expected {expected}") from error
    if not isinstance(array, np.ndarray) or array.dtype != np.float64 or array.shape != (count, len(CLASSES)):
        raise UserError(f"{path}: found {getattr(array, 'shape', 'no array')}, expected {expected}")
    return array


def read_truth(root: str | Path, names: tuple[str, ...]) -> np.ndarray:
    """P(y = 1 | x) of ``names`` (what ``Path`` says) from truth.csv of the set at ``root``, float64 (N, 5).

    Returns: NaN where no such row is, and all NaN where there is no truth.csv: real data has none.

    Raises:
        UserError: a missing column, a name that occurs twice, a value that is no number from 0 to 1.
    """
    path = find_root(root) / TRUTH
    truth = np.full((len(names), len(CLASSES)), np.nan)
    if not path.exists():
        return truth
    headers = [f"P({name})" for name in CLASSES]
    lines, columns = read_columns(path, ("Path", *headers))
    rows: dict[str, tuple[float, ...]] = {}
    for line, name, *texts in zip(lines, columns["Path"], *(columns[one] for one in headers), strict=True):
        if name in rows:
            raise UserError(f"{path} line {line}: Path: found {shown(name)} again, expected it once")
        rows[name] = tuple(_probability(path, line, *one) for one in zip(headers, texts, strict=True))
    for row, name in enumerate(names):
        if name in rows:
            truth[row] = rows[name]
    return truth


def _probability(path: Path, line: int, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not 0 <= value <= 1:
        raise UserError(f"{path} line {line}: {column}: found {shown(text)}, expected a number from 0 to 1")
    return value
